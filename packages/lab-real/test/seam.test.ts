/** The seam for runs over several machines: peers find each other, and samples go, where the backend's user says. */
import { compare, resolvePlan } from '@servent/lab'
import { describe, expect, it } from 'vitest'
import {
  type LookupSample,
  type PeerSample,
  type RegisteredPeer,
  type Rendezvous,
  realBackend,
  type Samples,
  type SearchSample,
  type Sink
} from '../src/index.ts'
import { SampleResults } from '../src/sample-results.ts'

/** Elsewhere: whatever goes there and comes back goes over a wire. */
const sent = async <T>(value: T): Promise<T> => {
  await new Promise(resolve => setTimeout(resolve, 2))
  return structuredClone(value)
}

class FarRendezvous implements Rendezvous {
  readonly peers: RegisteredPeer[] = []
  lists = 0

  async register(peer: RegisteredPeer): Promise<void> {
    this.peers.push(await sent(peer))
  }

  async withdraw(node: number): Promise<void> {
    const index = this.peers.findIndex(peer => peer.node === node)
    if (index !== -1) this.peers.splice(index, 1)
  }

  async list(): Promise<readonly RegisteredPeer[]> {
    this.lists += 1
    return sent(this.peers.toSorted((a, b) => a.node - b.node))
  }
}

class FarSink implements Sink {
  readonly lookups: LookupSample[] = []
  readonly searches: SearchSample[] = []
  readonly peers: PeerSample[] = []

  async lookup(sample: LookupSample): Promise<void> {
    this.lookups.push(await sent(sample))
  }

  async search(sample: SearchSample): Promise<void> {
    this.searches.push(await sent(sample))
  }

  async peer(sample: PeerSample): Promise<void> {
    this.peers.push(await sent(sample))
  }

  /** Of several machines, in whatever order they came. */
  async all(): Promise<Samples> {
    const [lookups, searches, peers] = [this.lookups, this.searches, this.peers].map(all => all.toReversed())
    return sent({ lookups, searches, peers } as unknown as Samples)
  }
}

const PLAN = {
  overlays: ['chord'],
  nodes: 5,
  lookups: 12,
  searches: 4,
  latency: 'constant:10',
  backend: 'in-process',
  warmup: 4,
  duration: 3,
  seeds: 2
} as const

describe('another rendezvous and another sink', { timeout: 90_000 }, () => {
  it('are of one run each; peers join by the one, and results are of what the other gives', async () => {
    const rendezvous: FarRendezvous[] = []
    const sinks: FarSink[] = []
    const plan = resolvePlan({ ...PLAN, overlays: ['chord'] })
    const { overlays } = await compare(plan, {
      backends: async name =>
        realBackend(name, {
          command: [],
          rendezvousOf: ({ seed }) => {
            rendezvous[seed] = new FarRendezvous()
            return rendezvous[seed]
          },
          sinkOf: ({ seed }) => {
            sinks[seed] = new FarSink()
            return sinks[seed]
          }
        })
    })
    const [{ lookups, searches, connections_per_node }] = overlays as [(typeof overlays)[0]]
    expect([rendezvous.length, sinks.length]).toEqual([3, 3])
    for (const seed of [1, 2]) {
      // Nobody is told of anybody but by it.
      expect(rendezvous[seed]!.peers.map(({ node }) => node)).toEqual([0, 1, 2, 3, 4])
      expect(rendezvous[seed]!.lists).toBeGreaterThan(4)
      expect([sinks[seed]!.lookups.length, sinks[seed]!.searches.length]).toEqual([12, 4])
      expect(sinks[seed]!.peers.map(({ node }) => node)).toEqual([0, 1, 2, 3, 4])
    }
    const all = [...sinks[1]!.lookups, ...sinks[2]!.lookups]
    const count = (status: string) => all.filter(sample => sample.status === status).length
    expect(lookups).toEqual({
      issued: 24 - count('unissued'),
      correct: count('correct'),
      incorrect: count('incorrect'),
      failed: count('failed'),
      unissued: count('unissued')
    })
    expect(lookups.correct).toBeGreaterThan(12)
    expect(searches!.issued).toBe(8)
    expect(connections_per_node!.mean).toBeGreaterThan(1)
  })

  it('what it does not give back is in no result', async () => {
    const plan = resolvePlan({ ...PLAN, overlays: ['chord'], seeds: 1 })
    const { overlays } = await compare(plan, {
      backends: async name =>
        realBackend(name, {
          command: [],
          sinkOf: () =>
            new (class extends FarSink {
              override async all(): Promise<Samples> {
                const { lookups, ...others } = await super.all()
                return { ...others, lookups: lookups.slice(0, 5) }
              }
            })()
        })
    })
    const { issued, unissued } = overlays[0]!.lookups
    expect(issued + unissued).toBe(5)
  })

  it('a rendezvous that nobody can reach ends the run with its word', async () => {
    const plan = resolvePlan({ ...PLAN, overlays: ['chord'], seeds: 1 })
    const run = compare(plan, {
      backends: async name =>
        realBackend(name, {
          command: [],
          rendezvousOf: () =>
            new (class extends FarRendezvous {
              override async register(): Promise<void> {
                throw new Error('The rendezvous is away.')
              }
            })()
        })
    })
    await expect(run).rejects.toThrow('The rendezvous is away.')
  })
})

describe('what went into sockets', () => {
  const look = (sentBytes: number, openBytes: number, counted: number | undefined, kernelBytes?: number) => ({
    sentByType: undefined,
    sentBytes: counted,
    receivedMessages: 0,
    links: 1,
    entries: undefined,
    isAnnounced: true,
    questions: {},
    faults: { broken: 0, refused: 0 },
    loop: { activeMs: 0, idleMs: 1 },
    wire: { sentBytes, openBytes },
    kernelBytes
  })
  const peer = (first: ReturnType<typeof look>, last: ReturnType<typeof look>, isSteady = true) => ({
    node: 0,
    isServer: false,
    aliveUs: 1,
    isSteady,
    livesAtEnd: true,
    first,
    last,
    questions: {}
  })
  const of = (...peers: PeerSample[]) =>
    new SampleResults({ lookups: [], searches: [], peers }, { servers: 0 }).sockets()

  it('is of the measured time, of peers that were there all of it', () => {
    const peers = [
      peer(look(100, 60, 10), look(400, 350, 110, 351)),
      peer(look(0, 0, 0), look(50, 50, 40, 50)),
      peer(look(0, 0, 0), look(9_999, 9_999, 9_999, 9_999), false)
    ]
    expect(of(...peers)).toEqual({
      nodes: 2,
      wireBytes: 350,
      countedBytes: 140,
      open: { wireBytes: 400, kernelBytes: 401 }
    })
  })

  it('is told without what one of them does not count', () => {
    const whole = peer(look(0, 0, 0, 0), look(50, 50, 40, 50))
    expect(of(whole, peer(look(0, 0, 0), look(50, 50, 40)))).toEqual({
      nodes: 2,
      wireBytes: 100,
      countedBytes: 80
    })
    expect(of(whole, peer(look(0, 0, undefined), look(50, 50, undefined, 50)))).toEqual({
      nodes: 2,
      wireBytes: 100,
      open: { wireBytes: 100, kernelBytes: 100 }
    })
    expect(of()).toBeUndefined()
  })
})
