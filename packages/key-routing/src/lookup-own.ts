/** A lookup of this peer itself: what it is for, when it starts anew, and what came of it. */
import type { Key, Peer } from '@servent/overlay/machine'
import { Call } from './calls-types.ts'
import type { IterativeLookup } from './iterative.ts'
import type { Relay } from './lookup-relay.ts'
import type { LookupDone, LookupFound } from './lookup-types.ts'
import type { LookupFailure, LookupPurpose } from './messages.ts'
import type { LookupStyle, RoutingEffects, RoutingTypes } from './types.ts'

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
  readonly #rules: OwnRules
  attempts = 0
  /** Of attempts that came to nothing. */
  hops = 0
  timeouts = 0
  failure: LookupFailure = 'budget'
  relays: Relay[] | undefined = undefined
  steps: IterativeLookup | undefined = undefined
  /** Hops by which answers came that were not believed, and the roots that those named. */
  avoided: Peer[] | undefined = undefined
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
  }

  override onFailed(_why: unknown, effects: RoutingEffects): void {
    this.#rules.onDue(this, effects)
  }
}
