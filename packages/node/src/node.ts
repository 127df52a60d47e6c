/**
 * A node: what a program around it may ask, before, while and after it runs. The work is done by the parts;
 * this file only says which.
 */
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { FolderLock, ServentDatabase } from '@servent/database'
import type { ShareResult } from '@servent/library'
import { ContentId, type OverlayName, type OverlaySnapshot } from '@servent/overlay'
import type { DownloadStatus, Downloads, FolderFileStatus } from '@servent/transfer'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { type NodeDeps, VERSION_UNKNOWN } from './deps.ts'
import { doctor } from './doctor.ts'
import { NotFoundError, NotRunningError } from './errors.ts'
import { Fetches, type GetOptions } from './fetching.ts'
import { type PathTicket, ticketOfPath } from './folder-tickets.ts'
import type { LibraryDoor } from './library-door.ts'
import { missingIpv6 } from './listening.ts'
import { nodeGauges } from './node-gauges.ts'
import { overlaysOf } from './overlay-names.ts'
import { type OverlaysHere, wantedOverlays } from './overlays.ts'
import { ownFile, ownFolder } from './own-file.ts'
import { PeerMemory } from './peer-memory.ts'
import { Peers } from './peers.ts'
import { Rejoin } from './rejoin.ts'
import { type Running, run } from './running.ts'
import { Searches } from './search.ts'
import { libraryView, share } from './sharing.ts'
import { nodeStatus } from './status.ts'
import { stopInOrder } from './stopping.ts'
import type { NodeStore } from './store.ts'
import { type Known, resolveId, resolveTarget } from './targets.ts'
import { makeTicket, ticketAddresses } from './tickets.ts'
import type {
  DoctorCheck,
  GetEvent,
  LibraryView,
  NodeStatus,
  PeerView,
  PutRequest,
  PutView,
  SearchEvent,
  SearchRequest,
  SearchRow,
  ServentNode,
  ShareEvent,
  UploadView,
  ValueRequest,
  ValueView,
  WishRequest,
  WishRow,
  WishView
} from './types.ts'
import { Values } from './values.ts'
import { WishStore } from './wish-store.ts'
import { Wishes } from './wishes.ts'

export interface NodeInit {
  readonly config: Config
  readonly deps: NodeDeps
  readonly logger: Logger
  readonly lock: FolderLock
  readonly privateKey: Ed25519PrivateKey
  readonly database: ServentDatabase
  readonly store: NodeStore
}

/** The parts, and what belongs to one run of them. */
interface Life extends Running {
  readonly peers: Peers
  readonly memory: PeerMemory
  readonly rejoin: Rejoin
  readonly fetches: Fetches
  readonly startedMs: number
}

