/**
 * Frames of a stream: a length as a varint of protobuf, and so many bytes. A length over the limit is refused
 * when its last byte is read, before anything of the frame is buffered.
 */
import { MalformedError } from '@servent/overlay/machine'

export interface FrameLimits {
  /** Of one frame without its length. */
  readonly frameBytes: number
  /** Of a frame's length as a varint: enough for `frameBytes`. */
  readonly lengthBytes: number
}

export class FrameReader {
  readonly #limits: FrameLimits
  #length = 0
  #lengthBytes = 0
  /** There while a frame is incomplete. */
  #frame: Uint8Array | undefined
  #filled = 0
  #isBroken = false

  constructor(limits: FrameLimits) {
    this.#limits = limits
  }

  /** Bytes of a frame that is not complete yet. */
  get bufferedBytes(): number {
    return this.#lengthBytes + this.#filled
  }

  /**
   * Gives each frame that the chunk completes.
   *
   * @throws MalformedError  a length is 0 or over its limit: nothing that follows can be read
   */
  read(chunk: Uint8Array, onFrame: (frame: Uint8Array) => void): void {
    if (this.#isBroken) throw new MalformedError('This link was malformed before.')
    // Until it has gone well: what throws, here or in `onFrame`, leaves a stream that nobody should read on.
    this.#isBroken = true
    let at = 0
    while (at < chunk.length) {
      if (this.#frame === undefined) {
        this.#readLength(chunk[at]!)
        at += 1
        continue
      }
      const end = Math.min(chunk.length, at + this.#length - this.#filled)
      this.#frame.set(chunk.subarray(at, end), this.#filled)
      this.#filled += end - at
      at = end
      if (this.#filled === this.#length) onFrame(this.#end(this.#frame))
    }
    this.#isBroken = false
  }

  #readLength(byte: number): void {
    const { frameBytes, lengthBytes } = this.#limits
    this.#length += (byte & 0x7f) << (7 * this.#lengthBytes)
    this.#lengthBytes += 1
    if (byte >= 0x80) {
      if (this.#lengthBytes < lengthBytes) return
      throw new MalformedError(`The length of a frame has at most ${lengthBytes} bytes.`)
    }
    if (this.#length === 0) throw new MalformedError('A frame is empty.')
    if (this.#length > frameBytes)
      throw new MalformedError(`A frame has at most ${frameBytes} bytes, not ${this.#length}.`)
    this.#frame = new Uint8Array(this.#length)
  }

  #end(frame: Uint8Array): Uint8Array {
    this.#frame = undefined
    this.#filled = 0
    this.#length = 0
    this.#lengthBytes = 0
    return frame
  }
}
