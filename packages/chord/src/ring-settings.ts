/** What a user may choose, and how a choice out of its range is read. */
import {
  REPAIR_BYTES_PER_S,
  REPAIR_MS,
  type RouterSettings,
  routerSettings,
  STORE_LIMITS,
  type StoreSettings,
  within
} from '@servent/key-routing/machine'
import {
  CHECK_PREDECESSOR_MS,
  FIX_FINGERS_MS,
  LOOKUP_BUDGET_MS,
  MERGE_MS,
  PERIOD_MS_MAX,
  PERIOD_MS_MIN,
  PROXIMITY_SAMPLES_MAX,
  REPLICAS_DEFAULT,
  SAVE_MS,
  STABILISE_MS,
  SUCCESSORS_DEFAULT,
  SUCCESSORS_MAX,
  VIRTUAL_NODES_MAX
} from './constants.ts'
import type { ChordSettings } from './types.ts'

export const CHORD_SETTINGS: ChordSettings = {
  successors: SUCCESSORS_DEFAULT,
  virtualNodes: 1,
  proximity: 'on',
  samples: undefined,
  style: 'semi-recursive',
  stabiliseMs: STABILISE_MS,
  fixFingersMs: FIX_FINGERS_MS,
  checkPredecessorMs: CHECK_PREDECESSOR_MS,
  mergeMs: MERGE_MS,
  saveMs: SAVE_MS,
  replicas: REPLICAS_DEFAULT,
  lookupBudgetMs: LOOKUP_BUDGET_MS,
  traceLookups: false,
  routing: {},
  store: {}
}

/** The defaults with what is set of its own. Made once for all machines of a network. */
export function chordSettings(own: Partial<ChordSettings> = {}): ChordSettings {
  const all = { ...CHORD_SETTINGS, ...own }
  const successors = within(all.successors, 1, SUCCESSORS_MAX)
  return {
    ...all,
    successors,
    virtualNodes: within(all.virtualNodes, 1, VIRTUAL_NODES_MAX),
    samples: within(all.samples ?? successors, 1, PROXIMITY_SAMPLES_MAX),
    stabiliseMs: period(all.stabiliseMs),
    fixFingersMs: period(all.fixFingersMs),
    checkPredecessorMs: period(all.checkPredecessorMs),
    mergeMs: all.mergeMs === 0 ? 0 : period(all.mergeMs),
    saveMs: all.saveMs === 0 ? 0 : period(all.saveMs),
    replicas: within(all.replicas, 1, successors + 1)
  }
}

export function routingOf(settings: ChordSettings): RouterSettings {
  const { style, lookupBudgetMs, traceLookups, replicas, routing } = settings
  return routerSettings({ style, lookupBudgetMs, traceLookups, replicas: replicas - 1, ...routing })
}

export function storeOf(settings: ChordSettings): StoreSettings {
  return {
    repairMs: REPAIR_MS,
    repairBytesPerS: REPAIR_BYTES_PER_S,
    limits: STORE_LIMITS,
    ...settings.store,
    replicas: settings.replicas - 1
  }
}

function period(value: number): number {
  return within(value, PERIOD_MS_MIN, PERIOD_MS_MAX)
}
