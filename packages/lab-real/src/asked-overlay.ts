/** The lab's questions to an overlay that runs, as its user would ask them, beside it in one process. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type PeerRouting, peerRoutingSymbol } from '@libp2p/interface'
import { sha256 } from '@noble/hashes/sha2.js'
import { REAL_ASK_MS_MAX, REAL_FILE_MS } from '@servent/lab/backend'
import {
  ContentId,
  compareKeys,
  type Key,
  keyOfPeer,
  keyToHex,
  type Overlay,
  parseQuery,
  peerIdBytes,
  peerIdText,
  QUERY_RESULTS_MAX,
  xorDistance
} from '@servent/overlay'
import type { Access } from './access.ts'
import { entriesOf } from './entries.ts'
import type { QuestionTally } from './question-tally.ts'
import type { LookupAnswer, PeerLook, SearchAnswer, Wanted } from './types.ts'

const LOOK_MS = 100
/** Tables are written down for it: seldom enough that this is no work. */
const SETTLED_LOOK_MS = 500

/** What the service of a key-routed overlay has beyond `Overlay`. */
interface KeyRouted extends Overlay {
  ready(options: { peers: number; signal: AbortSignal }): Promise<void>
  lookup(
    key: Key,
    signal: AbortSignal,
    cost: { timeouts?: number }
  ): Promise<{ root: { id: Uint8Array }; hops: number } | undefined>
}

export class AskedOverlay {
  readonly #overlay: Overlay
  readonly #peerId: string
  readonly #access: Pick<Access, 'faults'>
  readonly #tally: QuestionTally | undefined
  readonly #ended = new AbortController()

  /** `tally` sees what its machine sends; nothing where the overlay has no machine of ours. */
  constructor(overlay: Overlay, peerId: string, access: Pick<Access, 'faults'>, tally?: QuestionTally) {
    this.#overlay = overlay
    this.#peerId = peerId
    this.#access = access
    this.#tally = tally
  }

  /** Nothing is waited for any more. */
  end(): void {
    this.#ended.abort(new Error('The peer is gone.'))
  }

