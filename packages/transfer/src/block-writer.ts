/**
 * Takes verified blocks and writes them while the next ones come in. A fixed number of buffers is all the
 * memory that a download needs: whoever wants to receive a block waits for a free one. Now and then what was
 * written is made durable and marked, in the background.
 */
import { LAYER_BLOCK_BYTES } from '@servent/overlay'
import type { DownloadLimits } from './limits.ts'
import type { PartFile } from './part-file.ts'

export type WriterLimits = Pick<DownloadLimits, 'blocksInMemoryMax' | 'checkpointBytes' | 'checkpointMs'>

export class BlockWriter {
  readonly #part: PartFile
  readonly #limits: WriterLimits
  readonly #free: Uint8Array[] = []
  #made = 0
  readonly #waiting: { resolve: (buffer: Uint8Array) => void; reject: (error: Error) => void }[] = []
  readonly #writing = new Set<Promise<void>>()
  /** Written, and not yet made durable. */
  #unmarked: number[] = []
  #unmarkedBytes = 0
  #checkpoint: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #failure: Error | undefined

  constructor(part: PartFile, limits: WriterLimits) {
    this.#part = part
    this.#limits = limits
  }

  /**
   * A buffer for one block. Give it back by `write` or `free`.
   *
   * @throws DiskError  a write before this one failed
   */
  async buffer(): Promise<Uint8Array> {
    if (this.#failure !== undefined) throw this.#failure
    const free = this.#free.pop()
    if (free !== undefined) return free
    if (this.#made < this.#limits.blocksInMemoryMax) {
      this.#made += 1
      return Buffer.allocUnsafeSlow(Math.min(LAYER_BLOCK_BYTES, this.#part.size))
    }
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  free(buffer: Uint8Array): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free.push(buffer)
    else next.resolve(buffer)
  }

  /** Begins to write a verified block that lies at the start of the buffer. */
  write(block: number, buffer: Uint8Array): void {
    const bytes = this.#part.blockBytes(block)
    const writing = this.#part.write(block, buffer.subarray(0, bytes)).then(
      () => this.#written(block, bytes),
      error => this.#fail(error)
    )
    const done = writing.then(() => {
      this.#writing.delete(done)
      this.free(buffer)
    })
    this.#writing.add(done)
  }

  /**
   * Waits until all that was given is durable and marked.
   *
   * @throws DiskError
   */
  async flush(): Promise<void> {
    await Promise.all(this.#writing)
    // A checkpoint that ends begins the next one where enough was written meanwhile.
    while (this.#checkpoint !== undefined) await this.#checkpoint
    await this.#mark()
    clearTimeout(this.#timer)
    if (this.#failure !== undefined) throw this.#failure
  }

  #written(block: number, bytes: number): void {
    this.#unmarked.push(block)
    this.#unmarkedBytes += bytes
    if (this.#unmarkedBytes >= this.#limits.checkpointBytes) this.#begin()
    else this.#timer ??= setTimeout(() => this.#begin(), this.#limits.checkpointMs)
  }

  /** One at a time: what is written meanwhile waits for the next. */
  #begin(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#checkpoint ??= this.#mark().finally(() => {
      this.#checkpoint = undefined
      if (this.#unmarkedBytes >= this.#limits.checkpointBytes) this.#begin()
      else if (this.#unmarkedBytes > 0)
        this.#timer ??= setTimeout(() => this.#begin(), this.#limits.checkpointMs)
    })
  }

  async #mark(): Promise<void> {
    const blocks = this.#unmarked
    this.#unmarked = []
    this.#unmarkedBytes = 0
    try {
      await this.#part.commit(blocks)
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure)
  }
}
