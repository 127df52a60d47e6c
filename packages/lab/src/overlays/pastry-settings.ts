/** Settings of Pastry that a plan may change. Bounds are the machine's own. */
import {
  HOLDERS_DEFAULT,
  LOOKUP_BUDGET_MS,
  LOOKUP_BUDGET_MS_MAX,
  PERIOD_MS_MAX,
  PERIOD_MS_MIN
} from '@servent/key-routing/machine'
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
  PASTRY_SETTINGS,
  ROW_MS
} from '@servent/pastry/machine'
import { DEFENCES } from './defences.ts'
import type { SettingsSchema } from './settings.ts'

/** This peer, and one side of the longest leaf set: each holder then has all the others in its own. */
const REPLICAS_MAX = LEAF_SET_MAX / 2 + 1
const period = (initial: number, description: string) =>
  ({
    type: 'integer',
    minimum: PERIOD_MS_MIN,
    maximum: PERIOD_MS_MAX,
    default: initial,
    description
  }) as const
const periodOrNever = (initial: number, description: string) =>
  ({ ...period(initial, description), minimum: 0 }) as const

export const pastrySettings = {
  'leaf-set': {
    type: 'integer',
    minimum: 2,
    maximum: LEAF_SET_MAX,
    multipleOf: 2,
    default: LEAF_SET_DEFAULT,
    description: '|L|, peers of a leaf set, both sides together'
  },
  'digit-bits': { enum: [1, 2, 4], default: DIGIT_BITS_DEFAULT, description: 'b, bits of a digit' },
  neighbourhood: {
    type: 'integer',
    minimum: 0,
    maximum: NEIGHBOURHOOD_MAX,
    default: NEIGHBOURHOOD_DEFAULT,
    description: '|M|, peers of the neighbourhood set'
  },
  proximity: {
    enum: ['on', 'off'],
    default: 'on',
    description: 'Whether entries of the routing table are chosen by their round trip'
  },
  distances: {
    enum: ['told', 'own'],
    default: PASTRY_SETTINGS.distances,
    description: 'Whether the word of another counts for how far away it is'
  },
  style: {
    enum: ['semi-recursive', 'recursive', 'iterative'],
    default: 'semi-recursive',
    description: 'Who forwards a lookup, and how its answer comes back'
  },
  'heartbeat-ms': period(HEARTBEAT_MS, 'Between two heartbeats to the left neighbour'),
  'leaf-exchange-ms': period(LEAF_EXCHANGE_MS, 'Between two exchanges of leaf sets'),
  'table-probe-ms': periodOrNever(0, 'Between two probes of a silent entry; 0: tuned by failures'),
  'row-ms': period(ROW_MS, 'Between two looks at the rows of others'),
  'neighbourhood-ms': period(NEIGHBOURHOOD_MS, 'Between two visits to the neighbourhood set'),
  'merge-ms': periodOrNever(MERGE_MS, 'Between two probes for a foreign ring; 0: never'),
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
    // As Chord has it there: lookups that meet the dead have all the time that they need.
    defaultWithFailures: LOOKUP_BUDGET_MS_MAX,
    description: 'Time that a lookup has'
  },
  ...DEFENCES
} as const satisfies SettingsSchema
