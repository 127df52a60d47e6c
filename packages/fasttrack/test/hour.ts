/**
 * A network under churn for a while: peers with sessions of so long, in whose place others come, and searches of files of
 * which some are everywhere and some at one peer alone. Other than in the lab, a share of the peers cannot be dialled, and
 * some of those that end say so.
 */
import { beginChurn, churnProcess, type NodeIndex, type Population, type Random } from '@servent/simulator'
import { FastTrackWorld, type SearchRun, type TestFile } from './world.ts'

export interface HourPlan {
  readonly seed: string
  readonly peers: number
  /** As the simulator's churn reads it. */
  readonly session: string
  readonly growS: number
  readonly measureS: number
  readonly searches: number
  readonly filesPerPeer: number
  readonly ordinariesPerSupernode?: number
  /** The share of peers that cannot be dialled. */
  readonly firewalled?: number
  readonly ttl?: number
  /** Goes through the rounds of "search more". */
  readonly rounds?: number
  readonly onMinute?: (world: FastTrackWorld, minute: number) => void
}

export interface HourReport {
  readonly peers: number
  readonly ratio: { readonly least: number; readonly mean: number; readonly most: number }
  readonly searches: { readonly asked: number; readonly findable: number; readonly found: number }
  /** Of files at one peer, and at ten or more. */
  readonly rare: { readonly findable: number; readonly found: number }
  readonly common: { readonly findable: number; readonly found: number }
  readonly firstHitMs: { readonly median: number; readonly p95: number }
  /** Of supernodes: queries a second, users, and bytes a second sent and received. */
  readonly load: { readonly queriesPerS: number; readonly usersMean: number; readonly usersMost: number }
  readonly bytesPerS: { readonly supernode: number; readonly ordinary: number }
  readonly handOvers: {
    readonly told: number
    readonly cutOff: number
    readonly promotions: number
    readonly demotions: number
    readonly sparesTaken: number
    readonly supernodesLost: number
  }
  readonly churn: { readonly departures: number; readonly arrivals: number }
  /** Minutes of peers without a supernode, of all minutes of peers. */
  readonly homelessShare: number
  readonly events: number
}

const MINUTE_US = 60_000_000
const SEARCH_MS = 10_000

