/** Settings of Gnutella that a plan may change. Bounds are the machine's own. */
import { NEIGHBOURS_DEFAULT, NEIGHBOURS_MAX, TTL_MAX } from '@servent/gnutella/machine'
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
  }
} as const satisfies SettingsSchema
