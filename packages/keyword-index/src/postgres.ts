/** The store in PostgreSQL. */
export { PostgresIndex, type PostgresIndexInit } from './postgres-index.ts'
