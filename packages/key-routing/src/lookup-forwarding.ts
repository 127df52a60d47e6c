/**
 * Recursive lookups, at each peer that has a hand in one. Whoever has a lookup acknowledges it to the hop before,
 * gives it to the best next hop that its tables name, and where that is silent, to the next best. The root
 * answers straight to the origin where it is linked with it (semi-recursive), or back along the path: to dial the
 * origin would take longer than the way back, and cost both of them more. A peer that finds nobody to go to says
 * so to the hop before, which tries its own next best.
 *
 * A silent hop that was taken for the root is named to those that come after it, so that the next candidate may
 * accept the key though its tables still have the silent one in them (p2psim's Chord does likewise).
 *
 * Chord (ToN'03) section IV-D is the rule of the next best hop; R/Kademlia (Heep 2010) that of the
 * acknowledgement for each hop.
 */
import { type Contact, type Link, NO_PEER, type Peer, SELF } from '@servent/overlay/machine'
import type { CallFailure } from './calls-types.ts'
import {
  HOPS_MAX,
  LOOKUP_BUDGET_MS_MAX,
  PRIORITY_LOOKUP,
  PRIORITY_URGENT,
  RELAYS_PER_PEER_MAX,
  TIMEOUTS_MAX,
  TRIES_MAX
} from './constants.ts'
import { NO_LINK } from './links.ts'
import { StraightAnswers } from './lookup-answers.ts'
import { Doubts } from './lookup-doubts.ts'
import { namedTest, Relay, type RelayRules, RelayTable } from './lookup-relay.ts'
import { tellStep } from './lookup-trace.ts'
import type { LookupDeps } from './lookup-types.ts'
import type { Found, HopAck, Lookup, LookupFailed, LookupFailure } from './messages.ts'
import type { KeyRange } from './routing.ts'
import type { LookupStep, RoutingEffects } from './types.ts'

const NO_CONTACTS: readonly Contact[] = []

/** What becomes of lookups that began here. */
export interface OriginRules {
  onOwnFound(relay: Relay, found: Found, from: Peer, effects: RoutingEffects): void
  /** This peer itself turned out to be the root. */
  onOwnRoot(relay: Relay, range: KeyRange, effects: RoutingEffects): void
  onOwnFailed(relay: Relay, reason: LookupFailure, effects: RoutingEffects): void
}

export interface ForwardingCounters {
  /** Lookups of others that were taken on, came again, and were refused for lack of room. */
  relayed: number
  duplicates: number
  refused: number
  /** Hops that were silent or could not be reached, of own lookups and of others'. */
  silentHops: number
  /** Lookups that ended here, this peer being the root. */
  answered: number
}

export class Forwarding implements RelayRules {
  readonly relays = new RelayTable()
  readonly counters: ForwardingCounters = {
    relayed: 0,
    duplicates: 0,
    refused: 0,
    silentHops: 0,
    answered: 0
  }
  readonly #deps: LookupDeps
  readonly #origin: OriginRules
  readonly #doubts: Doubts
  readonly #straight: StraightAnswers

  constructor(deps: LookupDeps, origin: OriginRules) {
    this.#deps = deps
    this.#origin = origin
    this.#doubts = new Doubts(deps)
    this.#straight = new StraightAnswers(deps)
  }

  onLookup(link: Link, message: Lookup, effects: RoutingEffects): void {
    const { calls, routing } = this.#deps
    const neighbour = calls.neighbourAt(link)
    if (neighbour === undefined) return
    const { id, origin, budgetMs } = message
    const known = this.relays.find(id, origin.id)
    if (known !== undefined) {
      this.counters.duplicates += 1
      this.#cameAgain(link, known, message, effects)
      return
    }
    const nowMs = effects.nowMs()
    if (!routing.ready) {
      this.#refuse(link, message, 'not-ready', effects)
      return
    }
    if (message.hops >= HOPS_MAX || budgetMs < 1) {
      this.#refuse(link, message, 'budget', effects)
      return
    }
    const relay = new Relay({
      rules: this,
      id,
      origin,
      key: message.key,
      purpose: message.purpose,
      replyBy: message.replyBy,
      from: neighbour.peer,
      hops: message.hops,
      timeouts: message.timeouts,
      asRoot: message.root,
      silentIds: message.silent,
      endMs: nowMs + Math.min(budgetMs, LOOKUP_BUDGET_MS_MAX)
    })
    if (neighbour.relays >= RELAYS_PER_PEER_MAX || !this.relays.add(relay, nowMs)) {
      this.counters.refused += 1
      this.#refuse(link, message, 'busy', effects)
      return
    }
    neighbour.relays += 1
    this.counters.relayed += 1
    const range = routing.rootOf(relay.key, relay.silentRootTest(effects.peers), relay.asRoot)
    if (range !== undefined) {
      this.#answer(relay, range, false, effects)
      return
    }
    this.#acknowledge(link, message, effects)
    this.forward(relay, effects)
  }

