/** The graph of links, as an observer of all nodes sees it. */
import type { NodeIndex } from '@servent/simulator'
import type { AnySimulation } from '../deployment.ts'

/** Peers from which it is looked how far they reach, spread over all that live. */
const LOOKED_FROM = 32

/** Live nodes that live ones reach over so many links at most, the sum over some of these. */
export function countReached(simulation: AnySimulation, steps: number): number {
  const live = simulation.aliveNodes()
  const every = Math.ceil(live.length / LOOKED_FROM)
  let reached = 0
  for (let at = 0; at < live.length; at += every) reached += reachedFrom(simulation, live[at]!, steps)
  return reached
}

function reachedFrom(simulation: AnySimulation, start: NodeIndex, steps: number): number {
  const seen = new Set([start])
  let edge = [start]
  for (let step = 0; step < steps && edge.length > 0; step += 1) {
    const next = edge.flatMap(node => simulation.linkedTo(node)).filter(node => simulation.alive(node))
    edge = [...new Set(next)].filter(node => !seen.has(node))
    for (const node of edge) seen.add(node)
  }
  return seen.size
}
