/**
 * Iterative lookups: the origin asks one peer after the other for its next hops, the best first, and learns itself
 * who is silent (Chord ToN'03, section IV-D). `alpha` peers may be asked at a time; Chord's is 1.
 *
 * Hops that an answer names come before those of earlier answers, being nearer to the key. Whoever named as many
 * as an answer holds is asked again when all of those were silent, and told so.
 */
import {
  betweenRightClosed,
  type Contact,
  type Key,
  NO_PEER,
  type Peer,
  SELF,
  sameBytes
} from '@servent/overlay/machine'
import { type CallFailure, Request } from './calls-types.ts'
import {
  CANDIDATES_MAX,
  HOPS_MAX,
  NEXT_HOPS_MAX,
  PRIORITY_LOOKUP,
  PRIORITY_URGENT,
  SILENT_MAX
} from './constants.ts'
import { namedTest, nobody } from './lookup-relay.ts'
import { tellStep } from './lookup-trace.ts'
import type { LookupDeps } from './lookup-types.ts'
import type { LookupFailure, LookupPurpose, NextHopsAnswer, NextHopsRequest } from './messages.ts'
import type { KeyRange } from './routing.ts'
import type { LookupStep, RoutingEffects, RoutingTypes } from './types.ts'

/** What becomes of an iterative lookup: `onIterativeFound` or `onIterativeFailed` is called, once. */
export interface IterativeEnds {
  /** `root` is this peer itself where all that were nearer are silent. */
  onIterativeFound(
    lookup: IterativeLookup,
    root: Peer,
    range: KeyRange,
    replicas: readonly Contact[],
    effects: RoutingEffects
  ): void
  /** Whether nobody can be the root of this range: then the lookup goes on. */
  refuses(root: Peer, key: Key, range: KeyRange): boolean
  onIterativeFailed(lookup: IterativeLookup, reason: LookupFailure, effects: RoutingEffects): void
}

const NOTHING: readonly Uint8Array[] = []

interface Candidate {
  readonly peer: Peer
  /** Whoever named it takes it for the root if all before it are silent. */
  readonly root: boolean
  /** Named so by this peer's own tables. */
  readonly own: boolean
  /**
   * It named as many hops as an answer holds, and may know more; or itself, if the others that it named are silent. What
   * it was told of silent peers then: asked with the same again it would say the same.
   */
  readonly told?: readonly Uint8Array[]
}

class Step extends Request<RoutingTypes> {
  readonly to: Peer
  readonly root: boolean
  readonly own: boolean
  /** Root candidates that it is told are silent. */
  readonly silent: readonly Uint8Array[]
  readonly #lookup: IterativeLookup

  constructor(
    lookup: IterativeLookup,
    id: number,
    { peer, root, own }: Candidate,
    silent: readonly Uint8Array[]
  ) {
    super(id)
    this.#lookup = lookup
    this.to = peer
    this.root = root
    this.own = own
    this.silent = silent
  }

  override onAnswer(answer: RoutingTypes['message'], effects: RoutingEffects): void {
    // Another kind of answer to this id is none.
    if (answer.type === 'next-hops-answer') this.#lookup.onAnswer(this, answer, effects)
    else this.#lookup.onStepFailed(this, 'silent', effects)
  }

  override onFailed(why: CallFailure, effects: RoutingEffects): void {
    this.#lookup.onStepFailed(this, why, effects)
  }
}

export class IterativeLookup {
  /** Names the lookup in traces. */
  readonly id: number
  readonly key: Key
  readonly purpose: LookupPurpose
  hops = 0
  timeouts = 0
  /** Whom it asked first. */
  first: Peer = NO_PEER
  /** It ended with somebody who will be the root once another is dead, and was named by others. */
  wasLedToDoubt = false
  readonly #deps: LookupDeps
  readonly #ends: IterativeEnds
  /** The best last. */
  readonly #candidates: Candidate[] = []
  readonly #asked = new Set<Peer>()
  readonly #silent: Peer[] = []
  #silentIds: readonly Uint8Array[] = []
  #underWay = 0
  #steps = 0
  #over = false

  constructor(deps: LookupDeps, ends: IterativeEnds, id: number, key: Key, purpose: LookupPurpose) {
    this.#deps = deps
    this.#ends = ends
    this.id = id
    this.key = key
    this.purpose = purpose
  }

