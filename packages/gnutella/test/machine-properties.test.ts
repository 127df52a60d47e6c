/** Whatever comes, in whatever order: the machine keeps the contract, and its tables their bounds. */
import type { Effects, Input } from '@servent/overlay/machine'
import { checkMachine, type MachineSubject, type Step, testContact } from '@servent/overlay/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BANISHED_MAX,
  CACHE_BYTES_MAX,
  CACHE_HITS_MAX,
  CACHE_QUERIES_MAX,
  CACHE_WAITING_MAX,
  CALL_TARGETS_MAX,
  HANDSHAKES_MAX,
  HOSTS_MAX,
  LOST_MAX,
  MATCHES_MAX,
  MATCHES_WAITING_MAX,
  NEIGHBOURS_MAX,
  OPENS_MAX,
  PING_TTL,
  PONGS_PER_DISTANCE_MAX,
  PUSH_ROUTES_MAX,
  PUSHES_SEEN_MAX,
  QUERIES_SHOWN_MAX,
  QUERY_ROUTES_MAX,
  SEARCHES_MAX,
  SENDS_PER_INPUT_MAX,
  SENDS_PER_MESSAGE_MAX,
  VERIFIES_MAX,
  VERIFIES_WAITING_MAX,
  VOUCHES_MAX,
  WALK_ROUTES_MAX,
  WALKS_WAITING_MAX
} from '../src/constants.ts'
import { guidanceMessage } from '../src/guidance-wire.ts'
import { GnutellaMachine } from '../src/machine.ts'
import type { GnutellaMessage, Headers } from '../src/messages.ts'
import { hashWord } from '../src/qrp-hash.ts'
import {
  DYNAMIC_MAX,
  PUSH_PROXY_ROUTES_MAX,
  QUERIES_EXTENDED_MAX,
  SENDS_PER_MESSAGE_TIERS_MAX
} from '../src/tier-constants.ts'
import type {
  GnutellaAnswer,
  GnutellaCommand,
  GnutellaQuestion,
  GnutellaSettings,
  GnutellaTypes
} from '../src/types.ts'
import { walkExtension, walkWord } from '../src/walk-wire.ts'
import { accepted, connect, descriptor, refused } from './arbitraries.ts'
import { hit, LEAF, MODERN, pong, push, query, result, Servent, tableOf, ULTRAPEER } from './servent.ts'

/** Bounds of what a snapshot does not show; a collection without one fails the check. */
const HIDDEN_MAX: Readonly<Record<string, number>> = {
  matchesAsked: MATCHES_MAX,
  matchesWaiting: MATCHES_WAITING_MAX,
  verifiesAsked: VERIFIES_MAX,
  verifiesWaiting: VERIFIES_WAITING_MAX,
  vouches: VOUCHES_MAX,
  banished: BANISHED_MAX,
  pushesSeen: PUSHES_SEEN_MAX,
  callTargets: CALL_TARGETS_MAX,
  tellers: HOSTS_MAX,
  lost: LOST_MAX,
  repeatsWaiting: CACHE_WAITING_MAX,
  walksWaiting: WALKS_WAITING_MAX,
  walkRoutes: WALK_ROUTES_MAX,
  dynamicQueries: DYNAMIC_MAX,
  pushProxies: PUSH_PROXY_ROUTES_MAX
}

/** Holds what a message causes against its own, smaller bound. */
class CountedMachine extends GnutellaMachine {
  override handle(input: Input<GnutellaTypes>, effects: Effects<GnutellaTypes>): void {
    let sends = 0
    const counted = new Proxy(effects, {
      get(target, name) {
        if (name === 'send') sends += 1
        const value = Reflect.get(target, name, target) as unknown
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      }
    })
    super.handle(input, counted)
    const { tiers } = this.snapshot()
    const most = tiers === undefined ? SENDS_PER_MESSAGE_MAX : SENDS_PER_MESSAGE_TIERS_MAX
    if (input.type === 'message') expect(sends).toBeLessThanOrEqual(most)
  }
}

