/** A network of machines that was parted, each half long enough to forget the other, and what becomes of it. */
import { latencyModel, Partitions, randomOf, sidesOf } from '@servent/simulator'
import { expect, it } from 'vitest'
import { KademliaNetwork, randomKey } from './support/network.ts'

const SECOND_US = 1_000_000
const ROUND_MS = 10_000
const NODES = 16

it('finds its other half again by whom each peer has lost, one asked a round, and knows the root of every key', () => {
  const partitions = new Partitions()
  const network = new KademliaNetwork({
    seed: 'parted',
    settings: { refreshMs: ROUND_MS, selfLookupMs: ROUND_MS },
    simulation: { network: partitions.over(latencyModel('constant:20', randomOf('parted'))) }
  })
  const { simulation } = network
  const nodes = network.startJoined(NODES)
  simulation.runFor(60 * SECOND_US)
  const [side, other] = [nodes.filter(node => node % 2 === 0), nodes.filter(node => node % 2 === 1)]
  const knownAcross = () =>
    side.map(node => {
      const known = network.tablesOf(node).buckets.flatMap(({ peers }) => peers)
      return known.filter(peer => other.includes(simulation.nodeOfPeer(node, peer))).length
    })
  expect(knownAcross()).toEqual(side.map(() => other.length))

  partitions.split(sidesOf([side]), simulation.nowUs)
  simulation.runFor(120 * SECOND_US)
  expect(knownAcross()).toEqual(side.map(() => 0))

  partitions.heal(simulation.nowUs)
  simulation.runFor(120 * SECOND_US)
  expect(knownAcross()).toEqual(side.map(() => other.length))
  const random = randomOf('keys')
  const asks = nodes.map(origin => ({ origin, key: randomKey(random) }))
  for (const { isCorrect } of network.lookUp(asks)) expect(isCorrect).toBe(true)
})
