/** What a user may choose, and how a choice out of its range is read. */
import {
  LOOKUP_BUDGET_MS,
  LOOKUP_BUDGET_MS_MAX,
  period,
  periodOrNever,
  STORE_LIMITS
} from '@servent/key-routing/machine'
import { clamp } from '@servent/overlay/machine'
import {
  ALPHA_DEFAULT,
  BUCKET_PEERS_MAX,
  DISJOINT_PATHS_DEFAULT,
  DISJOINT_PATHS_MAX,
  K_DEFAULT,
  PATH_REQUESTS_MAX,
  PING_AGAIN_MS,
  PROVIDER_VALIDITY_MS,
  REFRESH_MS,
  REPUBLISH_MS,
  SELF_LOOKUP_MS
} from './machine-constants.ts'
import type { KademliaSettings } from './types.ts'

export const KADEMLIA_SETTINGS: KademliaSettings = {
  k: K_DEFAULT,
  alpha: ALPHA_DEFAULT,
  disjointPaths: DISJOINT_PATHS_DEFAULT,
  mode: 'server',
  refreshMs: REFRESH_MS,
  selfLookupMs: SELF_LOOKUP_MS,
  pingAgainMs: PING_AGAIN_MS,
  providerValidityMs: PROVIDER_VALIDITY_MS,
  republishMs: REPUBLISH_MS,
  lookupBudgetMs: LOOKUP_BUDGET_MS,
  saveMs: 0,
  traceLookups: false,
  routing: {},
  limits: STORE_LIMITS
}

/** The defaults with what is set of its own. Made once for all machines of a network. */
export function kademliaSettings(own: Partial<KademliaSettings> = {}): KademliaSettings {
  const all = { ...KADEMLIA_SETTINGS, ...own }
  return {
    ...all,
    k: clamp(all.k, 1, BUCKET_PEERS_MAX),
    alpha: clamp(all.alpha, 1, PATH_REQUESTS_MAX),
    disjointPaths: clamp(all.disjointPaths, 1, DISJOINT_PATHS_MAX),
    refreshMs: period(all.refreshMs),
    selfLookupMs: period(all.selfLookupMs),
    pingAgainMs: clamp(all.pingAgainMs, 0, PROVIDER_VALIDITY_MS),
    providerValidityMs: clamp(all.providerValidityMs, 1, PROVIDER_VALIDITY_MS),
    republishMs: period(all.republishMs),
    lookupBudgetMs: clamp(all.lookupBudgetMs, 1, LOOKUP_BUDGET_MS_MAX),
    saveMs: periodOrNever(all.saveMs)
  }
}
