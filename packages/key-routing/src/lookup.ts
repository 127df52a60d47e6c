/**
 * Lookups that begin at this peer, and what comes in about anybody's. A lookup has a budget of time. Within it the
 * origin starts anew, at equal intervals, when nothing came of it: a hop may have died with the lookup in its
 * hands. The first answer counts that the tables believe (`KeyRouting.believeRoot`); whose it is must be proven by
 * the link that it comes by. After any other the lookup starts anew at once, by another way. An answer that was only
 * doubted is taken in the end where none was better.
 */
import {
  betweenRightClosed,
  type Input,
  type Key,
  type Link,
  NO_PEER,
  type Peer,
  SELF,
  sameBytes
} from '@servent/overlay/machine'
import { ID_MAX, LOOKUP_BUDGET_MS_MAX, OWN_LOOKUPS_MAX, PRIORITY_URGENT } from './constants.ts'
import { answerStep, type IterativeEnds, IterativeLookup } from './iterative.ts'
import { compareAnswers } from './lookup-answers.ts'
import { Forwarding, type OriginRules } from './lookup-forwarding.ts'
import { NO_COMMAND, OwnLookup, type OwnRules, tellResult } from './lookup-own.ts'
import { DiverseLookups, type PathOptions, type Paths } from './lookup-paths.ts'
import { isUnderWay, nobody, Relay } from './lookup-relay.ts'
import type { LookupDeps, LookupDone, LookupFound, LookupOptions, LookupResult } from './lookup-types.ts'
import type { Found, LookupFailure } from './messages.ts'
import type { KeyRange, RootBelief } from './routing.ts'
import type { RoutingCommand, RoutingEffects, RoutingTypes } from './types.ts'

const NOBODY: readonly Peer[] = []

export class Lookups implements OriginRules, OwnRules, IterativeEnds, Paths {
  readonly #deps: LookupDeps
  readonly #forwarding: Forwarding
  readonly #diverse: DiverseLookups
  #own: Set<OwnLookup> | undefined
  /** Of this peer itself: begun, and ended without a root. */
  #begun = 0
  #failed = 0
  /** Answers that nobody can give, and that few can. */
  #answersRefused = 0
  #answersDoubted = 0

  constructor(deps: LookupDeps) {
    this.#deps = deps
    this.#forwarding = new Forwarding(deps, this)
    this.#diverse = new DiverseLookups(deps, this)
  }

  handle(input: Input<RoutingTypes>, effects: RoutingEffects): boolean {
    if (input.type === 'message') return this.#onMessage(input.link, input.message, effects)
    if (input.type === 'command') return this.#onCommand(input.id, input.command, effects)
    return false
  }

  begin(
    key: Key,
    options: LookupOptions,
    done: LookupDone<RoutingTypes>,
    effects: RoutingEffects,
    command = NO_COMMAND
  ): void {
    const { routing, settings } = this.#deps
    if (settings.lookupPaths === 1 || !routing.ready) this.beginPath(key, options, done, effects, command)
    else this.#diverse.begin(key, options, done, effects, command)
  }

  beginPath(
    key: Key,
    options: PathOptions,
    done: LookupDone<RoutingTypes>,
    effects: RoutingEffects,
    command = NO_COMMAND
  ): OwnLookup | undefined {
    const { routing, settings, calls } = this.#deps
    const { purpose, style = settings.style, budgetMs = settings.lookupBudgetMs } = options
    const own = new OwnLookup({
      rules: this,
      key,
      purpose,
      style,
      startMs: effects.nowMs(),
      budgetMs: Math.min(Math.max(1, budgetMs), LOOKUP_BUDGET_MS_MAX),
      done,
      command,
      attemptsMax: options.attempts ?? settings.lookupAttempts,
      avoided: options.avoided ?? NOBODY
    })
    this.#begun += 1
    this.#own ??= new Set()
    const range = routing.ready ? routing.rootOf(key, nobody) : undefined
    if (range !== undefined) {
      this.#foundSelf(own, range, effects)
    } else if (!routing.ready || this.#own.size >= OWN_LOOKUPS_MAX) {
      this.#end(own, this.#notFound(own, routing.ready ? 'busy' : 'not-ready', effects), effects)
    } else {
      this.#own.add(own)
      calls.wait(own, own.nextTryMs, effects)
      this.#attempt(own, effects)
    }
    return this.#own.has(own) ? own : undefined
  }