export class Node implements ServentNode {
  readonly config: Config
  readonly peerId: string
  readonly overlays: readonly OverlayName[]
  readonly #init: NodeInit
  readonly #searches: Searches
  readonly #values: Values
  readonly #wishes: Wishes
  /** Aborts when the node stops: whoever waits for something from it is told. */
  readonly #ended = new AbortController()
  #life: Life | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(init: NodeInit) {
    const { config, store, logger } = init
    this.#init = init
    this.config = config
    this.peerId = peerIdFromPrivateKey(init.privateKey).toString()
    this.overlays = overlaysOf(config.overlays)
    const overlays = () => this.#overlaysHere()
    this.#values = new Values({ overlays, logger })
    this.#searches = new Searches({
      overlays,
      load: () => store.lastSearch(),
      keep: rows => store.keepSearch(rows),
      logger
    })
    this.#wishes = new Wishes({
      store: new WishStore(init.database),
      periodMs: config.wishMinutes * 60_000,
      find: (request, signal) => this.#searches.find(request, signal),
      has: id => this.#has(id),
      get: (row, sizeMax) => this.#getByItself(row, sizeMax),
      logger
    })
  }

  start(): Promise<void> {
    if (this.#stopping !== undefined)
      return Promise.reject(new NotRunningError('This node has stopped. Make a new one.'))
    this.#starting ??= this.#start()
    return this.#starting
  }

  async #start(): Promise<void> {
    const { config, store, logger } = this.#init
    const running = await run(this.#init)
    const { network, transfers } = running
    const life: Life = {
      ...running,
      peers: new Peers(network),
      memory: new PeerMemory(network, store, logger),
      rejoin: new Rejoin(network, config.discovery.includes('bootstrap') ? config.bootstrap : []),
      fetches: new Fetches(() => transfers.downloads(), this.#ended.signal),
      startedMs: performance.now()
    }
    this.#life = life
    nodeGauges(
      life.metrics,
      () => this.status(),
      () => this.uploads()
    )
    life.memory.start(() => life.peers.seen())
    life.rejoin.start()
    this.#wishes.start()
    const warning = missingIpv6(config, network)
    if (warning !== undefined) logger.warn(warning)
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const { lock, database, logger } = this.#init
    // One that is just being started is stopped when it stands; one that could not start has stopped itself.
    await this.#starting?.catch(() => {})
    const life = this.#life
    this.#life = undefined
    await this.#wishes.stop()
    this.#ended.abort(new NotRunningError('The node stops. What was begun goes on when it starts again.'))
    if (life !== undefined) {
      life.rejoin.stop()
      life.metrics.stop()
      await stopInOrder(logger, [
        ['remember peers', () => life.memory.stop()],
        ['stop downloads', () => life.transfers.stopDownloads()],
        ['stop uploads', () => life.transfers.stopServer()],
        ['leave the network', () => life.leave()],
        ['close the library', () => life.library.stop()]
      ])
    }
    database.close()
    lock.release()
  }

  addresses(): string[] {
    return this.#life?.network.getMultiaddrs().map(String) ?? []
  }

  async *share(path: string, { signal }: { signal?: AbortSignal } = {}): AsyncGenerator<ShareEvent, void> {
    const library = await this.#need().library.opened()
    // Of a single file it is the file's own, also where it lies in a folder: who fetches it gets a file.
    const ticketOf = async ({ path, files, ids, problems }: ShareResult) =>
      files === 1 && problems.length === 0 ? { ticket: await this.ticket(ids[0]!) } : this.ticketOfPath(path)
    yield* share(library, path, ticketOf, this.#until(signal))
  }

  async unshare(path: string): Promise<{ files: number }> {
    const { library: door } = this.#need()
    const done = await (await door.opened()).unshare(path)
    door.listings.forgetUnshared()
    return done
  }

  async library(options: { after?: number; limit?: number } = {}): Promise<LibraryView> {
    return libraryView(this.#need().library.library, options)
  }

  async ticket(id: ContentId): Promise<string> {
    const { library } = this.#need()
    const self = { peerId: this.peerId, addresses: ticketAddresses(this.addresses()) }
    return makeTicket(id, { self, catalogue: library, known: this.#known() })
  }

  async ticketOfPath(path: string): Promise<PathTicket> {
    const door = this.#need().library
    const self = { peerId: this.peerId, addresses: ticketAddresses(this.addresses()) }
    return ticketOfPath(path, { self, library: await door.opened(), listings: door.listings })
  }

  async resolve(text: string): Promise<ContentId> {
    return resolveId(text.trim(), this.#known())
  }

  async *search(request: SearchRequest, signal?: AbortSignal): AsyncGenerator<SearchEvent, void> {
    yield* this.#searches.run(request, this.#until(signal))
  }

  lastSearch(): readonly SearchRow[] {
    return this.#searches.last()
  }

  wish(request: WishRequest): WishView {
    wantedOverlays(this.#overlaysHere(), request.overlays)
    return this.#wishes.add(request)
  }

  wishes(): WishView[] {
    return this.#wishes.list()
  }

  wishRows(wish: number, options: { all?: boolean } = {}): WishRow[] {
    return this.#wishes.rows(wish, options)
  }

  lookedAtWish(wish: number, through: number): void {
    this.#wishes.looked(wish, through)
  }

  unwish(wish: number): void {
    this.#wishes.remove(wish)
  }

  async *get(what: string, options: GetOptions = {}): AsyncGenerator<GetEvent, void> {
    const { library, fetches } = this.#need()
    const target = await resolveTarget(what, this.#known())
    const own = await this.#own(library, target.id, options)
    if (own !== undefined) yield own
    else yield* fetches.get(target, options)
  }

  async put(request: PutRequest, signal?: AbortSignal): Promise<PutView> {
    return this.#values.put(request, this.#until(signal))
  }

  async value(request: ValueRequest, signal?: AbortSignal): Promise<ValueView> {
    return this.#values.value(request, this.#until(signal))
  }

  downloads(): DownloadStatus[] {
    return this.#life?.transfers.downloading() ?? []
  }

  async downloadFiles(
    id: ContentId,
    { after, limit }: { after?: number; limit?: number } = {}
  ): Promise<FolderFileStatus[]> {
    const downloads = await this.#downloadsWith(id)
    return downloads.files(id, after, limit)
  }

  uploads(): UploadView[] {
    const life = this.#life
    if (life === undefined) return []
    return life.transfers
      .uploading()
      .map(upload => ({ ...upload, relayed: life.peers.isRelayed(upload.peer) }))
  }

  async pauseDownload(id: ContentId): Promise<void> {
    const downloads = await this.#downloadsWith(id)
    await downloads.pause(id)
  }

  async cancelDownload(id: ContentId): Promise<void> {
    const downloads = await this.#downloadsWith(id)
    await downloads.cancel(id)
  }

  peers(): PeerView[] {
    return this.#life?.peers.views() ?? []
  }

  overlay(name: OverlayName): OverlaySnapshot | undefined {
    return this.#life?.slots.get(name)?.snapshot()
  }

  status(): NodeStatus {
    const life = this.#life
    return nodeStatus({
      config: this.config,
      peerId: this.peerId,
      version: this.#init.deps.version ?? VERSION_UNKNOWN,
      uptimeMs: life === undefined ? 0 : performance.now() - life.startedMs,
      addresses: this.addresses(),
      calledFromOutside: life?.peers.calledFromOutside ?? false,
      relay: life?.ways.status() ?? { mode: this.config.relay, relays: [] },
      introducers: life?.introductions?.status(),
      connections: life?.network.getConnections().length ?? 0,
      overlays: this.#snapshots(),
      library: {
        totals: life?.library.totals,
        progress: life?.library.library?.progress(),
        roots: life?.library.library?.roots() ?? [],
        problems: life?.library.library?.problems().length ?? 0
      },
      downloads: this.downloads(),
      uploads: this.uploads(),
      participation: life?.transfers.participation()
    })
  }

  async metrics(): Promise<string> {
    return this.#need().metrics.text()
  }

  async doctor(): Promise<DoctorCheck[]> {
    return doctor({
      config: this.config,
      status: this.status(),
      overlays: this.#snapshots(),
      roots: this.#life?.library.library?.roots() ?? [],
      wallMs: Date.now()
    })
  }

  #snapshots(): OverlaySnapshot[] {
    return [...(this.#life?.slots.values() ?? [])].map(slot => slot.snapshot())
  }

  #overlaysHere(): OverlaysHere {
    return new Map([...this.#need().slots].map(([name, slot]) => [name, slot.running]))
  }

  #known(): Known {
    return {
      rows: this.lastSearch(),
      downloads: this.downloads(),
      catalogue: this.#need().library,
      wishRows: wish => this.wishRows(wish, { all: true })
    }
  }

  async #has(id: string): Promise<boolean> {
    if (this.downloads().some(download => download.id === id)) return true
    return (await this.#need().library.get(ContentId.parse(id))) !== undefined
  }

  async #getByItself({ id, size, name, providers }: SearchRow, sizeMax: number): Promise<void> {
    const target = { id: ContentId.parse(id), size, name, providers }
    await this.#need().fetches.begin(target, { priority: 'low', sizeMax })
  }

  /** Nothing where the file is not shared here, or is no longer what was shared: others may have it still. */
  async #own(
    library: LibraryDoor,
    id: ContentId,
    { output, signal }: { output?: string; signal?: AbortSignal }
  ): Promise<GetEvent | undefined> {
    const folder = library.listings.pathOf(id)
    if (folder !== undefined) return ownFolder(folder, output)
    const path = await library.library?.pathOf(id)
    const reader = path === undefined ? undefined : await library.open(id)
    if (path === undefined || reader === undefined) return undefined
    try {
      return await ownFile({ path, reader, output, signal: this.#until(signal) })
    } catch (error) {
      if ((error as Error).name === 'ContentChangedError') return undefined
      throw error
    } finally {
      await reader.close()
    }
  }

  #until(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#ended.signal : AbortSignal.any([signal, this.#ended.signal])
  }

  async #downloadsWith(id: ContentId): Promise<Downloads> {
    const { transfers } = this.#need()
    if (transfers.downloading().some(download => download.id === id.toString())) return transfers.downloads()
    throw new NotFoundError(`There is no download of ${id}. servent downloads lists them.`)
  }

  /** @throws NotRunningError */
  #need(): Life {
    if (this.#life !== undefined) return this.#life
    throw new NotRunningError('This node is not running. Start it: servent start.')
  }
}
