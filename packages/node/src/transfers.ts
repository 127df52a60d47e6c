/**
 * Uploads and downloads, each loaded when it is first needed: HTTP is a good part of what a node that only
 * relays queries would hold in memory. With the first of them come participation levels, where the node has them.
 */
import type { Duplex } from 'node:stream'
import type { DownloadStatus, Downloads, FileServer, Ledger, UploadStatus } from '@servent/transfer'
import type { Levels } from './participation.ts'
import type { Transferring } from './transfer-counts.ts'
import type { ParticipationView } from './types.ts'

export interface TransfersInit {
  readonly openLedger: () => Promise<Ledger>
  /** Nothing where there are none. */
  readonly openLevels: (ledger: Ledger) => Promise<Levels | undefined>
  readonly openServer: (ledger: Ledger, levels: Levels | undefined) => Promise<FileServer>
  /** `gave` is told of peers that gave what the ledger has counted. */
  readonly openDownloads: (ledger: Ledger, gave: (peer: string) => void) => Promise<Downloads>
}

export class Transfers {
  readonly #ledger: Once<Ledger>
  readonly #levels: Once<Levels | undefined>
  readonly #server: Once<FileServer>
  readonly #downloads: Once<Downloads>

  constructor({ openLedger, openLevels, openServer, openDownloads }: TransfersInit) {
    this.#ledger = new Once(openLedger)
    this.#levels = new Once(async () => openLevels(await this.#ledger.get()))
    this.#server = new Once(async () => openServer(await this.#ledger.get(), await this.#levels.get()))
    this.#downloads = new Once(async () => {
      const ledger = await this.#ledger.get()
      // A start does not wait for them: what is not told now is told with the next block, for receipts are of all so far.
      this.#levels.get().catch(() => {})
      return openDownloads(ledger, peer => this.#levels.value?.gave(peer))
    })
  }

  /** Serves files to a peer on a stream of HTTP. */
  serve(duplex: Duplex, peerId: string): void {
    // A peer may be gone before the server stands.
    duplex.on('error', () => {})
    this.#server.get().then(
      server => server.serve(duplex, peerId),
      error => duplex.destroy(error)
    )
  }

  /** Opens downloads where they are not: those that ran when the node stopped go on. */
  downloads(): Promise<Downloads> {
    return this.#downloads.get()
  }

  downloading(): DownloadStatus[] {
    return this.#downloads.value?.list() ?? []
  }

  /** Bytes a second that a peer gives to downloads now, where it is asked for any. */
  rateOf(peerId: string): number | undefined {
    const rates = this.downloading().flatMap(({ sources }) => sources.filter(({ peer }) => peer === peerId))
    return rates.length === 0 ? undefined : Math.max(...rates.map(({ rate }) => rate))
  }

  uploading(): UploadStatus[] {
    return this.#server.value?.uploads() ?? []
  }

  /** Bytes a second that go to all others now. */
  uploadRate(): number {
    return this.uploading().reduce((sum, { state, rate }) => sum + (state === 'sending' ? rate : 0), 0)
  }

  /** Participation level of another, 0 to 1000; nothing where there are none, or before the first transfer. */
  levelOf(peerId: string): number | undefined {
    return this.#levels.value?.shownLevelOf(peerId)
  }

  /** Of this node itself; nothing before its first transfer. */
  participation(): ParticipationView | undefined {
    return this.#levels.value?.own()
  }

  /** Files that come and go now, whatever number of peers and requests each takes. */
  transferring(): Transferring {
    const going = this.uploading().filter(({ state }) => state === 'sending')
    return {
      down: this.downloading().filter(({ phase, sources }) => phase === 'fetching' && sources.length > 0)
        .length,
      up: new Set(going.map(({ peer, id }) => `${peer} ${id}`)).size
    }
  }

  async stopDownloads(): Promise<void> {
    await (await this.#downloads.end())?.stop()
  }

  /** After downloads: what peers gave and took is written at last. */
  async stopServer(): Promise<void> {
    await (await this.#server.end())?.stop()
    await (await this.#levels.end())?.stop()
    ;(await this.#ledger.end())?.close()
  }
}

/** Something that is made when it is first asked for. */
class Once<T> {
  readonly #make: () => Promise<T>
  #making: Promise<T> | undefined
  #ended = false
  value: T | undefined

  constructor(make: () => Promise<T>) {
    this.#make = make
  }

  get(): Promise<T> {
    if (this.#ended) return Promise.reject(new Error('This node stops.'))
    this.#making ??= this.#make().then(
      value => {
        this.value = value
        return value
      },
      error => {
        // Whoever asks next tries again.
        this.#making = undefined
        throw error
      }
    )
    return this.#making
  }

  /** What was made, which is not made again. */
  end(): Promise<T | undefined> {
    this.#ended = true
    return this.#making?.catch(() => undefined) ?? Promise.resolve(undefined)
  }
}