  dropPath(own: OwnLookup, effects: RoutingEffects): void {
    this.#forget(own, effects)
  }

  onDue(own: OwnLookup, effects: RoutingEffects): void {
    if (effects.nowMs() + 1 > own.endMs) {
      if (own.steps?.isOver === false) own.timeouts += own.steps.timeouts
      this.#giveUp(own, own.failure, effects)
      return
    }
    // An iterative lookup sees all that happens to it: it starts anew only where it found no way.
    const anew = own.steps === undefined || own.steps.isOver
    this.#deps.calls.wait(own, anew ? own.nextTryMs : own.endMs, effects)
    if (anew) this.#attempt(own, effects)
  }

  onOwnFound(relay: Relay, found: Found, from: Peer, effects: RoutingEffects): void {
    const own = relay.own!
    // A stranger may speak for itself only, and whoever speaks must claim the key.
    if (!relay.wentTo(from) && !sameBytes(found.root.id, effects.peers.contact(from).id)) return
    if (!betweenRightClosed(own.key, found.from, found.to)) return
    this.#forwarding.finish(relay, from, effects)
    const { root, from: rangeFrom, to, replicas, hops } = found
    const timeouts = relay.timeoutsBefore + found.timeouts
    const elapsedMs = effects.nowMs() - own.startMs
    const result = { root, from: rangeFrom, to, replicas, hops, timeouts, elapsedMs }
    const peer = effects.peers.intern(root)
    // A lookup of which this peer is the root comes back to it; that it is one is not for others to say.
    const isOthers = peer === SELF && this.#deps.routing.rootOf(own.key, nobody) === undefined
    const belief = isOthers ? 'impossible' : this.#beliefIn(peer, own.key, to)
    if (belief === 'sound') this.#end(own, result, effects)
    else this.#disbelieve(own, result, belief, [relay.hop, peer], effects)
  }

  onOwnRoot(relay: Relay, range: KeyRange, effects: RoutingEffects): void {
    const own = relay.own!
    own.timeouts += relay.timeouts
    own.hops = Math.max(own.hops, relay.hops)
    this.#foundSelf(own, range, effects)
  }

  onOwnFailed(relay: Relay, reason: LookupFailure, effects: RoutingEffects): void {
    this.#attemptFailed(relay.own!, reason, relay.hops, relay.timeouts, effects)
  }

  onIterativeFound(
    lookup: IterativeLookup,
    root: Peer,
    { from, to }: KeyRange,
    replicas: Found['replicas'],
    effects: RoutingEffects
  ): void {
    const own = this.#ownOf(lookup)
    if (own === undefined) return
    const { hops } = lookup
    const timeouts = own.timeouts + lookup.timeouts
    const elapsedMs = effects.nowMs() - own.startMs
    const result = { root: effects.peers.contact(root), from, to, replicas, hops, timeouts, elapsedMs }
    const belief = this.#beliefIn(root, own.key, to)
    if (belief === 'sound') this.#end(own, result, effects)
    else this.#disbelieve(own, result, belief, [lookup.first, root], effects)
  }

  refuses(root: Peer, key: Key, { to }: KeyRange): boolean {
    const isRefused = this.#beliefIn(root, key, to) === 'impossible'
    if (isRefused) this.#answersRefused += 1
    return isRefused
  }

  onIterativeFailed(lookup: IterativeLookup, reason: LookupFailure, effects: RoutingEffects): void {
    const own = this.#ownOf(lookup)
    if (own !== undefined) this.#attemptFailed(own, reason, lookup.hops, lookup.timeouts, effects)
  }

  settled(peer: Peer, effects: RoutingEffects): void {
    this.#forwarding.settled(peer, effects)
  }

  linkClosed(link: Link, effects: RoutingEffects): void {
    this.#forwarding.linkClosed(link, effects)
  }

