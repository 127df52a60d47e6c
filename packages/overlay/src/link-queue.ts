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

interface Waiting<Message> {
  readonly message: Message
  readonly bytes: number
}

/** Messages of one priority, oldest first. */
interface PriorityClass<Message> {
  /** What is before `head` was sent and is gone. */
  waiting: (Waiting<Message> | undefined)[]
  head: number
  bytes: number
}

/** A class is cut to what waits when this many were sent from it, and they are half of it or more. */
const COMPACT_MIN = 64

const NOTHING: readonly never[] = []

export class LinkQueue<Message> {
  readonly limits: LinkQueueLimits
  readonly #classes: (PriorityClass<Message> | undefined)[] = new Array(PRIORITY_MAX + 1)
  #bytes = 0
  #length = 0
  #high = false

  /** @throws RangeError  not 0 < low <= high <= max: the level could not come back */
  constructor(limits: LinkQueueLimits) {
    const { queueBytesLow, queueBytesHigh, queueBytesMax } = limits
    if (!(queueBytesLow > 0 && queueBytesLow <= queueBytesHigh && queueBytesHigh <= queueBytesMax)) {
      throw new RangeError(`A queue needs 0 < ${queueBytesLow} <= ${queueBytesHigh} <= ${queueBytesMax}.`)
    }
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

  /**
   * `bytes` is the length that the message has when it is encoded, at least 1.
   *
   * @throws RangeError  the priority or the length is none: an assertion about the machine and its codec
   */
  push(message: Message, bytes: number, priority: number): Pushed<Message> {
    if (!Number.isInteger(priority) || priority < 0 || priority > PRIORITY_MAX) {
      throw new RangeError(`A priority is a whole number from 0 to ${PRIORITY_MAX}, not ${priority}.`)
    }
    // Messages without length would wait in any number.
    if (!Number.isSafeInteger(bytes) || bytes < 1)
      throw new RangeError(`A message has at least one byte, not ${bytes}.`)
    const dropped = this.#makeRoom(bytes, priority)
    if (dropped === undefined) return { accepted: false, dropped: NOTHING, level: 'overflow' }
    this.#classes[priority] ??= { waiting: [], head: 0, bytes: 0 }
    const own = this.#classes[priority]
    own.waiting.push({ message, bytes })
    own.bytes += bytes
    this.#bytes += bytes
    this.#length += 1
    // Room that was made may even take a high level down.
    const level = this.#crossed()
    return level === undefined ? { accepted: true, dropped } : { accepted: true, dropped, level }
  }

  /** The most urgent message, the oldest of its class. */
  shift(): Shifted<Message> | undefined {
    const priority = this.#classes.findIndex(some => some !== undefined)
    const own = this.#classes[priority]
    if (own === undefined) return undefined
    const { message, bytes } = own.waiting[own.head]!
    own.waiting[own.head] = undefined
    own.head += 1
    own.bytes -= bytes
    this.#bytes -= bytes
    this.#length -= 1
    if (own.head === own.waiting.length) {
      this.#classes[priority] = undefined
    } else if (own.head >= COMPACT_MIN && own.head * 2 >= own.waiting.length) {
      own.waiting = own.waiting.slice(own.head)
      own.head = 0
    }
    const level = this.#crossed()
    return level === undefined ? { message, bytes } : { message, bytes, level }
  }

  /** Drops less urgent messages until `bytes` fit; nothing is dropped where that would not be enough. */
  #makeRoom(bytes: number, priority: number): readonly Message[] | undefined {
    const over = this.#bytes + bytes - this.limits.queueBytesMax
    if (over <= 0) return NOTHING
    let droppable = 0
    for (let lower = priority + 1; lower <= PRIORITY_MAX; lower += 1)
      droppable += this.#classes[lower]?.bytes ?? 0
    if (droppable < over) return undefined
    const dropped: Message[] = []
    const target = this.#bytes - over
    for (let lower = PRIORITY_MAX; this.#bytes > target; lower -= 1) {
      const own = this.#classes[lower]
      while (own !== undefined && own.waiting.length > own.head && this.#bytes > target) {
        const last = own.waiting.pop()!
        own.bytes -= last.bytes
        this.#bytes -= last.bytes
        this.#length -= 1
        dropped.push(last.message)
      }
      if (own?.waiting.length === own?.head) this.#classes[lower] = undefined
    }
    return dropped
  }

  /** The new level, where it changed. */
  #crossed(): PressureLevel | undefined {
    if (!this.#high && this.#bytes > this.limits.queueBytesHigh) {
      this.#high = true
      return 'high'
    }
    if (this.#high && this.#bytes < this.limits.queueBytesLow) {
      this.#high = false
      return 'low'
    }
    return undefined
  }
}