const subject = (settings: Partial<GnutellaSettings>): MachineSubject<GnutellaTypes, GnutellaMachine> => ({
  create: () => new CountedMachine(settings),
  fanOutMax: SENDS_PER_INPUT_MAX,
  sizes: machine => {
    const tables = machine.snapshot()
    return {
      neighbours: [tables.neighbours.length - (tables.tiers?.leaves ?? 0), tables.places],
      leaves: [tables.tiers?.leaves ?? 0, tables.tiers?.leafPlaces ?? 0],
      pending: [tables.pending, HANDSHAKES_MAX + NEIGHBOURS_MAX + OPENS_MAX],
      hosts: [tables.hostCache, HOSTS_MAX],
      queries: [tables.queries.length, QUERIES_SHOWN_MAX],
      searches: [tables.searches, SEARCHES_MAX],
      queryRoutes: [tables.routes.queries, QUERY_ROUTES_MAX],
      pushRoutes: [tables.routes.pushes, PUSH_ROUTES_MAX],
      pongs: [tables.pongs, PING_TTL * PONGS_PER_DISTANCE_MAX],
      cachedQueries: [tables.queryCache.queries, CACHE_QUERIES_MAX],
      cachedHits: [tables.queryCache.hits, CACHE_QUERIES_MAX * CACHE_HITS_MAX],
      cachedBytes: [tables.queryCache.bytes, CACHE_BYTES_MAX],
      ...Object.fromEntries(
        Object.entries(machine.sizes()).map(([name, size]) => [name, [size, HIDDEN_MAX[name] ?? -1] as const])
      )
    }
  },
  answer
})

function answer(question: GnutellaQuestion): GnutellaAnswer {
  if (question.type === 'match') return { type: 'match', results: [result(), result({ index: 2 })] }
  if (question.type === 'vouch')
    return { type: 'vouch', expiresMs: question.claims.map((_, index) => index * 4e12) }
  return {
    type: 'verify',
    files: question.claim.results.map(({ index }) => ({ index, record: {} as never }))
  }
}

/** Few ids and texts, so that duplicates, hits with a query, and repeats happen. */
const guids = Array.from({ length: 6 }, (_, index) => `${index}`.repeat(32))
const guid = fc.constantFrom(...guids)
const hops = fc.integer({ min: 0, max: 8 })
const ttl = fc.integer({ min: 0, max: 17 })
const likely: fc.Arbitrary<GnutellaMessage> = fc.oneof(
  fc
    .record({ guid, ttl, hops, text: fc.constantFrom('blue', 'green', 'a', '') })
    .map(fields => query(fields)),
  fc.record({ guid, hops, ttl }).map(({ guid, ...fields }) => hit(guid, fields)),
  fc
    .record({ guid, hops, peer: hops })
    .map(({ guid, hops, peer }) => pong(guid, testContact(peer), { hops })),
  fc.record({ guid, ttl, hops }).map(fields => push(fields)),
  fc.record({ guid, ttl, hops }).map(fields => ({ type: 'ping' as const, ggep: [], ...fields })),
  fc
    .record({ guid, hops, walker: fc.nat(3), steps: fc.constantFrom(1, 4, 5, 128) })
    .map(({ guid, hops, ...walk }) => query({ guid, hops, ttl: 1, ggep: [walkExtension(walk)] })),
  fc
    .record({ guid, ttl, type: fc.constantFrom('ask' as const, 'go' as const), walker: fc.nat(3) })
    .map(({ guid, ttl, ...word }) => walkWord(guid, ttl, word)),
  fc
    .record({ guid, results: fc.constantFrom(0, 49, 50, 0xffff) })
    .map(({ guid, results }) => guidanceMessage(guid, { type: 'response', results })),
  guid.map(guid => guidanceMessage(guid, { type: 'request' }))
)
const anything: fc.Arbitrary<GnutellaMessage> = fc.oneof(descriptor, connect, accepted, refused)
const command: fc.Arbitrary<GnutellaCommand> = fc.oneof(
  fc.record({
    type: fc.constant('search' as const),
    text: fc.constantFrom('blue', ''),
    urns: fc.constant([]),
    ttl
  }),
  fc.record({ type: fc.constant('end-search' as const), search: fc.nat(20) }),
  fc.record({
    type: fc.constant('push' as const),
    servent: fc.constant('ab'.repeat(16)),
    index: fc.nat(),
    nonce: fc.constant(new Uint8Array(16))
  }),
  fc.record({
    type: fc.constant('sharing' as const),
    files: fc.double(),
    kibibytes: fc.double(),
    firewalled: fc.boolean()
  }),
  fc.record({ type: fc.constant('resize' as const), neighbours: fc.double() })
)

