/**
 * A file of which pieces are read when they are needed, as the parser of tags sees it: a `Blob` as far as that looks at
 * one. Whatever the file says of itself, no more than `TAG_READ_BYTES_MAX` of it is ever read, or held.
 */
import { TAG_CHUNK_BYTES, TAG_READ_BYTES_MAX } from './limits.ts'

/** A piece of the file from a multiple of `TAG_CHUNK_BYTES` on: all of it, or what is there of it at the end. */
export interface Chunk {
  readonly position: number
  readonly bytes: Uint8Array
}

/** The parser wants more of the file than it may have. */
export class TagsTooFarError extends Error {
  override readonly name = 'TagsTooFarError'
}

export class RangedBlob {
  readonly size: number
  /** Media type. */
  readonly type: string
  readonly #read: (position: number) => Promise<Uint8Array>
  readonly #chunks = new Map<number, Uint8Array>()

  constructor(
    size: number,
    type: string,
    given: readonly Chunk[],
    read: (position: number) => Promise<Uint8Array>
  ) {
    this.size = size
    this.type = type
    this.#read = read
    for (const { position, bytes } of given) this.#chunks.set(position, bytes)
  }

  slice(from: number, to: number): { arrayBuffer(): Promise<ArrayBuffer> } {
    return { arrayBuffer: () => this.#bytes(from, Math.min(to, this.size)) }
  }

  /** @throws TagsTooFarError */
  async #bytes(from: number, to: number): Promise<ArrayBuffer> {
    const length = Math.max(0, to - from)
    if (length > TAG_READ_BYTES_MAX) throw tooFar()
    const bytes = new Uint8Array(length)
    for (let done = 0; done < length; ) {
      const offset = (from + done) % TAG_CHUNK_BYTES
      const chunk = await this.#chunk(from + done - offset)
      const part = chunk.subarray(offset, offset + length - done)
      // The file is shorter than it was.
      if (part.length === 0) throw tooFar()
      bytes.set(part, done)
      done += part.length
    }
    return bytes.buffer
  }

  async #chunk(position: number): Promise<Uint8Array> {
    const known = this.#chunks.get(position)
    if (known !== undefined) return known
    if ((this.#chunks.size + 1) * TAG_CHUNK_BYTES > TAG_READ_BYTES_MAX) throw tooFar()
    const chunk = await this.#read(position)
    this.#chunks.set(position, chunk)
    return chunk
  }
}

function tooFar(): TagsTooFarError {
  return new TagsTooFarError(`Tags are looked for in at most ${TAG_READ_BYTES_MAX} bytes of a file.`)
}
