/**
 * One run of random joins, leaves, crashes and silent deaths from a seed, with everything checked after every event.
 * First nobody dies: nodes join while others look, and every lookup finds the closest active node, begun once (P7).
 * Then they die too, but never |L|/2 in a row before it was noticed, for of that nothing is promised.
 */
import type { Key } from '@servent/overlay/machine'
import { compareKeys } from '@servent/overlay/machine'
import { type NodeIndex, type Random, SimulationError } from '@servent/simulator'
import type { PastryRules, PastrySettings } from '../../src/machine.ts'
import { plane } from './experiments.ts'
import { InvariantChecker, InvariantError } from './invariants.ts'
import { Lookups, randomKey } from './lookups.ts'
import { PastryNetwork, truthOf } from './network.ts'

export interface FaultRunResult {
  readonly seed: string
  readonly outcome: 'held' | 'violated'
  /** The invariant that did not hold. */
  readonly invariant?: string
  readonly message?: string
  readonly checks: number
  readonly events: number
  readonly acts: number
  /** Lookups of the part in which nobody died. */
  readonly lookups: number
  readonly held: number
  readonly traceHash: string
}

const LEAF_SET = 6
const NODES_MAX = 16
const SECOND_US = 1_000_000
/**
 * Heartbeats of two seconds and their grace; then the left neighbour's own probes, and those of whoever it told. The
 * left neighbour may have died too, and what was missed comes with an exchange.
 */
const DETECTED_WITHIN_US = 60 * SECOND_US
/** Leaf sets are exchanged with one leaf after the other, three seconds apart at most; and a probe is to be answered. */
const PLACED_WITHIN_US = (3 * LEAF_SET + 2) * SECOND_US

const SETTINGS: Partial<PastrySettings> = {
  leafSet: LEAF_SET,
  digitBits: 2,
  neighbourhood: 8,
  heartbeatMs: 2000,
  leafExchangeMs: 2000,
  tableProbeMs: 10_000,
  rowMs: 10_000,
  neighbourhoodMs: 10_000,
  mergeMs: 5000,
  replicas: 2,
  traceLookups: true,
  lookupBudgetMs: 8000,
  routing: { lookupAttempts: 1 }
}

/** `placedWithinUs`: for what would be found by the places of leaves before the check that is its own finds it. */
export function faultRun(
  seed: string,
  rules?: PastryRules,
  placedWithinUs = PLACED_WITHIN_US
): FaultRunResult {
  // Within a twentieth of a second of each other.
  const distance = plane(seed, 64)
  const oneWayUs = (from: NodeIndex, to: NodeIndex) => 2000 + Math.floor(distance(from % 64, to % 64) / 3)
  let checker: InvariantChecker | undefined
  const network = new PastryNetwork({
    seed,
    ...(rules !== undefined && { rules }),
    settings: SETTINGS,
    simulation: { observer: { every: 1, check: () => checker?.check() }, network: { oneWayUs } }
  })
  checker = new InvariantChecker({ network, oneWayUs, detectedWithinUs: DETECTED_WITHIN_US, placedWithinUs })
  const run = new Run(network, checker, seed)
  let violation: InvariantError | undefined
  try {
    run.begin()
    run.joins()
    run.faults()
    run.settle()
  } catch (error) {
    const cause = error instanceof SimulationError ? error.cause : error
    if (!(cause instanceof InvariantError)) throw error
    violation = cause
  }
  return {
    seed,
    outcome: violation === undefined ? 'held' : 'violated',
    ...(violation !== undefined && { invariant: violation.invariant, message: violation.message }),
    checks: checker.checks,
    events: network.simulation.events,
    acts: run.acts,
    lookups: run.looked,
    held: run.held,
    traceHash: network.simulation.traceHash
  }
}

class Run {
  readonly #network: PastryNetwork
  readonly #checker: InvariantChecker
  readonly #random: Random
  acts = 0
  looked = 0

  constructor(network: PastryNetwork, checker: InvariantChecker, seed: string) {
    this.#network = network
    this.#checker = checker
    this.#random = network.simulation.random.of(`faults ${seed}`)
  }

