/**
 * One run of random joins, leaves, crashes and silent deaths from a seed, with everything checked after every
 * event. A death that would break one of Zave's operating assumptions (nobody may lose its last living
 * successor; a principal may not go while there are only r + 1) is mostly not done. In some runs it is: nothing is
 * checked from there on, the machines only have to live through it, and the run is counted and set aside, for the
 * theorems promise nothing of it. In one run of eight each peer has two or three places.
 */
import { LOOKUP_BUDGET_MS } from '@servent/key-routing/machine'
import { type Contact, compareKeys, type Key } from '@servent/overlay/machine'
import type { NodeIndex, Random } from '@servent/simulator'
import { randomOf, SimulationError } from '@servent/simulator'
import type { ChordRules } from '../../src/machine.ts'
import { peerOfRef } from '../../src/ring-key.ts'
import { bestSuccessor, InvariantChecker, InvariantError, principals, stateOf } from './invariants.ts'
import { Lookups, randomKey, truthOf } from './lookups.ts'
import { ChordNetwork, type SeenPlace } from './network.ts'

export interface FaultRunResult {
  readonly seed: string
  readonly outcome: 'held' | 'set-aside' | 'violated'
  /** The invariant that did not hold. */
  readonly invariant?: string
  readonly message?: string
  readonly checks: number
  readonly events: number
  readonly acts: number
  readonly incorrect: number
  /** Answers of honest roots that were not believed, and that were doubted first. */
  readonly refused: number
  readonly doubted: number
  /** Answers, and those of them that were told at the end of the lookup's time. */
  readonly answers: number
  readonly late: number
  readonly traceHash: string
}

const R = 3
const NODES_MAX = 14
const STABILISE_MS = 2000
const FINGERS_MS = 2000
/** Every distinct finger once, with jitter, and the calls that find it dead. */
const FINGER_GRACE_MS = 90_000

/** What machines live through where an assumption is broken. */
const AFTERMATH_US = 30_000_000
/** Between a root's answer and its arrival. */
const ANSWER_WITHIN_US = 1_000_000

/** 1 in seven runs of eight, else 2 or 3: looking after every event at so many places takes its time. */
function placesOf(seed: string): number {
  const random = randomOf(`places ${seed}`)
  return random.below(8) > 0 ? 1 : 2 + random.below(2)
}

/** 2 or 3. */
export function severalPlacesOf(seed: string): number {
  return 2 + randomOf(`several places ${seed}`).below(2)
}

class SetAside extends Error {
  override readonly name = 'SetAside'
}

/** Half of the mutants' rules know of one place only. */
export function faultRun(
  seed: string,
  rules?: ChordRules,
  virtualNodes = rules === undefined ? placesOf(seed) : 1
): FaultRunResult {
  let checker: InvariantChecker | undefined
  let run: Run | undefined
  const network = new ChordNetwork({
    seed,
    ...(rules !== undefined && { rules }),
    settings: {
      successors: R,
      virtualNodes,
      proximity: 'off',
      stabiliseMs: STABILISE_MS,
      fixFingersMs: FINGERS_MS,
      checkPredecessorMs: 4000,
      replicas: 2,
      traceLookups: true
    },
    simulation: {
      observer: {
        every: 1,
        check: () => {
          if (run?.assumptionBroken) return
          checker?.check()
          run?.checkAnswers()
        }
      },
      network: { oneWayUs: (_from, _to, random) => 5000 + random.below(75_000) }
    }
  })
  run = new Run(network, seed)
  const { simulation } = network
  let violation: InvariantError | undefined
  let setAside = false
  try {
    run.begin()
    checker = new InvariantChecker(network, FINGER_GRACE_MS)
    run.checker = checker
    run.faults()
    run.settle()
  } catch (error) {
    const cause = error instanceof SimulationError ? error.cause : error
    if (cause instanceof SetAside) setAside = true
    else if (cause instanceof InvariantError) violation = cause
    else throw error
  }
  return {
    seed,
    outcome: setAside ? 'set-aside' : violation === undefined ? 'held' : 'violated',
    ...(violation !== undefined && { invariant: violation.invariant, message: violation.message }),
    checks: checker?.checks ?? 0,
    events: simulation.events,
    acts: run.acts,
    incorrect: run.lookups?.tally.incorrect ?? 0,
    ...network.disbelief(),
    answers: run.answers,
    late: run.late,
    traceHash: simulation.traceHash
  }
}

