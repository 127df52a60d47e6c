/** One round of one overlay: a network is made, filled, asked, robbed of a fifth of its peers, and asked again. */
import { setTimeout as sleep } from 'node:timers/promises'
import { difference, type IdleFigures, idleFigures, type PhaseFigures, phaseFigures } from './figures.ts'
import { Network } from './network.ts'
import { type Lookup, lookups } from './plan.ts'
import { isRing } from './ring.ts'
import type { SideName } from './sides.ts'

/** Peers of each process. The last one is killed: a fifth of all, 13 of 64 peers. */
export function processesOf(peers: number): readonly number[] {
  const killed = Math.round(peers / 5)
  const others = Math.ceil((peers - killed) / 3)
  return [others, others, peers - killed - 2 * others, killed]
}
const CONTENTS_PER_PEER = 4
const INTRODUCTIONS = 3
/** Lookups under way at a time in each process. */
const AT_ONCE = 2
/** Not counted: connections are made, clocks of round trips are set. */
const WARM_UP_LOOKUPS = 100
/** One at a time in the whole network: how long a lookup takes when nothing else runs. */
const ALONE_LOOKUPS = 60
const SETTLED_MS_MAX = 180_000
const TABLES_REST_MS = 5_000

export interface RoundInit {
  readonly side: SideName
  readonly peers: number
  readonly seed: string
  readonly lookups: number
  /** That libp2p lets a peer have. */
  readonly connectionsMax: number
  /** 0: what standing still costs is not measured. */
  readonly idleSeconds: number
  readonly progress: (line: string) => void
}

export interface Round {
  /** From the first process to tables that are whole. */
  readonly settledSeconds: number
  readonly provided: PhaseFigures
  readonly alone: PhaseFigures
  readonly whole: PhaseFigures
  readonly killed: PhaseFigures
  readonly idle: IdleFigures | undefined
  readonly connections: { readonly mean: number; readonly max: number }
  readonly entries: { readonly mean: number }
}

export async function runRound({
  side,
  peers,
  seed,
  lookups: count,
  connectionsMax,
  idleSeconds,
  progress
}: RoundInit): Promise<Round> {
  const startMs = performance.now()
  const processes = processesOf(peers)
  const contents = CONTENTS_PER_PEER * peers
  await using network = await Network.start({
    side,
    seed,
    processes,
    introductions: INTRODUCTIONS,
    connectionsMax
  })
  await settle(network, side)
  const settledSeconds = (performance.now() - startMs) / 1000
  progress(`settled after ${settledSeconds.toFixed(1)} s`)

  const measured = async (work: () => ReturnType<Network['find']>) => {
    const before = await network.usage()
    const beganMs = performance.now()
    const findings = await work()
    const seconds = (performance.now() - beganMs) / 1000
    return phaseFigures(findings, difference(before, await network.usage()), seconds)
  }
  const draw = (label: string, count: number) =>
    lookups(seed, label, { count, peers, contents, alive: peer => network.alive(peer) })
  const phase = async (label: string) => {
    const figures = await measured(() => network.find(draw(label, count), AT_ONCE))
    progress(
      `${label}: ${figures.right} of ${count} right, ${figures.perSecond.toFixed(0)} a second, ${figures.cpuMsEach.toFixed(1)} ms of CPU each`
    )
    return figures
  }

  const provided = await measured(() => network.provide(contents, AT_ONCE))
  progress(`${provided.right} of ${contents} contents provided`)
  await network.find(draw('warm-up', WARM_UP_LOOKUPS), AT_ONCE)
  const alone = await measured(() => oneByOne(network, draw('alone', ALONE_LOOKUPS)))
  const whole = await phase('whole')
  const idle = idleSeconds > 0 ? await standStill(network, idleSeconds) : undefined
  const states = await network.state()
  const connections = states.map(state => state.connections)
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

  await network.kill(processes.length - 1)
  const killed = await phase('after the kill')
  return {
    settledSeconds,
    provided,
    alone,
    whole,
    killed,
    idle,
    connections: { mean: mean(connections), max: Math.max(...connections) },
    entries: { mean: mean(states.map(({ entries }) => entries)) }
  }
}

/** Chord until every first successor is right; Kademlia looks for peers once more, and rests. */
async function settle(network: Network, side: SideName): Promise<void> {
  if (side === 'chord') {
    const seconds = await network.until(states => isRing(states), SETTLED_MS_MAX)
    if (seconds === undefined) throw new Error(`No ring within ${SETTLED_MS_MAX / 1000} s.`)
  }
  await network.refresh()
  await sleep(TABLES_REST_MS)
}

async function oneByOne(network: Network, tasks: readonly Lookup[]) {
  const findings = []
  for (const task of tasks) findings.push(...(await network.find([task], 1)))
  return findings
}

async function standStill(network: Network, seconds: number): Promise<IdleFigures> {
  const before = await network.usage()
  await sleep(seconds * 1000)
  return idleFigures(difference(before, await network.usage()), network.peers, seconds)
}
