/**
 * Storing records of this peer at the roots of their keys. Keys are sorted, so that one lookup finds the root of
 * many: it tells the range that it answers for. Records of one root go in batches, several lookups and batches
 * at a time. A root that is none any more, or is silent, costs another lookup; a record is tried a bounded number
 * of times, and each has its outcome.
 */
import { betweenRightClosed, compareKeys, NO_PEER, type Peer, SELF } from '@servent/overlay/machine'
import { believedRange, type RangeCache } from './publish-ranges.ts'
import { nameOf } from './records.ts'
import type { Acceptance } from './store-accept.ts'
import {
  PRIORITY_STORE,
  PUBLISH_ATTEMPTS_MAX,
  PUBLISH_LOOKUPS,
  PUBLISH_RETRY_MS,
  PUBLISH_STORES
} from './store-constants.ts'
import type { StoreContext } from './store-context.ts'
import type { StoredRecord, StoreOutcome } from './store-messages.ts'
import { fitInMessage } from './store-wire-records.ts'
import type { RoutingEffects } from './types.ts'

export interface PublishInit {
  readonly command: number
  /** Names the timer of this command alone. */
  readonly timer: string
  readonly records: readonly StoredRecord[]
  readonly ranges: RangeCache
  readonly done: () => void
}

interface Item {
  readonly record: StoredRecord
  readonly index: number
  attempts: number
}

interface Batch {
  readonly root: Peer
  readonly items: readonly Item[]
}

export class Publish {
  readonly #context: StoreContext
  readonly #acceptance: Acceptance
  readonly #init: PublishInit
  readonly #outcomes: (StoreOutcome | 'unreachable')[]
  readonly #copies: number[]
  /** By their keys: the root of each is still to be found. */
  #open: Item[]
  /** Those whose root is being looked up are with others that may have the same. */
  readonly #looking = new Set<string>()
  readonly #batches: Batch[] = []
  /** To be tried again after a while. */
  #later: Item[] = []
  #stores = 0
  #left: number
  #isOver = false

  constructor(context: StoreContext, acceptance: Acceptance, init: PublishInit) {
    this.#context = context
    this.#acceptance = acceptance
    this.#init = init
    this.#outcomes = init.records.map(() => 'unreachable')
    this.#copies = init.records.map(() => 0)
    this.#open = init.records.map((record, index) => ({ record, index, attempts: 0 }))
    this.#open.sort((a, b) => compareKeys(a.record.key, b.record.key) || a.index - b.index)
    this.#left = init.records.length
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const { root } of this.#batches) hold(root)
  }

  start(effects: RoutingEffects): void {
    this.#step(effects)
  }

  onTimer(effects: RoutingEffects): void {
    this.#open.push(...this.#later)
    this.#open.sort((a, b) => compareKeys(a.record.key, b.record.key) || a.index - b.index)
    this.#later = []
    this.#step(effects)
  }