class Run {
  readonly network: ChordNetwork
  readonly #random: Random
  readonly #reckless: boolean
  #ghosts: { readonly place: SeenPlace; readonly diedUs: number }[] = []
  readonly #looking = new Map<number, Key>()
  readonly #answers: { readonly root: Contact; readonly key: Key; readonly withinUs: number }[] = []
  checker: InvariantChecker | undefined
  lookups: Lookups | undefined
  acts = 0
  answers = 0
  late = 0
  /** Nothing is promised any more. */
  assumptionBroken = false

  constructor(network: ChordNetwork, seed: string) {
    this.network = network
    this.#random = network.simulation.random.of(`faults ${seed}`)
    this.#reckless = this.#random.below(10) === 0
    network.notices.push((_node, notice) => {
      const key = notice.type === 'looked-up' ? this.#looking.get(notice.command) : undefined
      if (notice.type !== 'looked-up' || key === undefined) return
      // What was doubted at first is told in the end, and may be as old as the lookup.
      const isOld = notice.elapsedMs >= LOOKUP_BUDGET_MS
      this.answers += 1
      if (isOld) this.late += 1
      const withinUs = ANSWER_WITHIN_US + (isOld ? 1000 * notice.elapsedMs : 0)
      this.#answers.push({ root: notice.root, key, withinUs })
    })
  }

  /** Some runs begin with a ring that has its tables, some with peers that find each other. */
  begin(): void {
    const { network } = this
    const count = R + 1 + this.#random.below(5)
    if (this.#random.below(2) === 0) {
      network.startIdeal(count)
      return
    }
    const nodes = network.simulation.addNodes(count)
    network.simulation.start(nodes[0]!)
    for (const node of nodes.slice(1)) network.join(node, nodes[0]!)
    if (network.runUntilIdeal(120_000) === undefined)
      throw new InvariantError('forming', `no ring of ${count} came: ${network.whatIsNotIdeal()}`)
    // Founders that have not heard yet that the ring was founded hear it by their next exchange.
    network.simulation.runFor(5_000_000)
  }

