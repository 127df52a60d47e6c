/**
 * What a user shares: folders are walked, watched and hashed in a thread of their own, and kept in a
 * catalogue (SQLite) that survives restarts without hashing again. Nobody ever gets a byte that was not
 * hashed, and no link leads out of a shared folder.
 *
 *     const library = await Library.open({ databasePath: '/home/ann/.local/share/servent/servent.db', logger })
 *     const { ids } = await library.share('/home/ann/Music', { onProgress: p => show(p) })
 *     const reader = await library.open(ids[0])
 *     await reader.read(0, 65_536)
 *
 * `Library` is the `Catalogue` that overlays match and announce and the `BlockSource` that transfers read.
 */
export { createLibraryWorker, libraryWorkerFrom } from './create-worker.ts'
export {
  DiskSilentError,
  LibraryFailedError,
  LibrarySettingsError,
  LibraryStoppedError,
  NotShareableError,
  NotSharedError,
  PathNotFoundError
} from './errors.ts'
export { Library, type LibraryInit, type ListOptions } from './library.ts'
export type * from './types.ts'
