/**
 * What is sent for one lookup, message by message, as somebody sees it who sees everybody: when it left, from whom to whom,
 * and when it came. Nothing of the network changes by being looked at.
 */
import type { Contact, Link } from '@servent/overlay/machine'
import type { NodeIndex } from '@servent/simulator'
import type { AnySimulation } from '../deployment.ts'
import { TRACED_MESSAGES_MAX } from './path-limits.ts'
import type { Target } from './picture.ts'

/** Times are microseconds since the question. */
export interface Traced {
  readonly atUs: number
  /** Undefined: it has not come. */
  arrivedUs: number | undefined
  readonly from: NodeIndex
  readonly to: NodeIndex
  /** Its type, or `no-answer`: `from` waits for `to` no longer. */
  readonly message: string
  readonly ttl: number | undefined
  readonly hops: number | undefined
  /** Peers that it names as nearer ones. */
  readonly names: readonly NodeIndex[]
}

export const NO_ANSWER = 'no-answer'

/** As far as messages of all overlays are alike: numbers that say how far they went, and peers that answers name. */
interface AnyMessage {
  readonly type: string
  readonly ttl?: unknown
  readonly hops?: unknown
  readonly closer?: readonly Contact[]
  readonly nearest?: readonly Contact[]
}

export class LookupTrace {
  readonly origin: NodeIndex
  readonly messages: Traced[] = []
  /** Messages that there was no room for. */
  leftOut = 0
  /** What is looked up; said by whoever looks. */
  target: Target = { key: null, file: null, groups: null, group: null }
  /** Where who asks sends every request itself: how many steps each peer is from it. */
  readonly steps = new Map<NodeIndex, number>()
  readonly #tracer: Tracer
  readonly #beganUs: number

  constructor(tracer: Tracer, origin: NodeIndex) {
    this.#tracer = tracer
    this.#beganUs = tracer.simulation.nowUs
    this.origin = origin
  }

  get nowUs(): number {
    return this.#tracer.simulation.nowUs - this.#beganUs
  }

  /** Told as it leaves. */
  sent(message: object, link: Link, from: NodeIndex): void {
    const to = this.#tracer.simulation.otherEnd(link)
    // A link that is no more carries nothing.
    if (to === undefined || this.messages.length >= TRACED_MESSAGES_MAX) {
      this.leftOut += 1
      return
    }
    const { type, ttl, hops } = message as AnyMessage
    const traced: Traced = {
      atUs: this.nowUs,
      arrivedUs: undefined,
      from,
      to,
      message: type,
      ttl: typeof ttl === 'number' ? ttl : undefined,
      hops: typeof hops === 'number' ? hops : undefined,
      names: this.#namesIn(message as AnyMessage)
    }
    this.messages.push(traced)
    this.#tracer.leaves(message, { traced, trace: this })
  }

  /** `from` has given up waiting for `to`. */
  silent(from: NodeIndex, to: NodeIndex): void {
    if (this.messages.length >= TRACED_MESSAGES_MAX) return
    this.messages.push({
      atUs: this.nowUs,
      arrivedUs: undefined,
      from,
      to,
      message: NO_ANSWER,
      ttl: undefined,
      hops: undefined,
      names: []
    })
  }

  #namesIn({ hops, closer = [], nearest = [] }: AnyMessage): NodeIndex[] {
    const listed = Array.isArray(hops) ? hops.map(({ contact }) => contact as Contact) : []
    return [...closer, ...nearest, ...listed].flatMap(
      contact => this.#tracer.simulation.nodeOf(contact) ?? []
    )
  }
}

interface UnderWay {
  readonly traced: Traced
  readonly trace: LookupTrace
}

/** Remembers which messages are under way, so that each is known where it arrives. */
export class Tracer {
  readonly #simulation: () => AnySimulation
  /** What a simulation delivers is the object that was sent, and a flood sends one many times. */
  readonly #underWay = new WeakMap<object, UnderWay[]>()
  #hasTraces = false

  constructor(simulation: () => AnySimulation) {
    this.#simulation = simulation
  }

  get simulation(): AnySimulation {
    return this.#simulation()
  }

  /** For a lookup that this peer begins now. */
  begin(origin: NodeIndex): LookupTrace {
    this.#hasTraces = true
    return new LookupTrace(this, origin)
  }

  leaves(message: object, one: UnderWay): void {
    const others = this.#underWay.get(message)
    if (others === undefined) this.#underWay.set(message, [one])
    else others.push(one)
  }

  arrived(message: object, to: NodeIndex): void {
    if (!this.#hasTraces) return
    const one = this.#underWay
      .get(message)
      ?.find(({ traced }) => traced.to === to && traced.arrivedUs === undefined)
    if (one !== undefined) one.traced.arrivedUs = one.trace.nowUs
  }
}