/** Links that have their handshake behind them, so that what follows is listened to. */
function greeted(links: number, headers: Headers = MODERN): OwnStep[] {
  return Array.from({ length: links }, (_, index): OwnStep[] => [
    { type: 'link-up', peer: 100 + index, inbound: true },
    {
      type: 'message',
      pick: index,
      message: { type: 'connect', headers: { ...headers, 'x-servent-walk': '0.1' } }
    },
    { type: 'message', pick: index, message: { type: 'status', status: 200, reason: 'OK', headers: {} } }
  ]).flat()
}

const pick = fc.nat(20)
const peer = fc.integer({ min: 1, max: 30 })
type OwnStep = Step<GnutellaTypes>
const step: fc.Arbitrary<OwnStep> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ type: fc.constant('contact' as const), peer }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('link-up' as const), peer, inbound: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('link-down' as const),
      pick,
      kind: fc.constantFrom('closed' as const, 'reset' as const, 'duplicate' as const, 'overflow' as const)
    })
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('unreachable' as const), pick }) },
  { weight: 40, arbitrary: fc.record({ type: fc.constant('message' as const), pick, message: likely }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('message' as const), pick, message: anything }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('pressure' as const),
      pick,
      level: fc.constantFrom('low' as const, 'high' as const, 'overflow' as const)
    })
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('command' as const), command }) },
  { weight: 12, arbitrary: fc.record({ type: fc.constant('answer' as const), pick, fails: fc.boolean() }) },
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('advance' as const),
      byMs: fc.constantFrom(1, 500, 3_000, 6_000, 31_000, 100_000)
    })
  },
  {
    weight: 2,
    arbitrary: fc
      .oneof(likely, anything)
      .map((message): OwnStep => ({ type: 'raw', input: { type: 'message', link: 999, message } }))
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('handshake-1', 'drain-1', 'drain-x', 'ring-1', 'upkeep', 3)
      .map((timer): OwnStep => ({ type: 'raw', input: { type: 'timer', timer } }))
  },
  {
    weight: 1,
    arbitrary: fc.nat(50).map(
      (id): OwnStep => ({
        type: 'raw',
        input: { type: 'answer', id, answer: { type: 'match', results: [result()] } }
      })
    )
  }
)

/** What only the two tiers know. */
const tierStep: fc.Arbitrary<OwnStep> = fc.oneof(
  fc.constantFrom(LEAF, ULTRAPEER, { ...ULTRAPEER, 'x-ultrapeer-needed': 'False' }).chain(headers =>
    fc.record({
      type: fc.constant('message' as const),
      pick,
      message: fc.constantFrom<GnutellaMessage>(
        { type: 'connect', headers },
        { type: 'status', status: 200, reason: 'OK', headers }
      )
    })
  ),
  fc.array(fc.constantFrom('blue', 'green', 'kind'), { maxLength: 3 }).map(
    (words): OwnStep => ({
      type: 'command',
      command: { type: 'words', hashes: Uint32Array.from(words, hashWord) }
    })
  ),
  fc.record({ type: fc.constant('message' as const), pick, message: fc.constantFrom(...tableOf('blue')) }),
  fc
    .constantFrom('dynamic-1', 'dynamic-2', 'dynamic-9')
    .map((timer): OwnStep => ({ type: 'raw', input: { type: 'timer', timer } }))
)