  heldPeers(hold: (peer: Peer) => void): void {
    this.#forwarding.heldPeers(hold)
    this.#diverse.heldPeers(hold)
    for (const own of this.#own ?? []) {
      own.steps?.heldPeers(hold)
      for (const peer of own.avoided) hold(peer)
    }
  }

  snapshot(): {
    readonly own: number
    /** Those that go by several ways, each of which counts among `own` as well. */
    readonly diverse: number
    readonly relays: number
    readonly counters: Readonly<Record<string, number>>
  } {
    return {
      own: this.#own?.size ?? 0,
      diverse: this.#diverse.size,
      relays: this.#forwarding.relays.size,
      counters: {
        begun: this.#begun,
        failed: this.#failed,
        answersRefused: this.#answersRefused,
        answersDoubted: this.#answersDoubted,
        ...this.#forwarding.counters
      }
    }
  }

  #onMessage(link: number, message: RoutingTypes['message'], effects: RoutingEffects): boolean {
    const from = this.#deps.calls.peerOf(link)
    switch (message.type) {
      case 'lookup':
        this.#forwarding.onLookup(link, message, effects)
        return true
      case 'hop-ack':
        if (from !== undefined) this.#forwarding.onHopAck(from, message, effects)
        return true
      case 'found':
        if (from !== undefined) this.#forwarding.onFound(from, message, effects)
        return true
      case 'lookup-failed':
        if (from !== undefined) this.#forwarding.onLookupFailed(from, message, effects)
        return true
      case 'next-hops-request':
        if (from !== undefined) answerStep(this.#deps, link, message, effects)
        return true
      case 'ping':
        if (from !== undefined) effects.send(link, { type: 'pong', id: message.id }, PRIORITY_URGENT)
        return true
      default:
        return false
    }
  }

  #onCommand(id: number, command: RoutingCommand, effects: RoutingEffects): boolean {
    if (command.type === 'lookup') {
      const { style } = command
      const options = style === undefined ? { purpose: 'user' as const } : { purpose: 'user' as const, style }
      this.begin(command.key, options, (result, fx) => tellResult(id, result, fx), effects, id)
      return true
    }
    if (command.type !== 'give-up') return false
    if (this.#diverse.giveUp(command.command, effects)) return true
    for (const own of this.#own ?? []) {
      if (own.command !== command.command) continue
      this.#forget(own, effects)
      return true
    }
    return false
  }

  #attempt(own: OwnLookup, effects: RoutingEffects): void {
    own.attempts += 1
    if (own.style === 'iterative') {
      const before = own.steps?.wasLedToDoubt === true ? [own.steps.first] : NOBODY
      own.steps = new IterativeLookup(this.#deps, this, effects.random() & ID_MAX, own.key, own.purpose)
      own.steps.begin([...own.avoided, ...before], effects)
      return
    }
    const last = own.relays?.at(-1)
    // Nothing came of it, whatever it was: one timeout more than it told of.
    if (last !== undefined && isUnderWay(last)) own.timeouts += last.timeouts + 1
    const relay = this.#relayOf(own, effects)
    if (relay === undefined) {
      this.#attemptFailed(own, 'busy', 0, 0, effects)
      return
    }
    if (last !== undefined) relay.avoid = [...own.avoided, last.hop].filter(peer => peer !== NO_PEER)
    else if (own.avoided.length > 0) relay.avoid = own.avoided
    own.relays ??= []
    own.relays.push(relay)
    this.#forwarding.forward(relay, effects)
  }

