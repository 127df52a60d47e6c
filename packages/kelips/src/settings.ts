/** What a user may choose, and how a choice out of its range is read. */
import {
  REPAIR_BYTES_PER_S,
  type RouterSettings,
  routerSettings,
  STORE_LIMITS,
  type StoreSettings,
  within
} from '@servent/key-routing/machine'
import {
  CONTACT_RATION,
  CONTACT_TARGETS_DEFAULT,
  CONTACTS_DEFAULT,
  CONTACTS_MAX,
  GOSSIP_BYTES_PER_S,
  GOSSIP_MS,
  HEARTBEAT_MS,
  LEVEL_MAX,
  LOOKUP_BUDGET_MS,
  MEMBER_RATION,
  MERGE_MS,
  ORIGIN_RATION,
  PERIOD_MS_MAX,
  PERIOD_MS_MIN,
  RATION_MAX,
  REPAIR_VALUES_MS,
  REPLICAS_DEFAULT,
  REPLICAS_MOST,
  SAVE_MS,
  TARGETS_DEFAULT,
  TARGETS_MAX,
  TUPLE_RATION
} from './constants.ts'
import type { KelipsSettings } from './types.ts'

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
  saveMs: SAVE_MS,
  replicas: REPLICAS_DEFAULT,
  lookupBudgetMs: LOOKUP_BUDGET_MS,
  routing: {},
  store: {}
}

/** Below this no message of gossip would ever go. */
const GOSSIP_BYTES_PER_S_LEAST = 256
const GOSSIP_BYTES_PER_S_MOST = 2 ** 24
const BUDGET_MS_MOST = 180_000

/** The defaults with what is set of its own. Made once for all machines of a network. */
export function kelipsSettings(own: Partial<KelipsSettings> = {}): KelipsSettings {
  const all = { ...KELIPS_SETTINGS, ...own }
  return {
    ...all,
    groups: all.groups === undefined ? undefined : 2 ** levelOf(all.groups),
    contacts: within(all.contacts, 1, CONTACTS_MAX),
    gossipMs: period(all.gossipMs),
    heartbeatMs: period(all.heartbeatMs),
    targets: within(all.targets, 1, TARGETS_MAX),
    contactTargets: within(all.contactTargets, 0, TARGETS_MAX),
    memberRation: within(all.memberRation, 1, RATION_MAX),
    contactRation: within(all.contactRation, 1, RATION_MAX),
    originRation: within(all.originRation, 1, RATION_MAX),
    tupleRation: within(all.tupleRation, 1, RATION_MAX),
    gossipBytesPerS: within(all.gossipBytesPerS, GOSSIP_BYTES_PER_S_LEAST, GOSSIP_BYTES_PER_S_MOST),
    mergeMs: all.mergeMs === 0 ? 0 : period(all.mergeMs),
    saveMs: all.saveMs === 0 ? 0 : period(all.saveMs),
    replicas: within(all.replicas, 1, REPLICAS_MOST),
    lookupBudgetMs: within(all.lookupBudgetMs, 1, BUDGET_MS_MOST)
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

export function storeOf(settings: KelipsSettings): StoreSettings {
  return {
    repairMs: REPAIR_VALUES_MS,
    repairBytesPerS: REPAIR_BYTES_PER_S,
    limits: STORE_LIMITS,
    ...settings.store,
    replicas: settings.replicas - 1
  }
}

function period(value: number): number {
  return within(value, PERIOD_MS_MIN, PERIOD_MS_MAX)
}
