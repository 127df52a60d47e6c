/** Takes events off the queue and sees to it that they happen: to a node that runs, later to one that rests, or not at all. */
import type { Link, MachineTypes } from '@servent/overlay/machine'
import { type Asked, isSaveQuestion } from './effects.ts'
import {
  ACT,
  ANSWER,
  END_ARRIVES,
  END_DOWNLINK,
  FLUSH_OVER,
  INPUT,
  LINK_BREAKS,
  OPEN_ARRIVES,
  OPEN_FAILS,
  OPEN_UP,
  SILENCE_NOTICED,
  STALL_RETRY,
  UPLINK_FREE
} from './event-queue-deeds.ts'
import { DOWNLINK, MESSAGE, TIMER } from './event-queue-schedule.ts'
import { DOWN, endOf, UP } from './links.ts'
import { PAUSED, RUNNING, SILENT } from './node.ts'
import type { Waiting } from './node-runner.ts'
import { DETACHED } from './node-timers.ts'
import type { World } from './simulation-world.ts'
import { lengthWord, TRACE_ACT, TRACE_ANSWER, TRACE_MESSAGE, TRACE_TIMER, wordOf } from './trace.ts'
import type { NodeIndex } from './types.ts'

export class Dispatcher<T extends MachineTypes> {
  readonly #world: World<T>

  constructor(world: World<T>) {
    this.#world = world
  }

  /** The next event happens; false where there is none. */
  step(): boolean {
    const { schedule } = this.#world
    const { queue } = schedule
    if (!queue.pop()) return false
    // What a node missed while it rested may have been due before.
    if (queue.timeUs > schedule.nowUs) schedule.nowUs = queue.timeUs
    this.dispatch(queue.ref)
    return true
  }

  dispatch(ref: number): void {
    const slot = ref >> 2
    const slab = ref & 3
    if (slab === MESSAGE) this.#message(slot, ref)
    else if (slab === TIMER) this.#timer(slot, ref)
    else if (slab === DOWNLINK) this.#downlink(slot)
    else this.#deed(slot, ref)
  }

