/**
 * Calls machines: one input at a time, in the total order of events. What the effects of an input bring about at
 * once (a link that is closed, an open without a place) follows it as further inputs of the same moment.
 */
import type { Input, MachineTypes } from '@servent/overlay/machine'
import { SimulationEffects } from './effects.ts'
import { INPUT } from './event-queue-deeds.ts'
import { PAUSED, RUNNING } from './node.ts'
import type { World } from './simulation-world.ts'
import { TraceHash } from './trace.ts'
import type { NodeIndex } from './types.ts'

export interface Waiting<T extends MachineTypes> {
  readonly node: NodeIndex
  readonly input: Input<T>
  readonly kind: number
  readonly detail: number
}

export class NodeRunner<T extends MachineTypes> {
  /** Inputs that machines were told, and acts of the plan. */
  events = 0
  /** A machine is at work: whatever comes now comes after it. */
  isBusy = false
  readonly trace = new TraceHash()
  readonly effects: SimulationEffects<T>
  readonly #world: World<T>
  readonly #isTraced: boolean
  readonly #eventsMax: number
  #every = 0
  #checkAt = Number.POSITIVE_INFINITY
  #check: () => void = () => {}
  readonly #waiting: Waiting<T>[] = []
  readonly #parked = new Map<NodeIndex, number[]>()

  constructor(world: World<T>) {
    this.#world = world
    this.#isTraced = world.init.trace ?? true
    this.#eventsMax = world.limits.eventsMax
    this.effects = new SimulationEffects(world)
  }

  /** From now on somebody looks after each `every`-th event. */
  watch(every: number, check: () => void): void {
    this.#every = every
    this.#checkAt = this.events + every
    this.#check = check
  }

  /** An event has happened. */
  observe(): void {
    if (this.events < this.#checkAt) return
    this.#checkAt += this.#every
    this.#check()
  }

  /** Gives a machine an input now, or after what is being done. `detail` tells inputs of a kind apart in the trace. */
  tell(node: NodeIndex, input: Input<T>, kind: number, detail: number): void {
    if (this.isBusy) {
      this.#waiting.push({ node, input, kind, detail })
      return
    }
    this.isBusy = true
    this.#call(node, input, kind, detail)
    if (this.#waiting.length > 0 || this.effects.hasNotices) this.#drain()
    this.isBusy = false
  }

  /** Counts an event and takes it into the trace hash. */
  record(node: NodeIndex, kind: number, detail: number): void {
    this.events += 1
    if (this.events > this.#eventsMax) throw new RangeError(`A run has at most ${this.#eventsMax} events.`)
    if (!this.#isTraced) return
    const { trace } = this
    const { schedule } = this.#world
    trace.add(schedule.nowUs | 0)
    trace.add(schedule.queue.sequence | 0)
    trace.add((node << 4) | kind)
    trace.add(detail)
  }

  /** Takes what a machine sends into the trace hash, after the input on which it does. */
  recordSending(word: number): void {
    if (this.#isTraced) this.trace.add(word)
  }

  /** Keeps an entry of the queue for a paused node. */
  park(node: NodeIndex, ref: number): void {
    const parked = this.#parked.get(node)
    if (parked === undefined) this.#parked.set(node, [ref])
    else parked.push(ref)
  }

  /** What a node has missed, in its order; it has missed nothing then. */
  takeParked(node: NodeIndex): readonly number[] {
    const parked = this.#parked.get(node) ?? []
    this.#parked.delete(node)
    return parked
  }

  #call(node: NodeIndex, input: Input<T>, kind: number, detail: number): void {
    const { nodes, schedule, traffic } = this.#world
    const status = nodes.status(node)
    if (status !== RUNNING) {
      if (status === PAUSED) {
        const waiting: Waiting<T> = { node, input, kind, detail }
        this.park(node, schedule.deed(INPUT, node, nodes.life(node), 0, waiting))
      }
      return
    }
    this.record(node, kind, detail)
    this.effects.begin(node)
    traffic.beginCall(input)
    nodes.machines[node]!.handle(input, this.effects)
    this.observe()
  }

  #drain(): void {
    const { access } = this.#world
    for (let at = 0; ; at += 1) {
      this.effects.deliverNotices()
      const next = this.#waiting[at]
      if (next === undefined) break
      const { node, input, kind, detail } = next
      const overflow = input.type === 'pressure' && input.level === 'overflow' ? input.link : undefined
      if (overflow !== undefined) access.beginLastWord(overflow)
      this.#call(node, input, kind, detail)
      if (overflow !== undefined) access.endLastWord(overflow)
    }
    this.#waiting.length = 0
  }
}
