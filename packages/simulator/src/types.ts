/** What a simulation is made of, and what it asks of models of the network. All times are whole microseconds. */
import type { Codec, Key, LinkOrigin, LinkQueueLimits, Machine, MachineTypes } from '@servent/overlay/machine'
import type { Random } from './random.ts'
import type { Simulation } from './simulation.ts'

/** A node's number: from 0, in the order of `addNode`, never given again. */
export type NodeIndex = number

/** Bytes per second that a node's access link carries each way. */
export interface Bandwidth {
  readonly up: number
  readonly down: number
}

/**
 * The network between nodes. Every method is asked in the total order of events, and draws only from the
 * `random` that it is handed (the stream `network`), so that equal seeds give equal networks. Times are whole
 * numbers of microseconds, 0 or more.
 */
export interface NetworkModel {
  /** From the moment a message leaves until it is there, with jitter and spikes. Asked for each message. */
  oneWayUs(from: NodeIndex, to: NodeIndex, random: Random): number
  /**
   * From an `open` until the dialled peer has the link; who dialled has it one way later. Undefined: it cannot
   * be dialled by this peer, which learns it after a round trip. Where it is missing: there, back and there again, and what
   * the handshakes cost.
   */
  dialUs?(from: NodeIndex, to: NodeIndex, random: Random): number | undefined
  /**
   * Whether anything goes from one to the other now: not across a partition. What is sent meanwhile waits in
   * its order until it goes again (and resets the link after `stallTimeoutUs`); opens come to nothing after
   * `openTimeoutUs`. Asked for each message where it is there.
   */
  usable?(from: NodeIndex, to: NodeIndex, nowUs: number): boolean
  /** Undefined: no bound. Asked once for each node. */
  bandwidthBytesPerS?(node: NodeIndex): Bandwidth | undefined
  /** How long after a link came up it breaks, on both sides at once; undefined: it does not. Asked once a link. */
  resetAfterUs?(from: NodeIndex, to: NodeIndex, random: Random): number | undefined
}

export interface SimulationLimits extends LinkQueueLimits {
  /** Links a node may have, those being opened counted. Inbound ones beyond it are refused. */
  readonly linksMax: number
  /** Inbound links a node may have. */
  readonly inboundLinksMax: number
  /** From `open` to `unreachable`, where nobody answers. */
  readonly openTimeoutUs: number
  /** How long the end of a link, or `stop`, may spend on sending what waits. */
  readonly stopFlushUs: number
  /** How long what was sent may wait for a peer that is silent or cut off, before the link is reset. */
  readonly stallTimeoutUs: number
  /** A run of more events fails: a machine that sends itself round and round never ends. */
  readonly eventsMax: number
}

export interface Observer<T extends MachineTypes> {
  /** After each `every`-th event: an input that a machine has handled, or an act of the plan that is done. */
  readonly every: number
  /**
   * What it throws fails the run with a `SimulationError`. Other inputs of the same moment may be still to come:
   * of two ends of a link, the first may know of what the second is told next.
   */
  check(simulation: Simulation<T>): void
}

export interface SimulationInit<T extends MachineTypes> {
  /** Any text. The same seed, plan and code give the same run, to the last bit. */
  readonly seed: string
  readonly codec: Codec<T['message']>
  readonly createMachine: (node: NodeIndex) => Machine<T>
  /** Default: 25 ms each way between any two. */
  readonly network?: NetworkModel
  /**
   * Answers questions, `answerDelayUs` after they were asked. It must be a pure function of the question and
   * of what the plan set up. Undefined or a throw becomes the `error` of the answer. `SaveQuestion` never comes
   * here: the simulation answers it.
   */
  readonly answer?: (question: T['question'], node: NodeIndex) => T['answer'] | undefined
  /** Default 1 ms. */
  readonly answerDelayUs?: number
  /** Called after the machine's call ended, in the order of the notices. It may give commands. */
  readonly onNotice?: (node: NodeIndex, notice: T['notice'], nowUs: number) => void
  readonly observer?: Observer<T>
  readonly limits?: Partial<SimulationLimits>
  /** Whether each event goes into the trace hash. Default true. */
  readonly trace?: boolean
  /**
   * Whether the machine of a node that ended is forgotten, for long runs in which many come and go: `machine`
   * has none then. Default false.
   */
  readonly forgetDead?: boolean
  /** Ids of nodes in the key space, for tests against an oracle. Default: SHA-256 of the PeerId's multihash. */
  readonly keyOf?: (node: NodeIndex) => Key
  /** From where links to a node seem to come, which never changes. Default: the network has no addresses. */
  readonly originOf?: (node: NodeIndex) => LinkOrigin
  /** How many ids (peers, keys) a message holds, for p2psim's measure of 20 bytes and 4 an id. Default: none. */
  readonly idsIn?: (message: T['message']) => number
}
