/** One link: a stream to one peer, with its two halves, its clocks and its end. */
import type { PeerId, Stream, StreamCloseEvent } from '@libp2p/interface'
import type { Codec, Link, LinkEnd, LinkOrigin, Peer, PressureLevel } from '@servent/overlay'
import type { Clock } from './clock.ts'
import { type HostLimits, REASON_CHARACTERS_MAX } from './limits.ts'
import { LinkReceiver } from './link-receiver.ts'
import { LinkSender } from './link-sender.ts'
import type { HostMetrics } from './metrics.ts'
import type { Turns } from './turns.ts'
import type { LinkInfo } from './types.ts'

/** How long a remote peer may take to close its half after ours: then the stream is reset. */
const LINGER_MS = 5_000

/** What a link needs of its host, and tells it. */
export interface LinkContext<Message> {
  readonly clock: Clock
  readonly limits: HostLimits
  readonly codec: Codec<Message>
  readonly metrics: HostMetrics
  readonly turns: Turns
  onMessage(link: HostLink<Message>, message: Message): void
  onPressure(link: HostLink<Message>, level: PressureLevel): void
  /** The last word of a link, once. */
  onDown(link: HostLink<Message>, end: LinkEnd): void
}

export interface LinkPlace {
  readonly id: Link
  readonly peer: Peer
  readonly peerId: PeerId
  readonly inbound: boolean
  readonly stream: Stream
  /** Id of the libp2p connection below. */
  readonly connection: string
  readonly origin: LinkOrigin
}

export class HostLink<Message> {
  readonly place: LinkPlace
  readonly upAtMs: number
  readonly #context: LinkContext<Message>
  readonly #sender: LinkSender<Message>
  readonly #receiver: LinkReceiver<Message>
  readonly #onClose: (event: StreamCloseEvent) => void
  /** `overflowed`: the machine is being told of it, and may say a last word. */
  #state: 'up' | 'overflowed' | 'closing' | 'down' = 'up'
  #takesLastWord = false
  /** Why it is closing. */
  #closing: LinkEnd | undefined
  #activeAtMs: number
  #assemblingSinceMs: number | undefined
  #timer: unknown
  #timerAtMs = Number.POSITIVE_INFINITY
  #sentBytes = 0
  #receivedBytes = 0
  #sentMessages = 0
  #receivedMessages = 0

