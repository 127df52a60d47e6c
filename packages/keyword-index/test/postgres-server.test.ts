/**
 * The store in PostgreSQL on a real server, whose address SERVENT_TEST_POSTGRES has (`scripts/postgres.mjs` starts one):
 * what all stores do, and what needs more than one connection, more than one server, or one that fails.
 */
import './require-conditions.ts'
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { PostgresIndex, type PostgresIndexInit } from '../src/postgres.ts'
import { describeStore } from './conformance.ts'

const url = process.env.SERVENT_TEST_POSTGRES ?? ''
const why = process.env.SERVENT_TEST_POSTGRES_WHY ?? 'SERVENT_TEST_POSTGRES is not set'
const schema = `test_${randomUUID()}`

const open = (init: Partial<PostgresIndexInit> = {}): Promise<PostgresIndex> =>
  PostgresIndex.open({ connection: url, server: 'here', schema, totalsAgeMs: 0, ...init })

if (url === '') {
  describe('the store in PostgreSQL (a real server)', () => it.skip(`needs a server: ${why}`))
} else {
  afterAll(async () => {
    const client = new pg.Client(url)
    await client.connect()
    await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`)
    await client.end()
  })

  describeStore('the store in PostgreSQL (a real server)', {
    open: async init => {
      const index = await open(init)
      await index.clear()
      return index
    }
  })

  it('is there', async () => {
    const index = await open()
    expect((await index.totals()).bytes).toBeTypeOf('number')
    await index.close()
  })
}
