/** Settings of FastTrack that a plan may change. Bounds are the machine's own. */
import {
  ORDINARIES_PER_SUPERNODE,
  ORDINARIES_PER_SUPERNODE_MAX,
  ORDINARIES_PER_SUPERNODE_MIN,
  ROUNDS_MAX,
  TTL_DEFAULT,
  TTL_MAX
} from '@servent/fasttrack/machine'
import type { SettingsSchema } from './settings.ts'

export const fasttrackSettings = {
  'ordinaries-per-supernode': {
    type: 'integer',
    minimum: ORDINARIES_PER_SUPERNODE_MIN,
    maximum: ORDINARIES_PER_SUPERNODE_MAX,
    default: ORDINARIES_PER_SUPERNODE,
    description: 'Ordinary nodes to one supernode that the network aims at'
  },
  ttl: {
    type: 'integer',
    minimum: 0,
    maximum: TTL_MAX,
    default: TTL_DEFAULT,
    description: 'Links between supernodes that a query goes over'
  },
  rounds: {
    type: 'integer',
    minimum: 1,
    maximum: ROUNDS_MAX,
    default: 1,
    description: 'Rounds of one search: each but the first is a "search more", through another supernode'
  }
} as const satisfies SettingsSchema
