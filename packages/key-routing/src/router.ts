/**
 * What a machine holds to find the roots of keys and to answer others who do. It gives each input to `handle`
 * first and leaves alone what that took:
 *
 *     handle (input, effects) {
 *       if (!this.router.handle(input, effects)) this.ring.handle(input, effects)
 *     }
 *
 * Links concern the overlay too: it hears of them by `LinkEvents`. Its own requests go through `calls`, and the
 * ids of its questions come from `calls.nextId`, since parts of one machine must not choose the same.
 */
import type { Effects, Input, Key, MachineTypes, Peer } from '@servent/overlay/machine'
import { Calls } from './calls.ts'
import { type LinkEvents, mayBeUnread } from './calls-types.ts'
import { LinkNetworks } from './link-networks.ts'
import { Lookups } from './lookup.ts'
import type { LookupDone, LookupOptions } from './lookup-types.ts'
import { ROUTER_SETTINGS, type RouterSettings } from './router-settings.ts'
import type { KeyRouting } from './routing.ts'
import type { RoutingEffects, RoutingTypes } from './types.ts'

/** Types of messages that answer requests. An overlay with requests of its own gives these and its own. */
export const ROUTING_ANSWERS: ReadonlySet<string> = new Set([
  'pong',
  'next-hops-answer',
  'stored',
  'page',
  'digest-answer'
])

/** A part of the machine beside lookups that takes inputs of its own: `RecordKeeper` is one. */
export interface RouterPart {
  /** True for what concerns it alone. Every input comes here that neither calls nor lookups took. */
  handle(input: Input<RoutingTypes>, effects: RoutingEffects): boolean
  /** What this peer is the root of, or a replica set, may have changed. */
  onTablesChanged(effects: RoutingEffects): void
  heldPeers(hold: (peer: Peer) => void): void
  /** Plain data. */
  snapshot(): unknown
}

export interface KeyRouterInit<T extends MachineTypes> {
  readonly routing: KeyRouting
  /** Made by `routerSettings`, and shared by the machines of a network. */
  readonly settings?: RouterSettings
  /** `ROUTING_ANSWERS` where the overlay has no requests of its own. */
  readonly answers?: ReadonlySet<string>
  /** Often the overlay's object itself. */
  readonly links?: LinkEvents<T>
}

/** What status and lab show. Plain data. */
export interface RouterSnapshot {
  readonly links: number
  readonly ownLinks: number
  /** Requests under way and waiting. */
  readonly calls: number
  /** Lookups of this peer itself. */
  readonly lookups: number
  /** Lookups of others that are remembered. */
  readonly relays: number
  readonly counters: Readonly<Record<string, number>>
  /** What the part says of itself. */
  readonly part?: unknown
}

export class KeyRouter<T extends MachineTypes = RoutingTypes> {
  readonly calls: Calls<T>
  readonly settings: RouterSettings
  readonly #lookups: Lookups
  readonly #networks: LinkNetworks<RoutingTypes>
  #part: RouterPart | undefined

  constructor(init: KeyRouterInit<T>) {
    const { routing, settings = ROUTER_SETTINGS, answers = ROUTING_ANSWERS, links } = init
    this.settings = settings
    this.calls = new Calls<T>(answers, links, settings)
    // The overlay's messages hold those of routing, so its calls and effects serve lookups.
    const ownCalls = this.calls as unknown as Calls<RoutingTypes>
    this.#networks = new LinkNetworks(ownCalls)
    this.#lookups = new Lookups({ calls: ownCalls, routing, settings, networks: this.#networks })
  }

  /** The part that keeps records. It is made with this router's `calls` and `lookup`, so it comes afterwards. */
  use(part: RouterPart): void {
    this.#part = part
  }

  /** True for what the overlay need not see. `start`, `stop` and `contact` are always for it too. */
  handle(input: Input<T>, effects: Effects<T>): boolean {
    const ownEffects = effects as unknown as RoutingEffects
    this.#networks.see(input as Input<RoutingTypes>)
    if (this.calls.handle(input, effects)) {
      if (input.type === 'link-down' && mayBeUnread(input.end))
        this.#lookups.linkClosed(input.link, ownEffects)
      return true
    }
    const own = input as Input<RoutingTypes>
    if (this.#lookups.handle(own, ownEffects)) return true
    const taken = this.#part?.handle(own, ownEffects) ?? false
    return taken && input.type !== 'start' && input.type !== 'stop' && input.type !== 'contact'
  }

  /** Finds the root of a key. `done` is called once, perhaps before this returns. */
  lookup(key: Key, options: LookupOptions, done: LookupDone<T>, effects: Effects<T>): void {
    this.#lookups.begin(
      key,
      options,
      done as unknown as LookupDone<RoutingTypes>,
      effects as unknown as RoutingEffects
    )
  }

  /** Whether as many of a table's others as `peersPerNetwork` says come from where this peer comes from. */
  isCrowded(peer: Peer, others: Iterable<Peer>): boolean {
    return this.#networks.isCrowded(peer, others, this.settings.peersPerNetwork)
  }

  /** The overlay says so when what it is the root of, or a replica set, may have changed. */
  tablesChanged(effects: Effects<T>): void {
    this.#part?.onTablesChanged(effects as unknown as RoutingEffects)
  }

  /** Of a peer that `KeyRouting.doubted` named: by now it is in no table any more, or lives. */
  settled(peer: Peer, effects: Effects<T>): void {
    this.#lookups.settled(peer, effects as unknown as RoutingEffects)
  }

  heldPeers(hold: (peer: Peer) => void): void {
    this.calls.heldPeers(hold)
    this.#lookups.heldPeers(hold)
    this.#part?.heldPeers(hold)
  }

  /** Collections by name, and how many are in each. */
  sizes(): Readonly<Record<string, number>> {
    const { own, relays } = this.#lookups.snapshot()
    return { ...this.calls.sizes(), lookups: own, relays }
  }

  snapshot(): RouterSnapshot {
    const { calls, links, own } = this.calls.sizes()
    const { own: lookups, relays, counters } = this.#lookups.snapshot()
    const part = this.#part?.snapshot()
    return { links, ownLinks: own, calls, lookups, relays, counters, ...(part !== undefined && { part }) }
  }
}
