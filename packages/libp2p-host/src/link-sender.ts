/** The sending half of a link: its queue, and the pump that fills the stream as long as it has room. */

import type { Stream } from '@libp2p/interface'
import { type LinkCodec, LinkQueue, type LinkQueueLimits, type Pushed } from '@servent/overlay'
import { Uint8ArrayList } from 'uint8arraylist'
import { isWritable, onWritable } from './streams.ts'

/** Messages go out together up to this size: a frame of the multiplexer and a cipher call each cost more. */
const BATCH_BYTES = 64 * 1024

export interface SenderEvents<Message> {
  sent(message: Message, bytes: number): void
  /** The queue fell under its low mark. */
  relieved(): void
  /** The stream broke, or the codec could not encode: nothing more goes out. */
  broken(error: Error): void
}

export class LinkSender<Message> {
  readonly #stream: Stream
  readonly #codec: LinkCodec<Message>
  readonly #queue: LinkQueue<Message>
  readonly #events: SenderEvents<Message>
  readonly #release: () => void
  readonly #emptied: (() => void)[] = []
  #pumping = false
  #ended = false

  constructor(
    stream: Stream,
    codec: LinkCodec<Message>,
    limits: LinkQueueLimits,
    events: SenderEvents<Message>
  ) {
    this.#stream = stream
    this.#codec = codec
    this.#queue = new LinkQueue(limits)
    this.#events = events
    this.#release = onWritable(stream, () => this.pump())
  }

  get queueBytes(): number {
    return this.#queue.bytes
  }

  /** Nothing waits here or in the stream's own buffer. */
  get isEmpty(): boolean {
    return this.#queue.length === 0 && this.#stream.writeBufferLength === 0
  }

  push(message: Message, bytes: number, priority: number): Pushed<Message> {
    return this.#queue.push(message, bytes, priority)
  }

  /** Drops what waits and says how many messages that were. */
  clear(): number {
    const { length } = this.#queue
    while (this.#queue.shift() !== undefined);
    return length
  }

  /** Hands the stream what it takes, the most urgent first. Never called from within itself. */
  pump(): void {
    if (this.#pumping || this.#ended) return
    this.#pumping = true
    let relieved = false
    try {
      while (!this.#ended && this.#queue.length > 0 && isWritable(this.#stream))
        relieved = this.#sendBatch() || relieved
    } finally {
      this.#pumping = false
    }
    // Told only now: what a machine sends in answer can be pumped in its turn.
    if (relieved && !this.#ended) this.#events.relieved()
    if (!this.#ended && this.isEmpty) for (const run of this.#emptied.splice(0)) run()
  }

  /** Calls back when everything has left this process's own buffers, never where the link ends before that. */
  whenEmpty(run: () => void): void {
    if (this.isEmpty) run()
    else this.#emptied.push(run)
  }

  end(): void {
    this.#ended = true
    this.#release()
    this.#emptied.length = 0
  }

  /** True where the queue fell under its low mark. */
  #sendBatch(): boolean {
    const batch = new Uint8ArrayList()
    let relieved = false
    try {
      while (batch.byteLength < BATCH_BYTES) {
        const next = this.#queue.shift()
        if (next === undefined) break
        const bytes = this.#codec.encode(next.message)
        batch.append(bytes)
        this.#events.sent(next.message, bytes.length)
        if (next.level === 'low') relieved = true
      }
      this.#stream.send(batch)
    } catch (error) {
      this.#events.broken(error as Error)
    }
    return relieved
  }
}
