/** What differs inside the single executable: how to start itself again, and where the worker's code is. */
import { getAsset, isSea } from 'node:sea'
import type { NodeDeps } from '@servent/node'

/** Name under which the executable carries the library's worker, bundled into one file. */
const WORKER_ASSET = 'library-worker'

/** The command that runs this program with the same arguments. */
export function ownCommand(argv: readonly string[]): string[] {
  const [, script, ...given] = argv
  return isSea() ? [process.execPath, ...given] : [process.execPath, ...process.execArgv, script!, ...given]
}

/** Where the library's worker comes from: a file of its package, or inside the executable its asset. */
export function libraryWorker(): Pick<NodeDeps, 'libraryWorker'> {
  if (!isSea()) return {}
  return { libraryWorker: { source: getAsset(WORKER_ASSET, 'utf8') } }
}
