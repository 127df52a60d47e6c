/** Settings by which structured overlays defend themselves against peers that lie. Defaults are those of real peers. */
import {
  LOOKUP_PATHS_MAX,
  NETWORK_PEERS_MAX,
  ROUTER_SETTINGS,
  type RouterSettings
} from '@servent/key-routing/machine'
import type { Settings } from './settings.ts'

const { lookupPaths, answerChecks, peersPerNetwork } = ROUTER_SETTINGS

export const pathsSetting = {
  type: 'integer',
  minimum: 1,
  maximum: LOOKUP_PATHS_MAX,
  default: lookupPaths,
  description: 'Ways of a lookup, each by another first hop; of their answers the nearest that lives counts'
} as const

export const networkSetting = {
  type: 'integer',
  minimum: 0,
  maximum: NETWORK_PEERS_MAX,
  default: peersPerNetwork,
  description: 'Peers of one /24 or /48 that a table takes in; 0: any number'
} as const

/** `initial`: what the overlay's machine does where nobody says. */
export const checksSetting = (initial: RouterSettings['answerChecks']) =>
  ({
    enum: ['on', 'off'],
    default: initial,
    description: 'Whether a root that lies too far from its key is doubted'
  }) as const

export const DEFENCES = {
  paths: pathsSetting,
  'peers-per-network': networkSetting,
  'answer-checks': checksSetting(answerChecks)
} as const

/** What an overlay has of these. */
export function defencesOf(settings: Settings): Partial<RouterSettings> {
  const { paths, 'peers-per-network': peersPerNetwork = 0, 'answer-checks': checks } = settings
  return {
    lookupPaths: paths as number,
    peersPerNetwork: peersPerNetwork as number,
    answerChecks: checks as RouterSettings['answerChecks']
  }
}
