/**
 * The receiving half of a link: bytes to messages, in slices, at no more than the link's rates.
 *
 * What came in and is not handled yet is bounded: over a mark, or when a rate is used up, reading pauses, the
 * multiplexer's window closes, and the remote peer itself is held back. Bytes in hand are then at most the
 * mark plus one window.
 */
import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import { type LinkCodec, TokenBucket } from '@servent/overlay'
import { ChunkQueue } from './chunk-queue.ts'
import type { Clock } from './clock.ts'
import { type HostLimits, SLICE_DECODES_MAX, SLICE_MESSAGES_MAX } from './limits.ts'
import { ReadGate, RemoteEnd } from './streams.ts'
import type { Task, Turns } from './turns.ts'

/** Bytes in hand over which reading pauses, and under which it goes on. */
const PENDING_BYTES_HIGH = 64 * 1024
const PENDING_BYTES_LOW = 16 * 1024
/** A link over its rate rests until it may take this share of a second's messages again. */
const REST_SHARE = 0.05

export interface ReceiverEvents<Message> {
  /** Bytes that came in, before they are decoded. */
  arrived(bytes: number): void
  message(message: Message): void
  /** The codec refused what came; what it decoded before that was handled. */
  malformed(error: Error): void
  /** A rate is used up, and the link rests. */
  limited(rate: 'messages' | 'bytes'): void
  /** After each piece: how many messages it completed, and how many bytes of the next one are there. */
  decoded(messages: number, bufferedBytes: number): void
  /** The remote peer has closed its half, and everything before that was handled. */
  ended(): void
}

export class LinkReceiver<Message> implements Task {
  readonly #codec: LinkCodec<Message>
  readonly #clock: Clock
  readonly #turns: Turns
  readonly #events: ReceiverEvents<Message>
  readonly #gate: ReadGate
  readonly #remoteEnd: RemoteEnd
  readonly #messages: TokenBucket
  readonly #bytes: TokenBucket
  readonly #restMessages: number
  readonly #chunks = new ChunkQueue()
  readonly #inbox: Message[] = []
  #resting: unknown
  #remoteEnded = false
  #malformed: Error | undefined
  #ended = false
  readonly #release: () => void

  constructor(
    stream: Stream,
    codec: LinkCodec<Message>,
    limits: HostLimits,
    clock: Clock,
    turns: Turns,
    events: ReceiverEvents<Message>
  ) {
    this.#codec = codec
    this.#clock = clock
    this.#turns = turns
    this.#events = events
    this.#gate = new ReadGate(stream)
    this.#remoteEnd = new RemoteEnd(stream)
    const nowMs = clock.nowMs()
    this.#messages = new TokenBucket(limits.inboundMessagesBurst, limits.inboundMessagesPerSecond, nowMs)
    this.#bytes = new TokenBucket(limits.inboundBytesBurst, limits.inboundBytesPerSecond, nowMs)
    this.#restMessages = Math.max(1, Math.floor(limits.inboundMessagesPerSecond * REST_SHARE))
    const onMessage = (event: StreamMessageEvent) => this.#receive(event)
    const onEnd = () => {
      if (this.#remoteEnd.seen) this.remoteEnded()
    }
    stream.addEventListener('message', onMessage)
    stream.addEventListener('end', onEnd)
    this.#release = () => {
      stream.removeEventListener('message', onMessage)
      stream.removeEventListener('end', onEnd)
      this.#remoteEnd.release()
    }
    if (stream.readableEnded && this.#remoteEnd.seen) this.#remoteEnded = true
  }

  /** Looks at what came before anybody listened. */
  begin(): void {
    if (this.#remoteEnded) this.#turns.add(this)
  }

  /** The remote peer has closed its half, though not all of what came before that was handled. */
  get hasRemoteEnded(): boolean {
    return this.#remoteEnd.seen
  }

  get pendingBytes(): number {
    return this.#chunks.bytes
  }

  /** Nothing more comes; what is in hand is handled first, then `ended` is told. */
  remoteEnded(): void {
    if (this.#remoteEnded || this.#ended) return
    this.#remoteEnded = true
    // What the stream held back while it was paused is handed out now, since no reading lies ahead.
    this.#gate.resume()
    if (this.#resting === undefined) this.#turns.add(this)
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#clock.clearTimeout(this.#resting)
    this.#turns.remove(this)
    this.#release()
    this.#chunks.clear()
    this.#inbox.length = 0
  }

  slice(): boolean {
    let decodes = 0
    for (let handled = 0; handled < SLICE_MESSAGES_MAX; ) {
      if (this.#ended) return false
      if (this.#inbox.length === 0) {
        // Bytes that complete no message are work as well.
        if (decodes === SLICE_DECODES_MAX) return true
        decodes += 1
        if (!this.#decodeNext()) return false
      } else if (this.#messages.take(1, this.#clock.nowMs())) {
        handled += 1
        this.#events.message(this.#inbox.shift()!)
        if (this.#turns.yielding) break
      } else {
        this.#rest('messages', this.#messages.waitMs(this.#restMessages, this.#clock.nowMs()))
        return false
      }
    }
    return !this.#ended
  }

  #receive(event: StreamMessageEvent): void {
    if (this.#ended) return
    const { data } = event
    for (const piece of data instanceof Uint8Array ? [data] : data) this.#chunks.push(piece)
    this.#events.arrived(data.byteLength)
    if (this.#chunks.bytes > PENDING_BYTES_HIGH) this.#gate.pause()
    if (this.#resting === undefined) this.#turns.add(this)
  }

  /** False where there is nothing to decode, or no right to. */
  #decodeNext(): boolean {
    if (this.#malformed !== undefined) {
      this.#events.malformed(this.#malformed)
      return false
    }
    if (this.#chunks.bytes === 0) {
      if (this.#remoteEnded) this.#events.ended()
      return false
    }
    const waitMs = this.#bytes.waitMs(0, this.#clock.nowMs())
    if (waitMs > 0) {
      this.#rest('bytes', waitMs)
      return false
    }
    const piece = this.#chunks.take()!
    this.#bytes.charge(piece.length, this.#clock.nowMs())
    this.#decode(piece)
    if (this.#chunks.bytes < PENDING_BYTES_LOW && this.#malformed === undefined) this.#gate.resume()
    return true
  }

  #decode(piece: Uint8Array): void {
    const before = this.#inbox.length
    try {
      this.#codec.decode(piece, message => this.#inbox.push(message))
    } catch (error) {
      this.#malformed = error as Error
      this.#gate.pause()
    }
    this.#events.decoded(this.#inbox.length - before, this.#codec.bufferedBytes)
  }

  #rest(rate: 'messages' | 'bytes', waitMs: number): void {
    // Reading goes on until the mark of bytes in hand, and pauses there.
    this.#events.limited(rate)
    this.#resting = this.#clock.setTimeout(
      () => {
        this.#resting = undefined
        this.#turns.add(this)
      },
      Math.max(1, waitMs)
    )
  }
}
