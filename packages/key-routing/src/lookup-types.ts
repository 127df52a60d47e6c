/** What a lookup is asked with and what comes of it, and what lookups need of their router. */
import type { Contact, Effects, Key, MachineTypes } from '@servent/overlay/machine'
import type { Calls } from './calls.ts'
import type { LinkNetworks } from './link-networks.ts'
import type { LookupFailure, LookupPurpose } from './messages.ts'
import type { RouterSettings } from './router-settings.ts'
import type { KeyRouting } from './routing.ts'
import type { LookupStyle, RoutingTypes } from './types.ts'

export interface LookupOptions {
  readonly purpose: LookupPurpose
  /** Where it is not said: the settings'. */
  readonly style?: LookupStyle
  readonly budgetMs?: number
}

export interface LookupCost {
  /** Steps of the lookup, up to and including the one that reached the root: 0 where this peer is it. */
  readonly hops: number
  /** Peers that could not be reached or did not answer in time. */
  readonly timeouts: number
  readonly elapsedMs: number
}

export interface LookupFound extends LookupCost {
  readonly root: Contact
  /** Keys that the root answers for: (from, to]. */
  readonly from: Key
  readonly to: Key
  /** Who holds copies, the nearest first. */
  readonly replicas: readonly Contact[]
}

export interface LookupNotFound extends LookupCost {
  readonly failed: LookupFailure
}

export type LookupResult = LookupFound | LookupNotFound

export type LookupDone<T extends MachineTypes> = (result: LookupResult, effects: Effects<T>) => void

/** What each style of lookup is given. */
export interface LookupDeps {
  readonly calls: Calls<RoutingTypes>
  readonly routing: KeyRouting
  readonly settings: RouterSettings
  readonly networks: LinkNetworks<RoutingTypes>
}
