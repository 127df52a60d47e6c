/**
 * The store in PostgreSQL on a real server, whose address SERVENT_TEST_POSTGRES has (`scripts/postgres.mjs` starts one):
 * what all stores do, and what needs more than one connection, more than one server, or one that fails.
 */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { PostgresIndex, type PostgresIndexInit } from '../src/postgres.ts'
import { describeStore } from './conformance.ts'
import { DatabaseProxy } from './database-proxy.ts'
import { digest, file, names } from './files.ts'
import { endsAsNaive } from './random-steps.ts'

const url = process.env.SERVENT_TEST_POSTGRES ?? ''
const why = process.env.SERVENT_TEST_POSTGRES_WHY ?? 'SERVENT_TEST_POSTGRES is not set'
/** Ends the server as a crash does, and starts it again: a program and its arguments. */
const restart: string[] | undefined = process.env.SERVENT_TEST_POSTGRES_RESTART
  ? JSON.parse(process.env.SERVENT_TEST_POSTGRES_RESTART)
  : undefined
const schema = `test_${randomUUID()}`

const open = (init: Partial<PostgresIndexInit> = {}): Promise<PostgresIndex> =>
  PostgresIndex.open({ connection: url, server: 'here', schema, totalsAgeMs: 0, ...init })

if (url === '') {
  describe('the store in PostgreSQL (a real server)', () => it.skip(`needs a server: ${why}`))
} else {
  const schemas = [schema]
  const opened: PostgresIndex[] = []
  let forRandom: PostgresIndex | undefined
  const found = async (index: PostgresIndex, word: string): Promise<string[]> =>
    names((await index.search({ words: [word], limit: 1000 })).hits)
  const admin = async (): Promise<pg.Client> => {
    const client = new pg.Client(url)
    await client.connect()
    return client
  }

  afterEach(async () => {
    for (const index of opened.splice(0)) await index.close()
  })

  afterAll(async () => {
    await forRandom?.close()
    const client = await admin()
    for (const name of schemas) await client.query(`DROP SCHEMA IF EXISTS "${name}" CASCADE`)
    await client.end()
  })

  describeStore('the store in PostgreSQL (a real server)', {
    capCounts: 'files',
    open: async init => {
      const index = await open(init)
      await index.clear()
      return index
    }
  })

  endsAsNaive('the store in PostgreSQL (a real server)', 20, async () => {
    forRandom ??= await open()
    await forRandom.clear()
    return forRandom
  })

  describe('several servers on one database', () => {
    /** Two servers in a schema of their own, each with what it lost. */
    const pair = async (times: Partial<PostgresIndexInit> = {}) => {
      const own = { schema: `test_${randomUUID()}`, ...times }
      const lost: string[] = []
      const make = (server: string): Promise<PostgresIndex> =>
        open({ ...own, server, onLost: () => lost.push(server) })
      // Both make the tables at once: one of them waits.
      const [here, there] = await Promise.all([make('here'), make('there')])
      opened.push(here!, there!)
      schemas.push(own.schema)
      return { here: here!, there: there!, make, lost, schema: own.schema }
    }

    it('show the files of all', async () => {
      const { here, there } = await pair()
      await here.add('ann', [file('1', 'a', { content: digest(1) })])
      await there.add('bob', [file('1', 'a', { content: digest(1) })])
      for (const index of [here, there]) {
        expect(await found(index, 'a')).toEqual(['ann/1', 'bob/1'])
        expect(names(await index.providers(digest(1), 10))).toEqual(['ann/1', 'bob/1'])
        expect(await index.browse('bob', undefined, 10)).toHaveLength(1)
        expect(await index.totals()).toEqual({ owners: 2, files: 2, bytes: 2000 })
      }
      await here.clear()
      expect(await found(there, 'a')).toEqual(['bob/1'])
    })

    it('show their own files alone where others would take their places', async () => {
      const { here, there, schema } = await pair()
      for (let at = 0; at < 20; at += 1) {
        await here.add(`ann-${at}`, [file('1', 'a', { content: digest(1) })])
        await there.add(`bob-${at}`, [file('1', 'a', { content: digest(1) })])
      }
      const own = await open({ schema, server: 'here', shows: 'own' })
      opened.push(own)
      const owners = (hits: readonly { readonly owner: string }[]) =>
        new Set(hits.map(({ owner }) => owner.slice(0, 3)))
      const { hits } = await own.search({ words: ['a'], limit: 20 })
      expect([hits.length, owners(hits)]).toEqual([20, new Set(['ann'])])
      const filtered = await own.search({ words: ['a'], size: { min: 1 }, except: 'ann-0', limit: 40 })
      expect([filtered.hits.length, owners(filtered.hits)]).toEqual([19, new Set(['ann'])])
      const providers = await own.providers(digest(1), 40)
      expect([providers.length, owners(providers)]).toEqual([20, new Set(['ann'])])
      expect(await own.browse('bob-1', undefined, 1)).toEqual([])
      expect((await own.totals()).files).toBe(40)
      // A database that was away for long has not heard this server: it is here nevertheless.
      const client = await admin()
      await client.query(`UPDATE "${schema}".servers SET seen = seen - interval '31 seconds'`)
      expect(await found(here, 'a')).toEqual([])
      expect(await found(own, 'a')).toHaveLength(20)
      expect(await own.browse('ann-1', undefined, 1)).toHaveLength(1)
      // Under another number, too.
      await client.query(`UPDATE "${schema}".servers SET is_lost = true WHERE name = 'here'`)
      await own.add('cat', [file('1', 'a')])
      expect(await found(own, 'a')).toEqual(['cat/1'])
      await client.end()
    })

    it('let an owner move, and the old server takes nothing of it away afterwards', async () => {
      const { here, there } = await pair()
      await here.add('ann', [file('1', 'a'), file('2', 'a'), file('3', 'a')])
      await there.add('ann', [file('1', 'a new'), file('2', 'a new')])
      expect(await here.remove('ann', ['1'])).toBe(0)
      expect(await here.removeOwner('ann')).toBe(1)
      expect(await found(here, 'a')).toEqual(['ann/1', 'ann/2'])
      expect(await found(here, 'new')).toEqual(['ann/1', 'ann/2'])
      expect(await there.removeOwner('ann')).toBe(2)
    })

    it('can be told the same by one owner at once', async () => {
      const { here, there } = await pair()
      const files = Array.from({ length: 100 }, (_, at) => file(`${at}`, 'a'))
      await Promise.all(
        Array.from({ length: 20 }, (_, at) =>
          (at % 2 === 0 ? here : there).add('ann', at % 3 === 0 ? files : [...files].reverse())
        )
      )
      expect(await found(here, 'a')).toHaveLength(100)
    })

    it('hide the files of one that is silent, and show them when it is heard again', async () => {
      const { here, there, make, schema } = await pair()
      await here.add('ann', [file('1', 'a')])
      await there.add('bob', [file('1', 'a')])
      await here.close()
      const silentFor = async (seconds: number): Promise<void> => {
        const client = await admin()
        await client.query(
          `UPDATE "${schema}".servers SET seen = now() - interval '${seconds} seconds' WHERE name = 'here'`
        )
        await client.end()
      }
      await silentFor(20)
      expect(await found(there, 'a')).toEqual(['ann/1', 'bob/1'])
      await silentFor(31)
      expect(await found(there, 'a')).toEqual(['bob/1'])
      expect(await there.browse('ann', undefined, 1)).toEqual([])
      expect((await there.totals()).files).toBe(1)
      opened.push(await make('here'))
      expect(await found(there, 'a')).toEqual(['ann/1', 'bob/1'])
    })

    it('take the files of one away that is silent for long, and it learns so', async () => {
      const times = { heartbeatMs: 50, serverReapMs: 900 }
      const { here, there, lost, schema } = await pair(times)
      await here.add('ann', [file('1', 'a')])
      const client = await admin()
      // A server that is stopped for a while, without closing: its sign of life grows old.
      await client.query(
        `UPDATE "${schema}".servers SET seen = seen - interval '1 hour', is_lost = true WHERE name = 'here'`
      )
      const rows = async () =>
        Number((await client.query(`SELECT count(*) FROM "${schema}".files`)).rows[0].count)
      await expect.poll(rows, { timeout: 15_000 }).toBe(0)
      await expect.poll(() => lost, { timeout: 10_000 }).toEqual(['here'])
      await here.add('ann', [file('2', 'a')])
      expect(await found(there, 'a')).toEqual(['ann/2'])
      const servers = async () =>
        (await client.query(`SELECT name, is_lost FROM "${schema}".servers ORDER BY name`)).rows
      await expect.poll(servers, { timeout: 10_000 }).toEqual([
        { name: 'here', is_lost: false },
        { name: 'there', is_lost: false }
      ])
      await client.end()
    })

    it('reap one that has gone for good', async () => {
      const { here, there, lost, schema } = await pair({
        heartbeatMs: 50,
        serverSilentMs: 200,
        serverReapMs: 600
      })
      await here.add('ann', [file('1', 'a')])
      await here.close()
      await there.add('bob', [file('1', 'a')])
      const client = await admin()
      const servers = async () => (await client.query(`SELECT name FROM "${schema}".servers`)).rows
      await expect.poll(servers, { timeout: 15_000 }).toEqual([{ name: 'there' }])
      expect((await client.query(`SELECT owner FROM "${schema}".files`)).rows).toEqual([{ owner: 'bob' }])
      expect(lost).toEqual([])
      await client.end()
    })

    it('announces again what came when nobody had noticed the loss', async () => {
      const { here, there, lost, schema } = await pair({ heartbeatMs: 60_000 })
      const client = await admin()
      await client.query(`UPDATE "${schema}".servers SET is_lost = true WHERE name = 'here'`)
      await Promise.all(['ann', 'bob', 'cat'].map(owner => here.add(owner, [file('1', 'a')])))
      expect(lost).toEqual(['here'])
      expect(await found(there, 'a')).toEqual(['ann/1', 'bob/1', 'cat/1'])
      await client.end()
    })
  })

  describe('a database that fails', () => {
    it('is unavailable while it cannot be reached, and is used again afterwards', async () => {
      const proxy = await DatabaseProxy.start(url)
      const index = await open({ connection: proxy.connection, server: 'proxied' })
      await index.clear()
      await index.add('ann', [file('1', 'outage')])
      await proxy.down()
      const unavailable = { name: 'IndexUnavailableError' }
      await expect(index.search({ words: ['a'], limit: 1 })).rejects.toMatchObject(unavailable)
      await expect(index.add('ann', [file('2', 'outage')])).rejects.toMatchObject(unavailable)
      await expect(index.removeOwner('ann')).rejects.toMatchObject(unavailable)
      await proxy.up()
      await index.add('ann', [file('3', 'outage')])
      expect(await found(index, 'outage')).toEqual(['ann/1', 'ann/3'])
      await index.clear()
      await index.close()
      await proxy.stop()
    })

    it('may end all connections at any time', async () => {
      const index = await open({ server: 'ended' })
      const client = await admin()
      let announced = 0
      let failed = 0
      for (let at = 0; at < 60; at += 1) {
        const adding = index.add(`owner-${at}`, [file('1', 'ended')]).then(
          () => (announced += 1),
          error => {
            expect(error.name).toBe('IndexUnavailableError')
            failed += 1
          }
        )
        if (at % 10 === 5)
          await client.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'servent-index'"
          )
        await adding
      }
      expect(announced + failed).toBe(60)
      // What was acknowledged is there, and of the others perhaps some.
      const there = (await index.search({ words: ['ended'], limit: 100 })).hits.length
      expect(there).toBeGreaterThanOrEqual(announced)
      expect(announced).toBeGreaterThan(30)
      await index.clear()
      await index.close()
      await client.end()
    })

    it.skipIf(restart === undefined)(
      'has what it had acknowledged when it is there again after a crash',
      async () => {
        const index = await open({ server: 'crashing' })
        const lanes = [0, 1, 2, 3, 4, 5]
        const acknowledged: string[] = []
        let failed = 0
        let isOver = false
        const announce = async (lane: number): Promise<void> => {
          for (let at = 0; !isOver; at += 1)
            await index.add(`lane-${lane}`, [file(`${at}`, 'crash', { body: new Uint8Array(500) })]).then(
              () => acknowledged.push(`lane-${lane}/${at}`),
              error => {
                expect(error.name).toBe('IndexUnavailableError')
                failed += 1
              }
            )
        }
        const announcing = Promise.all(lanes.map(announce))
        await expect.poll(() => acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(50)
        const [program, ...words] = restart!
        await promisify(execFile)(program!, words)
        const after = acknowledged.length
        // It is used again, by new connections.
        await expect.poll(() => acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(after + 20)
        isOver = true
        await announcing
        // Some came while there was no server.
        expect(failed).toBeGreaterThan(0)
        const here = new Set<string>()
        for (const lane of lanes)
          for (let key: string | undefined; ; ) {
            const page = await index.browse(`lane-${lane}`, key, 1000)
            for (const one of page) here.add(`lane-${lane}/${one.key}`)
            key = page.at(-1)?.key
            if (key === undefined) break
          }
        expect(acknowledged.filter(name => !here.has(name))).toEqual([])
        await index.clear()
        await index.close()
      },
      60_000
    )

    it('is unavailable where a statement takes too long', async () => {
      const index = await open({ server: 'slow', statementMs: 300 })
      const client = await admin()
      await client.query(`BEGIN; LOCK TABLE "${schema}".files IN ACCESS EXCLUSIVE MODE`)
      await expect(index.search({ words: ['a'], limit: 1 })).rejects.toMatchObject({
        name: 'IndexUnavailableError',
        message: expect.stringContaining('statement timeout')
      })
      await expect(index.add('ann', [file('1', 'a')])).rejects.toMatchObject({
        name: 'IndexUnavailableError'
      })
      await client.query('ROLLBACK')
      await index.add('ann', [file('1', 'slow')])
      expect(await found(index, 'slow')).toEqual(['ann/1'])
      await index.clear()
      await index.close()
      await client.end()
    })

    it('says no password when it cannot be reached', async () => {
      const opening = PostgresIndex.open({
        connection: 'postgres://ann:secret@127.0.0.1:1/none',
        server: 'here'
      })
      const error: Error = await opening.then(
        () => expect.unreachable(),
        thrown => thrown
      )
      expect(error.name).toBe('IndexUnavailableError')
      expect(`${error.message} ${JSON.stringify(error.cause)}`).not.toContain('secret')
    })

    it('is refused where a newer program wrote it', async () => {
      const own = `test_${randomUUID()}`
      schemas.push(own)
      const index = await open({ schema: own })
      await index.close()
      const client = await admin()
      await client.query(`UPDATE "${own}".version SET version = 99`)
      await client.end()
      await expect(open({ schema: own })).rejects.toMatchObject({
        message: expect.stringContaining('newer Servent')
      })
    })
  })

  it('has the owner first in every key, and a part for each sixteenth of the owners', async () => {
    const index = await open()
    await index.close()
    const client = await admin()
    const { rows } = await client.query(
      `SELECT a.attname AS first, t.relname AS part FROM pg_index i
       JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
       JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
       WHERE n.nspname = $1 AND t.relname LIKE 'files%' AND i.indisunique`,
      [schema]
    )
    expect(rows).toHaveLength(17)
    expect(new Set(rows.map(({ first }) => first))).toEqual(new Set(['owner']))
    const plan = await client.query(
      `SET enable_seqscan = off; EXPLAIN SELECT key FROM "${schema}".files WHERE words @@ $$'a' & 'b'$$::tsquery`
    )
    const lines = (plan as unknown as pg.QueryResult[])[1]!.rows.map(row => row['QUERY PLAN']).join('\n')
    expect(lines.match(/Bitmap Index Scan on files_\d+_words_idx/g)).toHaveLength(16)
    await client.end()
  })
}
