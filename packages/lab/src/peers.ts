/**
 * Peers that come and go: what the simulator's churn and faults act on. They die without a word: the other
 * sides of their links hear nothing, until their systems give the links up.
 */
import type { NodeIndex, Population, Random, Streams } from '@servent/simulator'
import type { Deployment } from './deployment.ts'
import type { Places } from './places.ts'

export class Peers implements Population {
  readonly #deployment: Deployment
  readonly #places: Places
  readonly #bornUs: number[] = []
  readonly #diedUs: (number | undefined)[] = []
  /** Told of each peer that died as a member, after the overlay was. */
  onMemberDeath: (node: NodeIndex) => void = () => {}

  constructor(deployment: Deployment, places: Places) {
    this.#deployment = deployment
    this.#places = places
  }

  get nowUs(): number {
    return this.#deployment.simulation.nowUs
  }

  get size(): number {
    return this.#bornUs.length
  }

  get random(): Streams {
    return this.#deployment.simulation.random
  }

  addNode(): NodeIndex {
    const node = this.#deployment.simulation.addNode()
    this.#places.take(node)
    this.#bornUs[node] = this.nowUs
    this.#diedUs[node] = undefined
    return node
  }

  start(node: NodeIndex): void {
    this.#deployment.start(node)
  }

  contact(node: NodeIndex, other: NodeIndex): void {
    this.#deployment.simulation.contact(node, other)
  }

  crash(node: NodeIndex): void {
    const { simulation } = this.#deployment
    this.#places.leave(node)
    this.#diedUs[node] = this.nowUs
    const wasMember = this.#deployment.isMember(node)
    this.#deployment.onDeath(node)
    simulation.silence(node)
    if (wasMember) this.onMemberDeath(node)
  }

  /** No plan lets peers leave in good order, or come back as who they were. */
  stop(node: NodeIndex): void {
    this.crash(node)
  }

  revive(node: NodeIndex): void {
    throw new Error(`Peer ${node} cannot come back: who comes is somebody new.`)
  }

  alive(node: NodeIndex): boolean {
    return this.#diedUs[node] === undefined
  }

  aliveNodes(): readonly NodeIndex[] {
    return this.#deployment.simulation.aliveNodes()
  }

  get aliveCount(): number {
    return this.#deployment.simulation.aliveCount
  }

  pickAlive(random: Random): NodeIndex | undefined {
    return this.#deployment.simulation.pickAlive(random)
  }

  at(us: number, act: () => void): void {
    this.#deployment.simulation.at(us, act)
  }

  /** Microseconds of an interval in which a peer lived. */
  aliveUs(node: NodeIndex, fromUs: number, toUs: number): number {
    // Nodes that are no peers never were.
    const born = Math.max(fromUs, this.#bornUs[node] ?? Number.POSITIVE_INFINITY)
    const died = Math.min(toUs, this.#diedUs[node] ?? toUs)
    return Math.max(0, died - born)
  }
}
