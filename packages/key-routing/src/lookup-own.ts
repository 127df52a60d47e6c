/** A lookup of this peer itself: what it is for, when it starts anew, and what came of it. */
import { type Key, NO_PEER, type Peer } from '@servent/overlay/machine'
import { Call } from './calls-types.ts'
import type { IterativeLookup } from './iterative.ts'
import type { Relay } from './lookup-relay.ts'
import type { LookupDone, LookupFound, LookupResult } from './lookup-types.ts'
import type { LookupFailure, LookupPurpose } from './messages.ts'
import type { LookupStyle, RoutingEffects, RoutingTypes } from './types.ts'

/** In place of a command's number: a part of the machine asked. */
export const NO_COMMAND = -1

/** What an own lookup tells when its time has come. */
export interface OwnRules {
  onDue(own: OwnLookup, effects: RoutingEffects): void
}

/** As a call it is nothing but a wait: for the next attempt, or for the end of its budget. */
export class OwnLookup extends Call<RoutingTypes> {
  readonly key: Key
  readonly purpose: LookupPurpose
  readonly style: LookupStyle
  readonly startMs: number
  readonly endMs: number
  readonly done: LookupDone<RoutingTypes>
  /** The command that asked for it; -1 where a part of the machine did. */
  readonly command: number
  /** Times that it may start. */
  readonly attemptsMax: number
  readonly #rules: OwnRules
  attempts = 0
  /** Of attempts that came to nothing. */
  hops = 0
  timeouts = 0
  failure: LookupFailure = 'budget'
  relays: Relay[] | undefined = undefined
  steps: IterativeLookup | undefined = undefined
  /** By these hops others go, or answers came that were not believed; and the roots that those named. */
  avoided: readonly Peer[]
  /** The nearest to the key of the answers that were doubted: of several it is the truest, since a root is. */
  doubtful: LookupFound | undefined = undefined

  constructor(init: {
    readonly rules: OwnRules
    readonly key: Key
    readonly purpose: LookupPurpose
    readonly style: LookupStyle
    readonly startMs: number
    readonly budgetMs: number
    readonly done: LookupDone<RoutingTypes>
    readonly command: number
    readonly attemptsMax: number
    readonly avoided: readonly Peer[]
  }) {
    super()
    this.#rules = init.rules
    this.key = init.key
    this.purpose = init.purpose
    this.style = init.style
    this.startMs = init.startMs
    this.endMs = init.startMs + init.budgetMs
    this.done = init.done
    this.command = init.command
    this.attemptsMax = init.attemptsMax
    this.avoided = init.avoided
  }

  /** When it starts anew, or where it has been all it may, its end. */
  get nextTryMs(): number {
    return this.tryMs(this.attempts + 1)
  }

  tryMs(next: number): number {
    if (next >= this.attemptsMax) return this.endMs
    return this.startMs + ((this.endMs - this.startMs) * next) / this.attemptsMax
  }

  override onFailed(_why: unknown, effects: RoutingEffects): void {
    this.#rules.onDue(this, effects)
  }
}

/** Of its latest attempt; nothing where that found nobody to go to. */
export function firstHopOf({ steps, relays }: OwnLookup): Peer | undefined {
  const hop = steps?.first ?? relays?.at(-1)?.hop ?? NO_PEER
  return hop === NO_PEER ? undefined : hop
}

export function tellResult(command: number, result: LookupResult, effects: RoutingEffects): void {
  const { hops, timeouts, elapsedMs } = result
  if ('failed' in result) {
    effects.notify({ type: 'lookup-failed', command, reason: result.failed, hops, timeouts, elapsedMs })
  } else {
    const { root, replicas } = result
    effects.notify({ type: 'looked-up', command, root, replicas, hops, timeouts, elapsedMs })
  }
}
