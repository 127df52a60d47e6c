/**
 * What a search costs all peers of a simulated Gnutella together, where all are alike and where there are two tiers:
 *
 *     npm run bench:tiers -- [--peers 1000] [--searches 100] [--roles flat,tiers,auto] [--json]
 *
 * Every peer has a file of its own, which nobody else has, and four of a hundred words that follow Zipf's law. `single`:
 * searches for a word that one peer has; `common`: for one of the hundred. Counted are queries and hits until two minutes
 * after the last search, and what was found within ten seconds and within a minute. `tiers`: one peer in
 * nine is an ultrapeer; `auto`: those are elected.
 */
import { parseArgs } from 'node:util'
import {
  addHashes,
  type GnutellaAnswer,
  GnutellaMachine,
  type GnutellaQuestion,
  type GnutellaSettings,
  type GnutellaTypes,
  gnutellaCodec,
  type HitResult
} from '@servent/gnutella/machine'
import { ContentId, type Effects, type FileRecord, type Input, peerIdText } from '@servent/overlay/machine'
import { latencyModel, Simulation, Streams } from '@servent/simulator'

const SEED = 'tiers'
const COMMON_WORDS = 100
const COMMON_FILES = 4
/** Leaves keep three ultrapeers, each of which has thirty places. */
const PEERS_PER_ULTRAPEER = 9
const SETTLE_S = 130
const IDLE_S = 20
const SOON_US = 10_000_000
const WATCHED_US = 60_000_000
const BETWEEN_US = 2_000_000
const EXPIRES_MS = 4e12

interface Figures {
  readonly roles: string
  readonly peers: number
  readonly ultrapeers: number
  readonly single: Kind
  readonly common: Kind
  /** Bytes a second that a peer sends while nobody searches. */
  readonly idleBytesPerS: number
}

interface Kind {
  readonly bytesPerSearch: number
  readonly messagesPerSearch: number
  /** Parts of what there is. */
  readonly recall10s: number
  readonly recall60s: number
}

/** A machine whose queries and hits are counted as they leave. */
class Counted extends GnutellaMachine {
  static messages = 0
  static bytes = 0
  static allBytes = 0
  /** Upkeep stands still: pings of many peers cost more to simulate than the searches. */
  static frozen = false
  #proxy: Effects<GnutellaTypes> | undefined

  override handle(input: Input<GnutellaTypes>, effects: Effects<GnutellaTypes>): void {
    if (Counted.frozen && input.type === 'timer' && input.timer === 'upkeep') return
    this.#proxy ??= new Proxy(effects, {
      get(target, name) {
        if (name === 'send') return countedSend(target)
        const value = Reflect.get(target, name, target) as unknown
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      }
    })
    super.handle(input, this.#proxy)
  }
}

function countedSend(effects: Effects<GnutellaTypes>): Effects<GnutellaTypes>['send'] {
  return (link, message, priority) => {
    const bytes = gnutellaCodec.byteLength(message)
    Counted.allBytes += bytes
    if (message.type === 'query' || message.type === 'query-hit') {
      Counted.messages += 1
      Counted.bytes += bytes
    }
    effects.send(link, message, priority)
  }
}

