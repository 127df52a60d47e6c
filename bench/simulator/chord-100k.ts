/**
 * Chord at the size that papers stop short of: peers that joined by the protocol, with maintenance as it is by
 * default, sessions of one hour, and lookups of random keys from random peers.
 */
import { ChordMachine, type ChordSettings, type ChordTypes, chordSettings } from '@servent/chord/machine'
import { chordCodec } from '@servent/chord/wire'
import { beginChurn, churnProcess, latencyModel, Simulation, Streams } from '@servent/simulator'
import { LookupCount } from './lookups.ts'
import { cost, type Figures } from './measure.ts'

const SEED = 'chord'
const HOUR_S = 3_600
/** Joins a virtual second while the network grows: a hundredth of those who are there, within bounds. */
const GROWTH_SHARE = 0.01
const GROWTH_PER_S_MOST = 200

export function chord(peers: number, lookups: number, virtualS: number): Figures {
  const settings: ChordSettings = chordSettings({})
  const counted = new LookupCount()
  const simulation: Simulation<ChordTypes> = new Simulation<ChordTypes>({
    seed: SEED,
    codec: chordCodec,
    createMachine: () => new ChordMachine(settings),
    network: latencyModel('planetlab', new Streams(SEED).of('latency')),
    onNotice: (_, notice) => counted.onNotice(notice),
    forgetDead: true
  })
  const { metrics } = simulation
  const random = simulation.random.of('workload')
  const join = () => {
    const contact = simulation.pickAlive(random)
    const node = simulation.addNode()
    simulation.start(node)
    if (contact !== undefined) simulation.contact(node, contact)
  }
  const grown = cost(() => {
    while (simulation.aliveCount < peers) {
      const perS = Math.min(GROWTH_PER_S_MOST, 1 + Math.floor(simulation.aliveCount * GROWTH_SHARE))
      for (let count = 0; count < perS && simulation.aliveCount < peers; count += 1) {
        join()
        simulation.runFor(Math.floor(1e6 / perS))
      }
    }
  })
  const [joinedAtS, joinMessages] = [simulation.nowUs / 1e6, metrics.delivered]
  const events = simulation.events
  const perS = peers / HOUR_S
  const churn = beginChurn(simulation, churnProcess(`rate:${perS}`))
  const everyUs = Math.floor((virtualS * 1e6) / lookups)
  const lookUp = () => {
    counted.begin(simulation, simulation.pickAlive(random)!, random)
    if (counted.begun < lookups) simulation.after(everyUs, lookUp)
  }
  lookUp()
  const spent = cost(() => simulation.runFor(virtualS * 1e6))
  return {
    peers,
    virtualS,
    messages: metrics.delivered - joinMessages,
    events: simulation.events - events,
    ...spent,
    traceHash: simulation.traceHash,
    joinVirtualS: joinedAtS,
    joinMessages,
    joinWallS: grown.wallS,
    joinCpuS: grown.cpuS,
    alive: simulation.aliveCount,
    crashes: churn.counts.crashes,
    joins: churn.counts.joins,
    ...counted.figures
  }
}
