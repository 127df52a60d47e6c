/**
 * The run that MIT's p2psim was measured with (Li et al., INFOCOM 2005): 1,024 addresses, lives and deaths
 * exponential with a mean of one hour, whoever comes back comes with a new id, a lookup by each live peer every
 * 600 s, six virtual hours, successor lists of 16, fingers by proximity, and all timers alike. Merging of rings
 * and the cache of peers, which p2psim's Chord does not have, are off.
 */
import { ChordMachine, type ChordSettings, type ChordTypes, chordSettings } from '@servent/chord/machine'
import { chordCodec } from '@servent/chord/wire'
import { beginChurn, churnProcess, latencyModel, Simulation, Streams } from '@servent/simulator'
import { grow } from './growth.ts'
import { LookupCount } from './lookups.ts'
import { cost, type Figures } from './measure.ts'

const SEED = 'p2psim'
const ADDRESSES = 1_024
const SUCCESSORS = 16
const LOOKUP_S = 600
/** In which the network doubles at its beginning: two rounds of stabilisation. */
const ROUNDS_PER_DOUBLING = 2

export function p2psim(timerS: number, hours: number): Figures {
  const timerMs = timerS * 1_000
  const settings: ChordSettings = chordSettings({
    successors: SUCCESSORS,
    stabiliseMs: timerMs,
    fixFingersMs: timerMs,
    checkPredecessorMs: timerMs,
    mergeMs: 0,
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
  const lookUp = () => {
    const everyUs = Math.floor((LOOKUP_S * 1e6) / simulation.aliveCount)
    counted.begin(simulation, simulation.pickAlive(random)!, random)
    simulation.after(1 + random.below(2 * everyUs), lookUp)
  }
  const spent = cost(() => {
    grow(simulation, ADDRESSES, ROUNDS_PER_DOUBLING * timerS)
    beginChurn(simulation, churnProcess('exp:1h'))
    lookUp()
    simulation.runUntil(hours * 3_600 * 1e6)
  })
  // Each live peer looks up once in so many seconds.
  const aliveS = counted.begun * LOOKUP_S
  return {
    peers: ADDRESSES,
    virtualS: hours * 3_600,
    messages: metrics.delivered,
    events: simulation.events,
    ...spent,
    traceHash: simulation.traceHash,
    alive: simulation.aliveCount,
    bytesPerLivePeerPerS: metrics.bytes / aliveS,
    p2psimBytesPerLivePeerPerS: metrics.p2psimBytes / aliveS,
    ...counted.figures
  }
}
