/** The store in PostgreSQL, on PGlite: what all stores do. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { PostgresIndex, type PostgresIndexInit } from '../src/postgres.ts'
import { describeStore } from './conformance.ts'
import { DatabaseProxy } from './database-proxy.ts'
import { file } from './files.ts'
import { PgliteServer } from './pglite-server.ts'
import { endsAsNaive } from './random-steps.ts'

let server: PgliteServer
let forRandom: PostgresIndex | undefined

const open = async (init: Partial<PostgresIndexInit> = {}): Promise<PostgresIndex> => {
  // PGlite is one session: a second connection would only wait for the first.
  const fixed = { connection: server.url, server: 'here', connections: 1, totalsAgeMs: 0 }
  const index = await PostgresIndex.open({ ...fixed, ...init })
  await index.clear()
  return index
}

beforeAll(async () => {
  server = await PgliteServer.start()
}, 60_000)

afterAll(async () => {
  await forRandom?.close()
  await server.stop()
})

describeStore('the store in PostgreSQL (PGlite)', { capCounts: 'files', open })

endsAsNaive('the store in PostgreSQL (PGlite)', 8, async () => {
  forRandom ??= await open()
  await forRandom.clear()
  return forRandom
})

it('closes within its time where the database says nothing any more, and what waits for it is rejected', async () => {
  const proxy = await DatabaseProxy.start(server.url)
  try {
    const index = await open({ connection: proxy.url, server: 'silent', schema: 'silent', closeMs: 300 })
    proxy.hang()
    const refused = { name: 'IndexUnavailableError' }
    const calls = [index.add('a', [file('k', 'w')]), index.totals(), index.removeOwner('b')].map(call =>
      expect(call).rejects.toMatchObject(refused)
    )
    const startedMs = performance.now()
    await index.close()
    expect(performance.now() - startedMs).toBeLessThan(2_000)
    await Promise.all(calls)
  } finally {
    await proxy.stop()
  }
})
