/** What differs inside the single executable: how to start itself again, and where its workers' code is. */
import { getAsset, isSea } from 'node:sea'
import type { NodeDeps } from '@servent/node'

/** Names under which the executable carries workers, each bundled into one file. */
const ASSETS = { libraryWorker: 'library-worker', indexWorker: 'index-worker' } as const

/** The command that runs this program with the same arguments. */
export function ownCommand(argv: readonly string[]): string[] {
  const [, script, ...given] = argv
  return isSea() ? [process.execPath, ...given] : [process.execPath, ...process.execArgv, script!, ...given]
}

/** Where workers come from: files of their packages, or inside the executable its assets. */
export function workers(): Pick<NodeDeps, keyof typeof ASSETS> {
  if (!isSea()) return {}
  const sourceOf = (name: keyof typeof ASSETS) => ({ source: getAsset(ASSETS[name], 'utf8') })
  return { libraryWorker: sourceOf('libraryWorker'), indexWorker: sourceOf('indexWorker') }
}
