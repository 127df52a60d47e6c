/** Carries out what a machine asked for, in the order in which it asked. */
import type { Logger } from '@libp2p/interface'
import type {
  Input,
  MachineTypes,
  Peer,
  PeerInterner,
  RequestId,
  SaveQuestion,
  Timer
} from '@servent/overlay'
import { SELF } from '@servent/overlay'
import type { Asks } from './asks.ts'
import type { Clock } from './clock.ts'
import { dialTargetOf, peerIdOfContact } from './contacts.ts'
import type { RecordedEffect } from './effects.ts'
import type { HostLink } from './link.ts'
import { type LinkTable, NO_PLACE } from './link-table.ts'
import type { HostMetrics } from './metrics.ts'
import type { Opener } from './opener.ts'
import type { StateWriter } from './saves.ts'

/** Longer than this a timer of Node fires at once instead of late: 24.8 days. */
const TIMER_MS_MAX = 2 ** 31 - 1

export interface CarrierInit<T extends MachineTypes> {
  readonly links: LinkTable<T['message']>
  readonly opener: Opener
  readonly asks: Asks<T['question'], T['answer']>
  readonly saves: StateWriter
  readonly peers: PeerInterner
  readonly clock: Clock
  readonly metrics: HostMetrics
  readonly log: Logger
  readonly onNotice: (notice: T['notice']) => void
  readonly dispatch: (input: Input<T>) => void
  /** A broken contract of the machine that shows only here. */
  readonly fail: (error: unknown) => void
}

export class Carrier<T extends MachineTypes> {
  readonly #init: CarrierInit<T>
  readonly #timers = new Map<Timer, unknown>()
  /** Links with something new to send. */
  readonly #unsent = new Set<HostLink<T['message']>>()
  #flushing = false
  #stopping = false

  constructor(init: CarrierInit<T>) {
    this.#init = init
  }

  /** From now on only sends, closes, saves and notices are carried out: `stop` is the machine's last input. */
  stop(): void {
    this.#stopping = true
    for (const handle of this.#timers.values()) this.#init.clock.clearTimeout(handle)
    this.#timers.clear()
  }

  /** Sends what machines queued since the last time: one write a link for all of it. */
  flush(): void {
    if (this.#flushing) return
    this.#flushing = true
    try {
      // Sending can relieve a queue, which can make the machine send more: the set grows while it is walked.
      for (const link of this.#unsent) {
        this.#unsent.delete(link)
        link.flush()
      }
    } finally {
      this.#flushing = false
    }
  }

  /** What a machine sends in answer to an overflow is the last word of that link. */
  onEffects(input: Input<T>, phase: 'begin' | 'end'): void {
    if (input.type !== 'pressure' || input.level !== 'overflow') return
    const link = this.#init.links.get(input.link)
    if (phase === 'begin') link?.beginLastWord()
    else link?.endLastWord()
  }

  carryOut(effect: RecordedEffect<T>): void {
    const { links, saves } = this.#init
    switch (effect.type) {
      case 'send': {
        const link = links.get(effect.link)
        if (link === undefined) return
        link.send(effect.message, effect.priority)
        this.#unsent.add(link)
        return
      }
      case 'close':
        links.get(effect.link)?.close({ kind: 'local', message: effect.reason })
        return
      case 'save':
        saves.save(effect.key, effect.bytes)
        return
      case 'notify':
        this.#notify(effect.notice)
        return
      case 'ask':
        this.#ask(effect.id, effect.question)
        return
      case 'open':
        if (!this.#stopping) this.#open(effect.peer)
        return
      case 'set-timer':
        if (!this.#stopping) this.#setTimer(effect.timer, effect.afterMs)
        return
      case 'cancel-timer':
        this.#init.clock.clearTimeout(this.#timers.get(effect.timer))
        this.#timers.delete(effect.timer)
    }
  }

  #open(peer: Peer): void {
    const { links, opener, peers, metrics, dispatch, fail } = this.#init
    if (peer === SELF || !peers.has(peer)) {
      fail(new RangeError(`A machine opens peers that it knows; ${peer} is none.`))
      return
    }
    if (links.has(peer) || opener.stageOf(peer) !== undefined) return
    if (!links.hasRoom) {
      metrics.count('limitHits')
      dispatch({ type: 'unreachable', peer, reason: NO_PLACE, noRoom: 'here' })
      return
    }
    try {
      const contact = peers.contact(peer)
      const peerId = peerIdOfContact(contact)
      if (opener.open(peer, peerId, dialTargetOf(peerId, contact))) return
      metrics.count('limitHits')
      dispatch({ type: 'unreachable', peer, reason: 'Too many opens wait.', noRoom: 'here' })
    } catch (error) {
      // Contacts come from messages of remote peers: their bytes need not be a PeerId.
      metrics.count('opensFailed')
      dispatch({ type: 'unreachable', peer, reason: (error as Error).message })
    }
  }

  #ask(id: RequestId, question: T['question'] | SaveQuestion): void {
    const { asks, saves, fail } = this.#init
    try {
      if (isSaveQuestion(question)) {
        asks.claim(id)
        saves.save(question.key, question.bytes, error =>
          asks.settle(
            id,
            error === undefined ? { answer: undefined as T['answer'] } : { error: error.message }
          )
        )
      } else if (!this.#stopping) {
        asks.ask(id, question)
      }
    } catch (error) {
      fail(error)
    }
  }

  #setTimer(timer: Timer, afterMs: number): void {
    const { clock, dispatch } = this.#init
    clock.clearTimeout(this.#timers.get(timer))
    const handle = clock.setTimeout(
      () => {
        this.#timers.delete(timer)
        dispatch({ type: 'timer', timer })
      },
      Math.min(afterMs, TIMER_MS_MAX)
    )
    this.#timers.set(timer, handle)
  }

  #notify(notice: T['notice']): void {
    try {
      this.#init.onNotice(notice)
    } catch (error) {
      // The service's fault, not the machine's: the overlay goes on.
      this.#init.metrics.count('noticesFailed')
      this.#init.log.error('a notice could not be delivered - %e', error as Error)
    }
  }
}

function isSaveQuestion(question: unknown): question is SaveQuestion {
  return (
    typeof question === 'object' &&
    question !== null &&
    (question as SaveQuestion).type === 'save' &&
    typeof (question as SaveQuestion).key === 'string'
  )
}
