/** The path of one lookup: right by what an observer of all peers knows, whole, and bounded. */
import { Check } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import type { Deployment } from '../src/deployment.ts'
import { fingerprintOf } from '../src/fingerprint.ts'
import type { OverlayId, Settings } from '../src/overlays/settings.ts'
import { type Followed, pathOf } from '../src/path/path.ts'
import {
  PATH_EVENTS_MAX,
  PATH_LINKS_MAX,
  PATH_PEERS_MAX,
  TRACED_MESSAGES_MAX
} from '../src/path/path-limits.ts'
import { type Path, PathSchema } from '../src/path/path-schema.ts'
import { type PeerInPicture, pictureOf } from '../src/path/picture.ts'
import { NO_ANSWER, Tracer } from '../src/path/trace.ts'
import { wayOf } from '../src/path/way.ts'
import { type Plan, type PlanInput, resolvePlan } from '../src/plan.ts'
import { runOnce } from '../src/run.ts'
import type { RunResult } from '../src/run-result.ts'
import { percentile } from '../src/statistics.ts'
import { type LookupAsk, World } from '../src/world.ts'

const NODES = 48

function ran(overlay: OverlayId, set: Settings = {}, more: PlanInput = {}): { plan: Plan; run: RunResult } {
  const plan = resolvePlan({ overlays: [overlay], nodes: NODES, lookups: 40, duration: 40, set, ...more })
  return { plan, run: runOnce(plan, {}, { overlay, seed: plan.seed }) }
}

const wayIn = ({ events }: Path, way: 'there' | 'back') => events.filter(one => one.way === way)

/** What is so of every path, whatever the overlay. */
function expectWhole(path: Path, run: RunResult): void {
  const { events, origin, answered_by: by, latency_us: latency, peers } = path
  expect(Check(PathSchema, path)).toBe(true)
  const seen = new Set(peers.map(({ peer }) => peer))
  expect(
    [origin, by, path.found, ...events.flatMap(({ from, to }) => [from, to])].filter(peer => !seen.has(peer))
  ).toEqual([])
  const times = events.map(({ at_us }) => at_us)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  for (const { at_us, arrived_us } of events) expect(arrived_us ?? at_us).toBeGreaterThanOrEqual(at_us)
  const there = wayIn(path, 'there')
  const back = wayIn(path, 'back')
  // From who asks to whoever has the answer, each step from where the one before it came or was named.
  expect(there.at(-1)!.to).toBe(by)
  expect(there[0]!.from).toBe(origin)
  for (const [at, step] of there.slice(1).entries()) {
    const before = there[at]!
    expect([step.from, step.named_by]).toContain(before.to)
    expect(step.at_us).toBeGreaterThanOrEqual(before.arrived_us!)
  }
  expect(back[0]!.from).toBe(by)
  expect(back[0]!.at_us).toBeGreaterThanOrEqual(there.at(-1)!.arrived_us!)
  for (const [at, step] of back.slice(1).entries()) expect(step.from).toBe(back[at]!.to)
  expect(back.at(-1)!.to).toBe(origin)
  expect(back.at(-1)!.arrived_us).toBeLessThanOrEqual(latency)
  // It is one of the lookups that were counted.
  const sent = events.filter(({ message }) => message !== NO_ANSWER).length + path.left_out
  expect([...run.lookups.messages]).toContain(sent)
  expect([...run.lookups.latencyUs]).toContain(latency)
}

const value = (id: string) => BigInt(`0x${id}`)
const RING = 2n ** 64n

/** How far each rule says that a peer is from a key, of 64 bits. */
const DISTANCES = {
  chord: (id: bigint, key: bigint) => (id - key + RING) % RING,
  pastry: (id: bigint, key: bigint) => {
    const around = (id - key + RING) % RING
    return around < RING - around ? around : RING - around
  },
  kelips: (id: bigint, key: bigint) => id ^ key,
  kademlia: (id: bigint, key: bigint) => id ^ key
}

