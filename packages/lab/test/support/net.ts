/** Networks of one overlay that were put down, and the work of one world for all of them. */
import { latencyModel, randomOf } from '@servent/simulator'
import type { Deployment, DeploymentInit, LookupOutcome } from '../../src/deployment.ts'
import { type OverlayId, settingsOf } from '../../src/overlays/settings.ts'
import { Peers } from '../../src/peers.ts'
import { Places } from '../../src/places.ts'
import { resolvePlan } from '../../src/plan.ts'
import { World } from '../../src/world.ts'

const NODES = 60
export const world = new World('w', resolvePlan({ nodes: NODES, lookups: 40, searches: 40, duration: 10 }))

export interface Net {
  readonly deployment: Deployment
  readonly places: Places
  readonly peers: Peers
}

export function net(
  overlay: OverlayId,
  deploy: (init: DeploymentInit) => Deployment,
  set: Record<string, number | string> = {},
  { nodes = NODES, frozen = false } = {}
): Net {
  const places = new Places(nodes)
  const deployment = deploy({
    seed: 's',
    network: latencyModel('constant:40', randomOf('l')),
    settings: settingsOf(overlay, set, frozen),
    world,
    places,
    frozen
  })
  const peers = new Peers(deployment, places)
  deployment.startIdeal(Array.from({ length: nodes }, () => peers.addNode()))
  deployment.simulation.runFor(30_000_000)
  return { deployment, places, peers }
}

export function lookUpAll({ deployment, places }: Net, asks = world.lookups): LookupOutcome[] {
  const outcomes: LookupOutcome[] = []
  for (const ask of asks) {
    const origin = places.choose(ask.chooser, () => true)!
    deployment.lookup(origin, ask, outcome => outcomes.push(outcome))
    deployment.simulation.runFor(20_000_000)
  }
  return outcomes
}
