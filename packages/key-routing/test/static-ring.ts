/**
 * A ring of machines that hold a `KeyRouter` and nothing else, in the simulator. Their tables are Chord's in
 * small and stand still: some successors, fingers if wanted, and the peers before them. Nobody's silence changes
 * them.
 */
import {
  betweenRightClosed,
  type Codec,
  type Effects,
  type Input,
  type Key,
  type Machine,
  type Peer,
  type RequestId
} from '@servent/overlay/machine'
import { type NetworkModel, type NodeIndex, Simulation } from '@servent/simulator'
import {
  type KeyRange,
  KeyRouter,
  type KeyRouting,
  type LookupStyle,
  type NextHop,
  type RouterSettings,
  type RouterSnapshot,
  type RoutingMessage,
  type RoutingNotice,
  type RoutingTypes,
  routerSettings,
  routingByteLength,
  routingTypeOf
} from '../src/machine.ts'
import { keyAt } from './solo.ts'

interface RingTypes extends RoutingTypes {
  snapshot: RouterSnapshot
}

export class RingTables implements KeyRouting {
  ready = true
  readonly silent: Peer[] = []
  /** Clockwise from this peer, all others of the ring as it is believed to be. */
  around: readonly Peer[] = []
  successors = 3
  /** Whether the peer at every power of two is known. */
  fingers = false
  readonly #keyOf: (peer: Peer) => Key

  constructor(keyOf: (peer: Peer) => Key) {
    this.#keyOf = keyOf
  }

