/** Gnutella's own machine: peers that know each other by pongs, search, and are answered. */
import {
  type GnutellaAnswer,
  GnutellaMachine,
  type GnutellaQuestion,
  type GnutellaTypes,
  gnutellaCodec,
  type HitResult
} from '@servent/gnutella/machine'
import { latencyModel, Simulation, Streams } from '@servent/simulator'
import { cost, type Figures } from './measure.ts'

const SEED = 'gnutella'
const PEERS = 500
const SEARCHES_PER_S = 40
/** Most have as many places as is usual, and every fourth has room for those who find none there. */
const ROOMY_NEIGHBOURS = 12
/** Until neighbours are found and the first rush of pings is over. */
const SETTLE_S = 30
const WARM_UP_S = 10
/** One peer in so many has a file for a search. */
const HOLDERS = 200

const answer = (question: GnutellaQuestion, node: number): GnutellaAnswer => {
  if (question.type === 'match') return { type: 'match', results: matches(question.text, node) }
  if (question.type === 'vouch') return { type: 'vouch', expiresMs: question.claims.map(() => 0) }
  return { type: 'verify', files: [] }
}

function matches(text: string, node: number): readonly HitResult[] {
  const [, number] = text.split(' ')
  if ((Number(number) + node) % HOLDERS !== 0) return []
  return [{ index: 1, size: 1_000_000, name: `${text}.ogg`, urns: [], ggep: [] }]
}

export function gnutella(virtualS: number): Figures {
  const simulation = new Simulation<GnutellaTypes>({
    seed: SEED,
    codec: gnutellaCodec,
    createMachine: node => new GnutellaMachine(node % 4 === 0 ? { neighbours: ROOMY_NEIGHBOURS } : {}),
    answer,
    network: latencyModel('planetlab', new Streams(SEED).of('latency'))
  })
  const { metrics } = simulation
  const random = simulation.random.of('workload')
  for (const node of simulation.addNodes(PEERS)) {
    simulation.start(node)
    for (let contact = 0; contact < 5 && node > 0; contact += 1) simulation.contact(node, random.below(node))
    simulation.runFor(10_000)
  }
  let searches = 0
  const search = () => {
    const node = random.below(PEERS)
    const id = simulation.command(node, { type: 'search', text: `song ${searches}`, urns: [] })
    simulation.after(10_000_000, () => simulation.command(node, { type: 'end-search', search: id }))
    searches += 1
    simulation.after(1e6 / SEARCHES_PER_S, search)
  }
  simulation.runFor(SETTLE_S * 1_000_000)
  search()
  simulation.runFor(WARM_UP_S * 1_000_000)
  const [messages, events, typesBefore] = [metrics.delivered, simulation.events, metrics.byType()]
  const searchesBefore = searches
  const spent = cost(() => simulation.runFor(virtualS * 1_000_000))
  const links = simulation.aliveNodes().reduce((sum, node) => sum + simulation.linkedTo(node).length, 0)
  return {
    peers: PEERS,
    virtualS,
    messages: metrics.delivered - messages,
    events: simulation.events - events,
    ...spent,
    traceHash: simulation.traceHash,
    searches: searches - searchesBefore,
    linksPerPeer: links / PEERS,
    types: Object.entries(metrics.byType())
      .map(([type, { messages: count }]) => `${type} ${count - (typesBefore[type]?.messages ?? 0)}`)
      .join(', ')
  }
}