  get isOver(): boolean {
    return this.#over
  }

  /** `avoided` are left out of the first hops as long as there are others. */
  begin(avoided: readonly Peer[], effects: RoutingEffects): void {
    const { routing } = this.#deps
    const others = routing.nextHops(this.key, NEXT_HOPS_MAX, peer => avoided.includes(peer))
    const hops = others.length > 0 ? others : routing.nextHops(this.key, NEXT_HOPS_MAX, nobody)
    const roots = hops.filter(({ root, peer }) => root && peer !== SELF)
    const self = { peer: SELF, root: true }
    const all = roots.length === 0 ? hops : [...roots, self, ...hops.filter(({ root }) => !root)]
    for (const hop of all.toReversed()) this.#candidates.push({ ...hop, own: true })
    this.#go(effects)
  }

  /** Nobody waits for it any more. What is under way is heard out for what it says of its peer. */
  giveUp(): void {
    this.#over = true
    this.#candidates.length = 0
  }

  onAnswer(step: Step, answer: NextHopsAnswer, effects: RoutingEffects): void {
    this.#underWay -= 1
    if (this.#over) return
    this.hops += 1
    this.#trace('acknowledged', step.to, step.root, effects)
    const { range } = answer
    const claims = range !== undefined && betweenRightClosed(this.key, range.from, range.to)
    if (claims && !this.#ends.refuses(step.to, this.key, range)) {
      this.#over = true
      this.#trace('arrived', step.to, true, effects)
      this.#ends.onIterativeFound(this, step.to, range, answer.replicas, effects)
      return
    }
    if (step.root) this.#passOver()
    if (!claims) this.#take(step, answer, effects)
    this.#go(effects)
  }

  #take(step: Step, answer: NextHopsAnswer, effects: RoutingEffects): void {
    if (answer.hops.length >= NEXT_HOPS_MAX)
      this.#candidates.push({ peer: step.to, root: false, own: false, told: step.silent })
    const named = answer.hops
      .slice(0, NEXT_HOPS_MAX)
      .map(({ contact, root }) => ({ peer: effects.peers.intern(contact), root, own: false }))
    const fresh = named.filter(
      ({ peer, root }) => peer !== NO_PEER && !this.#asked.has(peer) && (peer !== SELF || root)
    )
    // Whoever names itself behind others is the root when all of these are silent, and is asked as such then.
    if (named.some(({ peer, root }) => root && peer === step.to)) {
      let isNew = fresh.length > 0
      for (const { peer, root } of named)
        if (root && this.#silent.includes(peer) && this.#nameSilent(peer, effects)) isNew = true
      if (isNew) this.#candidates.push({ peer: step.to, root: true, own: false, told: NOTHING })
      else if (step.root) this.#endInDoubt(step)
    }
    this.#candidates.push(...fresh.reverse())
    if (this.#candidates.length > CANDIDATES_MAX)
      this.#candidates.splice(0, this.#candidates.length - CANDIDATES_MAX)
  }

  /**
   * It was told of the silent ones, and finds out whether they are dead: before it has, nobody else can say more. Whoever
   * made this up ends no attempt but this one: the next goes another way.
   */
  #endInDoubt({ own }: Step): void {
    this.#candidates.length = 0
    this.wasLedToDoubt = !own
  }

  onStepFailed(step: Step, why: CallFailure, effects: RoutingEffects): void {
    this.#underWay -= 1
    if (why !== 'busy') {
      this.timeouts += 1
      this.#silent.push(step.to)
      if (step.root) this.#nameSilent(step.to, effects)
      if (!this.#over) this.#trace('silent', step.to, step.root, effects)
      this.#deps.routing.onSilent(step.to, effects)
    }
    if (this.#over) return
    if (why === 'busy' && step.root) this.#passOver()
    this.#go(effects)
  }

  /** It was taken for the root: those that come after it are told. False where they are already. */
  #nameSilent(peer: Peer, effects: RoutingEffects): boolean {
    const { id } = effects.peers.contact(peer)
    if (this.#silentIds.some(named => sameBytes(named, id))) return false
    this.#silentIds = [...this.#silentIds, id].slice(-SILENT_MAX)
    return true
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const { peer } of this.#candidates) if (peer !== SELF) hold(peer)
    for (const peer of this.#asked) hold(peer)
    for (const peer of this.#silent) hold(peer)
  }

  #go(effects: RoutingEffects): void {
    const { alpha } = this.#deps.settings
    while (!this.#over && this.#underWay < alpha && this.#steps < HOPS_MAX) {
      const candidate = this.#candidates.pop()
      if (candidate === undefined) break
      const { peer, told } = candidate
      if (peer === SELF) this.#askSelf(candidate, effects)
      else if (told === undefined ? !this.#asked.has(peer) : told !== this.#silentIds)
        this.#ask(candidate, effects)
    }
    // A request that failed at once has come here by itself.
    if (this.#over || this.#underWay > 0) return
    this.#over = true
    this.#trace('failed', SELF, false, effects)
    this.#ends.onIterativeFailed(this, this.#steps < HOPS_MAX ? 'no-route' : 'budget', effects)
  }

  /** Somebody who was taken for the root is not silent: those named behind are on the way at best. */
  #passOver(): void {
    for (const [at, candidate] of this.#candidates.entries())
      if (candidate.root) this.#candidates[at] = { ...candidate, root: false }
  }

  /** Those who were named before this peer are silent: the key may be its own. */
  #askSelf({ root, own }: Candidate, effects: RoutingEffects): void {
    const { routing, settings } = this.#deps
    const silent = root ? namedTest(this.#silentIds, effects.peers) : nobody
    const range = routing.rootOf(this.key, silent, root && !own)
    if (range === undefined) return
    this.#over = true
    const replicas = routing.replicas(this.key, settings.replicas)
    this.#ends.onIterativeFound(
      this,
      SELF,
      range,
      replicas.map(peer => effects.peers.contact(peer)),
      effects
    )
  }

  #ask(candidate: Candidate, effects: RoutingEffects): void {
    const { calls } = this.#deps
    const { peer, root } = candidate
    const id = calls.nextId()
    this.#asked.add(peer)
    if (this.#steps === 0) this.first = peer
    this.#steps += 1
    this.#underWay += 1
    this.#trace('sent', peer, root, effects)
    calls.ask(
      new Step(this, id, candidate, this.#silentIds),
      peer,
      {
        type: 'next-hops-request',
        id,
        key: this.key,
        purpose: this.purpose,
        root,
        silent: this.#silentIds
      },
      PRIORITY_LOOKUP,
      effects
    )
  }

  #trace(what: LookupStep['what'], peer: Peer, root: boolean, effects: RoutingEffects): void {
    if (!this.#deps.settings.traceLookups) return
    const { id, key, purpose, hops } = this
    tellStep({ id, key, purpose, hops, origin: effects.peers.contact(SELF) }, what, peer, root, effects)
  }
}

/** Answers a step of somebody else's iterative lookup: nothing of it is remembered. */
export function answerStep(
  deps: LookupDeps,
  link: number,
  request: NextHopsRequest,
  effects: RoutingEffects
): void {
  const { routing, settings } = deps
  const { id, key } = request
  const { peers } = effects
  const contact = (peer: Peer): Contact => peers.contact(peer)
  const isSilent = namedTest(request.silent.slice(-SILENT_MAX), peers)
  const range = routing.ready
    ? routing.rootOf(key, request.root ? isSilent : nobody, request.root)
    : undefined
  const hops =
    routing.ready && range === undefined ? routing.nextHops(key, NEXT_HOPS_MAX, isSilent, request.root) : []
  // Whoever asks comes again later: this answer cannot wait for what is found out.
  if (routing.ready && range === undefined && request.silent.length > 0)
    routing.doubted?.(key, isSilent, request.root, effects)
  const answer: NextHopsAnswer = {
    type: 'next-hops-answer',
    id,
    ...(range !== undefined && { range: { from: range.from, to: range.to } }),
    replicas:
      range === undefined || request.purpose === 'table'
        ? []
        : routing.replicas(key, settings.replicas).map(contact),
    hops: hops.map(({ peer, root }) => ({ contact: contact(peer), root }))
  }
  effects.send(link, answer, PRIORITY_URGENT)
}