  rootOf(_key: Key, silent: (peer: Peer) => boolean): KeyRange | undefined {
    // What lies before this peer, as far back as peers are silent, is its own.
    const before = this.around.toReversed().find(peer => !silent(peer)) ?? 0
    const [from, to] = [this.#keyOf(before), this.#keyOf(0)]
    return betweenRightClosed(_key, from, to) ? { from, to } : undefined
  }

  nextHops(key: Key, limit: number, silent: (peer: Peer) => boolean): readonly NextHop[] {
    const self = this.#keyOf(0)
    const near = this.around.slice(0, this.successors)
    const roots = near.filter(peer => betweenRightClosed(key, self, this.#keyOf(peer)))
    if (roots.length > 0) return hopsOf(roots, true, limit, silent)
    const far = this.fingers ? [1, 2, 4, 8, 16, 32].map(step => this.around[step - 1]) : []
    const known = [...new Set([...near, ...far.filter(peer => peer !== undefined)])]
    // The nearest before the key first: those further along the ring.
    const before = known.filter(peer => betweenRightClosed(this.#keyOf(peer), self, key))
    before.sort((a, b) => this.around.indexOf(b) - this.around.indexOf(a))
    return hopsOf(before, false, limit, silent)
  }

  replicas(_key: Key, count: number): readonly Peer[] {
    return this.around.slice(0, Math.min(count, this.successors))
  }

  onSilent(peer: Peer): void {
    this.silent.push(peer)
  }
}

function hopsOf(
  peers: readonly Peer[],
  root: boolean,
  limit: number,
  silent: (peer: Peer) => boolean
): NextHop[] {
  return peers
    .filter(peer => !silent(peer))
    .slice(0, limit)
    .map(peer => ({ peer, root }))
}

export class RingMachine implements Machine<RingTypes> {
  tables: RingTables | undefined
  router: KeyRouter<RingTypes> | undefined
  readonly #settings: RouterSettings
  readonly #arrange: (tables: RingTables) => void

  constructor(settings: RouterSettings, arrange: (tables: RingTables) => void) {
    this.#settings = settings
    this.#arrange = arrange
  }

  handle(input: Input<RingTypes>, effects: Effects<RingTypes>): void {
    if (this.router === undefined) {
      this.tables = new RingTables(peer => effects.peers.key(peer))
      this.#arrange(this.tables)
      this.router = new KeyRouter({ routing: this.tables, settings: this.#settings })
    }
    this.router.handle(input, effects)
  }

  heldPeers(hold: (peer: Peer) => void): void {
    this.router?.heldPeers(hold)
  }

  snapshot(): RouterSnapshot {
    return this.router!.snapshot()
  }
}

const codec: Codec<RoutingMessage> = {
  byteLength: routingByteLength,
  typeOf: routingTypeOf,
  open: () => {
    throw new Error('The simulator carries messages as they are.')
  }
}

export interface RingInit {
  readonly nodes: number
  readonly settings?: Partial<RouterSettings>
  readonly successors?: number
  readonly fingers?: boolean
  readonly network?: NetworkModel
  readonly seed?: string
  readonly linked?: boolean
}

/** Node `n` of N has the key whose first byte is 256 n / N: it is the root of the keys up to there. */
export class StaticRing {
  readonly simulation: Simulation<RingTypes>
  readonly notices: { readonly node: NodeIndex; readonly notice: RoutingNotice; readonly nowUs: number }[] =
    []
  readonly nodes: number

  constructor({ nodes, settings, successors, fingers, network, seed = 'ring', linked = true }: RingInit) {
    this.nodes = nodes
    const all = routerSettings(settings)
    this.simulation = new Simulation<RingTypes>({
      seed,
      codec,
      keyOf: node => keyAt((256 * node) / nodes),
      createMachine: node =>
        new RingMachine(all, tables => {
          tables.around = Array.from({ length: nodes - 1 }, (_, step) => this.peer((node + step + 1) % nodes))
          tables.successors = successors ?? 3
          tables.fingers = fingers ?? false
        }),
      onNotice: (node, notice, nowUs) => this.notices.push({ node, notice, nowUs }),
      ...(network !== undefined && { network })
    })
    for (const node of this.simulation.addNodes(nodes)) this.simulation.start(node)
    if (!linked) return
    for (let node = 0; node < nodes; node += 1) {
      for (let step = 1; step <= (successors ?? 3); step += 1)
        if (nodes > step) this.simulation.connect(node, (node + step) % nodes)
    }
  }

  peer(node: NodeIndex): Peer {
    return node + 1
  }

  tables(node: NodeIndex): RingTables {
    return (this.simulation.machine(node) as RingMachine).tables!
  }

  /** Looks a key up and lets ten seconds pass. */
  lookup(from: NodeIndex, key: Key, style?: LookupStyle): RingOutcome {
    const command = this.start(from, key, style)
    this.simulation.runFor(10_000_000)
    return this.outcome(from, command)
  }

  start(from: NodeIndex, key: Key, style?: LookupStyle): RequestId {
    return this.simulation.command(from, { type: 'lookup', key, ...(style !== undefined && { style }) })
  }

  outcome(from: NodeIndex, command: RequestId): RingOutcome {
    const ends = this.notices.flatMap(({ node, notice }) =>
      node === from &&
      (notice.type === 'looked-up' || notice.type === 'lookup-failed') &&
      notice.command === command
        ? [notice]
        : []
    )
    if (ends.length !== 1) throw new Error(`A lookup ends once, not ${ends.length} times.`)
    const end = ends[0]!
    const { hops, timeouts, elapsedMs } = end
    if (end.type === 'lookup-failed') return { failed: end.reason, hops, timeouts, elapsedMs }
    return { root: this.simulation.nodeOf(end.root), hops, timeouts, elapsedMs }
  }

  sent(type: RoutingMessage['type']): number {
    return this.simulation.metrics.byType()[type]?.messages ?? 0
  }
}

export type RingOutcome =
  | {
      readonly root: NodeIndex | undefined
      readonly hops: number
      readonly timeouts: number
      readonly elapsedMs: number
    }
  | {
      readonly failed: string
      readonly hops: number
      readonly timeouts: number
      readonly elapsedMs: number
    }
