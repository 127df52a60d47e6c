/** Settings of Kademlia that a plan may change. Bounds are the machine's own. */
import {
  ALPHA_DEFAULT,
  ANSWER_HIGH_MS,
  ANSWER_LOW_MS,
  BUCKET_PEERS_MAX,
  DIAL_MS,
  DISJOINT_PATHS_DEFAULT,
  DISJOINT_PATHS_MAX,
  K_DEFAULT,
  PATH_REQUESTS_MAX,
  REFRESH_MS,
  SELF_LOOKUP_MS
} from '@servent/kademlia/machine'
import {
  LOOKUP_BUDGET_MS,
  LOOKUP_BUDGET_MS_MAX,
  PERIOD_MS_MAX,
  PERIOD_MS_MIN
} from '@servent/key-routing/machine'
import { networkSetting } from './defences.ts'
import type { SettingsSchema } from './settings.ts'

const count = (initial: number, maximum: number, description: string) =>
  ({ type: 'integer', minimum: 1, maximum, default: initial, description }) as const
const period = (initial: number, description: string) =>
  ({
    type: 'integer',
    minimum: PERIOD_MS_MIN,
    maximum: PERIOD_MS_MAX,
    default: initial,
    description
  }) as const

export const kademliaSettings = {
  k: count(K_DEFAULT, BUCKET_PEERS_MAX, 'Peers of a bucket and of an answer, and holders of a record'),
  alpha: count(ALPHA_DEFAULT, PATH_REQUESTS_MAX, 'Requests under way on each path of a lookup'),
  paths: count(DISJOINT_PATHS_DEFAULT, DISJOINT_PATHS_MAX, 'Paths of a lookup that have no peer in common'),
  'peers-per-network': { ...networkSetting, default: 0, maximum: BUCKET_PEERS_MAX },
  'refresh-ms': period(REFRESH_MS, 'Between two refreshes of the buckets'),
  'self-lookup-ms': period(SELF_LOOKUP_MS, 'Between two lookups of the own key'),
  'answer-ms': {
    ...period(ANSWER_LOW_MS, 'Least time that a request waits; beyond it as long as three round trips'),
    maximum: ANSWER_HIGH_MS
  },
  'dial-ms': period(DIAL_MS, 'Time that a request waits for a link to whom it goes'),
  'lookup-budget-ms': {
    type: 'integer',
    minimum: PERIOD_MS_MIN,
    maximum: LOOKUP_BUDGET_MS_MAX,
    default: LOOKUP_BUDGET_MS,
    defaultWithFailures: LOOKUP_BUDGET_MS_MAX,
    description: 'Time that a lookup has'
  }
} as const satisfies SettingsSchema