describe.each<[OverlayId, Settings, PlanInput]>([
  ['chord', {}, {}],
  ['chord', { 'chord.style': 'iterative' }, {}],
  ['chord', { 'chord.virtual-nodes': 4 }, {}],
  ['pastry', {}, {}],
  ['pastry', { 'pastry.style': 'recursive' }, { start: 'joined', warmup: 600 }],
  ['kelips', {}, {}],
  ['kademlia', {}, {}],
  ['kademlia', { 'kademlia.k': 4, 'kademlia.alpha': 3, 'kademlia.paths': 2 }, {}]
])('%s %o', (overlay, set, more) => {
  it('leads to the root, in as many steps as were counted', () => {
    const { run } = ran(overlay, set, more)
    const path = run.path!
    expectWhole(path, run)
    expect(wayIn(path, 'there')).toHaveLength(path.hops)
    // Of middle length, so that longer ways are not left out for want of a step. Of few groups many look at home.
    expect(path.hops).toBe(overlay === 'kelips' ? 1 : percentile(run.lookups.hops.toSorted(), 50))
    // All that live are in the picture.
    expect(path.peers).toHaveLength(NODES)
    const distance = DISTANCES[overlay as keyof typeof DISTANCES]
    const key = value(path.target.key!)
    const root = path.peers.reduce((a, b) =>
      distance(value(b.id!), key) < distance(value(a.id!), key) ? b : a
    )
    expect(path.found).toBe(root.peer)
    if (overlay !== 'kelips') {
      expect(path.answered_by).toBe(root.peer)
      return
    }
    // A contact in the group of the key names the root, which is of that group.
    const groupOf = (peer: number) => path.peers.find(one => one.peer === peer)!.group
    expect(path.target.groups).toBeGreaterThan(1)
    expect([groupOf(path.answered_by), groupOf(path.found)]).toEqual([path.target.group, path.target.group])
    expect(wayIn(path, 'back').at(-1)!.named).toBeGreaterThan(0)
  })
})

describe.each<[OverlayId, Settings]>([
  ['napster', {}],
  ['napster', { 'napster.servers': 4 }],
  ['gnutella', {}],
  ['gnutella', { 'gnutella.search': 'expanding-ring' }],
  ['gnutella', { 'gnutella.role': 'auto', 'gnutella.search': 'dynamic' }],
  ['fasttrack', { 'fasttrack.ordinaries-per-supernode': 8 }]
])('%s %o', (overlay, set) => {
  it('leads to a peer that shares the file, in as many steps as were counted', () => {
    const { plan, run } = ran(overlay, set, { warmup: 180 })
    const path = run.path!
    expectWhole(path, run)
    // Peers are at the places of their numbers, where nobody comes or goes.
    const { files, filesAt } = new World(`servent-lab/${plan.seed}`, plan)
    const file = files.find(({ name }) => name === path.target.file)!
    expect(filesAt[path.found]).toContain(file)
    expect(filesAt[path.origin]).not.toContain(file)
    const roleOf = (peer: number) => path.peers.find(one => one.peer === peer)!.role
    const there = wayIn(path, 'there')
    if (overlay === 'gnutella') {
      expect(path.answered_by).toBe(path.found)
      expect(there).toHaveLength(path.hops)
    } else if (overlay === 'napster') {
      expect(there).toHaveLength(path.hops)
      expect(there.map(({ to }) => roleOf(to))).toEqual(there.map(() => 'server'))
    } else {
      // The last link is from a supernode to its user, and nothing goes over it.
      const isUser = path.answered_by !== path.found
      expect(there).toHaveLength(path.hops - (isUser ? 1 : 0))
      expect(roleOf(path.answered_by)).toBe('supernode')
      if (isUser)
        expect(path.links.map(String)).toContain(String([path.found, path.answered_by].sort((a, b) => a - b)))
    }
    // What went over links went over links that are to be seen.
    const linked = new Set(path.links.flatMap(([a, b]) => [`${a} ${b}`, `${b} ${a}`]))
    for (const { from, to, way } of path.events) if (way !== null) expect(linked).toContain(`${from} ${to}`)
  })
})

