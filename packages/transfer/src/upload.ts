/** One upload: a range of a shared file on its way into an HTTP answer. */
import type { ServerResponse } from 'node:http'
import { type BlockReader, isPartial } from '@servent/overlay'
import type { ServedFile } from './answers.ts'
import { SourceLostError } from './errors.ts'
import type { ServerLimits } from './limits.ts'
import type { ByteRange } from './range.ts'
import { type RateCap, RateMeter } from './rate.ts'
import type { UploadAccount, UploadStatus } from './types.ts'

/** One read. A power of two that divides the tree's blocks, so that no block is read for two answers' parts. */
const READ_BYTES = 512 * 1024

/**
 * One write, and so the least that a client must take at a time. Small, because a client that takes a write
 * in parts cannot be told from one that takes nothing; not smaller, because Yamux gives a slow reader's
 * progress only by half windows.
 */
const WRITE_BYTES = 64 * 1024

export type UploadLimits = Pick<ServerLimits, 'stallMs' | 'rateBytesPerSecondMin'>

export class Upload {
  readonly peer: string
  readonly file: ServedFile
  readonly range: ByteRange
  readonly #reader: Pick<BlockReader, 'read'>
  readonly #limits: UploadLimits
  readonly #caps: readonly RateCap[]
  readonly #meter = new RateMeter(performance.now())
  readonly #pieceBytes: number
  /** Of the range, so far. */
  sentBytes = 0

  constructor(
    peer: string,
    file: ServedFile,
    reader: Pick<BlockReader, 'read'>,
    range: ByteRange,
    limits: UploadLimits,
    caps: readonly RateCap[]
  ) {
    this.peer = peer
    this.file = file
    this.range = range
    this.#reader = reader
    this.#limits = limits
    this.#caps = caps
    this.#pieceBytes = Math.min(WRITE_BYTES, ...caps.map(({ chunkBytes }) => chunkBytes))
  }

  /**
   * The first bytes, read before the answer's head is sent: a file that changed can still be refused.
   *
   * @throws ContentChangedError
   */
  first(): Promise<Uint8Array> {
    return this.#read(this.range.start)
  }

  /**
   * Sends the range and ends the answer. Reads the next bytes while these go out.
   *
   * @throws ContentChangedError  none of the changed bytes were sent; the answer must be cut
   * @throws SourceLostError  the client left, or takes too little
   */
  async send(response: ServerResponse, first: Uint8Array, signal: AbortSignal): Promise<void> {
    let offset = this.range.start
    let next: Promise<Uint8Array> | undefined = Promise.resolve(first)
    while (next !== undefined) {
      const bytes: Uint8Array = await next
      offset += bytes.length
      next = offset < this.range.end ? this.#read(offset) : undefined
      // Its failure is met when it is awaited; until then it must not count as unhandled.
      next?.catch(() => {})
      for (const piece of this.#pieces(bytes)) {
        for (const cap of this.#caps) await cap.take(piece.length, signal)
        await this.#write(response, piece, signal)
        this.sentBytes += piece.length
        this.#meter.add(piece.length, performance.now())
      }
    }
    response.end()
  }

  status(nowMs: number): Omit<UploadStatus, keyof UploadAccount> {
    return {
      peer: this.peer,
      id: this.file.id.toString(),
      name: this.file.name,
      size: this.file.size,
      state: 'sending',
      sentBytes: this.sentBytes,
      totalBytes: this.range.end - this.range.start,
      rate: this.#meter.rate(nowMs),
      ...(isPartial(this.file) ? { partial: true as const } : {})
    }
  }

  #read(offset: number): Promise<Uint8Array> {
    const edge = offset - (offset % READ_BYTES) + READ_BYTES
    return this.#reader.read(offset, Math.min(edge, this.range.end) - offset)
  }

  *#pieces(bytes: Uint8Array): Iterable<Uint8Array> {
    for (let offset = 0; offset < bytes.length; offset += this.#pieceBytes) {
      yield bytes.subarray(offset, offset + this.#pieceBytes)
    }
  }

  /** Ends when the client took what waits, within the time that the lowest rate allows for it. */
  async #write(response: ServerResponse, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (response.write(bytes)) return
    const waiting = response.writableLength
    const allowedMs = this.#limits.stallMs + (waiting * 1000) / this.#limits.rateBytesPerSecondMin
    await new Promise<void>((resolve, reject) => {
      const settle = (run: () => void) => {
        clearTimeout(timer)
        response.off('drain', drained)
        signal.removeEventListener('abort', aborted)
        run()
      }
      const drained = () => settle(resolve)
      const aborted = () => settle(() => reject(signal.reason))
      const timer = setTimeout(
        () => settle(() => reject(new SourceLostError(`The client took too little of ${waiting} bytes.`))),
        allowedMs
      )
      response.on('drain', drained)
      signal.addEventListener('abort', aborted, { once: true })
    })
  }
}
