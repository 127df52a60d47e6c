/**
 * A libp2p stream as a Node `Duplex`, with back-pressure both ways: a slow reader here holds the sender on
 * the other side back, and a slow reader there holds `write` back here. `node:http` runs on it at both ends
 * (`server.emit('connection', duplex)` and `request({ createConnection: () => duplex })`), which is why it has
 * the few methods of a socket that `node:http` calls.
 *
 * How the two map: `end()` closes the writing half; the remote's closed half is `end` here; `destroy()` resets
 * the stream unless both halves are closed already; a reset by the remote is an error with the code
 * `ECONNRESET`, as of a socket. Streams are fully open until both halves are closed, so the multiplexer's
 * window must not exceed the stream's read buffer: `boundedYamux` sees to it.
 */
import { Duplex } from 'node:stream'
import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { isWritable, onWritable, ReadGate, RemoteEnd } from './streams.ts'

/** 256 KiB: writes of this size were as fast as a bare stream, and smaller than 64 KiB cost more. */
const HIGH_WATER_MARK_BYTES = 256 * 1024
/** Handed to the stream at a time. */
const SEND_BYTES = 256 * 1024
/** How long a remote peer may take to close its half after `destroySoon`. */
const LINGER_MS = 10_000

export interface StreamDuplexOptions {
  /** Bytes that each direction buffers beside the stream's own buffers. */
  readonly highWaterMarkBytes?: number
}

