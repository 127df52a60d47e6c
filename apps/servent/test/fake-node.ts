/** A node that does nothing but answer: what the API and the command line are tested against. */
import type {
  BrowseEvent,
  Config,
  GetEvent,
  GetOptions,
  Hotlist,
  HotlistView,
  LibraryView,
  NodeStatus,
  PutRequest,
  PutView,
  SearchEvent,
  ServentNode,
  ShareEvent,
  ValueRequest,
  ValueView,
  WhoisView,
  WishRequest,
  WishRow,
  WishView
} from '@servent/node'
import { loadConfig, NotFoundError } from '@servent/node'
import { ContentId, encodeTicket, listingName } from '@servent/overlay'

export const PEER = '12D3KooWGcSLWbZRhPV9pVtCTLxxuS3w3gpUYMTVzGrsQiWiJ6Qs'
export const FILE_ID = ContentId.fromRoot(new Uint8Array(32).fill(7), 1_000_000).toString()
export const OTHER_ID = ContentId.fromRoot(new Uint8Array(32).fill(8), 100).toString()

/** A name that would turn the terminal's text round, colour it, and begin a line of its own. */
export const HOSTILE_NAME = 'gpj.\u202eexe\u001b[31m\nerror: gone.mp3'

export async function fakeConfig(dataDir: string): Promise<Config> {
  const { config } = await loadConfig({ dataDir, env: {}, flags: { api: '127.0.0.1:0' } })
  return config
}

export class FakeNode implements ServentNode {
  readonly config: Config
  readonly peerId = PEER
  readonly overlays = ['gnutella'] as const
  /** Calls as they came, for tests to look at. */
  readonly calls: unknown[][] = []
  /** Signals of works that were begun. */
  readonly signals: AbortSignal[] = []
  shareEvents: ShareEvent[] = [
    {
      event: 'progress',
      phase: 'hashing',
      files: 0,
      filesTotal: 1,
      bytes: 0,
      bytesTotal: 1_000_000,
      name: 'talk.mp4'
    },
    { event: 'done', files: 1, bytes: 1_000_000, ids: [FILE_ID], more: 0, ticket: 'servent1abc' }
  ]
  /** What the library and the status say beside the usual. */
  libraryMore: Partial<LibraryView> = {}
  libraryStatusMore: Partial<NodeStatus['library']> = {}
  statusMore: Partial<NodeStatus> = {}
  searchEvents: SearchEvent[] = [
    {
      event: 'hit',
      row: 1,
      id: FILE_ID,
      name: 'Big Country.flac',
      size: 1_000_000,
      type: 'audio/flac',
      tags: { artist: 'Béla Fleck', title: 'Big Country', seconds: '335', bitrate: '918' },
      provider: PEER,
      overlay: 'gnutella',
      hops: 2,
      elapsedMs: 12
    },
    {
      event: 'hit',
      row: 2,
      id: OTHER_ID,
      name: HOSTILE_NAME,
      size: 100,
      type: 'audio/mpeg',
      tags: { title: HOSTILE_NAME, seconds: '-1', bitrate: '1e9' },
      provider: PEER,
      overlay: 'gnutella',
      hops: 1,
      elapsedMs: 20
    },
    {
      event: 'done',
      hits: 2,
      files: 2,
      overlays: [{ name: 'gnutella', hits: 2, firstHitMs: 12, messages: 4, bytes: 512 }]
    }
  ]
  getEvents: GetEvent[] = [
    { event: 'progress', phase: 'locating', verifiedBytes: 0, totalBytes: 0, sources: [], banned: [] },
    {
      event: 'progress',
      phase: 'fetching',
      verifiedBytes: 780_000,
      totalBytes: 1_000_000,
      sources: [{ peer: PEER, relayed: false, rate: 500_000 }],
      banned: [{ peer: PEER, reason: 'Its hashes are not those of the file.' }]
    },
    { event: 'done', path: '/home/me/Downloads/Big Country.flac', bytes: 1_000_000, sources: 1, seconds: 2 }
  ]
  /** Thrown by works after their events, and by calls. */
  failure: Error | undefined
  /** Of a ticket of a folder. */
  leftOut: number | undefined
  /** Works wait here after their events until they are aborted. */
  waits = false

  constructor(config: Config) {
    this.config = config
  }

  addresses(): string[] {
    return [`/ip4/127.0.0.1/tcp/6346/p2p/${PEER}`]
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  async *#work<T>(events: readonly T[], signal: AbortSignal | undefined): AsyncGenerator<T> {
    if (signal !== undefined) this.signals.push(signal)
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    aborted.catch(() => {})
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    for (const event of events) {
      if (this.waits && (event as { event: string }).event === 'done') await aborted
      if (this.failure !== undefined && (event as { event: string }).event === 'done') throw this.failure
      yield event
    }
  }

  share(path: string, options?: { signal?: AbortSignal }): AsyncIterable<ShareEvent> {
    this.calls.push(['share', path])
    return this.#work(this.shareEvents, options?.signal)
  }

