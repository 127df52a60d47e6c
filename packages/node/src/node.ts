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
import type { GetOptions } from './fetching.ts'
import { type PathTicket, ticketOfPath } from './folder-tickets.ts'
import { begin, end, type Life, napsterIn } from './life.ts'
import { missingIpv6 } from './listening.ts'
import { nodeGauges } from './node-gauges.ts'
import { overlaysOf } from './overlay-names.ts'
import { type OverlaysHere, wantedOverlays } from './overlays.ts'
import { ownContent } from './own-file.ts'
import { People } from './people.ts'
import type { BrowseEvent, Hotlist, WhoisView } from './people-types.ts'
import { Searches } from './search.ts'
import { libraryView, share } from './sharing.ts'
import { nodeStatus } from './status.ts'
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
  ValueView
} from './types.ts'
import { Values } from './values.ts'
import { WishStore } from './wish-store.ts'
import type { WishRequest, WishRow, WishView } from './wish-types.ts'
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

export class Node implements ServentNode {
  readonly config: Config
  readonly peerId: string
  readonly overlays: readonly OverlayName[]
  readonly #init: NodeInit
  readonly #searches: Searches
  readonly #values: Values
  readonly #wishes: Wishes
  readonly #people: People
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
    this.#people = new People({
      napster: () => (this.#life === undefined ? undefined : napsterIn(this.#life.slots)),
      store,
      rows: (hits, limit) => this.#searches.rows(hits, limit),
      wallMs: () => Date.now()
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
    const { config, logger } = this.#init
    const life = await begin(this.#init, {
      ended: this.#ended.signal,
      ranked: providers => this.#people.ranked(providers)
    })
    this.#life = life
    nodeGauges(
      life.metrics,
      () => this.status(),
      () => this.uploads()
    )
    this.#people.start()
    this.#wishes.start()
    const warning = missingIpv6(config, life.network)
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
    this.#people.stop()
    if (life !== undefined) await end(life, logger)
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

  async *browse(user: string, { signal }: { signal?: AbortSignal } = {}): AsyncGenerator<BrowseEvent, void> {
    this.#need()
    yield* this.#people.browse(user, this.#until(signal))
  }

  async whois(nick: string): Promise<WhoisView> {
    this.#need()
    return this.#people.whois(nick)
  }

  get hotlist(): Hotlist {
    return this.#people.hotlist
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
    const { output, signal } = options
    const own = await ownContent(library, target.id, { output, signal: this.#until(signal) })
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
      hotlist: this.hotlist.list(),
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
