/** Makes a node on its data folder: lock, identity, database, in the order in which they protect each other. */
import { join } from 'node:path'
import { lockFolder, openDatabase } from '@servent/database'
import type { Config } from './config.ts'
import type { NodeDeps } from './deps.ts'
import { DATABASE_FILE, prepareDataFolder } from './folders.ts'
import { silentLogger } from './silent-logger.ts'
import { NodeStore } from './store.ts'
import type { ServentNode } from './types.ts'

export async function composeNode(config: Config, deps: NodeDeps): Promise<ServentNode> {
  // The disk works on the folder while libp2p's many files are read.
  const loading = Promise.all([import('./node.ts'), import('./identity.ts')])
  loading.catch(() => {})
  await prepareDataFolder(config.dataDir)
  const lock = lockFolder(config.dataDir)
  try {
    const database = openDatabase(join(config.dataDir, DATABASE_FILE))
    try {
      const store = new NodeStore(database)
      const [{ Node }, { loadIdentity }] = await loading
      const privateKey = await loadIdentity(config.dataDir)
      const logger = deps.logger ?? silentLogger
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
