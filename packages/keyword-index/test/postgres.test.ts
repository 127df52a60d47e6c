/** The store in PostgreSQL, on PGlite: what all stores do. */
import './require-conditions.ts'
import { PostgresIndex } from '../src/postgres.ts'
import { describeStore } from './conformance.ts'
import { PgliteServer } from './pglite-server.ts'

let server: PgliteServer

describeStore('the store in PostgreSQL (PGlite)', {
  start: async () => {
    server = await PgliteServer.start()
  },
  open: async init => {
    const index = await PostgresIndex.open({
      connection: server.url,
      server: 'here',
      connections: 1,
      totalsAgeMs: 0,
      ...init
    })
    await index.clear()
    return index
  },
  stop: async () => await server.stop()
})