  /** Lookups that came to joiners before they were active. */
  get held(): number {
    const { simulation } = this.#network
    return simulation
      .aliveNodes()
      .reduce((sum, node) => sum + (this.#network.machine(node).snapshot().counters.held ?? 0), 0)
  }

  /** Some runs begin with nodes that have their tables, some with nodes that find each other. */
  begin(): void {
    const network = this.#network
    const count = 2 + this.#random.below(6)
    if (this.#random.below(2) === 0) {
      network.startIdeal(count)
      return
    }
    const nodes = network.simulation.addNodes(count)
    network.simulation.start(nodes[0]!)
    for (const node of nodes.slice(1)) network.join(node, nodes[0]!)
    this.#mustBeIdeal('of nodes that join at once')
  }

  #mustBeIdeal(what: string): void {
    if (this.#network.runUntilIdeal(120_000) !== undefined) return
    this.#checker.checkSymmetry()
    throw new InvariantError('convergence', `a network ${what}: ${this.#network.whatIsNotIdeal()}`)
  }

  /** P7: a lookup while others join finds the closest of those that are active, when it was asked or when it ended. */
  joins(): void {
    const network = this.#network
    const { simulation } = network
    const closest = (key: Key): NodeIndex => truthOf(network, network.members())(key)
    // Whoever was the closest when it was asked may have been overtaken by a joiner since.
    const wereRight = new Map<Key, NodeIndex>()
    const lookups = new Lookups(network, (key, root) => {
      const was = wereRight.get(key)!
      return root === was ? was : closest(key)
    })
    for (let act = 0; act < 6; act += 1) {
      if (simulation.aliveNodes().length < NODES_MAX) this.#join(1 + this.#random.below(2))
      for (let look = 0; look < 12; look += 1) {
        simulation.runFor(this.#random.below(60_000))
        const key = randomKey(this.#random)
        wereRight.set(key, closest(key))
        this.looked += 1
        lookups.issue(network.pickMember(this.#random), key)
      }
      simulation.runFor(this.#random.below(2 * SECOND_US))
    }
    simulation.runFor(20 * SECOND_US)
    const { failed, incorrect } = lookups.tally
    if (failed + lookups.unfinished > 0)
      throw new InvariantError(
        'P7 joins',
        `${failed + lookups.unfinished} lookups were swallowed while others joined`
      )
    if (incorrect > 0)
      throw new InvariantError('P5 roots', `${incorrect} lookups gave a wrong root while others joined`)
  }

  faults(): void {
    const { simulation } = this.#network
    const acts = 5 + this.#random.below(15)
    for (let act = 0; act < acts; act += 1) {
      // Now and then several at a time, else far enough apart that things go on in between.
      simulation.runFor(this.#random.below(4) === 0 ? 1000 : this.#random.below(8 * SECOND_US))
      if (this.#random.below(10) < 5 && simulation.aliveNodes().length < NODES_MAX) this.#join(1)
      else this.#kill()
      simulation.command(this.#network.pickMember(this.#random), {
        type: 'lookup',
        key: randomKey(this.#random)
      })
      this.acts += 1
    }
  }

  #join(count: number): void {
    const { simulation } = this.#network
    const members = this.#network.members()
    for (let joiner = 0; joiner < count; joiner += 1) {
      const node = simulation.addNode()
      simulation.start(node)
      for (let contact = 0; contact < 3; contact += 1)
        simulation.contact(node, members[this.#random.below(members.length)]!)
    }
  }

  #kill(): void {
    const { simulation } = this.#network
    const alive = simulation.aliveNodes()
    const victim = alive[this.#random.below(alive.length)]!
    if (!this.#mayGo(victim)) return
    this.#checker.died(victim)
    const dice = this.#random.below(10)
    if (dice < 5) simulation.crash(victim)
    else if (dice < 8) simulation.silence(victim)
    else simulation.stop(victim)
  }

  /** Whether nowhere |L|/2 in a row are dead that somebody still has for leaves, and enough live to go on. */
  #mayGo(victim: NodeIndex): boolean {
    const { simulation } = this.#network
    const alive = simulation.aliveNodes().filter(node => node !== victim)
    if (alive.filter(node => this.#network.isMember(node)).length < LEAF_SET / 2 + 1) return false
    const known = new Set(alive)
    for (const node of simulation.aliveNodes()) {
      const { smaller, larger } = this.#network.viewOf(node)
      for (const peer of [...smaller, ...larger]) known.add(simulation.nodeOfPeer(node, peer))
    }
    const ring = [...known].sort((a, b) => compareKeys(simulation.keyOf(a), simulation.keyOf(b)))
    const living = new Set(alive)
    let run = 0
    for (const node of [...ring, ...ring]) {
      run = living.has(node) && this.#network.isMember(node) ? 0 : run + 1
      if (run >= LEAF_SET / 2) return false
    }
    return true
  }

  /** When nobody comes or goes any more, all tables become right, and every lookup is answered by the true root. */
  settle(): void {
    const network = this.#network
    const { simulation } = network
    // Whose only contacts died before they answered can find nobody: somebody tells them of one who lives.
    const [member] = network.members().filter(node => network.machine(node).membership.others > 0)
    for (const node of simulation.aliveNodes())
      if (member !== undefined && network.machine(node).membership.others === 0 && node !== member)
        simulation.contact(node, member)
    this.#mustBeIdeal('in which nothing happens any more')
    this.#checker.checkSymmetry()
    const lookups = new Lookups(network, truthOf(network))
    const alive = simulation.aliveNodes()
    for (let count = 0; count < 20; count += 1)
      lookups.issue(alive[this.#random.below(alive.length)]!, randomKey(this.#random))
    simulation.runFor(30 * SECOND_US)
    const { correct, incorrect, failed } = lookups.tally
    if (incorrect > 0) throw new InvariantError('P5 roots', `${incorrect} lookups of 20 gave a wrong root`)
    if (correct < 20) throw new InvariantError('lookups', `${failed} of 20 failed in a network that is right`)
  }
}
