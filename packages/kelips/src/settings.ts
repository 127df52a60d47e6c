/** What a user may choose, and how a choice out of its range is read. */
import {
  LOOKUP_BUDGET_MS_MAX,
  period,
  periodOrNever,
  type RouterSettings,
  routerSettings,
  STRUCTURED_SETTINGS
} from '@servent/key-routing/machine'
import { clamp } from '@servent/overlay/machine'
import {
  CONTACT_RATION,
  CONTACT_TARGETS_DEFAULT,
  CONTACTS_DEFAULT,
  CONTACTS_MAX,
  GOSSIP_BYTES_PER_S,
  GOSSIP_BYTES_PER_S_LEAST,
  GOSSIP_BYTES_PER_S_MOST,
  GOSSIP_MS,
  HEARTBEAT_MS,
  LEVEL_MAX,
  MEMBER_RATION,
  MERGE_MS,
  ORIGIN_RATION,
  RATION_MAX,
  REPLICAS_DEFAULT,
  REPLICAS_MOST,
  TARGETS_DEFAULT,
  TARGETS_MAX,
  TUPLE_RATION
} from './constants.ts'
import type { KelipsSettings } from './types.ts'

const { saveMs, lookupBudgetMs } = STRUCTURED_SETTINGS

export const KELIPS_SETTINGS: KelipsSettings = {
  groups: undefined,
  contacts: CONTACTS_DEFAULT,
  gossipMs: GOSSIP_MS,
  heartbeatMs: HEARTBEAT_MS,
  targets: TARGETS_DEFAULT,
  contactTargets: CONTACT_TARGETS_DEFAULT,
  memberRation: MEMBER_RATION,
  contactRation: CONTACT_RATION,
  originRation: ORIGIN_RATION,
  tupleRation: TUPLE_RATION,
  gossipBytesPerS: GOSSIP_BYTES_PER_S,
  news: 'at-once',
  proximity: 'on',
  mergeMs: MERGE_MS,
  saveMs,
  replicas: REPLICAS_DEFAULT,
  lookupBudgetMs,
  routing: {},
  store: {}
}

/** The defaults with what is set of its own. Made once for all machines of a network. */
export function kelipsSettings(own: Partial<KelipsSettings> = {}): KelipsSettings {
  const all = { ...KELIPS_SETTINGS, ...own }
  return {
    ...all,
    groups: all.groups === undefined ? undefined : 2 ** levelOf(all.groups),
    contacts: clamp(all.contacts, 1, CONTACTS_MAX),
    gossipMs: period(all.gossipMs),
    heartbeatMs: period(all.heartbeatMs),
    targets: clamp(all.targets, 1, TARGETS_MAX),
    contactTargets: clamp(all.contactTargets, 0, TARGETS_MAX),
    memberRation: clamp(all.memberRation, 1, RATION_MAX),
    contactRation: clamp(all.contactRation, 1, RATION_MAX),
    originRation: clamp(all.originRation, 1, RATION_MAX),
    tupleRation: clamp(all.tupleRation, 1, RATION_MAX),
    gossipBytesPerS: clamp(all.gossipBytesPerS, GOSSIP_BYTES_PER_S_LEAST, GOSSIP_BYTES_PER_S_MOST),
    mergeMs: periodOrNever(all.mergeMs),
    saveMs: periodOrNever(all.saveMs),
    replicas: clamp(all.replicas, 1, REPLICAS_MOST),
    lookupBudgetMs: clamp(all.lookupBudgetMs, 1, LOOKUP_BUDGET_MS_MAX)
  }
}

/** log2 of a number of groups: of the power of two below it, where it is none. */
export function levelOf(groups: number): number {
  return groups >= 1 ? Math.min(LEVEL_MAX, 31 - Math.clz32(Math.min(groups, 2 ** LEVEL_MAX))) : 0
}

/** Links to members and contacts stay as long as they may: to dial anew for each message would cost more. */
const LINGER_MS = 60_000

export function routingOf({ routing, lookupBudgetMs }: KelipsSettings): RouterSettings {
  return routerSettings({ lookupBudgetMs, lingerMs: LINGER_MS, ...routing })
}
