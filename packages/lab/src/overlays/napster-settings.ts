/** Settings of Napster that a plan may change. Bounds are the machine's own. */
import { SERVERS_MAX, SHARED_MAX, USERS_MAX } from '@servent/napster/machine'
import { QUERY_RESULTS_MAX } from '@servent/overlay/machine'
import type { SettingsSchema } from './settings.ts'

/** The server's own user has one of its places, whatever comes. */
const PLACES_MAX = USERS_MAX - 1

export const napsterSettings = {
  servers: {
    type: 'integer',
    minimum: 0,
    maximum: SERVERS_MAX,
    default: 0,
    description: 'Servers, beside the peers; 0: one for each 16,000 peers of the plan'
  },
  'users-per-server': {
    type: 'integer',
    minimum: 1,
    maximum: PLACES_MAX,
    default: PLACES_MAX,
    description: 'Users that a server takes in at a time'
  },
  linked: {
    enum: ['on', 'off'],
    default: 'on',
    description:
      'Whether servers are linked, so that a search asks all of them, or each has its own users alone'
  },
  results: {
    type: 'integer',
    minimum: 1,
    maximum: QUERY_RESULTS_MAX,
    default: QUERY_RESULTS_MAX,
    description: 'Results that a lookup or a search asks for'
  },
  'files-per-user': {
    type: 'integer',
    minimum: 1,
    maximum: SHARED_MAX,
    default: SHARED_MAX,
    description: 'Files of one user that a server takes in'
  },
  'servers-fail': {
    enum: ['on', 'off'],
    default: 'on',
    description: 'Whether each server dies with the same chance as a peer where a part of these does'
  }
} as const satisfies SettingsSchema

/** As a plan sets them. */
export interface NapsterSet {
  readonly servers: number
  readonly 'users-per-server': number
  readonly linked: 'on' | 'off'
  readonly results: number
  readonly 'files-per-user': number
  readonly 'servers-fail': 'on' | 'off'
}
