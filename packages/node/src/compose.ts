/** Makes a node on its data folder: lock, identity, database, in the order in which they protect each other. */
import { join } from 'node:path'
import { lockFolder, openDatabase } from '@servent/database'
import { pino } from 'pino'
import type { Config } from './config.ts'
import type { NodeDeps } from './deps.ts'
import { loadIdentity, prepareDataFolder } from './identity.ts'
import { Node } from './node.ts'
import { DATABASE_FILE } from './running.ts'
import { NodeStore } from './store.ts'
import type { ServentNode } from './types.ts'

export async function composeNode(config: Config, deps: NodeDeps): Promise<ServentNode> {
  await prepareDataFolder(config.dataDir)
  const lock = lockFolder(config.dataDir)
  try {
    const privateKey = await loadIdentity(config.dataDir)
    const database = openDatabase(join(config.dataDir, DATABASE_FILE))
    try {
      const store = new NodeStore(database)
      const logger = deps.logger ?? pino({ level: 'silent' })
      return new Node({ config, deps, logger, lock, privateKey, database, store })
    } catch (error) {
      database.close()
      throw error
    }
  } catch (error) {
    lock.release()
    throw error
  }
}
