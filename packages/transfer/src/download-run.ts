/**
 * One run of a download, from what stands on the disk to the file under its final name. It ends by giving the
 * path, or throws: a `DiskError` that the user can mend, `NoSourceError` or `VerificationError` where nobody
 * is left to ask, or the reason of the signal that stopped it. What is verified is kept in any case.
 */
import { dirname } from 'node:path'
import { LAYER_BLOCK_BYTES, type Provider, VerificationError } from '@servent/overlay'
import { BlockWriter } from './block-writer.ts'
import { checkSpace, onDisk } from './disk.ts'
import { SourceLacksError, SourceLiedError } from './errors.ts'
import { fetchRun, proveSize } from './fetch.ts'
import { standing } from './files.ts'
import type { HttpSource } from './http-source.ts'
import type { Job } from './job.ts'
import { PartFile, partPath } from './part-file.ts'
import { syncFolder } from './place.ts'
import { isContent, recheck } from './recheck.ts'
import { safeFileName } from './safe-file-name.ts'
import { BlockScheduler, type Run } from './scheduler.ts'
import { PIECE_HASHES } from './sidecar.ts'
import { SourcePool } from './source-pool.ts'
import { Waker } from './waker.ts'

/** SHA-256 of nothing: the one content that nobody need be asked for. */
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** How often a source without work looks whether another one has become slow. */
const STAND_BY_MS = 1_000

interface Target {
  readonly part: PartFile
  readonly writer: BlockWriter
  readonly scheduler: BlockScheduler
}

export class DownloadRun {
  readonly #job: Job
  readonly #signal: AbortSignal
  readonly #waker = new Waker()
  readonly #pool: SourcePool
  #target: Target | undefined
  #beginning: Promise<void> | undefined

  constructor(job: Job, signal: AbortSignal) {
    this.#job = job
    this.#signal = signal
    this.#pool = new SourcePool(job, signal, this.#waker, (source, provider, signal) =>
      this.#serve(source, provider, signal)
    )
    signal.addEventListener('abort', () => this.#waker.wake(), { once: true })
  }

  get sources(): HttpSource[] {
    return this.#pool.sources
  }

  get bans(): SourcePool['bans'] {
    return this.#pool.bans
  }

  /** Somebody new who has the file. */
  add(provider: Provider): void {
    this.#pool.add(provider)
  }

  async run(): Promise<string> {
    try {
      const standing = await this.#finished()
      if (standing !== undefined) return standing
      await this.#open()
      await this.#fetchAll()
      return await this.#finish()
    } finally {
      try {
        await this.#close()
      } finally {
        this.#pool.remember()
      }
    }
  }

  /** A run before this one was killed after it had put the file in its place: nothing is left but to say so. */
  async #finished(): Promise<string | undefined> {
    const { row, id, files } = this.#job
    const { part } = row
    if (row.path === undefined || part === undefined) return undefined
    if ((await onDisk(part, () => standing(part, files))) !== undefined) return undefined
    this.#job.show('verifying')
    if (!(await isContent(row.path, id, this.#signal, files))) return undefined
    await this.#forgetPart(part)
    return row.path
  }

  /** Takes up what stands on the disk, hashed again where that is needed. */
  async #open(): Promise<void> {
    const { row, id, files } = this.#job
    if (row.isOwnFolder) await onDisk(row.folder, () => files.mkdir(row.folder, { recursive: true }))
    const part = row.part === undefined ? undefined : await PartFile.open(row.part, id, files)
    row.verifiedBytes = 0
    row.path = undefined
    if (part === undefined) return
    this.#take(part)
    this.#job.mustSave()
    if (part.isUnsure) {
      this.#job.show(
        'verifying',
        'It was not stopped in good order: what stands on the disk is hashed again.'
      )
      await recheck(part, this.#signal, blocks => this.#job.progress(blocks * LAYER_BLOCK_BYTES))
      this.#take(part)
    }
    await this.#give(part)
    await checkSpace(part.folder, part.size - row.verifiedBytes, files)
  }

  #take(part: PartFile): void {
    const { row, limits } = this.#job
    this.#target = {
      part,
      writer: new BlockWriter(part, limits),
      scheduler: new BlockScheduler(part.blocks, limits, PIECE_HASHES, this.#job.random)
    }
    row.size = part.size
    const { blocks } = part
    const lastIsShort = blocks.has(blocks.count - 1)
      ? LAYER_BLOCK_BYTES - part.blockBytes(blocks.count - 1)
      : 0
    row.verifiedBytes = blocks.size * LAYER_BLOCK_BYTES - lastIsShort
  }