  async unshare(path: string): Promise<{ files: number }> {
    this.calls.push(['unshare', path])
    if (this.failure !== undefined) throw this.failure
    return { files: 3 }
  }

  async library(options?: { after?: number; limit?: number }) {
    this.calls.push(['library', options])
    return {
      roots: [{ path: '/home/me/Music', files: 1, bytes: 1_000_000, present: true }],
      problems: [],
      files: [
        {
          index: 1,
          id: FILE_ID,
          name: '周杰伦 - 青花瓷.flac',
          path: '/home/me/Music/青花瓷.flac',
          size: 1_000_000,
          type: 'audio/flac',
          tags: { artist: '周杰伦', title: '青花瓷', seconds: '239' }
        }
      ],
      totals: { files: 1, bytes: 1_000_000 },
      ...this.libraryMore
    }
  }

  /** A whole id, or the beginning of the one file here. */
  async resolve(text: string): Promise<ContentId> {
    this.calls.push(['resolve', text])
    if (text.length >= 12 && FILE_ID.startsWith(text)) return ContentId.parse(FILE_ID)
    throw new NotFoundError(`Nothing here has an id that begins with ${text}.`)
  }

  async ticket(id: ContentId): Promise<string> {
    if (id.toString() !== FILE_ID) throw new NotFoundError(`Nothing with the id ${id} is shared here.`)
    return encodeTicket({ id, size: 1_000_000, name: 'talk.mp4', providers: [] })
  }

  async ticketOfPath(path: string) {
    this.calls.push(['ticketOfPath', path])
    if (this.failure !== undefined) throw this.failure
    const id = ContentId.parse(OTHER_ID)
    const ticket = encodeTicket({ id, size: 100, name: listingName('Music'), providers: [] })
    return { id, ticket, ...(this.leftOut === undefined ? {} : { leftOut: this.leftOut }) }
  }

  search(request: object, signal?: AbortSignal): AsyncIterable<SearchEvent> {
    this.calls.push(['search', request])
    return this.#work(this.searchEvents, signal)
  }

  lastSearch() {
    return this.searchEvents.flatMap(event =>
      event.event === 'hit'
        ? [
            {
              row: event.row,
              id: event.id,
              name: event.name,
              size: event.size,
              type: event.type,
              tags: event.tags,
              providers: [{ peerId: PEER, addresses: [] }],
              overlays: ['gnutella'] as const
            }
          ]
        : []
    )
  }

  get(what: string, options?: GetOptions): AsyncIterable<GetEvent> {
    this.calls.push([
      'get',
      what,
      options?.output,
      ...(options?.priority === undefined ? [] : [options.priority])
    ])
    return this.#work(this.getEvents, options?.signal)
  }

  browseEvents: BrowseEvent[] = [
    ...this.searchEvents.flatMap(event => (event.event === 'hit' ? [event] : [])),
    { event: 'done', user: 'miles', files: 2, overlay: 'napster' }
  ]

  browse(user: string, options?: { signal?: AbortSignal }): AsyncIterable<BrowseEvent> {
    this.calls.push(['browse', user])
    return this.#work(this.browseEvents, options?.signal)
  }

  whoisView: WhoisView = {
    nick: 'miles',
    server: PEER,
    online: true,
    seconds: 125,
    shared: 70,
    downloads: 1,
    uploads: 2,
    linkSpeed: 9,
    client: 'servent/0.1.0'
  }

  async whois(nick: string): Promise<WhoisView> {
    this.calls.push(['whois', nick])
    if (this.failure !== undefined) throw this.failure
    return this.whoisView
  }

  hotlistViews: HotlistView[] = [
    { nick: 'miles', state: 'online', sinceMs: Date.now() - 125_000, linkSpeed: 9 },
    { nick: 'trane', state: 'offline' }
  ]

  readonly hotlist: Hotlist = {
    list: () => this.hotlistViews,
    add: nick => {
      this.calls.push(['hotlist add', nick])
      if (this.failure !== undefined) throw this.failure
      return { nick, state: 'offline' }
    },
    remove: nick => {
      this.calls.push(['hotlist remove', nick])
      if (this.failure !== undefined) throw this.failure
    }
  }

  wishViews: WishView[] = [
    {
      wish: 2,
      text: 'banjo',
      type: 'audio',
      minSize: 1_000_000,
      get: { filesADay: 3 },
      hits: 5,
      newHits: 2,
      lastMs: Date.now() - 125_000,
      nextMs: Date.now() + 125_000
    },
    { wish: 3, text: 'fleck', hits: 0, newHits: 0, nextMs: 0, reason: 'No overlay is running.' }
  ]

  wish(request: WishRequest): WishView {
    this.calls.push(['wish', request])
    if (this.failure !== undefined) throw this.failure
    return { ...request, wish: 4, hits: 0, newHits: 0, nextMs: Date.now() }
  }

