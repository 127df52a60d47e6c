/** What happens to many nodes at once: failures that have one cause, and crowds. */
import { checkWithin } from '../network/errors.ts'
import type { NodeIndex } from '../types.ts'
import { type Population, pickSome } from './population.ts'

/** Of nodes that come in one crowd. */
export const CROWD_NODES_MAX = 1_000_000

/**
 * A share of the nodes that are up crashes now, all at this instant: so many to the nearest whole number, each
 * set of them with the same chance. Draws from the stream `churn`.
 *
 * @returns the nodes that went
 * @throws ModelError  the share is none
 */
export function failShare(population: Population, share: number): NodeIndex[] {
  checkWithin('The share of nodes that fail', share, 0, 1)
  const nodes = population.aliveNodes()
  const failed = pickSome(nodes, Math.round(share * nodes.length), population.random.of('churn'))
  for (const node of failed) population.crash(node)
  return failed
}

/**
 * Many new nodes come within a time, at moments of chance, each told of one node that was up before the crowd
 * came. Draws from the stream `churn`.
 *
 * @returns the nodes that will come
 * @throws ModelError  the crowd is larger than `CROWD_NODES_MAX`
 */
export function flashCrowd(population: Population, nodes: number, withinUs: number): NodeIndex[] {
  checkWithin('The number of nodes in a crowd', nodes, 0, CROWD_NODES_MAX)
  const random = population.random.of('churn')
  return Array.from({ length: nodes }, () => {
    const contact = population.pickAlive(random)
    const node = population.addNode()
    population.at(population.nowUs + Math.floor(random.unit() * withinUs), () => {
      population.start(node)
      if (contact !== undefined) population.contact(node, contact)
    })
    return node
  })
}
