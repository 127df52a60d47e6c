/**
 * Several servers on one database. Each says again and again that it lives, by the database's clock. Files of one that
 * has been silent for a while are not shown, for its owners may be connected no more; after a much longer silence another
 * server takes them away. A server to which that happened learns it, and has its owners announce again.
 */
import type pg from 'pg'

/** Files taken away by one statement. */
const REAP_FILES = 5000

export interface ServerTimes {
  /** Between two signs of life. */
  readonly heartbeatMs: number
  /** Silence after which a server's files are not shown. */
  readonly serverSilentMs: number
  /** Silence after which they are taken away. */
  readonly serverReapMs: number
}

/** Runs one statement. */
type Query = (text: string, values?: readonly unknown[]) => Promise<pg.QueryResult>

export interface ServersInit extends ServerTimes {
  readonly query: Query
  /** Quoted. */
  readonly schema: string
  readonly name: string
  /** What this server had announced was taken away: it had not been heard for `serverReapMs`. */
  readonly onLost: () => void
}

export class Servers {
  readonly #init: ServersInit
  #id = 0
  /** The lost number that was told of last: whoever finds it out first tells. */
  #told = 0
  /** Since when this server has been heard without a gap. One that comes back reaps nobody who may come back, too. */
  #heardSinceMs: number | undefined
  #timer: NodeJS.Timeout | undefined
  #beating: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(init: ServersInit) {
    this.#init = init
  }

  /** This server's number in rows. */
  get id(): number {
    return this.#id
  }

  /** Numbers of servers that live, as an expression. */
  get living(): string {
    const { schema, serverSilentMs } = this.#init
    return `ARRAY(SELECT id FROM ${schema}.servers
      WHERE NOT is_lost AND seen > clock_timestamp() - interval '${serverSilentMs} milliseconds')`
  }

  /** Makes this server known, and begins to say that it lives. */
  async start(): Promise<void> {
    await this.#register()
    this.#heardSinceMs = performance.now()
    this.#later()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#beating
  }

  /** Takes the files of one server away, some at a time. */
  async removeFiles(server: number): Promise<void> {
    while ((await this.#removeSome(server)) > 0);
  }

  /** Takes another number in place of one whose files were taken away. */
  async registerAgain(lost: number): Promise<void> {
    await this.#register()
    if (this.#told === lost) return
    this.#told = lost
    this.#init.onLost()
  }

  async #register(): Promise<void> {
    const { query, schema, name } = this.#init
    const { rows } = await query(
      `INSERT INTO ${schema}.servers (name, seen) VALUES ($1, clock_timestamp())
       ON CONFLICT (name) WHERE NOT is_lost DO UPDATE SET seen = excluded.seen RETURNING id`,
      [name]
    )
    this.#id = rows[0].id
  }

  #later(): void {
    if (this.#isStopped) return
    this.#timer = setTimeout(() => {
      this.#beating = this.#beat().finally(() => this.#later())
    }, this.#init.heartbeatMs)
    this.#timer.unref()
  }

  async #beat(): Promise<void> {
    const { query, schema, serverReapMs } = this.#init
    const server = this.#id
    try {
      const { rowCount } = await query(
        `UPDATE ${schema}.servers SET seen = clock_timestamp() WHERE id = $1 AND NOT is_lost`,
        [server]
      )
      if (rowCount === 0) await this.registerAgain(server)
      this.#heardSinceMs ??= performance.now()
      if (performance.now() - this.#heardSinceMs >= serverReapMs) await this.#reap()
    } catch {
      // The database cannot be reached. Whoever calls the index learns it there; here it is tried again.
      this.#heardSinceMs = undefined
    }
  }

  async #reap(): Promise<void> {
    const { query, schema, serverReapMs } = this.#init
    await query(
      `UPDATE ${schema}.servers SET is_lost = true
       WHERE NOT is_lost AND seen < clock_timestamp() - interval '${serverReapMs} milliseconds'`
    )
    const { rows } = await query(`SELECT id FROM ${schema}.servers WHERE is_lost`)
    for (const { id } of rows) {
      if ((await this.#removeSome(id)) > 0) continue
      await query(
        `DELETE FROM ${schema}.servers
         WHERE id = $1 AND is_lost AND NOT EXISTS (SELECT FROM ${schema}.files WHERE server = $1)`,
        [id]
      )
    }
  }

  /** Rows that somebody else is about to change are left to the next time. */
  async #removeSome(server: number): Promise<number> {
    const { query, schema } = this.#init
    const { rowCount } = await query(
      `DELETE FROM ${schema}.files WHERE server = $1 AND (owner, key) IN
       (SELECT owner, key FROM ${schema}.files WHERE server = $1 LIMIT ${REAP_FILES} FOR UPDATE SKIP LOCKED)`,
      [server]
    )
    return rowCount ?? 0
  }
}