it.each<[string, OverlayId, PlanInput]>([
  ['peers are dead', 'chord', { failures: 0.4 }],
  ['peers come and go', 'kademlia', { churn: 'exp:5m', duration: 600, warmup: 300 }],
  ['peers come and go', 'fasttrack', { churn: 'exp:5m', duration: 600, warmup: 300 }],
  ['peers lie', 'pastry', { liars: 0.2 }]
])('is whole where %s: %s', (_, overlay, more) => {
  const { run } = ran(overlay, {}, more)
  expectWhole(run.path!, run)
})

it('is whole among more peers than are shown', () => {
  const { run } = ran('gnutella', {}, { nodes: 400, lookups: 20 })
  const path = run.path!
  expectWhole(path, run)
  expect(path.peers).toHaveLength(PATH_PEERS_MAX)
  expect(path.events).toHaveLength(PATH_EVENTS_MAX)
  expect(path.left_out).toBeGreaterThan(0)
  expect(path.answered_by).toBe(path.found)
  expect(wayIn(path, 'there')).toHaveLength(path.hops)
})

it('is none where fewer steps were seen than were counted: an answer out of a cache, which says how far others went', () => {
  const simulation = { nowUs: 0, otherEnd: (link: number) => link, nodeOf: () => undefined }
  const tracer = new Tracer(() => simulation as never)
  const trace = tracer.begin(0)
  for (const [from, to, type] of [
    [0, 1, 'query'],
    [1, 0, 'query-hit']
  ] as const) {
    const message = { type }
    trace.sent(message, to, from)
    tracer.arrived(message, to)
  }
  const wayIn = (hops: number, found: number, isSupernode = () => false) =>
    wayOf(trace, { found, hops, tookUs: 0, isSupernode })
  expect(wayIn(1, 1)?.answeredBy).toBe(1)
  expect(wayIn(2, 2)).toBeUndefined()
  // A supernode's user is one link further.
  expect(wayIn(2, 2, () => true)?.answeredBy).toBe(1)
})

it('tells of peers that did not answer', () => {
  const paths = [1, 2, 3, 4].map(seed => ran('kademlia', {}, { failures: 0.5, seed }).run.path!)
  const silent = paths.flatMap(({ events }) => events.filter(({ message }) => message === NO_ANSWER))
  expect(silent.length).toBeGreaterThan(0)
  for (const { way, arrived_us } of silent) expect([way, arrived_us]).toEqual([null, null])
})

it('is of middle length, and not in the fingerprint', () => {
  const { run } = ran('chord', {}, { nodes: 200 })
  expect(run.path!.hops).toBe(percentile(run.lookups.hops.toSorted(), 50))
  const { path: _path, ...without } = run
  expect(fingerprintOf([without])).toBe(fingerprintOf([run]))
})