  onHopAck(from: Peer, message: HopAck, effects: RoutingEffects): void {
    const { calls } = this.#deps
    const relay = this.relays.find(message.id, message.origin)
    // An ack of a hop that was given up comes too late; the lookup goes on by another.
    if (relay === undefined || relay.hop !== from) return
    const isLate = relay.state === 'waiting'
    if (!isLate && (relay.state !== 'asking' || relay.link === NO_LINK)) return
    calls.end(relay, !isLate, effects)
    relay.state = 'taken'
    this.#trace(relay, 'acknowledged', from, effects)
    if (relay.own !== undefined) return
    if (relay.replyBy === 'path') calls.wait(relay, relay.endMs, effects)
    else this.#settle(relay)
  }

  onFound(from: Peer, message: Found, effects: RoutingEffects): void {
    const { calls } = this.#deps
    const relay = this.relays.find(message.id, message.origin)
    if (relay === undefined || relay.state === 'done') return
    if (relay.own !== undefined) {
      this.#origin.onOwnFound(relay, message, from, effects)
      return
    }
    if (!relay.wentTo(from)) return
    this.finish(relay, from, effects)
    calls.tell(relay.from, message, PRIORITY_LOOKUP, effects)
  }

  onLookupFailed(from: Peer, message: LookupFailed, effects: RoutingEffects): void {
    const relay = this.relays.find(message.id, message.origin)
    if (relay === undefined || relay.hop !== from) return
    const isAsked = relay.state === 'asking' && relay.link !== NO_LINK
    if (!isAsked && relay.state !== 'taken' && relay.state !== 'waiting') return
    this.#deps.calls.end(relay, relay.state === 'asking', effects)
    relay.hops = Math.max(relay.hops, Math.min(message.hops, HOPS_MAX))
    relay.timeouts = Math.max(relay.timeouts, Math.min(message.timeouts, TIMEOUTS_MAX))
    if (message.reason === 'budget') {
      this.#fail(relay, 'budget', effects)
      return
    }
    relay.refuse(from)
    this.#goOn(relay, effects)
  }

