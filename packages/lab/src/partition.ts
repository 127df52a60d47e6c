/**
 * A partition of the plan: for a while the peers are two sides that do not hear each other, and then it heals. Who is on
 * which side is drawn from the seed by places, so that it is the same in every overlay. What is right meanwhile is what
 * is so on the side of whoever asks.
 */
import {
  durationUs,
  type LatencyModel,
  type NodeIndex,
  Partitions,
  pickSome,
  type Random,
  sidesByShare
} from '@servent/simulator'
import { PlanError } from './errors.ts'
import type { Places } from './places.ts'
import type { Plan, PlanInput } from './plan.ts'

/** Of all peers: beyond it the other side is the smaller one. */
export const PARTITION_PART_MAX = 0.5
const US_PER_S = 1_000_000
const FORM = '0.3/5m: the part of the peers, and how long'

export interface PlannedPartition {
  /** Of the peers, those on the smaller side. */
  readonly part: number
  readonly us: number
}

/**
 * `0.3/5m`
 *
 * @throws PlanError  it is none: the part lies above 0 and up to `PARTITION_PART_MAX`, the time is a second or more
 */
export function parsePartition(text: string): PlannedPartition {
  const [figure = '', time = '', ...more] = text.split('/')
  const part = /^\d+(\.\d+)?$/.test(figure) ? Number(figure) : Number.NaN
  if (!(part > 0 && part <= PARTITION_PART_MAX) || more.length > 0)
    throw new PlanError(
      `partition is ${JSON.stringify(text)}, and its part lies above 0 and up to ${PARTITION_PART_MAX}; write ${FORM}.`
    )
  const us = usOf(text, time)
  if (us < US_PER_S)
    throw new PlanError(
      `partition is ${JSON.stringify(text)}, and a partition lasts 1s at least; write ${FORM}.`
    )
  return { part, us }
}

function usOf(text: string, time: string): number {
  try {
    return durationUs(time)
  } catch (error) {
    throw new PlanError(`partition is ${JSON.stringify(text)}: ${(error as Error).message}`)
  }
}

/** A quarter before, a quarter parted, a half after it. */
export function secondsForPartition({ partition }: PlanInput): number {
  if (typeof partition !== 'string') return 0
  return Math.ceil((4 * parsePartition(partition).us) / US_PER_S)
}

/** When it begins, in the measured time: a quarter of it is before, and a quarter at least is after it has healed. */
export function beginningUs({ duration }: Pick<Plan, 'duration'>): number {
  return Math.floor((duration * US_PER_S) / 4)
}

/** Peers on the smaller side, of so many. Of an odd number there is no half: the smaller side has one less. */
export function peersApart({ part }: Pick<PlannedPartition, 'part'>, nodes: number): number {
  return Math.min(Math.round(part * nodes), Math.floor(nodes / 2))
}

/** Who hears whom, now. */
export class Sides {
  readonly #places: Places
  /** Places on the smaller side. */
  readonly #apart: ReadonlySet<number>
  /** Servers of an operator are on the smaller side with the chance of any peer. */
  readonly #sideOfServer: (node: NodeIndex) => number
  readonly #partitions = new Partitions()
  #isParted = false

  constructor(part: number, places: Places, random: Random) {
    this.#places = places
    const all = Array.from({ length: places.count }, (_, place) => place)
    this.#apart = new Set(pickSome(all, peersApart({ part }, places.count), random))
    this.#sideOfServer = sidesByShare(part, random.fork('servers').u32())
  }

  /** Peers on the smaller side. */
  get apart(): number {
    return this.#apart.size
  }

  get isParted(): boolean {
    return this.#isParted
  }

  /** A network in which the sides do not hear each other while they are parted. */
  over(network: LatencyModel): LatencyModel {
    return { ...this.#partitions.over(network), roundTripUs: network.roundTripUs.bind(network) }
  }

  /** From now until it is healed. */
  split(nowUs: number): void {
    this.#isParted = true
    this.#partitions.split(node => this.sideOf(node), nowUs)
  }

  heal(nowUs: number): void {
    this.#isParted = false
    this.#partitions.heal(nowUs)
  }

  /** 1: the smaller one. */
  sideOf(node: NodeIndex): number {
    if (!this.#places.had(node)) return this.#sideOfServer(node)
    return Number(this.#apart.has(this.#places.placeOf(node)))
  }

  hears(one: NodeIndex, other: NodeIndex): boolean {
    return !this.#isParted || this.sideOf(one) === this.sideOf(other)
  }
}

/** Whom somebody who asks now can find: whoever it hears now, or when it is asked of them. */
export function withinReach(sides: Sides | undefined, origin: NodeIndex): (node: NodeIndex) => boolean {
  if (sides === undefined || !sides.isParted) return () => true
  return node => sides.hears(origin, node)
}
