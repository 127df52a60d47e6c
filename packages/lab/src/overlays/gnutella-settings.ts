/** Settings of Gnutella that a plan may change. Bounds are the machine's own. */
import {
  DEGREE_DEFAULT,
  LEAVES_DEFAULT,
  LEAVES_MAX,
  NEIGHBOURS_DEFAULT,
  NEIGHBOURS_MAX,
  TTL_MAX,
  WALKERS_DEFAULT,
  WALKERS_MAX
} from '@servent/gnutella/machine'
import type { SettingsSchema } from './settings.ts'

export const gnutellaSettings = {
  neighbours: {
    type: 'integer',
    minimum: 1,
    maximum: NEIGHBOURS_MAX,
    default: NEIGHBOURS_DEFAULT,
    description: 'Places for neighbours; a peer looks for half as many itself'
  },
  ttl: {
    type: 'integer',
    minimum: 1,
    maximum: TTL_MAX,
    default: TTL_MAX,
    description: 'Steps that a query goes'
  },
  search: {
    enum: ['flood', 'dynamic', 'expanding-ring', 'random-walk'],
    default: 'flood',
    description: 'How a search is spread'
  },
  walkers: {
    type: 'integer',
    minimum: 1,
    maximum: WALKERS_MAX,
    default: WALKERS_DEFAULT,
    description: 'Walkers of a search of the style random-walk'
  },
  role: {
    enum: ['flat', 'auto'],
    default: 'flat',
    description: 'Whether all peers are alike, or leaves and ultrapeers'
  },
  leaves: {
    type: 'integer',
    minimum: 1,
    maximum: LEAVES_MAX,
    default: LEAVES_DEFAULT,
    description: 'Places of an ultrapeer for leaves'
  },
  degree: {
    type: 'integer',
    minimum: 1,
    maximum: NEIGHBOURS_MAX,
    default: DEGREE_DEFAULT,
    description: 'Places of an ultrapeer for others'
  },
  'query-routing': {
    enum: ['on', 'off'],
    default: 'on',
    description: 'Whether route tables are told to ultrapeers'
  },
  'query-cache': {
    enum: ['on', 'off'],
    default: 'on',
    description: 'Whether repeated queries are answered from the cache of hits'
  }
} as const satisfies SettingsSchema
