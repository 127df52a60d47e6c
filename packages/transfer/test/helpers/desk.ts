/** A folder, a database and Downloads on them, made anew for each test and opened again as after a restart. */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase, type ServentDatabase } from '@servent/database'
import type { ContentId, Provider } from '@servent/overlay'
import { type DownloadLimits, Downloads, type DownloadsInit } from '../../src/index.ts'
import { tcpConnector } from './peer.ts'

/** Short enough for tests; the defaults are for people. */
export const FAST: Partial<DownloadLimits> = {
  retryMs: 5,
  retryMsMax: 20,
  giverPatienceMs: 0,
  progressMs: 1,
  checkpointMs: 20,
  queueWaitMsMin: 5,
  connectMs: 2_000,
  answerMs: 2_000
}

export class Desk {
  readonly root: string
  readonly folder: string
  #database: ServentDatabase | undefined
  #downloads: Downloads | undefined
  /** What a search for providers finds. */
  found: Provider[] = []
  searches = 0

  private constructor(root: string) {
    this.root = root
    this.folder = join(root, 'downloads')
  }

  static async make(): Promise<Desk> {
    return new Desk(await mkdtemp(join(tmpdir(), 'servent-transfer-')))
  }

  /** The one that another process made. */
  static at(root: string): Desk {
    return new Desk(root)
  }

  async open(init: Partial<DownloadsInit> = {}): Promise<Downloads> {
    await this.shut()
    this.#database = openDatabase(join(this.root, 'servent.db'))
    this.#downloads = await Downloads.open({
      database: this.#database,
      folder: this.folder,
      connector: tcpConnector,
      findProviders: (id, signal) => this.#find(id, signal),
      // In the order of the file, so that a test can say what comes when.
      random: () => 0,
      ...init,
      limits: { ...FAST, ...init.limits }
    })
    return this.#downloads
  }

  async shut(): Promise<void> {
    await this.#downloads?.stop()
    this.#downloads = undefined
    this.#database?.close()
    this.#database = undefined
  }

  /** The database says no to every write, as on a disk that is full. */
  refuseWrites(isRefused: boolean): void {
    this.#database?.sql.exec(`PRAGMA query_only = ${isRefused}`)
  }

  files(): Promise<string[]> {
    return readdir(this.folder).then(names => names.sort())
  }

  /** As it was made. */
  async clear(): Promise<void> {
    await this.shut()
    for (const name of ['', '-wal', '-shm']) await rm(join(this.root, `servent.db${name}`), { force: true })
    await rm(this.folder, { recursive: true, force: true })
    await mkdir(this.folder, { recursive: true })
  }

  async remove(): Promise<void> {
    await this.shut()
    await rm(this.root, { recursive: true, force: true })
  }

  async *#find(_id: ContentId, _signal: AbortSignal): AsyncIterable<Provider> {
    this.searches += 1
    yield* this.found
  }
}