  #relayOf(own: OwnLookup, effects: RoutingEffects): Relay | undefined {
    const { relays } = this.#forwarding
    let id = effects.random() & ID_MAX
    // Chosen at random, so that nobody who has not seen the lookup can answer it.
    if (relays.has(id)) id = this.#deps.calls.nextId()
    const relay = new Relay({
      rules: this.#forwarding,
      id,
      origin: effects.peers.contact(SELF),
      key: own.key,
      purpose: own.purpose,
      replyBy: own.style === 'recursive' ? 'path' : 'direct',
      from: SELF,
      hops: 0,
      timeouts: 0,
      asRoot: false,
      silentIds: [],
      endMs: own.endMs
    })
    relay.own = own
    relay.timeoutsBefore = own.timeouts
    return relays.add(relay, effects.nowMs()) ? relay : undefined
  }

  #attemptFailed(
    own: OwnLookup,
    reason: LookupFailure,
    hops: number,
    timeouts: number,
    effects: RoutingEffects
  ): void {
    own.failure = reason
    own.hops = Math.max(own.hops, hops)
    own.timeouts += timeouts
    // Whoever was on the way may know more a little later.
    if (own.attempts >= own.attemptsMax) this.#giveUp(own, reason, effects)
    // It may have taken longer than its part of the time, in which nothing else was begun.
    else if (own.style === 'iterative') this.#deps.calls.wait(own, own.tryMs(own.attempts), effects)
  }

  #beliefIn(root: Peer, key: Key, to: Key): RootBelief {
    if (root === SELF) return 'sound'
    // Nobody can speak to a peer that the host has no room for.
    if (root === NO_PEER) return 'impossible'
    const { routing, settings } = this.#deps
    return (settings.answerChecks === 'on' && routing.believeRoot?.(root, key, to)) || 'sound'
  }

  /** Tries by others than those by whom this answer came. */
  #disbelieve(
    own: OwnLookup,
    answer: LookupFound,
    belief: Exclude<RootBelief, 'sound'>,
    avoided: readonly Peer[],
    effects: RoutingEffects
  ): void {
    const fresh = avoided.filter(peer => peer !== NO_PEER && peer !== SELF)
    own.avoided = [...own.avoided, ...fresh]
    own.timeouts = Math.max(own.timeouts, answer.timeouts)
    if (belief === 'impossible') {
      this.#answersRefused += 1
    } else {
      this.#answersDoubted += 1
      if (own.doubtful === undefined || this.#isNearer(own.key, answer, own.doubtful, effects))
        own.doubtful = answer
    }
    if (own.attempts >= own.attemptsMax) {
      this.#giveUp(own, 'no-route', effects)
      return
    }
    own.failure = 'no-route'
    this.#deps.calls.wait(own, own.nextTryMs, effects)
    this.#attempt(own, effects)
  }

  #isNearer(key: Key, a: LookupFound, b: LookupFound, { peers }: RoutingEffects): boolean {
    return compareAnswers(this.#deps.routing, key, a, b, peers) < 0
  }

  /** Nothing better came than what was doubted, where anything came. */
  #giveUp(own: OwnLookup, reason: LookupFailure, effects: RoutingEffects): void {
    const { doubtful } = own
    const notFound = this.#notFound(own, reason, effects)
    const { timeouts, elapsedMs } = notFound
    this.#end(own, doubtful === undefined ? notFound : { ...doubtful, timeouts, elapsedMs }, effects)
  }

  #foundSelf(own: OwnLookup, { from, to }: KeyRange, effects: RoutingEffects): void {
    const { routing, settings } = this.#deps
    const { peers } = effects
    const replicas = routing.replicas(own.key, settings.replicas).map(peer => peers.contact(peer))
    const elapsedMs = effects.nowMs() - own.startMs
    const root = peers.contact(SELF)
    this.#end(own, { root, from, to, replicas, hops: own.hops, timeouts: own.timeouts, elapsedMs }, effects)
  }

  #notFound(own: OwnLookup, failed: LookupFailure, effects: RoutingEffects): LookupResult {
    const { hops, timeouts } = own
    return { failed, hops, timeouts, elapsedMs: effects.nowMs() - own.startMs }
  }

  #end(own: OwnLookup, result: LookupResult, effects: RoutingEffects): void {
    if ('failed' in result) this.#failed += 1
    this.#forget(own, effects)
    own.done(result, effects)
  }

  #forget(own: OwnLookup, effects: RoutingEffects): void {
    this.#own?.delete(own)
    this.#deps.calls.end(own, false, effects)
    own.steps?.giveUp()
    for (const relay of own.relays ?? []) this.#forwarding.drop(relay, effects)
  }

  #ownOf(lookup: IterativeLookup): OwnLookup | undefined {
    for (const own of this.#own ?? []) if (own.steps === lookup) return own
    return undefined
  }
}