describe('the machine', () => {
  it('keeps the contract, whatever comes', () => {
    let sent = 0
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 20, maxLength: 150 }),
        fc.constantFrom(1, 2, 6, 64),
        fc.nat(8),
        fc.constantFrom('flood' as const, 'expanding-ring' as const, 'random-walk' as const),
        (steps, places, links, search) => {
          const all = [...greeted(Math.min(places, links)), ...steps]
          sent += checkMachine(subject({ neighbours: places, search, walkers: 64 }), all).sent
        }
      ),
      { numRuns: 150 }
    )
    expect(sent).toBeGreaterThan(1_000)
  })

  it('keeps it as a leaf, as an ultrapeer, and as either by turns', () => {
    let sent = 0
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 4, arbitrary: step }, { weight: 1, arbitrary: tierStep }), {
          minLength: 20,
          maxLength: 150
        }),
        fc.constantFrom('auto' as const, 'leaf' as const, 'ultrapeer' as const),
        fc.constantFrom('flood' as const, 'dynamic' as const),
        fc.constantFrom(1, 3, 100),
        fc.nat(8),
        (steps, role, search, leaves, links) => {
          const settings = { role, search, leaves, degree: leaves }
          const all = [...greeted(links, role === 'ultrapeer' ? LEAF : ULTRAPEER), ...steps]
          sent += checkMachine(subject(settings), all).sent
        }
      ),
      { numRuns: 150 }
    )
    expect(sent).toBeGreaterThan(1_000)
  })

  it('causes SENDS_PER_INPUT_MAX messages by one verdict, and not one more', () => {
    // As many cached hits as may be, as many who wait for a verdict on them, and one more.
    const { servent, links } = withCached(CACHE_HITS_MAX)
    for (let count = 0; count <= CACHE_WAITING_MAX; count += 1) servent.from(links[2 + count]!, query())
    const vouch = servent.asked().find(({ question }) => question.type === 'vouch')!
    servent.answer(vouch.id, { type: 'vouch', expiresMs: Array(CACHE_HITS_MAX).fill(4e12) })
    expect(servent.sent()).toHaveLength(SENDS_PER_INPUT_MAX)
  })

  it('P5: causes by a message no more than SENDS_PER_MESSAGE_MAX, and a cached query comes close to it', () => {
    const { servent, links } = withCached(CACHE_HITS_MAX)
    servent.from(links[2]!, query())
    const vouch = servent.asked().find(({ question }) => question.type === 'vouch')!
    servent.answer(vouch.id, { type: 'vouch', expiresMs: Array(CACHE_HITS_MAX).fill(4e12) })
    servent.take()
    servent.from(links[3]!, query())
    // All but the asker and the one that the cache stands in for.
    expect(servent.sent()).toHaveLength(SENDS_PER_MESSAGE_MAX - 2)
  })

  it('causes by a handshake QUERIES_EXTENDED_MAX queries, to whom it is with alone, and not one more', () => {
    const servent = new Servent({ role: 'ultrapeer', degree: 32, leaves: 100 })
    const first = servent.neighbour(1, { headers: ULTRAPEER })
    const perLeaf = 8
    const leaves = QUERIES_EXTENDED_MAX / perLeaf + 1
    for (let leaf = 0; leaf < leaves; leaf += 1) {
      const link = servent.neighbour(100 + leaf, { headers: LEAF })
      for (let count = 0; count < perLeaf; count += 1) servent.from(link, query())
    }
    expect(servent.tiers().dynamicQueries).toBe(leaves * perLeaf)
    for (let peer = 2; peer < 12; peer += 1)
      servent.from(servent.neighbour(peer, { headers: ULTRAPEER }), ...tableOf('blue'))
    // Whom they began with is gone, so that each begins anew.
    servent.down(first)
    const late = servent.link(50)
    servent.from(late, { type: 'connect', headers: ULTRAPEER })
    servent.take()
    servent.from(late, { type: 'status', status: 200, reason: 'OK', headers: {} })
    const sent = servent.take().flatMap(effect => (effect.type === 'send' ? [effect] : []))
    expect(sent.length).toBeLessThanOrEqual(SENDS_PER_MESSAGE_TIERS_MAX)
    const asked = sent.filter(({ message }) => message.type === 'query')
    expect(asked.map(({ link }) => link)).toEqual(Array(QUERIES_EXTENDED_MAX).fill(late))
  })
})

/** A servent of 64 neighbours, with so many small cached hits of the second for a query. */
function withCached(hits: number) {
  const servent = new Servent({ neighbours: 64 })
  const links = Array.from({ length: 64 }, (_, index) => servent.neighbour(index + 1))
  const first = query()
  servent.from(links[0]!, first)
  for (let count = 0; count < hits; count += 1)
    servent.from(links[1]!, hit(first.guid, { payload: new Uint8Array(64) }))
  servent.effects.advance(5_000)
  servent.take()
  return { servent, links }
}