  async joined(): Promise<void> {
    const { signal } = this.#ended
    if (isKeyRouted(this.#overlay)) {
      // Beside itself one more: alone it would be the root of every key.
      await this.#overlay.ready({ peers: 2, signal })
      return
    }
    while (!takesPart(this.#overlay)) {
      signal.throwIfAborted()
      await new Promise(resolve => setTimeout(resolve, LOOK_MS))
    }
  }

  /** A Chord peer may have been in what forms, which is answered from while no ring is there. */
  async settled(): Promise<void> {
    await this.joined()
    const { signal } = this.#ended
    while (this.#overlay.name === 'chord' && this.#overlay.snapshot().mode !== 'ring')
      await sleep(SETTLED_LOOK_MS, undefined, { signal })
  }

  async lookup(wanted: Wanted): Promise<LookupAnswer> {
    const startedMs = performance.now()
    const signal = AbortSignal.any([AbortSignal.timeout(REAL_ASK_MS_MAX), this.#ended.signal])
    const found = await (wanted.type === 'root'
      ? this.#root(wanted.key, signal)
      : this.#holder(ContentId.parse(wanted.id), signal)
    ).catch((): Found => NOTHING)
    return { ...found, tookMs: performance.now() - startedMs }
  }

  async search(words: readonly string[], enough: number | null): Promise<SearchAnswer> {
    const asking = isKeyRouted(this.#overlay) ? undefined : this.#tally?.begin()
    const startedMs = performance.now()
    const signal = AbortSignal.any([AbortSignal.timeout(REAL_ASK_MS_MAX), this.#ended.signal])
    const hits: { id: string; provider: string }[] = []
    let firstHitMs: number | undefined
    let asked = true
    try {
      const query = parseQuery(words.join(' '), { limit: QUERY_RESULTS_MAX })
      // Gnutella's alone, as in the simulator.
      const options = { signal, ...(enough !== null && { enough }) }
      for await (const { record } of this.#overlay.search(query, options)) {
        firstHitMs ??= performance.now() - startedMs
        hits.push({ id: `${record.id}`, provider: record.provider })
      }
    } catch {
      // What came before it failed was found all the same.
      asked = hits.length > 0
    }
    return { asked, hits, firstHitMs, names: asking && [...asking.names] }
  }

  look(): PeerLook {
    const snapshot = this.#overlay.snapshot()
    const { counters, announced, neighbours } = snapshot
    const { sentBytes, receivedMessages } = counters
    const { active: activeMs, idle: idleMs } = performance.eventLoopUtilization()
    const sent = Object.entries(counters).flatMap(([name, bytes]) => {
      const [, type] = /^sent\.(.+)\.bytes$/.exec(name) ?? []
      return type === undefined ? [] : [[type, bytes] as const]
    })
    return {
      sentByType: sentBytes === undefined ? undefined : Object.fromEntries(sent),
      sentBytes,
      receivedMessages,
      links: neighbours.length,
      entries: entriesOf(snapshot),
      isAnnounced: announced === undefined || announced.files >= announced.of,
      questions: this.#tally?.read() ?? {},
      faults: this.#access.faults,
      loop: { activeMs, idleMs }
    }
  }

  async #root(key: Key, signal: AbortSignal): Promise<Found> {
    if (!isKeyRouted(this.#overlay)) return this.#nearest(key, signal)
    const cost: { timeouts?: number } = {}
    const found = await this.#overlay.lookup(key, signal, cost)
    const told = { timeouts: cost.timeouts, names: this.#tally && [keyToHex(key)] }
    if (found === undefined) return { ...NOTHING, ...told }
    return { found: peerIdText(found.root.id), hops: found.hops, ...told }
  }

  /** libp2p's Kademlia names the peers nearest to a key, and never who asks. Its keys are hashes of what it is given. */
  async #nearest(key: Key, signal: AbortSignal): Promise<Found> {
    const routing = (this.#overlay as unknown as { readonly [peerRoutingSymbol]: PeerRouting })[
      peerRoutingSymbol
    ]
    const target = sha256(key)
    const far = (multihash: Uint8Array) => xorDistance(target, keyOfPeer(multihash))
    let nearest = { peerId: this.#peerId, far: far(peerIdBytes(this.#peerId)!) }
    for await (const { id } of routing.getClosestPeers(key, { signal })) {
      const one = { peerId: `${id}`, far: far(id.toMultihash().bytes) }
      if (compareKeys(one.far, nearest.far) < 0) nearest = one
    }
    return { ...NOTHING, found: nearest.peerId }
  }

  /** Until the first provider: whoever fetches can begin then. */
  async #holder(id: ContentId, signal: AbortSignal): Promise<Found> {
    const asking = this.#tally?.begin()
    for await (const { peerId } of this.#overlay.findProviders(id, { signal, timeoutMs: REAL_FILE_MS }))
      return { found: peerId, hops: asking?.hops, timeouts: undefined, names: asking && [...asking.names] }
    return { ...NOTHING, names: asking && [...asking.names] }
  }
}

type Found = Omit<LookupAnswer, 'tookMs'>
const NOTHING: Found = { found: undefined, hops: undefined, timeouts: undefined, names: undefined }

function isKeyRouted(overlay: Overlay): overlay is KeyRouted {
  return 'lookup' in overlay && 'ready' in overlay
}

/** By its own word, as in the simulator: who has a link, is logged in, or knows peers. */
function takesPart(overlay: Overlay): boolean {
  const { name, neighbours, ...tables } = overlay.snapshot()
  if (name === 'napster') return tables.server !== null
  if (name === 'fasttrack') return tables.role === 'supernode' || tables.supernode !== null
  return name === 'kademlia' ? Number(tables.routingTable) > 0 : neighbours.length > 0
}
