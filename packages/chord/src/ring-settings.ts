/** What a user may choose, and how a choice out of its range is read. */
import { period, periodOrNever, STRUCTURED_SETTINGS, structuredSettings } from '@servent/key-routing/machine'
import { clamp } from '@servent/overlay/machine'
import {
  CHECK_PREDECESSOR_MS,
  FIX_FINGERS_MS,
  MERGE_MS,
  PROXIMITY_SAMPLES_MAX,
  STABILISE_MS,
  SUCCESSORS_DEFAULT,
  SUCCESSORS_MAX,
  VIRTUAL_NODES_MAX
} from './constants.ts'
import type { ChordSettings } from './types.ts'

export const CHORD_SETTINGS: ChordSettings = {
  ...STRUCTURED_SETTINGS,
  successors: SUCCESSORS_DEFAULT,
  virtualNodes: 1,
  proximity: 'on',
  samples: undefined,
  lists: 'asked',
  stabiliseMs: STABILISE_MS,
  fixFingersMs: FIX_FINGERS_MS,
  checkPredecessorMs: CHECK_PREDECESSOR_MS,
  mergeMs: MERGE_MS
}

/** The defaults with what is set of its own. Made once for all machines of a network. */
export function chordSettings(own: Partial<ChordSettings> = {}): ChordSettings {
  const all = { ...CHORD_SETTINGS, ...own }
  const successors = clamp(all.successors, 1, SUCCESSORS_MAX)
  return {
    ...structuredSettings(all, successors + 1),
    successors,
    virtualNodes: clamp(all.virtualNodes, 1, VIRTUAL_NODES_MAX),
    samples: clamp(all.samples ?? successors, 1, PROXIMITY_SAMPLES_MAX),
    stabiliseMs: period(all.stabiliseMs),
    fixFingersMs: period(all.fixFingersMs),
    checkPredecessorMs: period(all.checkPredecessorMs),
    mergeMs: periodOrNever(all.mergeMs)
  }
}