  /** Gives the lookup to the best hop that is left. */
  forward(relay: Relay, effects: RoutingEffects): void {
    const { calls, routing } = this.#deps
    const leftMs = relay.endMs - effects.nowMs()
    if (leftMs < 1 || relay.hops >= HOPS_MAX) {
      this.#fail(relay, 'budget', effects)
      return
    }
    if (this.#doubts.holdsBack(relay, effects)) return
    const best = () => routing.nextHops(relay.key, 1, relay.leftOutTest(effects.peers), relay.asRoot)[0]
    let hop = best()
    // Where it came from knows no better, and this peer is not the root.
    while (hop !== undefined && (hop.peer === relay.from || hop.peer === SELF) && relay.tries < TRIES_MAX) {
      relay.tries += 1
      relay.refuse(hop.peer)
      hop = best()
    }
    if (hop === undefined && relay.avoid.length > 0) {
      relay.avoid = []
      this.forward(relay, effects)
      return
    }
    if (hop === undefined || relay.tries >= TRIES_MAX) {
      this.#fail(relay, 'no-route', effects)
      return
    }
    relay.tries += 1
    relay.state = 'asking'
    relay.hop = hop.peer
    relay.hopIsRoot = hop.root && !relay.passesOver(hop.peer, routing, effects.peers)
    const message: Lookup = {
      type: 'lookup',
      id: relay.id,
      origin: relay.origin,
      key: relay.key,
      purpose: relay.purpose,
      replyBy: relay.replyBy,
      hops: relay.hops + 1,
      timeouts: relay.timeouts,
      budgetMs: Math.floor(leftMs),
      root: relay.hopIsRoot,
      silent: relay.silentIds
    }
    this.#trace(relay, 'sent', hop.peer, effects)
    calls.begin(relay, hop.peer, message, PRIORITY_LOOKUP, effects)
  }

  onCallFailed(relay: Relay, why: CallFailure, effects: RoutingEffects): void {
    if (relay.state === 'taken') {
      // Nothing came back along the path in all the time there was.
      relay.state = 'failed'
      this.#settle(relay)
    } else if (relay.state === 'waiting') {
      this.#fail(relay, 'budget', effects)
    } else if (why === 'busy') {
      relay.refuse(relay.hop)
      this.forward(relay, effects)
    } else {
      this.#onSilentHop(relay, effects)
    }
  }

  /** The tables know by now whether a peer lives that was doubted. */
  settled(peer: Peer, effects: RoutingEffects): void {
    for (const relay of this.#doubts.settle(peer, effects)) this.#goOn(relay, effects)
  }

  /** The other side closed a link, and may have done so before it read what was sent last. */
  linkClosed(link: Link, effects: RoutingEffects): void {
    this.#straight.closed(link, effects)
  }

  /** The lookup is over here. */
  finish(relay: Relay, by: Peer, effects: RoutingEffects): void {
    this.#deps.calls.end(relay, relay.state === 'asking' && relay.hop === by, effects)
    relay.state = 'done'
    this.#settle(relay)
  }

  /** Ends an attempt of a lookup that began here: nothing that comes of it is of use any more. */
  drop(relay: Relay, effects: RoutingEffects): void {
    this.finish(relay, SELF, effects)
    this.relays.remove(relay)
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const relay of this.relays.all()) relay.heldPeers(hold)
    this.#straight.heldPeers(hold)
  }

  #onSilentHop(relay: Relay, effects: RoutingEffects): void {
    const { routing } = this.#deps
    const { hop } = relay
    this.counters.silentHops += 1
    relay.timeouts = Math.min(relay.timeouts + 1, TIMEOUTS_MAX)
    relay.hopWasSilent(effects.peers)
    this.#trace(relay, 'silent', hop, effects)
    routing.onSilent(hop, effects)
    this.#goOn(relay, effects)
  }