  giveUp(effects: RoutingEffects): void {
    this.#isOver = true
    effects.cancelTimer(this.#init.timer)
    this.#init.done()
  }

  #step(effects: RoutingEffects): void {
    this.#assign(effects)
    this.#lookUp(effects)
    while (!this.#isOver && this.#stores < PUBLISH_STORES) {
      const batch = this.#batches.shift()
      if (batch === undefined) break
      this.#store(batch, effects)
    }
    if (this.#left === 0) this.#end(effects)
  }

  /** Those whose roots are known go into batches. */
  #assign(effects: RoutingEffects): void {
    const nowMs = effects.nowMs()
    const byRoot = new Map<Peer, Item[]>()
    this.#open = this.#open.filter(item => {
      const range = this.#init.ranges.find(item.record.key, nowMs)
      if (range === undefined) return true
      const items = byRoot.get(range.root)
      if (items === undefined) byRoot.set(range.root, [item])
      else items.push(item)
      return false
    })
    for (const [root, items] of byRoot) {
      for (let from = 0; from < items.length; ) {
        const records = items.map(({ record }) => record)
        const count = Math.max(1, fitInMessage(records, from).length)
        this.#batches.push({ root, items: items.slice(from, from + count) })
        from += count
      }
    }
  }

  /** Of keys that lie far from each other, so that several lookups seldom find one root. */
  #lookUp(effects: RoutingEffects): void {
    const { findRoot, routing } = this.#context.deps
    for (let turn = 0; turn < PUBLISH_LOOKUPS && this.#looking.size < PUBLISH_LOOKUPS; turn += 1) {
      // A lookup may end at once, and with it more than its own key is not open any more.
      const item = this.#open[Math.floor((turn * this.#open.length) / PUBLISH_LOOKUPS)]
      if (item === undefined || this.#isOver) return
      const { key } = item.record
      const name = nameOf(key)
      if (this.#looking.has(name)) continue
      this.#looking.add(name)
      findRoot(
        key,
        (result, later) => {
          this.#looking.delete(name)
          if (this.#isOver) return
          const root = 'failed' in result ? NO_PEER : later.peers.intern(result.root)
          if ('failed' in result || root === NO_PEER || !betweenRightClosed(key, result.from, result.to))
            this.#again(this.#takeOpen(name), 'unreachable', later)
          else this.#init.ranges.add(believedRange(routing, key, root, result), root, later.nowMs())
          this.#step(later)
        },
        effects
      )
    }
  }

  #takeOpen(name: string): Item[] {
    const taken = this.#open.filter(({ record }) => nameOf(record.key) === name)
    this.#open = this.#open.filter(({ record }) => nameOf(record.key) !== name)
    return taken
  }

  #store({ root, items }: Batch, effects: RoutingEffects): void {
    this.#stores += 1
    const records = items.map(({ record }) => record)
    const done = (
      outcomes: readonly (StoreOutcome | 'unreachable')[],
      copies: readonly number[],
      later: RoutingEffects
    ): void => {
      this.#stores -= 1
      if (this.#isOver) return
      this.#settle(root, items, outcomes, copies, later)
      this.#step(later)
    }
    if (root === SELF) {
      this.#acceptance.accept({ sender: SELF, as: 'root', records }, done, effects)
      return
    }
    this.#context.request(
      root,
      { type: 'store', as: 'root', records },
      PRIORITY_STORE,
      (outcome, later) => {
        if ('answer' in outcome && outcome.answer.type === 'stored')
          done(outcome.answer.outcomes, outcome.answer.copies, later)
        else done([], [], later)
      },
      effects
    )
  }

  /** What a root left out, or never answered, is as good as lost on its way. */
  #settle(
    root: Peer,
    items: readonly Item[],
    outcomes: readonly (StoreOutcome | 'unreachable')[],
    copies: readonly number[],
    effects: RoutingEffects
  ): void {
    const again: Item[] = []
    for (const [place, item] of items.entries()) {
      const outcome = outcomes[place] ?? 'unreachable'
      this.#outcomes[item.index] = outcome
      this.#copies[item.index] = copies[place] ?? 0
      if (outcome === 'not-root' || outcome === 'unreachable' || outcome === 'busy') again.push(item)
      else this.#left -= 1
    }
    if (again.some(({ index }) => this.#outcomes[index] !== 'busy')) this.#init.ranges.forget(root)
    this.#again(again, undefined, effects)
  }

  #again(items: readonly Item[], outcome: 'unreachable' | undefined, effects: RoutingEffects): void {
    for (const item of items) {
      if (outcome !== undefined) this.#outcomes[item.index] = outcome
      item.attempts += 1
      if (item.attempts >= PUBLISH_ATTEMPTS_MAX) {
        this.#left -= 1
        continue
      }
      if (this.#later.length === 0) effects.setTimer(this.#init.timer, PUBLISH_RETRY_MS)
      this.#later.push(item)
    }
  }

  #end(effects: RoutingEffects): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#init.done()
    const { command } = this.#init
    effects.notify({ type: 'published', command, outcomes: this.#outcomes, copies: this.#copies })
  }
}