  wishes() {
    return this.wishViews
  }

  wishRows(wish: number, options: { all?: boolean } = {}): WishRow[] {
    this.calls.push(['wishRows', wish, options.all === true])
    if (!this.wishViews.some(one => one.wish === wish)) throw new NotFoundError(`There is no wish ${wish}.`)
    return this.lastSearch().map(row => ({ ...row, row: row.row + 3, isNew: row.row === 1 }))
  }

  lookedAtWish(wish: number, through: number) {
    this.calls.push(['lookedAtWish', wish, through])
  }

  unwish(wish: number) {
    this.calls.push(['unwish', wish])
    if (this.failure !== undefined) throw this.failure
  }

  putView: Omit<PutView, 'key' | 'bytes'> = { overlays: [{ name: 'chord', copies: 3 }] }
  valueBytes: Uint8Array = new TextEncoder().encode('hello')

  async put({ key, value, overlays }: PutRequest): Promise<PutView> {
    this.calls.push(['put', key, value, overlays])
    if (this.failure !== undefined) throw this.failure
    return { key, bytes: value.length, ...this.putView }
  }

  async value({ key, overlays }: ValueRequest): Promise<ValueView> {
    this.calls.push(['value', key, overlays])
    if (this.failure !== undefined) throw this.failure
    return {
      key,
      value: this.valueBytes,
      overlay: 'chord',
      writer: PEER,
      sequence: 7,
      expiresMs: 1_900_000_000_000,
      holders: 3
    }
  }

  downloads() {
    return [
      {
        id: FILE_ID,
        name: 'Big Country.flac',
        size: 1_000_000,
        phase: 'paused' as const,
        priority: 'normal' as const,
        reason: 'The disk is full.',
        verifiedBytes: 780_000,
        totalBytes: 1_000_000,
        sources: [],
        banned: []
      }
    ]
  }

  async downloadFiles(id: ContentId, { after = 0, limit = 1000 }: { after?: number; limit?: number } = {}) {
    this.calls.push(['downloadFiles', id.toString(), after, limit])
    return [
      { id: OTHER_ID, path: 'Live/a.flac', size: 100, isDone: true },
      { id: FILE_ID, path: `Live/${HOSTILE_NAME}`, size: 1_000_000, isDone: false }
    ].slice(after, after + limit)
  }

  uploads() {
    return [
      {
        relayed: false,
        standing: 'giver' as const,
        givenBytes: 3_000_000,
        takenBytes: 1_000_000,
        level: 300,
        band: 'Guru',
        peer: PEER,
        id: FILE_ID,
        name: 'talk.mp4',
        size: 1_000_000,
        state: 'sending' as const,
        sentBytes: 10,
        totalBytes: 1_000_000,
        rate: 5
      }
    ]
  }

  async pauseDownload(id: ContentId): Promise<void> {
    this.calls.push(['pause', id.toString()])
  }

  async cancelDownload(id: ContentId): Promise<void> {
    this.calls.push(['cancel', id.toString()])
  }

  peers() {
    return [
      {
        peerId: PEER,
        addresses: ['/ip4/192.0.2.7/tcp/6346'],
        direction: 'outbound' as const,
        relayed: false,
        connectedMs: 65_000,
        protocols: ['/servent/gnutella/0.6.0'],
        agent: 'servent/0.1.0'
      }
    ]
  }

  overlay(name: string) {
    if (name !== 'gnutella') return undefined
    return {
      name: 'gnutella' as const,
      state: 'running' as const,
      neighbours: [{ peerId: PEER, inbound: false, connectedMs: 65_000 }],
      counters: { queriesForwarded: 41 },
      queries: [{ queryId: 'ab12', ttl: 7, hops: 0, from: null, forwardedTo: [PEER] }],
      hostCache: 12
    }
  }

  status() {
    return {
      peerId: PEER,
      version: '0.1.0',
      uptimeMs: 720_000,
      addresses: this.addresses(),
      reachability: { kind: 'private' as const, why: 'no address of this machine is public' },
      relay: { mode: 'use' as const, relays: [] },
      connections: 1,
      overlays: [
        {
          name: 'gnutella' as const,
          state: 'running' as const,
          neighbours: 1,
          announced: { files: 12_340, of: 100_000 }
        }
      ],
      library: {
        files: 38,
        bytes: 212_400_000,
        hashing: 0,
        away: 0,
        problems: 0,
        ...this.libraryStatusMore
      },
      downloads: { active: 0, done: 1, failed: 0, paused: 1 },
      uploads: { active: 1, queued: 0 },
      participation: { level: 144, band: 'High' },
      ...this.statusMore
    }
  }

  async metrics(): Promise<string> {
    return '# TYPE servent_uploads gauge\nservent_uploads 1\n'
  }

  async doctor() {
    return [{ name: 'neighbours', ok: true, message: 'gnutella has 1 neighbour.' }]
  }
}
