/**
 * When a libp2p stream takes more bytes, and when it may be asked to stop reading. Every use of a stream in
 * this house goes through these, because the obvious ways have traps (js-libp2p 3.3, utils 7.4):
 *
 * - `stream.onDrain()` works once a stream: its promise is resolved and never renewed, so that later waits
 *   end at once and the write buffer grows without bound. The `drain` event is what tells the truth.
 * - The connection's `drain` wakes streams whose own window is still used up. Only a stream whose write
 *   buffer is empty again has room.
 * - `for await` over a stream reads into a queue without bound. Only `message` events and `pause` hold the
 *   remote peer back.
 * - `resume()` hands out what is queued before it tells the multiplexer, so that a `pause()` inside that
 *   `message` event is undone. A pause must come in a micro-task of its own.
 */
import type { Stream } from '@libp2p/interface'

/** True where the next `send` goes out at once. */
export function isWritable(stream: Stream): boolean {
  return stream.writeStatus === 'writable' && !stream.writableNeedsDrain && stream.writeBufferLength === 0
}

/**
 * Calls back each time the stream may have become writable, in a micro-task, after the stream has sent what
 * it had buffered. The function that it returns ends that.
 */
export function onWritable(stream: Stream, run: () => void): () => void {
  // The stream's own listener for `drain` sends the rest of its buffer in a micro-task that was queued
  // before this one, and it fires `idle` while it is still sending: neither is a moment to send more.
  const later = () => {
    queueMicrotask(() => {
      if (isWritable(stream)) run()
    })
  }
  stream.addEventListener('drain', later)
  stream.addEventListener('idle', later)
  return () => {
    stream.removeEventListener('drain', later)
    stream.removeEventListener('idle', later)
  }
}

/** Holds reading back and lets it go on, safe to call at any time and in any state of the stream. */
export class ReadGate {
  readonly #stream: Stream
  #open = true
  #scheduled = false

  constructor(stream: Stream) {
    this.#stream = stream
  }

  get isOpen(): boolean {
    return this.#open
  }

  pause(): void {
    this.#open = false
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      if (!this.#open && isReading(this.#stream)) this.#stream.pause()
    })
  }

  /** What was held back is handed out as `message` events before this returns. */
  resume(): void {
    if (this.#open) return
    this.#open = true
    if (this.#stream.readStatus !== 'paused') return
    try {
      this.#stream.resume()
    } catch {
      // The connection is gone: what was buffered has been handed out, and only telling the remote failed.
    }
  }
}

/**
 * Whether the remote peer has closed its half in good order. A stream whose connection breaks closes without
 * an error too, and says `end` as well: only that the remote said so itself tells the two apart.
 */
export class RemoteEnd {
  readonly #stream: Stream
  readonly #onRemoteEnd = () => {
    this.#seen = true
  }
  #seen: boolean

  constructor(stream: Stream) {
    this.#stream = stream
    // A stream that is closed as a whole before anybody looked was closed by its connection, not by halves.
    this.#seen = stream.status === 'open' && stream.remoteWriteStatus === 'closed'
    stream.addEventListener('remoteCloseWrite', this.#onRemoteEnd)
  }

  get seen(): boolean {
    return this.#seen
  }

  release(): void {
    this.#stream.removeEventListener('remoteCloseWrite', this.#onRemoteEnd)
  }
}

function isReading(stream: Stream): boolean {
  return stream.readStatus === 'readable'
}
