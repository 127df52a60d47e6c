/** Settings of Chord that a plan may change. Bounds are the machine's own. */
import {
  CHECK_PREDECESSOR_MS,
  CHORD_SETTINGS,
  FIX_FINGERS_MS,
  MERGE_MS,
  PROXIMITY_SAMPLES_MAX,
  STABILISE_MS,
  SUCCESSORS_DEFAULT,
  SUCCESSORS_MAX,
  VIRTUAL_NODES_MAX
} from '@servent/chord/machine'
import {
  HOLDERS_DEFAULT,
  LOOKUP_BUDGET_MS,
  LOOKUP_BUDGET_MS_MAX,
  PERIOD_MS_MAX,
  PERIOD_MS_MIN
} from '@servent/key-routing/machine'
import { DEFENCES } from './defences.ts'
import type { SettingsSchema } from './settings.ts'

const REPLICAS_MAX = SUCCESSORS_MAX
const period = (initial: number, description: string) =>
  ({
    type: 'integer',
    minimum: PERIOD_MS_MIN,
    maximum: PERIOD_MS_MAX,
    default: initial,
    description
  }) as const

export const chordSettings = {
  successors: {
    type: 'integer',
    minimum: 1,
    maximum: SUCCESSORS_MAX,
    default: SUCCESSORS_DEFAULT,
    description: 'r, the length of successor lists'
  },
  'virtual-nodes': {
    type: 'integer',
    minimum: 1,
    maximum: VIRTUAL_NODES_MAX,
    default: 1,
    description: 'Places of one peer on the ring'
  },
  proximity: {
    enum: ['on', 'off'],
    default: 'on',
    description: 'Whether fingers are chosen by their round trip'
  },
  samples: {
    type: 'integer',
    minimum: 0,
    maximum: PROXIMITY_SAMPLES_MAX,
    default: 0,
    description: 'Nodes that a finger is chosen from; 0: as many as there are successors'
  },
  lists: {
    enum: ['told', 'asked'],
    default: CHORD_SETTINGS.lists,
    description: 'Whether a successor list is what its head says, or whoever is in one of two lists is asked'
  },
  style: {
    enum: ['semi-recursive', 'recursive', 'iterative'],
    default: 'semi-recursive',
    description: 'Who forwards a lookup, and how its answer comes back'
  },
  'stabilise-ms': period(STABILISE_MS, 'Between two rounds of stabilisation'),
  'fix-fingers-ms': period(FIX_FINGERS_MS, 'Between two refreshed fingers'),
  'check-predecessor-ms': period(CHECK_PREDECESSOR_MS, 'Silence after which a predecessor is asked'),
  'merge-ms': {
    type: 'integer',
    minimum: 0,
    maximum: PERIOD_MS_MAX,
    default: MERGE_MS,
    description: 'Between two probes for a foreign ring; 0: never'
  },
  replicas: {
    type: 'integer',
    minimum: 1,
    maximum: REPLICAS_MAX,
    default: HOLDERS_DEFAULT,
    description: 'Holders of a record, its root among them'
  },
  'lookup-budget-ms': {
    type: 'integer',
    minimum: PERIOD_MS_MIN,
    maximum: LOOKUP_BUDGET_MS_MAX,
    default: LOOKUP_BUDGET_MS,
    // Table II of ToN gives its lookups all the time that they need.
    defaultWithFailures: LOOKUP_BUDGET_MS_MAX,
    description: 'Time that a lookup has'
  },
  ...DEFENCES
} as const satisfies SettingsSchema
