/** What a run measured, of all its samples: as the simulator gives it, and nothing where nobody tells. */
import type {
  FaultSamples,
  LookupSamples,
  NodeSamples,
  Phase,
  PhaseSamples,
  SearchSamples,
  SocketSamples,
  Traffic
} from '@servent/lab/backend'
import type { LookupSample, Samples, SearchSample } from './sink.ts'

export class SampleResults {
  readonly #samples: Samples
  readonly #servers: number

  /** `servers`: of an operator; what they ask each other for a question, nobody counts. */
  constructor(samples: Samples, { servers }: { readonly servers: number }) {
    this.#samples = samples
    this.#servers = servers
  }

  lookupSamples(): LookupSamples {
    const all = this.#samples.lookups.toSorted((a, b) => a.number - b.number)
    const count = (status: LookupSample['status']) => all.filter(one => one.status === status).length
    const answered = all.filter(({ status }) => status === 'correct' || status === 'incorrect')
    const known = (of: (sample: LookupSample) => number | undefined, among = answered) =>
      Float64Array.from(among.flatMap(sample => of(sample) ?? []))
    const told = all.filter(({ status }) => status !== 'unissued')
    // Lookups that failed have met the most.
    const timeouts = known(one => one.timeouts, told)
    return {
      correct: count('correct'),
      incorrect: count('incorrect'),
      failed: count('failed'),
      unissued: count('unissued'),
      hops: known(one => one.hops),
      hopsAsPublished: known(one => one.hopsAsPublished),
      latencyUs: known(one => one.latencyUs),
      timeouts: timeouts.length === 0 ? undefined : timeouts,
      messages: Float64Array.from(told.flatMap(({ names }) => this.#costOf(names)?.[0] ?? [])),
      stretch: Float64Array.from(
        answered.flatMap(({ status, stretch }) => (status === 'correct' ? (stretch ?? []) : []))
      )
    }
  }

  /** `enough`: results that a search wants, where the plan says; `singles`: searches for what there is once. */
  searchSamples(enough: number | null, singles: ReadonlySet<number>): SearchSamples {
    const all = this.#samples.searches.toSorted((a, b) => a.number - b.number)
    const issued = all.filter(({ status }) => status !== 'unissued')
    const sum = (of: (sample: SearchSample) => number, among = issued) =>
      among.reduce((total, sample) => total + of(sample), 0)
    const costs = issued.flatMap(({ names }) => {
      const cost = this.#costOf(names)
      return cost === undefined ? [] : [cost]
    })
    const single = issued.filter(({ number }) => singles.has(number))
    return {
      issued: issued.length,
      failed: issued.filter(({ status }) => status === 'failed').length,
      unissued: all.length - issued.length,
      wanted: sum(one => one.wanted),
      found: sum(one => one.found),
      right: sum(one => one.right),
      messages: Float64Array.from(costs, ([messages]) => messages),
      bytes: Float64Array.from(costs, ([, bytes]) => bytes),
      firstHitUs: Float64Array.from(issued.flatMap(({ firstHitUs }) => firstHitUs ?? [])),
      ...(enough !== null &&
        issued.length > 0 && {
          capped: {
            wanted: sum(({ results }) => Math.min(enough, results.wanted)),
            right: sum(({ results }) => Math.min(enough, results.right))
          }
        }),
      ...(single.length > 0 && {
        single: {
          wanted: sum(({ sought }) => Number(sought.wanted), single),
          right: sum(({ sought }) => Number(sought.right), single)
        }
      })
    }
  }

  /** Of what was asked in one part of the measured time. */
  phaseSamples(phase: Phase): PhaseSamples {
    const lookups = this.#samples.lookups.filter(one => one.phase === phase)
    const searches = this.#samples.searches.filter(one => one.phase === phase && one.status !== 'unissued')
    const count = (status: LookupSample['status']) => lookups.filter(one => one.status === status).length
    const total = (of: 'wanted' | 'right') => searches.reduce((sum, one) => sum + one[of], 0)
    return {
      correct: count('correct'),
      incorrect: count('incorrect'),
      failed: count('failed'),
      searches: { wanted: total('wanted'), right: total('right') }
    }
  }

  /** Of all peers, as long as they were measured. */
  faultSamples(): FaultSamples {
    const total = (of: keyof FaultSamples) =>
      this.#samples.peers.reduce(
        (sum, { first, last }) => sum + last.faults[of] - (first?.faults[of] ?? 0),
        0
      )
    return { broken: total('broken'), refused: total('refused') }
  }

  nodeSamples(atStart: NodeSamples['atStart'], atEnd: NodeSamples['atEnd']): NodeSamples {
    const peers = this.#samples.peers.toSorted((a, b) => a.node - b.node)
    const living = peers.filter(({ livesAtEnd }) => livesAtEnd)
    const steady = peers.filter(({ isSteady }) => isSteady)
    const more = (of: 'sentBytes' | 'receivedMessages') =>
      Float64Array.from(
        steady.flatMap(({ first, last }) => {
          const now = last[of]
          return now === undefined ? [] : now - (first?.[of] ?? 0)
        })
      )
    return {
      // Servers bear what they bear for the peers.
      aliveUs: peers.reduce((sum, { isServer, aliveUs }) => sum + (isServer ? 0 : aliveUs), 0),
      atStart,
      atEnd,
      bytesSent: more('sentBytes'),
      messagesReceived: more('receivedMessages'),
      stateEntries: Float64Array.from(living.flatMap(({ last }) => last.entries ?? [])),
      stateBytes: new Float64Array(),
      connections: Float64Array.from(living, ({ last }) => last.links)
    }
  }

  /** The busiest event loop of all, from 0 to 1, of peers that were there all the time; nothing where nobody was. */
  busy(): number | undefined {
    const parts = this.#samples.peers.flatMap(({ isSteady, first, last }) => {
      if (!isSteady) return []
      const active = last.loop.activeMs - first!.loop.activeMs
      return active / (active + last.loop.idleMs - first!.loop.idleMs)
    })
    return parts.length === 0 ? undefined : Math.max(...parts)
  }

  /** What peers in processes gave to their sockets, of those that were there all the time; nothing where none is in one. */
  sockets(): SocketSamples | undefined {
    const steady = this.#samples.peers.flatMap(({ isSteady, first, last }) =>
      isSteady && first?.wire && last.wire ? [{ first, last, from: first.wire, to: last.wire }] : []
    )
    if (steady.length === 0) return undefined
    const sum = (of: (peer: (typeof steady)[0]) => number) =>
      steady.reduce((total, peer) => total + of(peer), 0)
    const isCounted = steady.every(({ last }) => last.sentBytes !== undefined)
    const isKept = steady.every(({ last }) => last.kernelBytes !== undefined)
    return {
      nodes: steady.length,
      wireBytes: sum(({ from, to }) => to.sentBytes - from.sentBytes),
      ...(isCounted && { countedBytes: sum(({ first, last }) => last.sentBytes! - first.sentBytes!) }),
      ...(isKept && {
        open: {
          wireBytes: sum(({ to }) => to.openBytes),
          kernelBytes: sum(({ last }) => last.kernelBytes!)
        }
      })
    }
  }

  traffic(): Traffic {
    if (this.#samples.peers.some(({ last }) => last.sentByType === undefined))
      return { bytesByType: undefined, p2psimBytes: undefined }
    const bytes = new Map<string, number>()
    for (const { first, last } of this.#samples.peers)
      for (const [type, now] of Object.entries(last.sentByType!))
        bytes.set(type, (bytes.get(type) ?? 0) + now - (first?.sentByType?.[type] ?? 0))
    return {
      bytesByType: Object.fromEntries([...bytes].filter(([, sum]) => sum > 0)),
      p2psimBytes: undefined
    }
  }

  /** Over all peers that ever were; nothing of a question of whose messages not all are counted. */
  #costOf(names: readonly string[] | undefined): readonly [messages: number, bytes: number] | undefined {
    if (names === undefined || this.#servers > 1) return undefined
    let messages = 0
    let bytes = 0
    for (const { questions } of this.#samples.peers)
      for (const name of names) {
        const [ofPeer, bytesOfPeer] = questions[name] ?? [0, 0]
        messages += ofPeer
        bytes += bytesOfPeer
      }
    return [messages, bytes]
  }
}