  #message(slot: number, ref: number): void {
    const { schedule, links, nodes, metrics, runner, traffic } = this.#world
    const link = schedule.messageLink(slot)
    const end = endOf(link)
    const state = links.has(link) ? links.state(end) : DOWN
    if (state === UP) {
      const node = links.owner(end)
      const status = nodes.status(node)
      if (status === RUNNING) {
        const message = schedule.messages[slot] as T['message']
        const bytes = schedule.messageBytes(slot)
        schedule.freeMessage(slot)
        metrics.received(node, bytes)
        runner.tell(node, { type: 'message', link, message }, TRACE_MESSAGE, lengthWord(bytes) ^ link)
        return
      }
      if (status === PAUSED) {
        runner.park(node, ref)
        return
      }
    }
    schedule.freeMessage(slot)
    metrics.dropped += 1
    if (!links.has(link)) return
    if (state === DOWN) traffic.bounce(end)
    else if (nodes.status(links.owner(end)) === SILENT) traffic.doom(end ^ 1)
  }

  #timer(slot: number, ref: number): void {
    const { timers, nodes, runner } = this.#world
    const node = timers.nodeOf(slot)
    if (node !== DETACHED && nodes.status(node) === PAUSED) {
      runner.park(node, ref)
      return
    }
    if (!timers.due(slot)) return
    const timer = timers.names[slot]!
    runner.tell(
      node,
      { type: 'timer', timer },
      TRACE_TIMER,
      typeof timer === 'number' ? timer | 0 : wordOf(timer)
    )
    timers.fired(slot)
  }

  #downlink(slot: number): void {
    const { schedule, links, access, metrics } = this.#world
    const link = schedule.messageLink(slot)
    const message = schedule.messages[slot]
    const bytes = schedule.messageBytes(slot)
    schedule.freeMessage(slot)
    const end = endOf(link)
    if (!links.has(link)) metrics.dropped += 1
    else schedule.postMessage(access.downlinkUs(links.owner(end), bytes), MESSAGE, link, message, bytes)
  }

  /** It needs no room of its own, but is after all that came before. */
  #endAtDownlink(link: Link, how: number): void {
    const { schedule, links, access } = this.#world
    if (!links.has(link)) return
    const atUs = access.downlinkUs(links.owner(endOf(link)), 0)
    schedule.post(atUs, END_ARRIVES, link, how, 0, undefined)
  }

  #deed(slot: number, ref: number): void {
    const { schedule, nodes, runner, openings } = this.#world
    const kind = schedule.deedKinds[slot]!
    const a = schedule.deedAs[slot]!
    const b = schedule.deedBs[slot]!
    const timeUs = schedule.deedTimes[slot]!
    const object = schedule.deedObjects[slot]
    const node = this.#nodeOf(kind, a)
    if (node !== undefined && nodes.status(node) === PAUSED) {
      if (kind === OPEN_ARRIVES) openings.waits(a, timeUs)
      runner.park(node, ref)
      return
    }
    schedule.freeDeed(slot)
    this.#perform(kind, a, b, timeUs, object)
  }

  #perform(kind: number, a: number, b: number, timeUs: number, object: unknown): void {
    const { nodes, runner, openings, endings, access, traffic } = this.#world
    switch (kind) {
      case ACT:
        runner.record(0, TRACE_ACT, 0)
        ;(object as () => void)()
        runner.observe()
        return
      case INPUT: {
        const { node, input, kind: traced, detail } = object as Waiting<T>
        if (nodes.life(node) === b) runner.tell(node, input, traced, detail)
        return
      }
      case OPEN_ARRIVES:
        openings.arrive(a, timeUs)
        return
      case OPEN_UP:
        openings.up(a, b === 1)
        return
      case OPEN_FAILS:
        openings.fail(a, object as string)
        return
      case END_ARRIVES:
        endings.arrive(a, b)
        return
      case END_DOWNLINK:
        this.#endAtDownlink(a, b)
        return
      case LINK_BREAKS:
        endings.breakLink(a)
        return
      case ANSWER:
        this.#answer(a, b, object as Asked<T>)
        return
      case UPLINK_FREE:
        access.uplinkFree(a, b, timeUs, object as { message: unknown; bytes: number })
        return
      case FLUSH_OVER:
        access.flushOver(a)
        return
      case STALL_RETRY:
        traffic.retry(a)
        return
      case SILENCE_NOTICED:
        traffic.giveUp(a)
    }
  }

  /** Whose event it is: it waits while that node rests. */
  #nodeOf(kind: number, a: number): NodeIndex | undefined {
    const { links } = this.#world
    switch (kind) {
      case INPUT:
      case ANSWER:
        return a
      case OPEN_ARRIVES:
        return links.has(a) ? links.owner(endOf(a) + 1) : undefined
      case OPEN_UP:
      case OPEN_FAILS:
      case END_ARRIVES:
        return links.has(a) ? links.owner(endOf(a)) : undefined
      default:
        return undefined
    }
  }

  #answer(node: NodeIndex, life: number, { id, question }: Asked<T>): void {
    const { nodes, runner, init } = this.#world
    if (nodes.life(node) !== life || !nodes.answered(node, id)) return
    if (isSaveQuestion(question)) {
      runner.tell(node, { type: 'answer', id, answer: undefined as T['answer'] }, TRACE_ANSWER, id)
      return
    }
    let answer: T['answer'] | undefined
    let error = 'Nobody answers here.'
    try {
      answer = init.answer?.(question, node)
    } catch (thrown) {
      error = thrown instanceof Error ? thrown.message : String(thrown)
    }
    if (answer === undefined) runner.tell(node, { type: 'answer', id, error }, TRACE_ANSWER, ~id)
    else runner.tell(node, { type: 'answer', id, answer }, TRACE_ANSWER, id)
  }
}
