/**
 * Peers that come and go: what the simulator's churn and faults act on. They die without a word: the other
 * sides of their links hear nothing, until their systems give the links up.
 */
import type { NodeIndex, Population, Random, Streams } from '@servent/simulator'
import type { Deployment } from './deployment.ts'
import type { Places } from './places.ts'

/** Of a network what its peers need. */
type Network = Pick<Deployment, 'servers' | 'start' | 'isMember' | 'onDeath'> & {
  readonly simulation: Omit<Deployment['simulation'], 'metrics'>
}

/** Whom a newcomer is told of in the place of whoever was drawn; nothing: of nobody. */
type Introduced = (drawn: NodeIndex, newcomer: NodeIndex) => NodeIndex | undefined

export class Peers implements Population {
  readonly #deployment: Network
  readonly #places: Places
  readonly #introduced: Introduced
  /** Added, and not seen to run yet. */
  #coming: NodeIndex[] = []
  /** Nodes that an overlay has beside the peers are none of them. Dense, in no order. */
  readonly #alive: NodeIndex[] = []
  readonly #placeInAlive: number[] = []
  #sorted: readonly NodeIndex[] | undefined
  readonly #bornUs: number[] = []
  readonly #diedUs: (number | undefined)[] = []
  /** Told of each peer that died as a member, after the overlay was. */
  onMemberDeath: (node: NodeIndex) => void = () => {}

  constructor(deployment: Network, places: Places, introduced: Introduced = drawn => drawn) {
    this.#deployment = deployment
    this.#places = places
    this.#introduced = introduced
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
    const { simulation } = this.#deployment
    // Its place comes first: as it is added its line is asked for, and by their places peers are told from servers.
    this.#places.take(simulation.size)
    const node = simulation.addNode()
    this.#bornUs[node] = this.nowUs
    this.#diedUs[node] = undefined
    this.#coming.push(node)
    return node
  }

  start(node: NodeIndex): void {
    this.#deployment.start(node)
  }

  /** Who joins by servers has known them from its start. */
  contact(node: NodeIndex, other: NodeIndex): void {
    const { servers, simulation } = this.#deployment
    const told = this.#introduced(other, node)
    if (servers === undefined && told !== undefined) simulation.contact(node, told)
  }

  crash(node: NodeIndex): void {
    const { simulation } = this.#deployment
    this.#places.leave(node)
    this.#diedUs[node] = this.nowUs
    this.#leave(node)
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

  /** In ascending order. */
  aliveNodes(): readonly NodeIndex[] {
    this.#welcome()
    this.#sorted ??= this.#alive.toSorted((a, b) => a - b)
    return this.#sorted
  }

  get aliveCount(): number {
    this.#welcome()
    return this.#alive.length
  }

  pickAlive(random: Random): NodeIndex | undefined {
    return this.aliveCount === 0 ? undefined : this.#alive[random.below(this.aliveCount)]
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

  /** Those who were added run once somebody has started them, which an ideal start does by itself. */
  #welcome(): void {
    const { simulation } = this.#deployment
    if (this.#coming.length === 0) return
    for (const node of this.#coming)
      if (simulation.alive(node)) this.#placeInAlive[node] = this.#alive.push(node) - 1
    this.#coming = this.#coming.filter(node => !simulation.alive(node))
    this.#sorted = undefined
  }

  #leave(node: NodeIndex): void {
    this.#welcome()
    const last = this.#alive.pop()!
    this.#sorted = undefined
    if (last === node) return
    const place = this.#placeInAlive[node]!
    this.#alive[place] = last
    this.#placeInAlive[last] = place
  }
}
