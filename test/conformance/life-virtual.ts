/**
 * The life of an overlay's network in virtual time, twice: on the libp2p host over fakes, and in the simulator. Both have the same
 * peers, the same chance, and a network with the same times, so that each node must have the same log.
 *
 * The network is that of the fakes: a connection opens in four one-way delays and stays when a link closes, a
 * stream opens in two, and whoever dials a process that is gone hears of it after six. The fakes' clock counts
 * microseconds here, as the simulator's does, and delays differ between pairs, so that hardly anything happens at
 * the same time.
 */
import { type Clock, MachineHost, MemoryStore } from '@servent/libp2p-host'
import { FakeNetwork, type FakeNode } from '@servent/libp2p-host/testing'
import type { MachineTypes } from '@servent/overlay/machine'
import { type NetworkModel, type NodeIndex, Partitions, Simulation, sidesOf } from '@servent/simulator'
import {
  HOST_LIMITS,
  type Life,
  type LifeInit,
  NAMES,
  type Name,
  Peers,
  type Ring,
  storeOfLife,
  watchedOf
} from './life.ts'
import { live } from './life-steps.ts'
import type { Watched } from './watched.ts'

type Logs = Readonly<Record<string, readonly string[]>>

export interface VirtualLife extends Life {
  /** Inputs and effects, by node. */
  readonly logs: Logs
  /**
   * The same until the first peer comes back. How soon a dial finds a process that begins while it is under way, and what
   * becomes of what is sent into a partition, is another matter on each of the two hosts.
   */
  readonly whole: Logs
}

const ANSWER_MS = 1
const WALL_AT_START_MS = Date.UTC(2026, 0, 1)
/** What ends a host takes its time: flushes and goodbyes. */
const STOPS_US = 60_000_000
/** Between two looks at whether what is waited for holds. */
const LOOK_MS = 100
/** How long a partition of the simulator keeps back what is sent, and what is opened, before it comes to nothing. */
const PARTED_US = 2_000_000

/** One way, whoever of the two sends. Even, for half of it is asked for, and spread so that sums are hardly ever alike. */
function delayUs(a: Name, b: Name): number {
  const [low, high] = [NAMES.indexOf(a), NAMES.indexOf(b)].toSorted((x, y) => x - y) as [number, number]
  return 5_000 + 2 * (((low * NAMES.length + high) * 7_919) % 10_007)
}

/** Pairs of one that is on a side and one that is not. */
function across(side: readonly Name[]): (readonly [Name, Name])[] {
  const others = NAMES.filter(name => !side.includes(name))
  return side.flatMap(one => others.map(other => [one, other] as const))
}

/** Both hosts look at the same times, so that equal logs stay equal. */
async function passing(ms: number, holds: () => boolean, pass: (ms: number) => Promise<void>): Promise<void> {
  for (let leftMs = ms; leftMs > 0 && !holds(); leftMs -= LOOK_MS) await pass(Math.min(LOOK_MS, leftMs))
}

/** Machines by name, one after the other where a node begins again: the latest stands for it. */
class Machines<T extends MachineTypes> {
  readonly #init: LifeInit<T>
  readonly #peers: Peers
  readonly #lives = new Map<Name, Watched<T>[]>()
  whole: Logs = {}

  constructor(init: LifeInit<T>, peers: Peers) {
    this.#init = init
    this.#peers = peers
  }