/** Titles by Zipf's law with exponent 1: the sum of 1/k up to a rank. */
class Titles {
  readonly #sums: Float64Array
  constructor(count: number) {
    this.#sums = new Float64Array(count)
    let sum = 0
    for (let rank = 0; rank < count; rank += 1) {
      sum += 1 / (rank + 1)
      this.#sums[rank] = sum
    }
  }
  draw(random: Random): number {
    const wanted = random.unit() * this.#sums.at(-1)!
    let low = 0
    let high = this.#sums.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#sums[middle]! < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}

const nameOf = (title: number): string => `artist${title % 997} title${title}.flac`
const queryOf = (title: number): string => `artist${title % 997} title${title}`

export function runHour(plan: HourPlan): HourReport {
  const holders = new Map<number, Set<NodeIndex>>()
  const titlesOf = new Map<NodeIndex, Set<number>>()
  const titles = new Titles(plan.peers * plan.filesPerPeer)
  const firewalled = new Set<NodeIndex>()
  const filesOf = (node: NodeIndex): TestFile[] => {
    const own = new Set<number>()
    titlesOf.set(node, own)
    const random = world.simulation.random.of('files')
    while (own.size < plan.filesPerPeer) own.add(titles.draw(random))
    for (const title of own) {
      const has = holders.get(title) ?? new Set()
      holders.set(title, has)
      has.add(node)
    }
    return Array.from(own, title => ({ name: nameOf(title), size: 1000 + title }))
  }
  const world: FastTrackWorld = new FastTrackWorld({
    seed: plan.seed,
    trace: false,
    forgetDead: true,
    settings: () => ({
      ...(plan.ordinariesPerSupernode === undefined
        ? {}
        : { ordinariesPerSupernode: plan.ordinariesPerSupernode }),
      ...(plan.ttl === undefined ? {} : { ttl: plan.ttl })
    }),
    isReachable: node => !firewalled.has(node),
    network: {
      oneWayUs: () => 40_000,
      dialUs: (_from, to) => (firewalled.has(to) ? undefined : 122_000)
    },
    filesOf
  })
  const { simulation } = world
  const random = simulation.random.of('plan')
  const counters: Record<string, number> = {}
  const gather = (node: NodeIndex) => {
    for (const [name, count] of Object.entries(world.tables(node).counters))
      counters[name] = (counters[name] ?? 0) + count
  }
  /** An introducer tells of peers that can be dialled. */
  const pickReachable = (from: Random): NodeIndex | undefined => {
    for (let tries = 0; tries < 32; tries += 1) {
      const node = simulation.pickAlive(from)
      if (node === undefined || !firewalled.has(node)) return node
    }
    return undefined
  }
  const begin = (node: NodeIndex) => {
    // The first one must be found by somebody.
    if (random.unit() < (plan.firewalled ?? 0) && node > 0) firewalled.add(node)
    world.start(node)
  }
  const end = (node: NodeIndex) => {
    gather(node)
    for (const title of titlesOf.get(node) ?? []) holders.get(title)!.delete(node)
    titlesOf.delete(node)
    world.forget(node)
  }
  const population: Population = {
    get nowUs() {
      return simulation.nowUs
    },
    get size() {
      return simulation.size
    },
    random: simulation.random,
    addNode: () => simulation.addNode(),
    start: begin,
    stop: node => {
      end(node)
      simulation.stop(node)
    },
    crash: node => {
      end(node)
      simulation.crash(node)
    },
    revive: () => {},
    contact: (node, other) => simulation.contact(node, other),
    alive: node => simulation.alive(node),
    aliveNodes: () => simulation.aliveNodes(),
    get aliveCount() {
      return simulation.aliveCount
    },
    pickAlive: pickReachable,
    at: (us, act) => simulation.at(us, act)
  }
  const growUs = plan.growS * 1_000_000
  for (let count = 0; count < plan.peers; count += 1) {
    simulation.at(Math.floor((growUs * count) / plan.peers), () => {
      const contacts = [0, 1, 2].flatMap(() => pickReachable(random) ?? [])
      const node = simulation.addNode()
      begin(node)
      for (const contact of contacts) simulation.contact(node, contact)
    })
  }
  let minute = 0
  const eachMinute = () => {
    minute += 1
    plan.onMinute?.(world, minute)
    simulation.after(MINUTE_US, eachMinute)
  }
  simulation.after(MINUTE_US, eachMinute)
  simulation.runUntil(growUs + 5 * MINUTE_US)

  const churn = beginChurn(population, churnProcess(`${plan.session}/constant:1s`), { contacts: 3 })
  const startUs = simulation.nowUs
  const before = new Map<NodeIndex, number>()
  for (const node of simulation.aliveNodes()) before.set(node, bytesOf(world, node))
  const ratios: number[] = []
  const users: number[] = []
  let homeless = 0
  let minutes = 0
  const sample = () => {
    let supernodes = 0
    for (const node of simulation.aliveNodes()) {
      const { role, users: own, supernode } = world.tables(node)
      minutes += 1
      if (role === 'supernode') {
        supernodes += 1
        users.push(own)
      } else if (supernode === null) homeless += 1
    }
    ratios.push((simulation.aliveCount - supernodes) / Math.max(1, supernodes))
    if (simulation.nowUs < startUs + plan.measureS * 1_000_000) simulation.after(MINUTE_US, sample)
  }
  sample()
  const outcomes: { copies: number; firstMs: number | undefined }[] = []
  for (let count = 0; count < plan.searches; count += 1) {
    simulation.at(startUs + Math.floor(random.unit() * plan.measureS * 1_000_000), () => {
      const node = simulation.pickAlive(random)!
      const title = titles.draw(random)
      const copies = [...(holders.get(title) ?? [])].filter(other => other !== node).length
      const startedUs = simulation.nowUs
      let firstMs: number | undefined
      const search: SearchRun = world.search(node, queryOf(title), undefined, run => {
        firstMs ??= (simulation.nowUs - startedUs) / 1000
        void run
      })
      simulation.after(SEARCH_MS * 1000, () => {
        outcomes.push({ copies, firstMs })
        world.endSearch(search)
      })
    })
  }
  simulation.runUntil(startUs + plan.measureS * 1_000_000 + SEARCH_MS * 1000)
  churn.end()
  const bytes = { supernode: 0, ordinary: 0 }
  const counts = { supernode: 0, ordinary: 0 }
  for (const node of simulation.aliveNodes()) {
    gather(node)
    const began = before.get(node)
    if (began === undefined) continue
    const { role } = world.tables(node)
    bytes[role] += bytesOf(world, node) - began
    counts[role] += 1
  }
  const share = (which: (outcome: { copies: number }) => boolean) => {
    const some = outcomes.filter(which)
    return { findable: some.length, found: some.filter(({ firstMs }) => firstMs !== undefined).length }
  }
  const times = outcomes.flatMap(({ firstMs }) => firstMs ?? []).sort((a, b) => a - b)
  const seconds = plan.measureS + SEARCH_MS / 1000
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  return {
    peers: plan.peers,
    ratio: { least: Math.min(...ratios), mean: mean(ratios), most: Math.max(...ratios) },
    searches: { asked: outcomes.length, ...share(({ copies }) => copies > 0) },
    rare: share(({ copies }) => copies === 1),
    common: share(({ copies }) => copies >= 10),
    firstHitMs: {
      median: times[times.length >> 1] ?? NaN,
      p95: times[Math.floor(times.length * 0.95)] ?? NaN
    },
    load: {
      queriesPerS: (counters.queriesReceived ?? 0) / seconds / (plan.peers / (1 + mean(ratios))),
      usersMean: mean(users),
      usersMost: users.reduce((most, one) => Math.max(most, one), 0)
    },
    bytesPerS: {
      supernode: bytes.supernode / Math.max(1, counts.supernode) / seconds,
      ordinary: bytes.ordinary / Math.max(1, counts.ordinary) / seconds
    },
    handOvers: {
      told: counters.usersHandedOver ?? 0,
      cutOff: counters.usersCutOff ?? 0,
      promotions: counters.promotions ?? 0,
      demotions: counters.demotions ?? 0,
      sparesTaken: counters.sparesTaken ?? 0,
      supernodesLost: counters.supernodesLost ?? 0
    },
    churn: { departures: churn.counts.crashes + churn.counts.leaves, arrivals: churn.counts.joins },
    homelessShare: homeless / minutes,
    events: simulation.events
  }
}

function bytesOf({ simulation }: FastTrackWorld, node: NodeIndex): number {
  return simulation.metrics.sentBy(node).bytes + simulation.metrics.receivedBy(node).bytes
}
