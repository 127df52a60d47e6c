/** Networks that grow by joins, as they do: in proportion to their size. */
import type { ChordTypes } from '@servent/chord/machine'
import type { Simulation } from '@servent/simulator'

const FIRST = 16

/**
 * Peers join one after the other, each through one that is there. The first come within one time of doubling; then
 * the network doubles each time, evenly within it.
 */
export function grow(simulation: Simulation<ChordTypes>, peers: number, doublingS: number): void {
  const random = simulation.random.of('workload')
  const doublingUs = doublingS * 1e6
  let beganUs = simulation.nowUs
  for (let size = FIRST, there = 0; there < peers; size = 2 * there, beganUs += doublingUs) {
    const before = there
    for (; there < Math.min(size, peers); there += 1) {
      simulation.runUntil(beganUs + Math.floor(((there - before) * doublingUs) / (size - before)))
      const contact = simulation.pickAlive(random)
      const node = simulation.addNode()
      simulation.start(node)
      if (contact !== undefined) simulation.contact(node, contact)
    }
  }
}