  faults(): void {
    const { simulation } = this.network
    const acts = 5 + this.#random.below(20)
    for (let act = 0; act < acts; act += 1) {
      // Now and then several at a time, else far enough apart that things go on in between.
      simulation.runFor(this.#random.below(4) === 0 ? 1000 : this.#random.below(3_000_000))
      this.#act()
      this.#look()
      this.acts += 1
    }
  }

  /** A member looks for a key; whoever says that it is the root must own it. */
  #look(): void {
    const { simulation } = this.network
    const { members } = stateOf(this.network)
    const origin = peerOfRef(members[this.#random.below(members.length)]!.id)
    const key = randomKey(this.#random)
    this.#looking.set(simulation.command(origin, { type: 'lookup', key }), key)
  }

  /** Answers are looked at between two events, where a failure is told with its seed. */
  checkAnswers(): void {
    const { simulation } = this.network
    for (const { root, key, withinUs } of this.#answers.splice(0)) {
      const node = simulation.nodeOf(root)
      if (node !== undefined) this.checker?.checkAnswer(node, key, withinUs)
    }
  }

  #act(): void {
    const { simulation } = this.network
    const alive = simulation.aliveNodes()
    const dice = this.#random.below(10)
    if (dice < 5 && alive.length < NODES_MAX) {
      // Whoever asks somebody who has no ring either may begin one with him.
      const inRing = [...new Set(stateOf(this.network).members.map(({ id }) => peerOfRef(id)))]
      const joiner = simulation.addNode()
      simulation.start(joiner)
      for (let count = 0; count < 3; count += 1)
        simulation.contact(joiner, inRing[this.#random.below(inRing.length)]!)
      return
    }
    const victim = alive[this.#random.below(alive.length)]!
    if (!this.#mayGo(victim)) {
      if (this.#reckless) this.#breakAssumption(victim)
      return
    }
    this.checker?.died(victim)
    if (dice < 7) simulation.crash(victim)
    else if (dice < 8) simulation.silence(victim)
    else simulation.stop(victim)
  }

  #breakAssumption(victim: NodeIndex): void {
    const { simulation } = this.network
    this.assumptionBroken = true
    simulation.crash(victim)
    simulation.runFor(AFTERMATH_US)
    throw new SetAside()
  }

  /**
   * Zave's operating assumptions. In her model a copy of a list is made in one step; here it may still be under way
   * from a member that died since. So lists of those who died just now count as if they lived.
   */
  #mayGo(victim: NodeIndex): boolean {
    const keyOf = this.checker!.keyOf
    const now = stateOf(this.network)
    const gone = now.members.filter(({ id }) => peerOfRef(id) === victim)
    if (gone.length === 0) return true
    const nowUs = this.network.simulation.nowUs
    this.#ghosts = this.#ghosts.filter(({ diedUs }) => nowUs - diedUs < ANSWER_WITHIN_US)
    const lists = this.#ghosts.map(({ place }) => place)
    const left = principals(now, keyOf, lists).filter(({ id }) => peerOfRef(id) !== victim)
    if (left.length < R + 1) return false
    const after = stateOf(this.network, victim)
    if (!after.members.every(place => bestSuccessor(after, place) !== undefined)) return false
    // Whoever takes in a copy from one that is dead by then has that one and all but the last of its list.
    const copied = [...lists, ...gone].map(({ successors }) => successors.slice(0, R - 1))
    if (!copied.every(successors => successors.some(id => after.byId.has(id)))) return false
    for (const place of gone) this.#ghosts.push({ place, diedUs: nowUs })
    return true
  }

  /** When nobody comes or goes any more, the ring becomes ideal, and every lookup is answered by the true root. */
  settle(): void {
    const { network } = this
    const { simulation } = network
    // Whose only contacts died before they answered can find nobody: somebody tells them of one who lives.
    const [member] = stateOf(network).members
    for (const { id, inRing } of network.places())
      if (!inRing && member !== undefined) simulation.contact(peerOfRef(id), peerOfRef(member.id))
    if (network.runUntilIdeal(120_000) === undefined)
      throw new InvariantError('convergence', `after two minutes ${network.whatIsNotIdeal()}`)
    this.lookups = new Lookups(network, truthOf(network))
    const alive = simulation.aliveNodes()
    for (let count = 0; count < 20; count += 1)
      this.lookups.issue(alive[this.#random.below(alive.length)]!, randomKey(this.#random))
    simulation.runFor(30_000_000)
    const { correct, incorrect, failed } = this.lookups.tally
    if (incorrect > 0) throw new InvariantError('C9 owner', `${incorrect} lookups of 20 gave a wrong root`)
    if (correct < 20) throw new InvariantError('lookups', `${failed} of 20 failed in a ring that is ideal`)
    this.#checkOwners()
  }

  /** C10: each key has one owner. */
  #checkOwners(): void {
    const places = this.network.places()
    for (const [at, place] of places.entries()) {
      const before = places[(at + places.length - 1) % places.length]!
      const same = place.predecessor === before.id || places.length === 1
      if (!same || compareKeys(before.key, place.key) === 0)
        throw new InvariantError('C10 owners', `${place.id} and another one own the same keys`)
    }
  }
}