describe('bounds', () => {
  const ROOT = 1
  /** A network in which link n of anybody leads to node n. */
  function world() {
    const simulation = { nowUs: 0, otherEnd: (link: number) => link, nodeOf: () => undefined }
    const tracer = new Tracer(() => simulation as never)
    const trace = tracer.begin(0)
    const send = (from: number, to: number, type: string) => {
      const message = { type }
      trace.sent(message, to, from)
      tracer.arrived(message, to)
    }
    return { trace, send }
  }
  const place: PeerInPicture = { role: null, id: null, group: null, links: [] }

  /** A lookup with so many messages beside a request and its answer, which is the last of all. */
  function followed(others: number, picture: Followed['picture']): Followed {
    const { trace, send } = world()
    send(0, ROOT, 'lookup')
    for (let number = 0; number < others; number += 1) send(0, ROOT, 'hop-ack')
    send(ROOT, 0, 'found')
    const end = { found: ROOT, hops: 1, tookUs: 0 }
    return { trace, picture, way: wayOf(trace, { ...end, isSupernode: () => false })!, ...end }
  }
  const two = new Map([
    [0, place],
    [ROOT, place]
  ])
  const path = (one: Followed) => pathOf([one], Float64Array.of(1))!

  it(`${PATH_EVENTS_MAX} events: the way is always among them, and the rest is counted`, () => {
    const full = path(followed(PATH_EVENTS_MAX - 2, two))
    expect([full.events.length, full.left_out]).toEqual([PATH_EVENTS_MAX, 0])
    const over = path(followed(PATH_EVENTS_MAX - 1, two))
    expect([over.events.length, over.left_out]).toEqual([PATH_EVENTS_MAX, 1])
    expect(over.events.at(-1)).toMatchObject({ message: 'found', way: 'back' })
    expect(Check(PathSchema, over)).toBe(true)
    expect(Check(PathSchema, { ...over, events: [...over.events, over.events[0]!] })).toBe(false)
  })

  it('that somebody waits no longer is no message, and is not counted where it is left out', () => {
    const { trace, send } = world()
    send(0, ROOT, 'lookup')
    for (let number = 0; number < PATH_EVENTS_MAX; number += 1) trace.silent(0, ROOT)
    send(0, ROOT, 'hop-ack')
    send(ROOT, 0, 'found')
    const end = { found: ROOT, hops: 1, tookUs: 0 }
    const way = wayOf(trace, { ...end, isSupernode: () => false })!
    const { events, left_out: leftOut } = path({ trace, picture: two, way, ...end })
    const sent = events.filter(({ message }) => message !== NO_ANSWER)
    expect([events.length, sent.length, leftOut]).toEqual([PATH_EVENTS_MAX, 2, 1])
  })

  it(`${TRACED_MESSAGES_MAX} messages while it is under way`, () => {
    const { trace, send } = world()
    for (let number = 0; number < TRACED_MESSAGES_MAX; number += 1) send(0, ROOT, 'lookup')
    expect([trace.messages.length, trace.leftOut]).toEqual([TRACED_MESSAGES_MAX, 0])
    send(0, ROOT, 'lookup')
    trace.silent(0, ROOT)
    expect([trace.messages.length, trace.leftOut]).toEqual([TRACED_MESSAGES_MAX, 1])
  })

  it(`${PATH_PEERS_MAX} peers: those of the lookup first`, () => {
    const sizeAmong = (count: number) => {
      const { trace, send } = world()
      send(0, count - 1, 'lookup')
      const aliveNodes = () => Array.from({ length: count }, (_, node) => node)
      const deployment = { simulation: { aliveNodes }, inPicture: () => place } as unknown as Deployment
      const picture = pictureOf(deployment, {} as LookupAsk, trace, [count - 2])
      expect([...picture.keys()].slice(0, 3)).toEqual([0, count - 2, count - 1])
      return picture.size
    }
    expect(sizeAmong(PATH_PEERS_MAX)).toBe(PATH_PEERS_MAX)
    for (const more of [1, 100, 100_000]) expect(sizeAmong(PATH_PEERS_MAX + more)).toBe(PATH_PEERS_MAX)
    expect(sizeAmong(4)).toBe(4)
  })

  it(`${PATH_LINKS_MAX} links, each once`, () => {
    const linked = (count: number) => {
      const peers = Array.from({ length: 50 }, (_, peer) => peer)
      let left = count
      const links = new Map<number, number[]>(peers.map(peer => [peer, []]))
      for (const a of peers)
        for (const b of peers) {
          if (a >= b || left === 0) continue
          left -= 1
          links.get(a)!.push(b)
          links.get(b)!.push(a)
        }
      const picture = new Map(peers.map(peer => [peer, { ...place, links: links.get(peer)! }]))
      return path(followed(0, picture)).links.length
    }
    expect(linked(PATH_LINKS_MAX)).toBe(PATH_LINKS_MAX)
    expect(linked(PATH_LINKS_MAX + 1)).toBe(PATH_LINKS_MAX)
  })
})
