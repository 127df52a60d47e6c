/** Settings of Kelips in the lab. */
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
} from '@servent/kelips/machine'
import {
  LOOKUP_BUDGET_MS,
  LOOKUP_BUDGET_MS_MAX,
  PERIOD_MS_MAX,
  PERIOD_MS_MIN
} from '@servent/key-routing/machine'
import { checksSetting, pathsSetting } from './defences.ts'
import type { SettingsSchema } from './settings.ts'

const number = (minimum: number, maximum: number, initial: number, description: string) =>
  ({ type: 'integer', minimum, maximum, default: initial, description }) as const
const ration = (initial: number, what: string) =>
  number(1, RATION_MAX, initial, `${what} in one message of gossip`)

export const kelipsSettings = {
  groups: number(
    0,
    2 ** LEVEL_MAX,
    0,
    'k, rounded down to a power of two; 0: it follows the number of peers, as they estimate it'
  ),
  contacts: number(1, CONTACTS_MAX, CONTACTS_DEFAULT, 'c, contacts for each foreign group'),
  'gossip-ms': number(PERIOD_MS_MIN, PERIOD_MS_MAX, GOSSIP_MS, 'Between two rounds of gossip'),
  'heartbeat-ms': number(PERIOD_MS_MIN, PERIOD_MS_MAX, HEARTBEAT_MS, 'Between two heartbeats'),
  targets: number(1, TARGETS_MAX, TARGETS_DEFAULT, 'Members of the own group that a round tells'),
  'contact-targets': number(0, TARGETS_MAX, CONTACT_TARGETS_DEFAULT, 'Contacts that a round tells'),
  'member-ration': ration(MEMBER_RATION, 'Members'),
  'contact-ration': ration(CONTACT_RATION, 'Contacts'),
  'origin-ration': ration(ORIGIN_RATION, 'Providers'),
  'tuple-ration': ration(TUPLE_RATION, 'Tuples'),
  'gossip-bytes-per-s': number(
    GOSSIP_BYTES_PER_S_LEAST,
    GOSSIP_BYTES_PER_S_MOST,
    GOSSIP_BYTES_PER_S,
    'What gossip of one peer may send, bytes a second'
  ),
  news: {
    enum: ['at-once', 'by-round'],
    default: 'at-once',
    description: 'Whether news go on at once, or wait for the next round as in the paper'
  },
  proximity: {
    enum: ['on', 'off'],
    default: 'on',
    description: 'Whether targets and contacts are chosen by their round trip'
  },
  'merge-ms': number(0, PERIOD_MS_MAX, MERGE_MS, 'Between two probes for a foreign network; 0: never'),
  replicas: number(1, REPLICAS_MOST, REPLICAS_DEFAULT, 'Homenodes of a value'),
  'lookup-budget-ms': {
    ...number(PERIOD_MS_MIN, LOOKUP_BUDGET_MS_MAX, LOOKUP_BUDGET_MS, 'Time that a lookup has'),
    // As the others have it there: lookups and searches that meet the dead have all the time that they need.
    defaultWithFailures: LOOKUP_BUDGET_MS_MAX
  },
  paths: pathsSetting,
  'answer-checks': checksSetting('off')
} as const satisfies SettingsSchema
