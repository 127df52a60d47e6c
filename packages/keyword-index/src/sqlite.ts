/** The store in SQLite: `SqliteIndex` in a thread of its own, `SqliteStore` for whoever has such a thread already. */
export { createIndexWorker, indexWorkerFrom } from './create-worker.ts'
export { SqliteIndex, type SqliteIndexInit } from './sqlite-index.ts'
export { SqliteStore, type SqliteStoreInit } from './sqlite-store.ts'
