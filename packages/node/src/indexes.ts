/** What servers and supernodes among the overlays keep for others: opened as configured, and closed after them. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { KeywordIndex, OpeningIndex } from '@servent/keyword-index'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { NodeDeps } from './deps.ts'

const NAPSTER_INDEX_FILE = 'napster-index.db'
/** A node waits no longer for a database before it goes on without: users may log in, and the index comes later. */
const OPEN_WAIT_MS = 2_000

export interface IndexesInit {
  readonly config: Config
  readonly deps: NodeDeps
  readonly peerId: string
  readonly logger: Logger
}

export class Indexes {
  readonly #init: IndexesInit
  readonly #open: KeywordIndex[] = []

  constructor(init: IndexesInit) {
    this.#init = init
  }

  /** Of a supernode: for as long as its users are there. */
  async inMemory(): Promise<KeywordIndex> {
    const { MemoryIndex } = await import('@servent/keyword-index/memory')
    return this.#keep(new MemoryIndex())
  }

  /**
   * Of a Napster server, empty: who shared something before is not here yet. A database that is away is opened when it
   * is there; `problem` says meanwhile why it is not.
   *
   * @param onLost  the database lost what users of this server share: they are to announce it again
   */
  async napster(onLost: () => void): Promise<KeywordIndex & { readonly problem?: string | undefined }> {
    const { config, deps, peerId, logger } = this.#init
    const { index, database } = config.napster
    if (index === 'memory') return this.inMemory()
    if (index === 'sqlite') {
      const { indexWorkerFrom, SqliteIndex } = await import('@servent/keyword-index/sqlite')
      const path = join(config.dataDir, NAPSTER_INDEX_FILE)
      // Its users announce again: nothing in it is worth a look, and a file that is damaged keeps nobody from starting.
      for (const end of ['', '-wal', '-shm']) await rm(path + end, { force: true })
      const worker =
        deps.indexWorker === undefined ? {} : { worker: indexWorkerFrom(deps.indexWorker.source) }
      return this.#keep(await SqliteIndex.open({ path, ...worker }))
    }
    return this.#postgres(database, peerId, onLost, logger)
  }

  async #postgres(
    database: string,
    server: string,
    onLost: () => void,
    logger: Logger
  ): Promise<OpeningIndex> {
    const { PostgresIndex } = await import('@servent/keyword-index/postgres')
    const { OpeningIndex } = await import('@servent/keyword-index')
    const open = async () => {
      const opened = await PostgresIndex.open({
        // pg reads PGHOST and its like where it is told nothing.
        connection: database === '' ? {} : database,
        server,
        // Servers ask each other: each gives what its own users share.
        shows: 'own',
        onLost
      })
      try {
        await opened.clear()
      } catch (error) {
        await opened.close()
        throw error
      }
      return opened
    }
    const index = this.#keep(
      new OpeningIndex({
        open: () => open().catch(explain),
        onOpen: () => logger.info('the index in PostgreSQL is open'),
        onFailure: (err, againMs) => logger.warn({ err, againMs }, 'the index in PostgreSQL is away')
      })
    )
    await index.attempted(OPEN_WAIT_MS)
    return index
  }

  async close(): Promise<void> {
    const closing = this.#open.splice(0).map(async index => index.close())
    const failed = (await Promise.allSettled(closing)).find(({ status }) => status === 'rejected')
    if (failed !== undefined) throw (failed as PromiseRejectedResult).reason
  }

  #keep<Index extends KeywordIndex>(index: Index): Index {
    this.#open.push(index)
    return index
  }
}

/** Nothing of where the database is: a password may stand there. */
async function explain(cause: Error): Promise<never> {
  const { IndexUnavailableError } = await import('@servent/keyword-index')
  throw new IndexUnavailableError(
    `It cannot be opened in PostgreSQL. ${cause.message} Check napster.database, or choose another napster.index.`,
    { cause }
  )
}