  /** Others get from now on what is marked. A name that the user chose is not for them. */
  async #give(part: PartFile): Promise<void> {
    const { row, id, partials, logger } = this.#job
    try {
      await partials?.add(part, row.isOwnFolder ? row.name : id.toString())
    } catch (error) {
      const { message } = error as Error
      logger?.warn({ id: row.id, reason: message }, 'others get nothing of a download')
    }
  }

  get #isComplete(): boolean {
    return this.#target?.scheduler.isDone ?? false
  }

  async #fetchAll(): Promise<void> {
    const { limits } = this.#job
    const beganMs = performance.now()
    try {
      if (this.#target === undefined && Buffer.from(this.#job.id.digest).toString('hex') === EMPTY) {
        await this.#begin({ size: 0, lastBlock: new Uint8Array() })
      }
      while (!this.#isComplete) {
        this.#signal.throwIfAborted()
        if (this.#pool.failure !== undefined) throw this.#pool.failure
        const woken = this.#waker.next()
        const patience = 1 + Math.floor((performance.now() - beganMs) / limits.proofPatienceMs)
        this.#pool.employ(
          this.#target === undefined ? Math.min(patience, limits.sourcesMax) : limits.sourcesMax
        )
        if (this.#pool.size === 0) {
          await this.#pool.seek(woken)
          continue
        }
        this.#pool.review()
        const pauseMs =
          this.#target === undefined
            ? limits.proofPatienceMs
            : Math.min(limits.reviewMs, this.#pool.waitMs ?? limits.reviewMs)
        await this.#waker.orAfter(woken, pauseMs)
      }
    } finally {
      await this.#pool.close()
    }
  }

  async #serve(source: HttpSource, provider: Provider, signal: AbortSignal): Promise<void> {
    if (this.#target === undefined) {
      const { id, refuseSize } = this.#job
      const { size, name } = await source.head(signal)
      const proven = await proveSize(source, id, size, signal)
      // The tree says so, and no source: whoever else is asked would say the same.
      const refusal = refuseSize?.(size)
      if (refusal !== undefined) throw new VerificationError(refusal)
      // Two may prove it at one time.
      this.#beginning ??= this.#begin(proven, name)
      await this.#beginning
      this.#pool.gave(source, provider, proven.lastBlock.length)
    } else {
      // What it has is to be known before it is asked for any of it.
      const { size } = await source.head(signal)
      if (size !== this.#target.part.size)
        throw new SourceLiedError(`It says that the file has ${size} bytes.`)
    }
    this.#job.show('fetching')
    const { scheduler } = this.#target!
    while (!scheduler.isDone) {
      // Asked before, so that no change is missed.
      const woken = this.#waker.next()
      const has = source.available
      const run = scheduler.next(() => source.status(performance.now()).rate, has)
      if (run !== undefined) await this.#fetch(source, provider, run, signal)
      else if (has === undefined) await this.#standBy(woken, signal)
      // It waits without a place among those at work: it has more after a while.
      else throw new SourceLacksError('It has nothing yet of what is missing here.')
    }
  }

  async #fetch(source: HttpSource, provider: Provider, run: Run, signal: AbortSignal): Promise<void> {
    const { part, writer, scheduler } = this.#target!
    const take = (block: number): boolean => {
      if (!scheduler.brought(run)) return false
      const bytes = part.blockBytes(block)
      this.#pool.gave(source, provider, bytes)
      this.#job.progress(this.#job.row.verifiedBytes + bytes)
      if (scheduler.isDone) this.#waker.wake()
      return true
    }
    try {
      await fetchRun({ source, part, writer, run, signal: AbortSignal.any([signal, run.overtaken]), take })
    } catch (error) {
      if (!run.overtaken.aborted || signal.aborted) throw error
    } finally {
      scheduler.end(run)
      // Blocks that did not come are there for those who stand by.
      if (scheduler.hasWork) this.#waker.wake()
    }
  }

  /** All that is left is with faster sources, as far as is known now. */
  async #standBy(woken: Promise<void>, signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<void>()
    const abort = () => aborted.resolve()
    signal.addEventListener('abort', abort, { once: true })
    await this.#waker.orAfter(Promise.race([woken, aborted.promise]), STAND_BY_MS)
    signal.removeEventListener('abort', abort)
    signal.throwIfAborted()
  }

  /** The size is proven: the `.part` file begins with its last block. */
  async #begin(
    { size, piece, lastBlock }: Awaited<ReturnType<typeof proveSize>>,
    nameOfSource?: string
  ): Promise<void> {
    const { row, id, files, number } = this.#job
    // Nobody has a smaller one: the source is right, and whoever told of the file was not.
    if (size > (row.sizeMax ?? size))
      throw new VerificationError(
        `The file has ${size} bytes, and at most ${row.sizeMax} were to be fetched. To get it all the same: servent get ${id}.`
      )
    await checkSpace(row.folder, size, files)
    if (row.name === '') row.name = safeFileName(nameOfSource ?? '', { fallback: id.toString() })
    row.part = partPath(row.folder, row.name, id, number)
    const part = await PartFile.create(row.part, id, size, files)
    this.#take(part)
    const { writer, scheduler } = this.#target!
    const last = part.blocks.count - 1
    scheduler.claim(last)
    // Without this row the next run would not know of the `.part` file.
    this.#job.mustSave()
    if (piece !== undefined) await part.savePiece(piece.index, piece.bytes)
    const buffer = await writer.buffer()
    buffer.set(lastBlock)
    writer.write(last, buffer)
    this.#job.progress(lastBlock.length)
    await this.#give(part)
    // Others may help now.
    this.#waker.wake()
  }

  async #finish(): Promise<string> {
    const { row } = this.#job
    const { part, writer } = this.#target!
    this.#job.show('verifying')
    await writer.flush()
    // Cannot be: whatever was counted as verified is marked by now. A wrong file would be worse than a stop.
    if (!part.blocks.isFull) throw new VerificationError('Blocks are missing. Resume the download.')
    const chosen = (path: string) => {
      row.path = path
      this.#job.mustSave()
    }
    const path = await part.finish(row.folder, row.name, chosen, this.#job.number !== undefined)
    this.#job.partials?.finished(part)
    await this.#close()
    await this.#forgetPart(part.path)
    return path
  }

  /** What is left of it is gone durably: once the database says that all is done, nobody would look for it again. */
  async #forgetPart(path: string): Promise<void> {
    const { files } = this.#job
    await PartFile.remove(path, files)
    await onDisk(path, () => syncFolder(dirname(path), files))
  }

  async #close(): Promise<void> {
    const target = this.#target
    this.#target = undefined
    if (target !== undefined) await this.#job.partials?.ended(target.part)
    // A failed write was reported by then, or the run was stopped: the next one hashes what is there.
    await target?.writer.flush().catch(() => {})
    await target?.part.close()
  }
}
