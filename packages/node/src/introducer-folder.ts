/** An introducer on a folder of its own: lock, identity and database, as a node has them. */
import { join } from 'node:path'
import { lockFolder, openDatabase } from '@servent/database'
import type { IntroducerOptions, RunningIntroducer } from '@servent/introducer'
import { DATABASE_FILE, prepareDataFolder } from './folders.ts'
import { loadIdentity } from './identity.ts'

export interface IntroducerSettings
  extends Pick<IntroducerOptions, 'port' | 'host' | 'isPrivate' | 'onEvent'> {
  /** Not one that a node runs on. */
  readonly dataDir: string
}

/** It listens when this resolves; its `stop` frees the folder. */
export async function startIntroducerOn(settings: IntroducerSettings): Promise<RunningIntroducer> {
  const { dataDir, ...options } = settings
  const { startIntroducer } = await import('@servent/introducer')
  await prepareDataFolder(dataDir)
  const lock = lockFolder(dataDir)
  try {
    const database = openDatabase(join(dataDir, DATABASE_FILE))
    try {
      const privateKey = await loadIdentity(dataDir)
      const running = await startIntroducer({ ...options, privateKey, database })
      const stop = async () => {
        await running.stop()
        database.close()
        lock.release()
      }
      return { ...running, stop }
    } catch (error) {
      database.close()
      throw error
    }
  } catch (error) {
    lock.release()
    throw error
  }
}
