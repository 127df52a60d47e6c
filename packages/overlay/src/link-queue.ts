/**
 * What waits to be sent on one link: messages in the order of their priority, bounded in bytes. Both hosts
 * use it, so that flow control can be simulated.
 *
 * When a message does not fit, messages of lower urgency are dropped to make room, the newest of the least
 * urgent first. When that is not enough the message is refused and the queue has overflowed.
 */
import type { PressureLevel } from './contract.ts'
import { PRIORITY_MAX } from './limits.ts'

export interface LinkQueueLimits {
  /** Bytes that may wait. */
  readonly queueBytesMax: number
  /** Over this the level is `high`. */
  readonly queueBytesHigh: number
  /** Under this a level that was high is `low` again. */
  readonly queueBytesLow: number
}

interface Waiting<Message> {
  readonly message: Message
  readonly bytes: number
}

export interface Pushed<Message> {
  /** False: the message itself found no room. */
  readonly accepted: boolean
  /** Less urgent messages that made room. */
  readonly dropped: readonly Message[]
  /** Set where the level changed. */
  readonly level?: PressureLevel
}

export interface Shifted<Message> {
  readonly message: Message
  readonly bytes: number
  readonly level?: PressureLevel
}

const NOTHING: readonly never[] = []

export class LinkQueue<Message> {
  readonly limits: LinkQueueLimits
  readonly #classes: (Waiting<Message>[] | undefined)[] = new Array(PRIORITY_MAX + 1)
  /** Index of the oldest message in each class: what is before it was sent. */
  readonly #heads = new Uint32Array(PRIORITY_MAX + 1)
  #bytes = 0
  #length = 0
  #high = false

  constructor(limits: LinkQueueLimits) {
    this.limits = limits
  }

  get bytes(): number {
    return this.#bytes
  }

  get length(): number {
    return this.#length
  }

  get level(): 'low' | 'high' {
    return this.#high ? 'high' : 'low'
  }

  push(message: Message, bytes: number, priority: number): Pushed<Message> {
    const dropped = this.#makeRoom(bytes, priority)
    if (dropped === undefined) return { accepted: false, dropped: NOTHING, level: 'overflow' }
    this.#classes[priority] ??= []
    this.#classes[priority].push({ message, bytes })
    this.#bytes += bytes
    this.#length += 1
    if (this.#high || this.#bytes <= this.limits.queueBytesHigh) return { accepted: true, dropped }
    this.#high = true
    return { accepted: true, dropped, level: 'high' }
  }

  /** The most urgent message, the oldest of its class. */
  shift(): Shifted<Message> | undefined {
    for (let priority = 0; priority <= PRIORITY_MAX; priority += 1) {
      const waiting = this.#classes[priority]
      if (waiting === undefined || waiting.length === 0) continue
      const head = this.#heads[priority]!
      const { message, bytes } = waiting[head]!
      this.#heads[priority] = head + 1
      if (head + 1 === waiting.length) {
        this.#classes[priority] = undefined
        this.#heads[priority] = 0
      } else if (head >= 1024) {
        this.#classes[priority] = waiting.slice(head + 1)
        this.#heads[priority] = 0
      }
      this.#bytes -= bytes
      this.#length -= 1
      if (!this.#high || this.#bytes >= this.limits.queueBytesLow) return { message, bytes }
      this.#high = false
      return { message, bytes, level: 'low' }
    }
    return undefined
  }

  /** Drops less urgent messages until `bytes` fit; nothing is dropped where that would not be enough. */
  #makeRoom(bytes: number, priority: number): Message[] | readonly never[] | undefined {
    const over = this.#bytes + bytes - this.limits.queueBytesMax
    if (over <= 0) return NOTHING
    if (this.#bytesBelow(priority) < over) return undefined
    const dropped: Message[] = []
    let freed = 0
    for (let lower = PRIORITY_MAX; freed < over; lower -= 1) {
      const waiting = this.#classes[lower]
      while (waiting !== undefined && waiting.length > this.#heads[lower]! && freed < over) {
        const last = waiting.pop()!
        freed += last.bytes
        this.#length -= 1
        dropped.push(last.message)
      }
      if (waiting !== undefined && waiting.length <= this.#heads[lower]!) {
        this.#classes[lower] = undefined
        this.#heads[lower] = 0
      }
    }
    this.#bytes -= freed
    return dropped
  }

  #bytesBelow(priority: number): number {
    let total = 0
    for (let lower = priority + 1; lower <= PRIORITY_MAX; lower += 1) {
      const waiting = this.#classes[lower]
      if (waiting === undefined) continue
      for (let index = this.#heads[lower]!; index < waiting.length; index += 1) total += waiting[index]!.bytes
    }
    return total
  }
}
