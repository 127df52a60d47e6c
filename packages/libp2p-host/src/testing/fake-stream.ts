/** Two ends of a stream in memory, with a window as Yamux has one, and bytes that travel in virtual time. */
import type { Logger, MessageStreamDirection } from '@libp2p/interface'
import { AbstractStream, type SendResult } from '@libp2p/utils'
import type { Uint8ArrayList } from 'uint8arraylist'

/** As Yamux' first window. */
const WINDOW_BYTES = 256 * 1024
const BUFFER_BYTES_MAX = 4 * 1024 * 1024

export interface FakeStreamInit {
  readonly id: string
  readonly protocol: string
  readonly direction: MessageStreamDirection
  readonly log: Logger
  /** Runs at the other end when what is sent now arrives there; never where the connection is cut. */
  readonly transmit: (run: () => void) => void
}

export class FakeStream extends AbstractStream {
  readonly #transmit: (run: () => void) => void
  #remote: FakeStream | undefined
  /** Bytes that the other end takes. */
  #credit = WINDOW_BYTES
  /** Bytes that arrived while reading was paused: their credit goes back when it goes on. */
  #owed = 0

  constructor(init: FakeStreamInit) {
    super({ ...init, maxReadBufferLength: BUFFER_BYTES_MAX, maxWriteBufferLength: BUFFER_BYTES_MAX })
    this.#transmit = init.transmit
  }

  /** Makes two streams the ends of one. */
  static join(a: FakeStream, b: FakeStream): void {
    a.#remote = b
    b.#remote = a
  }

  override sendData(data: Uint8ArrayList): SendResult {
    const sentBytes = Math.min(this.#credit, data.byteLength)
    // A copy, since the list and what it was made of may be used again.
    const bytes = data.slice(0, sentBytes)
    this.#credit -= sentBytes
    const remote = this.#remote
    if (sentBytes > 0) this.#transmit(() => remote?.arrive(bytes))
    return { sentBytes, canSendMore: sentBytes === data.byteLength }
  }

  override sendReset(): void {
    this.#transmit(() => this.#remote?.onRemoteReset())
  }

  override async sendCloseWrite(): Promise<void> {
    this.#transmit(() => this.#remote?.onRemoteCloseWrite())
  }

  /** As with Yamux, nothing is said on the wire. */
  override async sendCloseRead(): Promise<void> {}

  override sendPause(): void {}

  override sendResume(): void {
    const owed = this.#owed
    this.#owed = 0
    this.#grant(owed)
  }

  arrive(bytes: Uint8Array): void {
    if (this.status !== 'open') return
    this.onData(bytes)
    // The pause that a reader asks for in this very event takes hold one micro-task later, as with Yamux.
    if (this.readStatus === 'paused') this.#owed += bytes.length
    else this.#grant(bytes.length)
  }

  #grant(bytes: number): void {
    if (bytes === 0) return
    this.#transmit(() => {
      const remote = this.#remote
      if (remote === undefined) return
      remote.#credit += bytes
      if (remote.writeBufferLength > 0) remote.safeDispatchEvent('drain')
    })
  }
}