  begin(name: Name): Watched<T> {
    const lives = this.#lives.get(name) ?? []
    lives.push(watchedOf(this.#init, this.#peers, name, lives.length))
    this.#lives.set(name, lives)
    return lives.at(-1)!
  }

  of(name: Name): Watched<T> {
    return this.#lives.get(name)!.at(-1)!
  }

  /** Everything up to here is what the logs of the two hosts are compared by. */
  mark(): void {
    this.whole = this.logs()
  }

  logs(): Logs {
    return Object.fromEntries(
      [...this.#lives].map(([name, lives]) => [name, lives.flatMap(({ log }) => log)])
    )
  }
}

export async function onSimulator<T extends MachineTypes>(init: LifeInit<T>): Promise<VirtualLife> {
  const { overlay } = init
  /** Since when two nodes have a connection, by the sum of their bits. */
  const connectedUs = new Map<number, number>()
  const pair = (a: NodeIndex, b: NodeIndex) => (1 << a) | (1 << b)
  const oneWayUs = (from: NodeIndex, to: NodeIndex) => delayUs(nameOf(from), nameOf(to))
  const partitions = new Partitions()
  const network: NetworkModel = partitions.over({
    oneWayUs,
    dialUs: (from, to) => {
      const { nowUs } = simulation
      const upUs = connectedUs.get(pair(from, to)) ?? Number.POSITIVE_INFINITY
      if (upUs <= nowUs) return oneWayUs(from, to)
      if (simulation.alive(to))
        connectedUs.set(pair(from, to), Math.min(upUs, nowUs + 4 * oneWayUs(from, to)))
      return 5 * oneWayUs(from, to)
    }
  })
  const simulation: Simulation<T> = new Simulation<T>({
    seed: init.seed,
    codec: overlay.codec,
    network,
    createMachine: node => machines.begin(nameOf(node)),
    answer: overlay.answered,
    answerDelayUs: ANSWER_MS * 1_000,
    limits: { stallTimeoutUs: PARTED_US, openTimeoutUs: PARTED_US }
  })
  const nodes = simulation.addNodes(NAMES.length)
  const peers = new Peers(nodes.map(node => simulation.contactOf(node)))
  const nameOf = (node: NodeIndex) => peers.nameOf(simulation.contactOf(node).id)!
  const nodeOf = (name: Name) => simulation.nodeOf(peers.contactOf(name))!
  const disconnect = (name: Name) => {
    for (const other of nodes) connectedUs.delete(pair(nodeOf(name), other))
  }
  const machines = new Machines(init, peers)
  const ring: Ring<T> = {
    peers,
    watched: name => machines.of(name),
    wallMs: () => WALL_AT_START_MS + Math.floor(simulation.nowUs / 1_000),
    start: async name => simulation.start(nodeOf(name)),
    contact: (name, other) => simulation.contact(nodeOf(name), nodeOf(other)),
    command: (name, command) => {
      simulation.command(nodeOf(name), command)
      return machines.of(name).lastCommand
    },
    crash: async name => {
      simulation.crash(nodeOf(name))
      disconnect(name)
    },
    stop: async name => {
      simulation.stop(nodeOf(name))
      disconnect(name)
    },
    restart: async name => simulation.revive(nodeOf(name), { keepSaved: true }),
    split: side => {
      partitions.split(sidesOf([side.map(nodeOf)]), simulation.nowUs)
      for (const [one, other] of across(side)) connectedUs.delete(pair(nodeOf(one), nodeOf(other)))
    },
    divergesFromHere: () => machines.mark(),
    heal: () => partitions.heal(simulation.nowUs),
    pass: (ms, holds) => passing(ms, holds, async byMs => simulation.runFor(byMs * 1_000))
  }
  const life = await live(ring, overlay)
  return { ...life, logs: machines.logs(), whole: machines.whole }
}

export async function onFakes<T extends MachineTypes>(init: LifeInit<T>): Promise<VirtualLife> {
  const { overlay } = init
  /** Hosts that were taken away and do not know. */
  const gone: MachineHost<T>[] = []
  let parted: readonly Name[] = []
  const network = new FakeNetwork({
    delayMs: (from, to) => delayUs(from as Name, to as Name),
    refusalDelays: 6,
    // A link is up on both sides before identify tells of its peer, who is no news then.
    identifyDelays: 3
  })
  const simulation = new Simulation<T>({
    seed: init.seed,
    codec: overlay.codec,
    createMachine: () => overlay.createMachine({})
  })
  const peers = new Peers(simulation.addNodes(NAMES.length).map(node => simulation.contactOf(node)))
  const machines = new Machines(init, peers)
  const nodes = new Map<Name, FakeNode>()
  const hosts = new Map<Name, MachineHost<T>>()
  const stores = new Map(NAMES.map(name => [name, new MemoryStore()]))
  /** Whole milliseconds, as the simulator's. */
  const clock: Clock = {
    nowMs: () => Math.floor(network.clock.nowMs() / 1_000),
    wallMs: () => WALL_AT_START_MS + clock.nowMs(),
    setTimeout: (run, afterMs) => network.clock.setTimeout(run, Math.ceil(afterMs * 1_000)),
    clearTimeout: handle => network.clock.clearTimeout(handle),
    defer: run => network.clock.defer(run)
  }
  const begin = async (name: Name) => {
    const node = await network.addNode({
      name,
      seed: NAMES.indexOf(name) + 1,
      contact: peers.contactOf(name)
    })
    nodes.set(name, node)
    const watched = machines.begin(name)
    hosts.set(
      name,
      new MachineHost<T>(node.components, {
        name: overlay.name,
        protocol: overlay.protocol,
        codec: overlay.codec,
        machine: watched,
        limits: HOST_LIMITS,
        store: storeOfLife(stores.get(name)!, watched),
        clock,
        answer: async question => {
          await new Promise<void>(resolve => clock.setTimeout(resolve, ANSWER_MS))
          return overlay.answered(question)
        },
        onNotice: () => {}
      })
    )
  }
  for (const name of NAMES) await begin(name)
  const stopping: Promise<void>[] = []
  const ring: Ring<T> = {
    peers,
    watched: name => machines.of(name),
    wallMs: () => clock.wallMs(),
    start: name => network.finish(hosts.get(name)!.start()),
    contact: (name, other) => network.discover(nodes.get(name)!, nodes.get(other)!),
    command: (name, command) => {
      hosts.get(name)!.command(command)
      return machines.of(name).lastCommand
    },
    crash: async name => {
      machines.of(name).end()
      network.remove(nodes.get(name)!)
      gone.push(hosts.get(name)!)
    },
    restart: async name => {
      await begin(name)
      await network.finish(hosts.get(name)!.start())
    },
    // Its last words are on their way as time passes on.
    stop: async name => {
      const node = nodes.get(name)!
      const stopped = hosts.get(name)!.stop()
      stopping.push(stopped.then(() => network.remove(node)))
    },
    split: side => {
      parted = side
      for (const [one, other] of across(side)) network.cut(nodes.get(one)!, nodes.get(other)!)
    },
    divergesFromHere: () => machines.mark(),
    heal: () => {
      for (const [one, other] of across(parted)) network.heal(nodes.get(one)!, nodes.get(other)!)
    },
    pass: (ms, holds) => passing(ms, holds, byMs => network.runFor(byMs * 1_000))
  }
  const life = await live(ring, overlay)
  stopping.push(...gone.map(host => host.stop()))
  await network.finish(Promise.all(stopping), STOPS_US)
  return { ...life, logs: machines.logs(), whole: machines.whole }
}

/** Where the logs of a node part, with what each host wrote there; nothing where they are the same. */
export function whereTheyPart(one: VirtualLife, other: VirtualLife): string[] {
  return NAMES.flatMap(name => {
    const [left, right] = [one.whole[name]!, other.whole[name]!]
    const at = Array.from({ length: Math.max(left.length, right.length) }, (_, line) => line).find(
      line => left[line] !== right[line]
    )
    return at === undefined ? [] : [`${name}, line ${at + 1}: ${left[at]} / ${right[at]}`]
  })
}