  constructor(place: LinkPlace, context: LinkContext<Message>) {
    this.place = place
    this.#context = context
    const { clock, codec, limits, turns } = context
    this.upAtMs = clock.nowMs()
    this.#activeAtMs = this.upAtMs
    const linkCodec = codec.open(place.inbound ? 'responder' : 'initiator')
    this.#sender = new LinkSender(place.stream, linkCodec, limits, {
      sent: (message, bytes) => this.#sent(message, bytes),
      relieved: () => this.#context.onPressure(this, 'low'),
      broken: error => this.end({ kind: 'reset', message: reasonOf(error) })
    })
    this.#receiver = new LinkReceiver(place.stream, linkCodec, limits, clock, turns, {
      arrived: bytes => {
        this.#receivedBytes += bytes
        this.#activeAtMs = clock.nowMs()
      },
      message: message => this.#received(message),
      malformed: error => this.#malformed(error),
      limited: rate => context.metrics.count(rate === 'messages' ? 'messageRateHits' : 'byteRateHits'),
      decoded: (messages, bufferedBytes) => this.#watchAssembly(messages, bufferedBytes),
      ended: () => this.#remoteEnded()
    })
    this.#onClose = event => this.#streamClosed(event)
    place.stream.addEventListener('close', this.#onClose)
  }

  get isUp(): boolean {
    return this.#state === 'up'
  }

  /** Starts reading and the clocks, after the host has told its machine that the link is up. */
  begin(): void {
    if (this.#state !== 'up') return
    this.#watch(this.upAtMs + this.#context.limits.idleMs)
    this.#receiver.begin()
    const { stream } = this.place
    if (stream.status === 'open') return
    if (stream.status === 'closed' && this.#receiver.hasRemoteEnded) this.#receiver.remoteEnded()
    else this.end({ kind: 'reset', message: 'The stream ended before it was used.' })
  }

  /** Queues; what goes out goes at the next `flush`, or sooner where the queue fills. */
  send(message: Message, priority: number): void {
    const { codec, limits, metrics, turns } = this.#context
    if (this.#takesLastWord) this.#sender.push(message, codec.byteLength(message), priority)
    if (this.#state !== 'up') return
    const bytes = codec.byteLength(message)
    // A stream that takes more at once is no reason to wait for the end of the turn.
    if (this.#sender.queueBytes + bytes > limits.queueBytesHigh) this.#sender.pump()
    // That the stream is broken shows where it is written to.
    if (!this.isUp) return
    const { dropped, level } = this.#sender.push(message, bytes, priority)
    if (dropped.length > 0) metrics.count('messagesDropped', dropped.length)
    // A socket takes more only after the event loop had its turn.
    if (this.#sender.queueBytes > limits.queueBytesHigh) turns.yield()
    if (level === 'overflow') this.#overflow()
    else if (level !== undefined) this.#context.onPressure(this, level)
  }

  /** The machine has heard of the overflow: what it sends in answer takes the place of what waited. */
  beginLastWord(): void {
    this.#takesLastWord = this.#state === 'overflowed'
  }

  /** Sends the last word and is down then, at the latest `stopFlushMs` after the overflow. */
  endLastWord(): void {
    this.#takesLastWord = false
    if (this.#state !== 'overflowed') return
    this.#state = 'closing'
    const end = this.#closing!
    if (this.#sender.queueBytes === 0) {
      this.end(end)
      return
    }
    this.#sender.whenEmpty(() => this.#finish(end))
    this.#sender.pump()
  }

  flush(): void {
    if (this.#state !== 'down') this.#sender.pump()
  }

  /** Sends what waits, closes, and then is down; at the latest after `stopFlushMs`. */
  close(end: LinkEnd): void {
    if (this.#state !== 'up') return
    this.#state = 'closing'
    this.#closing = end
    this.#receiver.end()
    const { clock, limits } = this.#context
    const finish = () => this.#finish(end)
    clock.clearTimeout(this.#timer)
    this.#timer = clock.setTimeout(finish, limits.stopFlushMs)
    this.#sender.whenEmpty(finish)
    this.#sender.pump()
  }

  /** Down at once: what waits is dropped and the stream is reset. */
  end(end: LinkEnd): void {
    if (!this.#leave()) return
    const { stream } = this.place
    if (stream.status === 'open') stream.abort(new Error(`${end.kind}: ${end.message}`))
    this.#context.onDown(this, end)
  }

  info(): LinkInfo {
    return {
      link: this.place.id,
      peerId: this.place.peerId.toString(),
      inbound: this.place.inbound,
      upMs: this.#context.clock.nowMs() - this.upAtMs,
      queueBytes: this.#sender.queueBytes,
      sentBytes: this.#sentBytes,
      receivedBytes: this.#receivedBytes,
      sentMessages: this.#sentMessages,
      receivedMessages: this.#receivedMessages
    }
  }

  /** When something last came or went. */
  get activeAtMs(): number {
    return this.#activeAtMs
  }

  get queueBytes(): number {
    return this.#sender.queueBytes
  }

  #overflow(): void {
    const { clock, limits, metrics } = this.#context
    const message = `More than ${limits.queueBytesMax} bytes waited to be sent.`
    const end: LinkEnd = { kind: 'overflow', message }
    this.#state = 'overflowed'
    this.#closing = end
    this.#receiver.end()
    metrics.count('overflows')
    metrics.count('messagesDropped', this.#sender.clear())
    clock.clearTimeout(this.#timer)
    this.#timer = clock.setTimeout(() => this.end(end), limits.stopFlushMs)
    this.#context.onPressure(this, 'overflow')
  }

  #finish(end: LinkEnd): void {
    if (!this.#leave()) return
    closeGently(this.place.stream, this.#context.clock)
    this.#context.onDown(this, end)
  }

  /** False where the link is down already. */
  #leave(): boolean {
    if (this.#state === 'down') return false
    this.#state = 'down'
    this.#context.clock.clearTimeout(this.#timer)
    this.#sender.end()
    this.#receiver.end()
    this.place.stream.removeEventListener('close', this.#onClose)
    return true
  }

  #sent(message: Message, bytes: number): void {
    this.#sentBytes += bytes
    this.#sentMessages += 1
    this.#activeAtMs = this.#context.clock.nowMs()
    this.#context.metrics.sent(this.#context.codec.typeOf(message), bytes)
  }

  #received(message: Message): void {
    const { codec, metrics } = this.#context
    this.#receivedMessages += 1
    metrics.received(codec.typeOf(message), codec.byteLength(message))
    this.#context.onMessage(this, message)
  }

  #malformed(error: Error): void {
    this.#context.metrics.count('malformed')
    this.end({ kind: 'malformed', message: reasonOf(error) })
  }

  /** In good order: what waits to be sent still goes out, for the remote has closed only its own half. */
  #remoteEnded(): void {
    this.close({ kind: 'closed', message: 'The remote peer closed the link.' })
  }

  #streamClosed(event: StreamCloseEvent): void {
    if (this.#closing !== undefined) this.end(this.#closing)
    else if (event.error !== undefined) this.end({ kind: 'reset', message: reasonOf(event.error) })
    else if (this.#receiver.hasRemoteEnded) this.#receiver.remoteEnded()
    else this.end({ kind: 'reset', message: 'The connection broke.' })
  }

  #watchAssembly(messages: number, bufferedBytes: number): void {
    if (bufferedBytes === 0) {
      this.#assemblingSinceMs = undefined
      return
    }
    if (messages > 0 || this.#assemblingSinceMs === undefined)
      this.#assemblingSinceMs = this.#context.clock.nowMs()
    this.#watch(this.#assemblingSinceMs + this.#context.limits.assemblyMs)
  }

  /** One timer serves both deadlines; it looks again when it fires rather than be set with every message. */
  #watch(atMs: number): void {
    if (this.#state !== 'up' || atMs >= this.#timerAtMs) return
    const { clock } = this.#context
    clock.clearTimeout(this.#timer)
    this.#timerAtMs = atMs
    this.#timer = clock.setTimeout(() => this.#look(), Math.max(0, atMs - clock.nowMs()))
  }

  #look(): void {
    const { clock, limits, metrics } = this.#context
    const nowMs = clock.nowMs()
    this.#timerAtMs = Number.POSITIVE_INFINITY
    if (nowMs - this.#activeAtMs >= limits.idleMs) {
      this.close({ kind: 'idle', message: `Nothing came or went for ${limits.idleMs} ms.` })
      return
    }
    const since = this.#assemblingSinceMs
    // Bytes in hand mean that this end rests: then it is not the remote peer that is slow.
    if (since !== undefined && nowMs - since >= limits.assemblyMs && this.#receiver.pendingBytes === 0) {
      metrics.count('limitHits')
      this.end({ kind: 'limit', message: `A message was not complete after ${limits.assemblyMs} ms.` })
      return
    }
    this.#watch(this.#activeAtMs + limits.idleMs)
    if (since !== undefined) this.#watch(Math.max(since + limits.assemblyMs, nowMs + limits.assemblyMs / 4))
  }
}

/** Closes this half, and resets the stream where the remote peer does not close the other one in time. */
function closeGently(stream: Stream, clock: Clock): void {
  const linger = clock.setTimeout(
    () => stream.abort(new Error('The remote peer did not close its half.')),
    LINGER_MS
  )
  stream.addEventListener('close', () => clock.clearTimeout(linger), { once: true })
  stream.close().catch((error: Error) => stream.abort(error))
  // What still comes is thrown away rather than buffered for nobody.
  stream.closeRead().catch((error: Error) => stream.abort(error))
}

export function reasonOf(error: Error): string {
  return error.message.slice(0, REASON_CHARACTERS_MAX)
}
