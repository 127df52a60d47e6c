/**
 * Chord at the size that papers stop short of: peers that joined by the protocol, with maintenance, sessions of
 * one hour, and lookups of random keys from random peers. The periods are those of p2psim's cheaper run under
 * such churn, 72 s for stabilisation and 144 s for the rest, but for the merging of rings, which it has not.
 */
import { ChordMachine, type ChordSettings, type ChordTypes, chordSettings } from '@servent/chord/machine'
import { chordCodec } from '@servent/chord/wire'
import { beginChurn, churnProcess, latencyModel, Simulation, Streams } from '@servent/simulator'
import { grow } from './growth.ts'
import { LookupCount } from './lookups.ts'
import { cost, type Figures } from './measure.ts'

const SEED = 'chord'
const HOUR_S = 3_600
const BASIC_MS = 72_000
const REST_MS = 144_000
/** A probe for a foreign ring goes through the whole of this one's fingers, so it is rarer. */
const MERGE_MS = 1_800_000
/** In which the network doubles: two rounds of stabilisation. */
const DOUBLING_S = 144

export function chord(peers: number, lookups: number, virtualS: number): Figures {
  const settings: ChordSettings = chordSettings({
    stabiliseMs: BASIC_MS,
    fixFingersMs: REST_MS,
    checkPredecessorMs: REST_MS,
    mergeMs: MERGE_MS,
    saveMs: 0
  })
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
  const grown = cost(() => grow(simulation, peers, DOUBLING_S))
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
