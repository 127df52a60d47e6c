/**
 * Lookups by several ways at one time (Castro et al., OSDI 2002, section 5: redundant routing). Each way begins with
 * another first hop, and where it is known from where those come, in another network, so that whoever has many peers in
 * one place stands at the beginning of one way alone.
 *
 * Whoever lies on a way may name any peer as the root, or nobody. But no peer is nearer to a key than its root: so of all
 * answers the nearest counts, once its root has answered this peer itself, for anybody may name a peer that is not
 * there. One way without a liar on it is enough. What no answer came by is not waited for longer than a lookup waits
 * before it starts anew.
 */
import { type Key, NO_PEER, type Peer, SELF, sameBytes } from '@servent/overlay/machine'
import { Call } from './calls-types.ts'
import { compareAnswers } from './lookup-answers.ts'
import { firstHopOf, type OwnLookup } from './lookup-own.ts'
import type { LookupDeps, LookupDone, LookupFound, LookupOptions, LookupResult } from './lookup-types.ts'
import type { LookupFailure } from './messages.ts'
import { ping } from './requests.ts'
import type { RoutingEffects, RoutingTypes } from './types.ts'

/** One of several ways. */
export interface PathOptions extends LookupOptions {
  /** Times that it may start; left out: as the settings say. */
  readonly attempts?: number
  /** Left out of its first hops, as long as there are others. */
  readonly avoided?: readonly Peer[]
}

/** What begins and ends one way: `Lookups`. */
export interface Paths {
  /** Nothing where it ended at once, and `done` was called. */
  beginPath(
    key: Key,
    options: PathOptions,
    done: LookupDone<RoutingTypes>,
    effects: RoutingEffects
  ): OwnLookup | undefined
  dropPath(path: OwnLookup, effects: RoutingEffects): void
}

/** Those under way. They end within their budget, and each of their ways is a lookup of its own, which are bounded. */
export class DiverseLookups {
  readonly #deps: LookupDeps
  readonly #paths: Paths
  #all: Set<DiverseLookup> | undefined

  constructor(deps: LookupDeps, paths: Paths) {
    this.#deps = deps
    this.#paths = paths
  }

  get size(): number {
    return this.#all?.size ?? 0
  }

  begin(
    key: Key,
    options: LookupOptions,
    done: LookupDone<RoutingTypes>,
    effects: RoutingEffects,
    command: number
  ): void {
    this.#all ??= new Set()
    const all = this.#all
    const lookup = new DiverseLookup(this.#deps, this.#paths, {
      key,
      options,
      command,
      startMs: effects.nowMs(),
      done: (result, later) => {
        all.delete(lookup)
        done(result, later)
      }
    })
    all.add(lookup)
    lookup.begin(effects)
  }

  /** True where the command was one of these. */
  giveUp(command: number, effects: RoutingEffects): boolean {
    for (const lookup of this.#all ?? []) {
      if (lookup.command !== command) continue
      this.#all?.delete(lookup)
      lookup.stop(effects)
      return true
    }
    return false
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const lookup of this.#all ?? []) lookup.heldPeers(hold)
  }
}

interface DiverseInit {
  readonly key: Key
  readonly options: LookupOptions
  readonly command: number
  readonly startMs: number
  readonly done: LookupDone<RoutingTypes>
}

/** As a call it is nothing but a wait: for its ways, and for its end. */
class DiverseLookup extends Call<RoutingTypes> {
  readonly #deps: LookupDeps
  readonly #paths: Paths
  readonly #init: DiverseInit
  readonly #budgetMs: number
  readonly #underWay = new Set<OwnLookup>()
  /** Of all rounds. */
  readonly #firstHops: Peer[] = []
  /** Not known yet to live. */
  #answers: LookupFound[] = []
  /** The nearest whose root could not be asked. */
  #unheard: LookupFound | undefined
  #rounds = 0
  #isBeginning = false
  #isAsking = false
  #isOver = false
  #hops = 0
  #timeouts = 0
  #failure: LookupFailure = 'budget'

  constructor(deps: LookupDeps, paths: Paths, init: DiverseInit) {
    super()
    this.#deps = deps
    this.#paths = paths
    this.#init = init
    this.#budgetMs = init.options.budgetMs ?? deps.settings.lookupBudgetMs
  }

  get command(): number {
    return this.#init.command
  }

