/**
 * Chord's ring in virtual time, twice: on the libp2p host over fakes, and in the simulator. Both have the same
 * peers, the same chance, and a network with the same times, so that each node must have the same log.
 *
 * The network is that of the fakes: a connection opens in four one-way delays and stays when a link closes, a
 * stream opens in two, and whoever dials a process that is gone hears of it after six. The fakes' clock counts
 * microseconds here, as the simulator's does, and delays differ between pairs, so that hardly anything happens at
 * the same time.
 */
import { ChordMachine, type ChordTypes } from '@servent/chord/machine'
import { chordCodec } from '@servent/chord/wire'
import { type Clock, MachineHost } from '@servent/libp2p-host'
import { FakeNetwork, type FakeNode } from '@servent/libp2p-host/testing'
import { type NetworkModel, type NodeIndex, Simulation } from '@servent/simulator'
import {
  answered,
  HOST_LIMITS,
  type Life,
  live,
  NAMES,
  type Name,
  Peers,
  type Ring,
  type RingInit,
  watchedOf
} from './chord-life.ts'
import type { Watched } from './watched.ts'

export interface VirtualLife extends Life {
  /** Inputs and effects, by node. */
  readonly logs: Readonly<Record<string, readonly string[]>>
}

const ANSWER_MS = 1
const WALL_AT_START_MS = Date.UTC(2026, 0, 1)
/** What ends a host takes its time: flushes and goodbyes. */
const STOPS_US = 60_000_000

/** One way, whoever of the two sends. Even, for half of it is asked for, and spread so that sums are hardly ever alike. */
function delayUs(a: Name, b: Name): number {
  const [low, high] = [NAMES.indexOf(a), NAMES.indexOf(b)].toSorted((x, y) => x - y) as [number, number]
  return 5_000 + 2 * (((low * NAMES.length + high) * 7_919) % 10_007)
}

function lifeWithLogs(life: Life, watched: ReadonlyMap<Name, Watched<ChordTypes>>): VirtualLife {
  const logs = Object.fromEntries([...watched].map(([name, { log }]) => [name, log]))
  return { ...life, logs }
}

export async function onSimulator(init: RingInit): Promise<VirtualLife> {
  /** Since when two nodes have a connection, by the sum of their bits. */
  const connectedUs = new Map<number, number>()
  const pair = (a: NodeIndex, b: NodeIndex) => (1 << a) | (1 << b)
  const oneWayUs = (from: NodeIndex, to: NodeIndex) => delayUs(nameOf(from), nameOf(to))
  const network: NetworkModel = {
    oneWayUs,
    dialUs: (from, to) => {
      const { nowUs } = simulation
      const upUs = connectedUs.get(pair(from, to)) ?? Number.POSITIVE_INFINITY
      if (upUs <= nowUs) return oneWayUs(from, to)
      if (simulation.alive(to))
        connectedUs.set(pair(from, to), Math.min(upUs, nowUs + 4 * oneWayUs(from, to)))
      return 5 * oneWayUs(from, to)
    }
  }
  const simulation: Simulation<ChordTypes> = new Simulation<ChordTypes>({
    seed: init.seed,
    codec: chordCodec,
    network,
    createMachine: node => watched.get(nameOf(node))!,
    answer: answered,
    answerDelayUs: ANSWER_MS * 1_000
  })
  const nodes = simulation.addNodes(NAMES.length)
  const peers = new Peers(nodes.map(node => simulation.contactOf(node)))
  const nameOf = (node: NodeIndex) => peers.nameOf(simulation.contactOf(node).id)!
  const nodeOf = (name: Name) => simulation.nodeOf(peers.contactOf(name))!
  const watched = watchedOf(init, peers)
  const ring: Ring = {
    peers,
    watched: name => watched.get(name)!,
    wallMs: () => WALL_AT_START_MS + Math.floor(simulation.nowUs / 1_000),
    start: async name => simulation.start(nodeOf(name)),
    contact: (name, other) => simulation.contact(nodeOf(name), nodeOf(other)),
    command: (name, command) => {
      simulation.command(nodeOf(name), command)
      return watched.get(name)!.lastCommand
    },
    crash: async name => {
      simulation.crash(nodeOf(name))
      for (const other of nodes) connectedUs.delete(pair(nodeOf(name), other))
    },
    stop: async name => simulation.stop(nodeOf(name)),
    pass: async ms => simulation.runFor(ms * 1_000)
  }
  return lifeWithLogs(await live(ring), watched)
}

export async function onFakes(init: RingInit): Promise<VirtualLife> {
  let crashed: Name | undefined
  const network = new FakeNetwork({
    // Nobody is there after four delays, and a refusal would be back after six.
    delayMs: (from, to) =>
      to === 'nobody' ? 1.5 * delayUs(from as Name, crashed!) : delayUs(from as Name, to as Name),
    // A link is up on both sides before identify tells of its peer, who is no news then.
    identifyDelays: 3
  })
  const simulation = new Simulation<ChordTypes>({
    seed: init.seed,
    codec: chordCodec,
    createMachine: () => new ChordMachine()
  })
  const peers = new Peers(simulation.addNodes(NAMES.length).map(node => simulation.contactOf(node)))
  const watched = watchedOf(init, peers)
  const nodes = new Map<Name, FakeNode>()
  const hosts = new Map<Name, MachineHost<ChordTypes>>()
  /** Whole milliseconds, as the simulator's. */
  const clock: Clock = {
    nowMs: () => Math.floor(network.clock.nowMs() / 1_000),
    wallMs: () => WALL_AT_START_MS + clock.nowMs(),
    setTimeout: (run, afterMs) => network.clock.setTimeout(run, Math.ceil(afterMs * 1_000)),
    clearTimeout: handle => network.clock.clearTimeout(handle),
    defer: run => network.clock.defer(run)
  }
  for (const [place, name] of NAMES.entries()) {
    const node = await network.addNode({ name, seed: place + 1, contact: peers.contactOf(name) })
    nodes.set(name, node)
    hosts.set(
      name,
      new MachineHost<ChordTypes>(node.components, {
        name: 'chord',
        protocol: '/servent/chord/1.0.0',
        codec: chordCodec,
        machine: watched.get(name)!,
        limits: HOST_LIMITS,
        clock,
        answer: async question => {
          await new Promise<void>(resolve => clock.setTimeout(resolve, ANSWER_MS))
          return answered(question)
        },
        onNotice: () => {}
      })
    )
  }
  const stopping: Promise<void>[] = []
  const ring: Ring = {
    peers,
    watched: name => watched.get(name)!,
    wallMs: () => clock.wallMs(),
    start: name => network.finish(hosts.get(name)!.start()),
    contact: (name, other) => network.discover(nodes.get(name)!, nodes.get(other)!),
    command: (name, command) => {
      hosts.get(name)!.command(command)
      return watched.get(name)!.lastCommand
    },
    crash: async name => {
      crashed = name
      watched.get(name)!.end()
      network.remove(nodes.get(name)!)
    },
    // Its last words are on their way as time passes on.
    stop: async name => {
      stopping.push(hosts.get(name)!.stop())
    },
    pass: ms => network.runFor(ms * 1_000)
  }
  const life = await live(ring)
  if (crashed !== undefined) stopping.push(hosts.get(crashed)!.stop())
  await network.finish(Promise.all(stopping), STOPS_US)
  return lifeWithLogs(life, watched)
}