  /** With that hop gone, or out of the tables, the key may be this peer's own. */
  #goOn(relay: Relay, effects: RoutingEffects): void {
    const { routing } = this.#deps
    const range = routing.rootOf(relay.key, relay.silentRootTest(effects.peers), relay.asRoot)
    if (range === undefined) this.forward(relay, effects)
    else if (relay.own !== undefined) this.#origin.onOwnRoot(relay, range, effects)
    else this.#answer(relay, range, true, effects)
  }

  /**
   * A lookup that this peer has already. It may have gone around: where all between are found silent, the key is
   * this peer's own now, and where it knows of somebody between, that one's. Otherwise a duplicate is acknowledged, so that its sender tries nobody else; but one
   * that came back to its origin leads nowhere.
   */
  #cameAgain(link: Link, relay: Relay, message: Lookup, effects: RoutingEffects): void {
    const underWay = relay.state === 'asking' || relay.state === 'taken'
    const wasRoot = relay.asRoot
    const range =
      message.root && underWay
        ? this.#deps.routing.rootOf(relay.key, namedTest(message.silent, effects.peers), true)
        : undefined
    if (range !== undefined) {
      this.#acknowledge(link, message, effects)
      relay.hops = message.hops
      relay.timeouts = message.timeouts
      if (relay.own !== undefined) this.#origin.onOwnRoot(relay, range, effects)
      else this.#answer(relay, range, true, effects)
    } else if (message.root && underWay && this.#doubts.holdsBack(relay.asRootNow(message), effects)) {
      this.#acknowledge(link, message, effects)
    } else if (message.root && underWay && !wasRoot && this.#knowsRoot(link, relay, effects)) {
      this.#acknowledge(link, message, effects)
      this.#deps.calls.end(relay, false, effects)
      this.forward(relay, effects)
    } else if ((relay.own !== undefined && relay.state !== 'waiting') || relay.state === 'failed') {
      this.#refuse(link, message, 'no-route', effects)
    } else {
      this.#acknowledge(link, message, effects)
    }
  }

  /** Somebody came between since whoever takes this peer for the root looked, and nobody else knows of it yet. */
  #knowsRoot(link: Link, relay: Relay, { peers }: RoutingEffects): boolean {
    const { calls, routing } = this.#deps
    const [hop] = routing.nextHops(relay.key, 1, relay.leftOutTest(peers), true)
    return hop?.root === true && ![SELF, relay.hop, calls.peerOf(link)].includes(hop.peer)
  }

  /** This peer is the root. `acknowledged`: the hop before knows that it has the lookup. */
  #answer(relay: Relay, range: KeyRange, acknowledged: boolean, effects: RoutingEffects): void {
    const { calls, routing, settings } = this.#deps
    this.counters.answered += 1
    this.#trace(relay, 'arrived', SELF, effects)
    const { peers } = effects
    const found: Found = {
      type: 'found',
      origin: relay.origin.id,
      id: relay.id,
      root: peers.contact(SELF),
      from: range.from,
      to: range.to,
      replicas:
        relay.purpose === 'table'
          ? NO_CONTACTS
          : routing.replicas(relay.key, settings.replicas).map(peer => peers.contact(peer)),
      hops: relay.hops,
      timeouts: relay.timeouts
    }
    const origin = relay.replyBy === 'path' ? NO_PEER : peers.intern(relay.origin)
    const straight = origin === NO_PEER || origin === SELF ? undefined : calls.linkOf(origin)
    const to = straight === undefined ? relay.from : origin
    // An answer that goes back says to the hop before that this peer has the lookup.
    const link = calls.linkOf(relay.from)
    if (to !== relay.from && !acknowledged && link !== undefined) this.#acknowledge(link, relay, effects)
    this.finish(relay, SELF, effects)
    calls.tell(to, found, PRIORITY_LOOKUP, effects)
    if (straight !== undefined && to !== relay.from)
      this.#straight.sent(straight, to, relay.from, found, effects)
  }

  #fail(relay: Relay, reason: LookupFailure, effects: RoutingEffects): void {
    relay.state = 'failed'
    this.#trace(relay, 'failed', SELF, effects)
    if (relay.own !== undefined) {
      this.#origin.onOwnFailed(relay, reason, effects)
      return
    }
    this.#settle(relay)
    const { id, hops, timeouts } = relay
    const failed: LookupFailed = {
      type: 'lookup-failed',
      origin: relay.origin.id,
      id,
      reason,
      hops,
      timeouts
    }
    this.#deps.calls.tell(relay.from, failed, PRIORITY_LOOKUP, effects)
  }

  /** It does not count among those under way any more. */
  #settle(relay: Relay): void {
    if (!relay.live) return
    relay.live = false
    // It is remembered for a while, and a simulator remembers many.
    relay.message = undefined
    this.#deps.calls.relayEnded(relay.from)
  }

  #acknowledge(link: Link, { origin, id }: Pick<Lookup, 'origin' | 'id'>, effects: RoutingEffects): void {
    effects.send(link, { type: 'hop-ack', origin: origin.id, id }, PRIORITY_URGENT)
  }

  /** In place of the acknowledgement. */
  #refuse(link: Link, message: Lookup, reason: LookupFailure, effects: RoutingEffects): void {
    const { origin, id, hops, timeouts } = message
    effects.send(
      link,
      { type: 'lookup-failed', origin: origin.id, id, reason, hops, timeouts },
      PRIORITY_URGENT
    )
  }

  #trace(relay: Relay, what: LookupStep['what'], peer: Peer, effects: RoutingEffects): void {
    if (this.#deps.settings.traceLookups) tellStep(relay, what, peer, relay.hopIsRoot, effects)
  }
}
