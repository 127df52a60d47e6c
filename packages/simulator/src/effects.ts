/**
 * What machines are handed. One object serves all of them, for only one is at work at a time. What a machine
 * asks for is scheduled at once: nothing of it can come back before `handle` has returned, so the order is that
 * of effects which are recorded first and carried out then.
 */
import type {
  Effects,
  Link,
  MachineTypes,
  Peer,
  PeerTable,
  RequestId,
  SaveQuestion,
  Timer
} from '@servent/overlay/machine'
import { ANSWER } from './event-queue-deeds.ts'
import type { World } from './simulation-world.ts'
import type { NodeIndex } from './types.ts'

/** As the host has it: a timer of Node takes no more. 24.8 days. */
const TIMER_MS_MAX = 2 ** 31 - 1
const ANSWER_DELAY_US = 1_000

/** A question on its way to its answer. */
export interface Asked<T extends MachineTypes> {
  readonly id: RequestId
  readonly question: T['question'] | SaveQuestion
}

export class SimulationEffects<T extends MachineTypes> implements Effects<T> {
  /** Who is told `stop`: its opens and timers come to nothing, for it was the last input. */
  stopping: NodeIndex | undefined
  readonly #world: World<T>
  readonly #noticeNodes: NodeIndex[] = []
  readonly #notices: T['notice'][] = []
  #node: NodeIndex = 0

  constructor(world: World<T>) {
    this.#world = world
  }

  begin(node: NodeIndex): void {
    this.#node = node
  }

  get hasNotices(): boolean {
    return this.#notices.length > 0
  }

  /** What is told in answer to a notice waits its turn. */
  deliverNotices(): void {
    const { init, schedule } = this.#world
    for (let index = 0; index < this.#notices.length; index += 1)
      init.onNotice?.(this.#noticeNodes[index]!, this.#notices[index], schedule.nowUs)
    this.#notices.length = 0
    this.#noticeNodes.length = 0
  }

  get peers(): PeerTable {
    return this.#world.identities.tableOf(this.#node)
  }

  nowMs(): number {
    return this.#world.clocks.nowMs(this.#node, this.#world.schedule.nowUs)
  }

  wallMs(): number {
    return this.#world.clocks.wallMs(this.#node, this.#world.schedule.nowUs)
  }

  random(): number {
    return this.#world.nodes.draw(this.#node)
  }

  open(peer: Peer): void {
    if (!this.#isStopping) this.#world.openings.open(this.#node, peer)
  }

  close(link: Link, reason: string): void {
    this.#world.endings.close(this.#node, link, reason)
  }

  /** @throws RangeError  the priority is out of range: an error of the machine */
  send(link: Link, message: T['message'], priority: number): void {
    this.#world.traffic.send(this.#node, link, message, priority)
  }

  /** @throws RangeError  the time is no number of milliseconds: an error of the machine */
  setTimer(timer: Timer, afterMs: number): void {
    if (!(afterMs >= 0 && afterMs < Number.POSITIVE_INFINITY))
      throw new RangeError(`Timer ${timer} is set to ${afterMs} ms; a time is 0 or more.`)
    if (this.#isStopping) return
    const { timers, schedule, clocks } = this.#world
    const afterUs = clocks.virtualUs(this.#node, Math.ceil(Math.min(afterMs, TIMER_MS_MAX) * 1000))
    timers.set(this.#node, timer, schedule.nowUs + afterUs)
  }

  cancelTimer(timer: Timer): void {
    this.#world.timers.cancel(this.#node, timer)
  }

  ask(id: RequestId, question: T['question'] | SaveQuestion): void {
    const { nodes, schedule, init } = this.#world
    nodes.asked(this.#node, id)
    // Kept at once: a node that crashes before the answer may have it or not, and must not rely on either.
    if (isSaveQuestion(question)) nodes.save(this.#node, question.key, question.bytes)
    const asked: Asked<T> = { id, question }
    const atUs = schedule.nowUs + (init.answerDelayUs ?? ANSWER_DELAY_US)
    schedule.post(atUs, ANSWER, this.#node, nodes.life(this.#node), 0, asked)
  }

  save(key: string, bytes: Uint8Array | undefined): void {
    this.#world.nodes.save(this.#node, key, bytes)
  }

  notify(notice: T['notice']): void {
    this.#noticeNodes.push(this.#node)
    this.#notices.push(notice)
  }

  /** Other nodes may be told something in between, in answer to a notice. */
  get #isStopping(): boolean {
    return this.stopping === this.#node
  }
}

export function isSaveQuestion(question: unknown): question is SaveQuestion {
  return (
    typeof question === 'object' &&
    question !== null &&
    (question as SaveQuestion).type === 'save' &&
    typeof (question as SaveQuestion).key === 'string'
  )
}