function measure(roles: string, peers: number, searches: number): Figures {
  Counted.frozen = false
  const random = new Streams(SEED).of('files')
  const shared = Array.from({ length: peers }, (_, node) => {
    const words = new Set([`single${node}`])
    // Zipf's law with exponent 1, turned over.
    while (words.size <= COMMON_FILES) words.add(`common${Math.floor(COMMON_WORDS ** random.unit()) - 1}`)
    return [...words]
  })
  const isTop = (node: number) => node % PEERS_PER_ULTRAPEER === 0
  const settingsOf = (node: number): Partial<GnutellaSettings> =>
    roles === 'flat' ? {} : { role: roles === 'auto' ? 'auto' : isTop(node) ? 'ultrapeer' : 'leaf' }

  const found = new Map<string, Set<string>>()
  const simulation: Simulation<GnutellaTypes> = new Simulation<GnutellaTypes>({
    seed: SEED,
    codec: gnutellaCodec,
    createMachine: node => new Counted(settingsOf(node)),
    network: latencyModel('planetlab', new Streams(SEED).of('latency')),
    answer: (question, node) => answerOf(question, shared[node]!, peerIdText(simulation.contactOf(node).id)),
    onNotice: (node, notice) => {
      if (notice.type !== 'found') return
      const set = found.get(`${node} ${notice.search}`)
      for (const { record } of notice.files) set?.add(`${record.provider} ${record.name}`)
    }
  })
  const chance = simulation.random.of('workload')
  for (const node of simulation.addNodes(peers)) {
    simulation.start(node)
    const hashes = new Set<number>()
    for (const name of shared[node]!) addHashes({ name, tags: {}, urns: [] }, hashes)
    simulation.command(node, {
      type: 'sharing',
      files: shared[node]!.length,
      kibibytes: 1,
      firewalled: false
    })
    simulation.command(node, { type: 'words', hashes: Uint32Array.from(hashes) })
    for (let contact = 0; contact < 3 && node > 0; contact += 1) {
      const known = chance.below(node)
      simulation.contact(node, roles === 'tiers' ? known - (known % PEERS_PER_ULTRAPEER) : known)
    }
    simulation.runFor(50_000)
  }
  simulation.runFor(SETTLE_S * 1e6)
  const before = Counted.allBytes
  simulation.runFor(IDLE_S * 1e6)
  const idleBytesPerS = (Counted.allBytes - before) / IDLE_S / peers
  Counted.frozen = true

  const run = (wordOf: (count: number) => string): Kind => {
    let [there, soon, late] = [0, 0, 0]
    const [bytes, messages] = [Counted.bytes, Counted.messages]
    for (let count = 0; count < searches; count += 1) {
      const node = chance.below(peers)
      const word = wordOf(count)
      simulation.after(count * BETWEEN_US, () => {
        const results = new Set<string>()
        const search = simulation.command(node, { type: 'search', text: word, urns: [] })
        found.set(`${node} ${search}`, results)
        there += shared.filter((words, other) => other !== node && words.includes(word)).length
        simulation.after(SOON_US, () => {
          soon += results.size
        })
        simulation.after(WATCHED_US, () => {
          late += results.size
          simulation.command(node, { type: 'end-search', search })
        })
      })
    }
    simulation.runFor(searches * BETWEEN_US + 2 * WATCHED_US)
    return {
      bytesPerSearch: Math.round((Counted.bytes - bytes) / searches),
      messagesPerSearch: Math.round((Counted.messages - messages) / searches),
      recall10s: Math.round((1000 * soon) / there) / 1000,
      recall60s: Math.round((1000 * late) / there) / 1000
    }
  }
  const ultrapeers = Array.from({ length: peers }, (_, node) => simulation.machine(node).snapshot()).filter(
    ({ tiers }) => (tiers as { tier: string } | undefined)?.tier === 'ultrapeer'
  ).length
  const single = run(() => `single${chance.below(peers)}`)
  const common = run(count => `common${count % COMMON_WORDS}`)
  return { roles, peers, ultrapeers, single, common, idleBytesPerS: Math.round(idleBytesPerS) }
}

function answerOf(question: GnutellaQuestion, words: readonly string[], provider: string): GnutellaAnswer {
  if (question.type === 'match') {
    const results = words
      .filter(word => word === question.text)
      .map((name): HitResult => {
        const record = new TextEncoder().encode(`${provider} ${name}`.padEnd(300))
        return { index: 1, size: 1_000_000, name, urns: [], ggep: [], record }
      })
    return { type: 'match', results }
  }
  if (question.type === 'vouch') return { type: 'vouch', expiresMs: question.claims.map(() => EXPIRES_MS) }
  const files = question.claim.results.map(({ index, name, size }) => {
    const record: FileRecord = {
      id: ContentId.fromRoot(new Uint8Array(32).fill(7), size),
      size,
      name,
      type: 'text/plain',
      tags: {},
      provider: peerIdText(question.claim.contact.id),
      sequence: 1,
      expiresMs: EXPIRES_MS
    }
    return { index, record }
  })
  return { type: 'verify', files }
}

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: '1000' },
    searches: { type: 'string', default: '100' },
    roles: { type: 'string', default: 'flat,tiers' },
    json: { type: 'boolean', default: false }
  }
})
for (const roles of values.roles.split(',')) {
  const begun = performance.now()
  const figures = measure(roles, Number(values.peers), Number(values.searches))
  if (values.json) console.log(JSON.stringify(figures))
  else {
    const { ultrapeers, idleBytesPerS, single, common } = figures
    console.log(
      `${roles}: ${values.peers} peers, ${ultrapeers} ultrapeers, idle ${idleBytesPerS} bytes/s a peer`
    )
    for (const [name, kind] of Object.entries({ single, common })) {
      const { bytesPerSearch, messagesPerSearch, recall10s, recall60s } = kind
      console.log(
        `  ${name}: ${bytesPerSearch} bytes, ${messagesPerSearch} messages a search; recall ${recall10s} in 10 s, ${recall60s} in 60 s`
      )
    }
  }
  console.error(`  (${Math.round((performance.now() - begun) / 1000)} s)`)
}
