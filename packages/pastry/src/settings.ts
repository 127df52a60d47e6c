/** What a user may choose, and how a choice out of its range is read. */
import { period, periodOrNever, STRUCTURED_SETTINGS, structuredSettings } from '@servent/key-routing/machine'
import { clamp } from '@servent/overlay/machine'
import {
  DIGIT_BITS_DEFAULT,
  HEARTBEAT_MS,
  LEAF_EXCHANGE_MS,
  LEAF_SET_DEFAULT,
  LEAF_SET_MAX,
  MERGE_MS,
  NEIGHBOURHOOD_DEFAULT,
  NEIGHBOURHOOD_MAX,
  NEIGHBOURHOOD_MS,
  ROW_MS
} from './constants.ts'
import type { PastrySettings } from './types.ts'

export const PASTRY_SETTINGS: PastrySettings = {
  ...STRUCTURED_SETTINGS,
  leafSet: LEAF_SET_DEFAULT,
  digitBits: DIGIT_BITS_DEFAULT,
  neighbourhood: NEIGHBOURHOOD_DEFAULT,
  proximity: 'on',
  distances: 'told',
  heartbeatMs: HEARTBEAT_MS,
  leafExchangeMs: LEAF_EXCHANGE_MS,
  tableProbeMs: 0,
  rowMs: ROW_MS,
  neighbourhoodMs: NEIGHBOURHOOD_MS,
  mergeMs: MERGE_MS
}

/** The defaults with what is set of its own. Made once for all machines of a network. */
export function pastrySettings(own: Partial<PastrySettings> = {}): PastrySettings {
  const all = { ...PASTRY_SETTINGS, ...own }
  const half = clamp(all.leafSet / 2, 1, LEAF_SET_MAX / 2)
  const pastry = {
    ...all,
    leafSet: 2 * half,
    digitBits: all.digitBits >= 4 ? 4 : all.digitBits >= 2 ? 2 : 1,
    neighbourhood: clamp(all.neighbourhood, 0, NEIGHBOURHOOD_MAX),
    heartbeatMs: period(all.heartbeatMs),
    leafExchangeMs: period(all.leafExchangeMs),
    tableProbeMs: periodOrNever(all.tableProbeMs),
    rowMs: period(all.rowMs),
    neighbourhoodMs: period(all.neighbourhoodMs),
    mergeMs: periodOrNever(all.mergeMs)
  }
  // So that each holder has all the others in its leaf set (PAST).
  return structuredSettings(pastry, half + 1)
}
