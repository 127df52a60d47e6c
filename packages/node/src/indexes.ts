/** What servers and supernodes among the overlays keep for others: opened as configured, and closed after them. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { KeywordIndex } from '@servent/keyword-index'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { NodeDeps } from './deps.ts'

const NAPSTER_INDEX_FILE = 'napster-index.db'

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
   * Of a Napster server, empty: who shared something before is not here yet.
   *
   * @param onLost  the database lost what users of this server share: they are to announce it again
   * @throws IndexUnavailableError  the database cannot be reached
   */
  async napster(onLost: () => void): Promise<KeywordIndex> {
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
    const { PostgresIndex } = await import('@servent/keyword-index/postgres')
    const opened = await PostgresIndex.open({
      // pg reads PGHOST and its like where it is told nothing.
      connection: database === '' ? {} : database,
      server: peerId,
      // Servers ask each other: each gives what its own users share.
      shows: 'own',
      onLost
    }).catch(explain)
    this.#keep(opened)
    const left = await opened.clear()
    logger.debug({ left }, 'the index in PostgreSQL is open')
    return opened
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
    `The index of the Napster server cannot be opened in PostgreSQL. ${cause.message} Check napster.database, or choose another napster.index.`,
    { cause }
  )
}
