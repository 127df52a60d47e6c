/** The one SQLite file of a node: its migrations, its transactions, its folder and the lock of its single writer. */
export { type OpenDatabaseOptions, openDatabase, ServentDatabase } from './database.ts'
export {
  CorruptDatabaseError,
  FolderLockedError,
  isCorruption,
  NewerDatabaseError,
  OlderDatabaseError
} from './errors.ts'
export { type FolderLock, lockFolder } from './folder-lock.ts'
export { FOLDER_MODE, makeFolder } from './make-folder.ts'
export { prepareWriter } from './writer.ts'