  begin(effects: RoutingEffects): void {
    const { settings } = this.#deps
    const { key, options, startMs } = this.#init
    this.#rounds += 1
    this.#isBeginning = true
    const leftMs = this.#endMs - effects.nowMs()
    // The last round leaves time to ask the root.
    const dueMs = startMs + (this.#budgetMs * this.#rounds) / (settings.lookupAttempts + 1)
    this.#deps.calls.wait(this, Math.max(effects.nowMs() + 1, dueMs), effects)
    for (let way = 0; way < settings.lookupPaths && !this.#isOver; way += 1) {
      const avoided = this.#avoided()
      // Each further way would be one that there is already.
      if (avoided === undefined && way > 0) break
      if (avoided === undefined) this.#firstHops.length = 0
      let path: OwnLookup | undefined
      const all = { ...options, budgetMs: leftMs, attempts: 1, avoided: avoided ?? [] }
      path = this.#paths.beginPath(key, all, (result, later) => this.#onResult(path, result, later), effects)
      if (path === undefined) continue
      this.#underWay.add(path)
      const hop = firstHopOf(path)
      if (hop !== undefined) this.#firstHops.push(hop)
    }
    this.#isBeginning = false
    if (!this.#isOver && this.#underWay.size === 0) this.#settle(effects)
  }

  override onFailed(_why: unknown, effects: RoutingEffects): void {
    if (effects.nowMs() + 1 <= this.#endMs) {
      this.#settle(effects)
      return
    }
    // What nobody had time to ask is better than nothing.
    const answer = this.#unheard ?? this.#answers[0]
    if (answer === undefined) this.#fail('budget', effects)
    else this.#end(answer, effects)
  }

  stop(effects: RoutingEffects): void {
    this.#isOver = true
    this.#deps.calls.end(this, false, effects)
    for (const path of this.#underWay) this.#paths.dropPath(path, effects)
    this.#underWay.clear()
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const peer of this.#firstHops) hold(peer)
  }

  get #endMs(): number {
    return this.#init.startMs + this.#budgetMs
  }

  /**
   * First hops of the other ways, and all who are linked from where those are, as long as that leaves somebody. Nothing
   * where there is no other first hop.
   */
  #avoided(): Peer[] | undefined {
    const { calls, networks, routing } = this.#deps
    const leaves = (avoided: readonly Peer[]) =>
      routing.nextHops(this.#init.key, 1, peer => avoided.includes(peer)).length > 0
    const taken = new Set(this.#firstHops.map(hop => networks.of(hop)))
    taken.delete(undefined)
    const near = taken.size === 0 ? [] : [...calls.linked()].filter(peer => taken.has(networks.of(peer)))
    const all = [...this.#firstHops, ...near]
    if (near.length > 0 && leaves(all)) return all
    return leaves(this.#firstHops) ? [...this.#firstHops] : undefined
  }

  #onResult(path: OwnLookup | undefined, result: LookupResult, effects: RoutingEffects): void {
    if (path !== undefined) this.#underWay.delete(path)
    if (this.#isOver) return
    this.#timeouts += result.timeouts
    if ('failed' in result) {
      this.#failure = result.failed
      this.#hops = Math.max(this.#hops, result.hops)
    } else if (effects.peers.intern(result.root) === SELF) {
      this.#end(result, effects)
      return
    } else this.#answers.push(result)
    if (this.#underWay.size === 0 && !this.#isBeginning) this.#settle(effects)
  }

  /** Asks the nearest root that was named whether it is there; where nobody is left, goes other ways. */
  #settle(effects: RoutingEffects): void {
    const { calls, routing, settings } = this.#deps
    if (this.#isAsking) return
    calls.wait(this, this.#endMs, effects)
    const { key } = this.#init
    const { peers } = effects
    this.#answers.sort((a, b) => compareAnswers(routing, key, a, b, peers))
    const answer = this.#answers.shift()
    if (answer === undefined && this.#unheard !== undefined) {
      this.#end(this.#unheard, effects)
      return
    }
    if (answer === undefined) {
      if (this.#rounds < settings.lookupAttempts) this.begin(effects)
      else if (this.#underWay.size === 0) this.#fail(this.#failure, effects)
      return
    }
    const root = peers.intern(answer.root)
    this.#isAsking = true
    const heard = (lives: boolean | 'later', later: RoutingEffects): void => {
      this.#isAsking = false
      if (this.#isOver) return
      if (lives === true) {
        this.#end(answer, later)
        return
      }
      // It could not be asked, here or there: it counts where nobody behind it answers.
      if (lives === 'later') {
        this.#unheard ??= answer
        this.#settle(later)
        return
      }
      this.#timeouts += 1
      if (root !== NO_PEER) routing.onSilent(root, later)
      this.#answers = this.#answers.filter(other => !sameBytes(other.root.id, answer.root.id))
      this.#settle(later)
    }
    if (root === NO_PEER) heard(false, effects)
    else ping(calls, root, effects, heard)
  }

  #end(answer: LookupFound, effects: RoutingEffects): void {
    const elapsedMs = effects.nowMs() - this.#init.startMs
    this.stop(effects)
    this.#init.done({ ...answer, timeouts: this.#timeouts, elapsedMs }, effects)
  }

  #fail(failed: LookupFailure, effects: RoutingEffects): void {
    const elapsedMs = effects.nowMs() - this.#init.startMs
    this.stop(effects)
    this.#init.done({ failed, hops: this.#hops, timeouts: this.#timeouts, elapsedMs }, effects)
  }
}
