/** What a user may choose about calls and lookups, and how a choice out of its range is read. */
import { clamp } from '@servent/overlay/machine'
import {
  ALPHA_MAX,
  ATTEMPTS_MAX,
  CALL_TIMEOUT_FIRST_MS,
  CALL_TIMEOUT_HIGH_MS,
  CALL_TIMEOUT_LOW_MS,
  LINGER_MS,
  LOOKUP_ATTEMPTS,
  LOOKUP_BUDGET_MS,
  LOOKUP_BUDGET_MS_MAX,
  LOOKUP_PATHS_MAX,
  NETWORK_PEERS_DEFAULT,
  NETWORK_PEERS_MAX,
  OPEN_TIMEOUT_MS,
  OWN_LINKS_DEFAULT,
  OWN_LINKS_MAX,
  REPLICAS_MAX
} from './constants.ts'
import type { LookupStyle } from './types.ts'

export interface RouterSettings {
  /** Of lookups that name none. */
  readonly style: LookupStyle
  /** From the start of a lookup to its end, whatever comes of it. At most `LOOKUP_BUDGET_MS_MAX`. */
  readonly lookupBudgetMs: number
  /** Times that a lookup may start at its origin within its budget, at equal intervals, 1 to `ATTEMPTS_MAX`. */
  readonly lookupAttempts: number
  /** Peers that an iterative lookup asks at a time, 1 to `ALPHA_MAX`. */
  readonly alpha: number
  /**
   * Ways by which a lookup goes at one time, each by another first hop, 1 to `LOOKUP_PATHS_MAX`. With more than one the
   * answer that is nearest to the key counts, once its root has answered this peer itself.
   */
  readonly lookupPaths: number
  /** Whether the tables judge if who is named as the root can be it (`KeyRouting.believeRoot`). */
  readonly answerChecks: 'on' | 'off'
  /** Of one /24 of IPv4, or /48 of IPv6, that a table takes in, at most `NETWORK_PEERS_MAX`; 0: any number. Private ones are not counted. */
  readonly peersPerNetwork: number
  /** Holders of copies that an answer names, 0 to `REPLICAS_MAX`. */
  readonly replicas: number
  /** Whether each step of a lookup is told by a notice. */
  readonly traceLookups: boolean
  /** How long a request waits for its answer: before the peer's round trip is known, at least, and at most. */
  readonly callTimeoutFirstMs: number
  readonly callTimeoutLowMs: number
  readonly callTimeoutHighMs: number
  readonly openTimeoutMs: number
  readonly lingerMs: number
  /** Links that this peer opened, at a time, 1 to `OWN_LINKS_MAX`. */
  readonly ownLinks: number
  /**
   * Of these, those up to which a link that a table holds is opened again when the other side closed it; beyond, it waits
   * for a call. 0 to `ownLinks`.
   */
  readonly heldLinks: number
}

export const ROUTER_SETTINGS: RouterSettings = {
  style: 'semi-recursive',
  lookupBudgetMs: LOOKUP_BUDGET_MS,
  lookupAttempts: LOOKUP_ATTEMPTS,
  alpha: 1,
  lookupPaths: 1,
  answerChecks: 'on',
  peersPerNetwork: NETWORK_PEERS_DEFAULT,
  replicas: REPLICAS_MAX,
  traceLookups: false,
  callTimeoutFirstMs: CALL_TIMEOUT_FIRST_MS,
  callTimeoutLowMs: CALL_TIMEOUT_LOW_MS,
  callTimeoutHighMs: CALL_TIMEOUT_HIGH_MS,
  openTimeoutMs: OPEN_TIMEOUT_MS,
  lingerMs: LINGER_MS,
  ownLinks: OWN_LINKS_DEFAULT,
  heldLinks: OWN_LINKS_MAX
}

const HOUR_MS = 3_600_000

/**
 * The defaults with what is set of its own; a number out of its range is taken for the nearest that is in it.
 * Made once and given to every machine of a network, since a simulator has many.
 */
export function routerSettings(own: Partial<RouterSettings> = {}): RouterSettings {
  const all = { ...ROUTER_SETTINGS, ...own }
  const high = clamp(all.callTimeoutHighMs, 1, HOUR_MS)
  const ownLinks = clamp(all.ownLinks, 1, OWN_LINKS_MAX)
  return {
    style: all.style,
    lookupBudgetMs: clamp(all.lookupBudgetMs, 1, LOOKUP_BUDGET_MS_MAX),
    lookupAttempts: clamp(all.lookupAttempts, 1, ATTEMPTS_MAX),
    alpha: clamp(all.alpha, 1, ALPHA_MAX),
    lookupPaths: clamp(all.lookupPaths, 1, LOOKUP_PATHS_MAX),
    answerChecks: all.answerChecks,
    peersPerNetwork: clamp(all.peersPerNetwork, 0, NETWORK_PEERS_MAX),
    replicas: clamp(all.replicas, 0, REPLICAS_MAX),
    traceLookups: all.traceLookups,
    callTimeoutFirstMs: clamp(all.callTimeoutFirstMs, 1, high),
    callTimeoutLowMs: clamp(all.callTimeoutLowMs, 1, high),
    callTimeoutHighMs: high,
    openTimeoutMs: clamp(all.openTimeoutMs, 1, HOUR_MS),
    lingerMs: clamp(all.lingerMs, 1, 24 * HOUR_MS),
    ownLinks,
    heldLinks: clamp(all.heldLinks, 0, ownLinks)
  }
}
