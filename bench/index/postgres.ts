/** The store in PostgreSQL, on a server whose address is given, in a schema of its own. */
import { randomUUID } from 'node:crypto'
import { PostgresIndex } from '@servent/keyword-index/postgres'
import pg from 'pg'
import { round } from '../library/measure.ts'
import type { StoreFigures } from './local.ts'
import { type Asked, asked, compare, rate, resultOf, together } from './measure.ts'
import {
  KINDS,
  type Kind,
  LIMIT,
  OWNER_FILES,
  type Owner,
  ownersOf,
  type Plan,
  type Queries
} from './plan.ts'

/** Announcements, and queries, that wait for an answer at once. */
const AT_ONCE = 8
const MIB = 2 ** 20

export interface PostgresFigures extends StoreFigures {
  /** Queries one after another, and as many at once as there are connections. */
  readonly together: Readonly<Record<Kind, Asked>>
  readonly tablesMib: number
  readonly version: string
}

export async function measurePostgres(
  url: string,
  plan: Plan,
  queries: Queries,
  results: Readonly<Record<Kind, readonly string[]>>
): Promise<PostgresFigures> {
  const schema = `bench_${randomUUID()}`
  const client = new pg.Client(url)
  await client.connect()
  const index = await PostgresIndex.open({ connection: url, server: 'bench', schema, statementMs: 120_000 })
  try {
    const buildMs = await took(() =>
      together(ownersOf(plan), AT_ONCE, ([owner, files]) => index.add(owner, files))
    )
    // What the server does by itself some minutes later.
    await client.query(`VACUUM (ANALYZE) "${schema}".files`)
    const alone = {} as Record<Kind, Asked>
    const busy = {} as Record<Kind, Asked>
    for (const kind of KINDS) {
      const list = queries[kind].slice(0, plan.postgresQueries).map(words => ({ words, limit: LIMIT }))
      const found: string[] = []
      const times: number[] = []
      for (const query of list) {
        const beganMs = performance.now()
        const hits = await index.search(query)
        times.push(performance.now() - beganMs)
        found.push(resultOf(hits))
      }
      compare('PostgreSQL', found, results[kind].slice(0, list.length))
      alone[kind] = asked(times)
      const busyTimes: number[] = []
      const ms = await took(() =>
        together(list, AT_ONCE, async query => {
          const beganMs = performance.now()
          await index.search(query)
          busyTimes.push(performance.now() - beganMs)
        })
      )
      busy[kind] = { ...asked(busyTimes), perSecond: rate(list.length, ms) }
    }
    const peers: Owner[] = [...ownersOf(plan, plan.peers)].slice(-plan.peers)
    const addedMs = await took(() => together(peers, AT_ONCE, ([owner, files]) => index.add(owner, files)))
    const removedMs = await took(() =>
      together(peers, AT_ONCE, async ([owner, files]) => {
        if ((await index.removeOwner(owner)) !== files.length)
          throw new Error(`${owner} did not have all its files.`)
      })
    )
    const size = `SELECT sum(pg_total_relation_size(c.oid)) AS bytes FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'`
    return {
      buildSeconds: round(buildMs / 1000),
      peersPerSecond: rate(plan.names / OWNER_FILES, buildMs),
      addedPerSecond: rate(peers.length, addedMs),
      removedPerSecond: rate(peers.length, removedMs),
      queries: alone,
      together: busy,
      tablesMib: round(Number((await client.query(size, [schema])).rows[0].bytes) / MIB, 0),
      version: (await client.query('SHOW server_version')).rows[0].server_version
    }
  } finally {
    await index.close()
    await client.query(`DROP SCHEMA "${schema}" CASCADE`)
    await client.end()
  }
}

async function took(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now()
  await work()
  return performance.now() - beganMs
}
