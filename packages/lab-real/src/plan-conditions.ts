/** What the network of a plan does to one peer, drawn from the seed as in the simulator. */
import { type Firewalls, type Places, type Plan, parseBandwidth, parseResets } from '@servent/lab/backend'
import type { NodeIndex } from '@servent/simulator'
import type { Conditions } from './access.ts'

const US_PER_MS = 1000

export interface MadeOf {
  readonly seed: string
  readonly places: Places
  readonly firewalls: Firewalls
}

/** The lines of an operator's servers have no bound. */
export function conditionsOf(
  { bandwidth, resets }: Plan,
  node: NodeIndex,
  { seed, places, firewalls }: MadeOf
): Conditions {
  return {
    ...(bandwidth !== null && places.had(node) && { bandwidth: parseBandwidth(bandwidth) }),
    ...(resets !== null && {
      resets: { lifeMs: parseResets(resets) / US_PER_MS, seed: `${seed}/resets/${node}` }
    }),
    isFirewalled: firewalls.isBehind(node)
  }
}

/** Whether its network does anything that is counted. */
export function breaksOrRefuses({ resets, firewalled, partition }: Plan): boolean {
  return resets !== null || firewalled > 0 || partition !== null
}
