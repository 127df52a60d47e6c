/** What happens to many nodes at once: failures that have one cause. */
import { checkWithin } from '../network/errors.ts'
import type { NodeIndex } from '../types.ts'
import { type Population, pickSome } from './population.ts'

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