/** The stream ended before it was read and written to its end. */
export class StreamEndedError extends Error {
  static override readonly name = 'StreamEndedError'
  override readonly name = 'StreamEndedError'
  /** As of a socket, so that code for sockets knows what happened. */
  readonly code: 'ECONNRESET' | 'ECONNABORTED' | 'EPIPE'
  constructor(code: 'ECONNRESET' | 'ECONNABORTED' | 'EPIPE', message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

/** The stream must have no other reader. Nothing is lost of what came before the call. */
export function streamDuplex(stream: Stream, options: StreamDuplexOptions = {}): StreamDuplex {
  return new StreamDuplex(stream, options)
}

type Callback = (error?: Error | null) => void

export class StreamDuplex extends Duplex {
  /** The stream below, for its ids and state. */
  readonly stream: Stream
  readonly #gate: ReadGate
  readonly #remoteEnd: RemoteEnd
  readonly #release: () => void
  /** Called when the stream takes more bytes. */
  #waiting: Callback | undefined
  #ended = false
  #idleTimer: NodeJS.Timeout | undefined
  #idleMs = 0

  constructor(stream: Stream, options: StreamDuplexOptions) {
    super({
      highWaterMark: options.highWaterMarkBytes ?? HIGH_WATER_MARK_BYTES,
      allowHalfOpen: true,
      emitClose: true
    })
    this.stream = stream
    this.#gate = new ReadGate(stream)
    this.#remoteEnd = new RemoteEnd(stream)
    const stopWaiting = onWritable(stream, () => this.#settleWrite())
    const onMessage = (event: StreamMessageEvent) => this.#receive(event.data)
    const onEnd = () => {
      if (this.#remoteEnd.seen) this.#finishReading()
    }
    const onClose = (event: StreamCloseEvent) => this.#closed(event)
    stream.addEventListener('message', onMessage)
    stream.addEventListener('end', onEnd)
    stream.addEventListener('close', onClose)
    this.#release = () => {
      stopWaiting()
      stream.removeEventListener('message', onMessage)
      stream.removeEventListener('end', onEnd)
      stream.removeEventListener('close', onClose)
      this.#remoteEnd.release()
    }
    // Both may have happened before anybody listened.
    if (stream.status !== 'open') queueMicrotask(() => this.#endOfClosedStream())
    else if (stream.readableEnded) queueMicrotask(onEnd)
  }

  /** Emits `timeout` after so many milliseconds in which nothing came or went; 0 ends that. */
  setTimeout(afterMs: number, onTimeout?: () => void): this {
    this.#idleMs = afterMs
    clearTimeout(this.#idleTimer)
    this.#idleTimer = undefined
    if (afterMs > 0) {
      if (onTimeout !== undefined) this.once('timeout', onTimeout)
      this.#idleTimer = setTimeout(() => this.emit('timeout'), afterMs).unref()
    } else if (onTimeout !== undefined) {
      this.removeListener('timeout', onTimeout)
    }
    return this
  }

  get timeout(): number {
    return this.#idleMs
  }

  /** The multiplexer decides when bytes leave. */
  setNoDelay(): this {
    return this
  }

  /** The connection below has its own. */
  setKeepAlive(): this {
    return this
  }

  /** A stream never keeps the process alive by itself. */
  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  /**
   * Ends, and destroys when the remote has ended too or `LINGER_MS` later. `node:http` calls this after the
   * last answer of a connection. A reset right away, as `destroy` gives, would cost the remote what it has
   * not read yet.
   */
  destroySoon(): void {
    if (this.writable) this.end()
    this.resume()
    const linger = setTimeout(() => this.destroy(), LINGER_MS).unref()
    this.once('close', () => clearTimeout(linger))
  }

  override _read(): void {
    this.#gate.resume()
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: Callback): void {
    this.#send(new Uint8ArrayList(chunk), done)
  }

  /** Small writes that waited go out as one: a frame of the multiplexer each would cost far more. */
  override _writev(chunks: { chunk: Uint8Array }[], done: Callback): void {
    const list = new Uint8ArrayList()
    for (const { chunk } of chunks) list.append(chunk)
    this.#send(list, done)
  }

  override _final(done: Callback): void {
    if (this.stream.writeStatus === 'writable') this.stream.close().then(() => done(), done)
    else done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#idleTimer)
    this.#release()
    const waiting = this.#waiting
    this.#waiting = undefined
    const { stream } = this
    const finished = this.#ended && this.writableFinished
    if (stream.status === 'open' && !finished) {
      stream.abort(error ?? new StreamEndedError('ECONNABORTED', 'The stream was destroyed at this end.'))
    }
    waiting?.(error ?? new StreamEndedError('ECONNABORTED', 'The stream was destroyed at this end.'))
    done(error)
  }

  #receive(data: Uint8Array | Uint8ArrayList): void {
    this.#idleTimer?.refresh()
    let wantsMore = true
    for (const piece of data instanceof Uint8Array ? [data] : data) {
      // A view, not a copy: what the multiplexer hands out is never written again.
      wantsMore = this.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength))
    }
    if (!wantsMore) this.#gate.pause()
  }

  /** Large writes go out in pieces, since the stream's own buffer is bounded. */
  #send(data: Uint8ArrayList, done: Callback): void {
    this.#idleTimer?.refresh()
    try {
      // What `send` answers is not asked: it also says `true` while another send is under way.
      do {
        const piece = data.sublist(0, Math.min(data.byteLength, SEND_BYTES))
        data.consume(piece.byteLength)
        this.stream.send(piece)
      } while (data.byteLength > 0 && isWritable(this.stream))
    } catch (error) {
      done(
        new StreamEndedError('EPIPE', `The stream takes no more bytes: ${(error as Error).message}`, error)
      )
      return
    }
    if (data.byteLength > 0) this.#waiting = error => (error ? done(error) : this.#send(data, done))
    else if (isWritable(this.stream)) done()
    else this.#waiting = done
  }

  #settleWrite(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    this.#idleTimer?.refresh()
    waiting?.()
  }

  #finishReading(): void {
    if (this.#ended) return
    this.#ended = true
    this.push(null)
  }

  #closed(event: StreamCloseEvent): void {
    if (event.error === undefined) {
      this.#endOfClosedStream()
    } else {
      const code = event.local === true ? 'ECONNABORTED' : 'ECONNRESET'
      this.destroy(new StreamEndedError(code, `The stream was reset: ${event.error.message}`, event.error))
    }
  }

  /** What the stream still holds, paused or not, is read before the end: nobody else will say `end`. */
  #endOfClosedStream(): void {
    if (this.stream.status !== 'closed' || !this.#remoteEnd.seen) {
      this.destroy(
        new StreamEndedError('ECONNRESET', 'The stream ended before the remote peer had finished.')
      )
      return
    }
    this.#gate.resume()
    this.#finishReading()
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.(new StreamEndedError('EPIPE', 'The stream was closed before everything was sent.'))
  }
}
