/**
 * Lookups whose root is silent and may live all the same: a peer that is late, or whose link is. While the overlay finds
 * out, nobody answers in its place, so that no key has two roots (Castro et al., DSN 2004, section 3: a node delivers
 * only what no live node is closer to). On the way to a root nobody waits: there the next best hop does as well.
 */
import type { Peer } from '@servent/overlay/machine'
import type { Relay } from './lookup-relay.ts'
import type { LookupDeps } from './lookup-types.ts'
import type { RoutingEffects } from './types.ts'

export class Doubts {
  readonly #deps: LookupDeps
  /** By whom they wait for. As many as relays are remembered. */
  #waiting: Map<Peer, Relay[]> | undefined

  constructor(deps: LookupDeps) {
    this.#deps = deps
  }

  /** True where the lookup waits now, for the rest of its time at most. */
  holdsBack(relay: Relay, effects: RoutingEffects): boolean {
    const { calls, routing } = this.#deps
    if (routing.doubted === undefined || !relay.someSilent) return false
    const peer = routing.doubted(relay.key, relay.silentTest(effects.peers), relay.asRoot, effects)
    if (peer === undefined) return false
    calls.end(relay, false, effects)
    relay.state = 'waiting'
    calls.wait(relay, relay.endMs, effects)
    this.#waiting ??= new Map()
    const others = this.#waiting.get(peer)
    if (others === undefined) this.#waiting.set(peer, [relay])
    else if (!others.includes(relay)) others.push(relay)
    return true
  }

  /** It is known whether a peer lives: the lookups that waited for it, which take it for any other from now on. */
  settle(peer: Peer, effects: RoutingEffects): readonly Relay[] {
    const waited = this.#waiting?.get(peer) ?? []
    this.#waiting?.delete(peer)
    const left = waited.filter(({ state }) => state === 'waiting')
    for (const relay of left) {
      this.#deps.calls.end(relay, false, effects)
      relay.notSilent(peer, effects.peers)
    }
    return left
  }
}
