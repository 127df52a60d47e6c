/**
 * One run of a download, from what stands on the disk to the file under its final name. It ends by giving the
 * path, or throws: a `DiskError` that the user can mend, `NoSourceError` or `VerificationError` where nobody
 * is left to ask, or the reason of the signal that stopped it. What is verified is kept in any case.
 */
import { lstat, mkdir } from 'node:fs/promises'
import { LAYER_BLOCK_BYTES, type Provider, VerificationError } from '@servent/overlay'
import { BlockWriter } from './block-writer.ts'
import { Candidates } from './candidates.ts'
import { checkSpace, onDisk } from './disk.ts'
import { NoSourceError, type SourceBusyError } from './errors.ts'
import { fetchRun, proveSize } from './fetch.ts'
import { HttpSource } from './http-source.ts'
import type { Job } from './job.ts'
import { PartFile, partPath } from './part-file.ts'
import { isContent, recheck } from './recheck.ts'
import { safeFileName } from './safe-file-name.ts'
import { BlockScheduler } from './scheduler.ts'
import { PIECE_HASHES } from './sidecar.ts'
import { Waker } from './waker.ts'

/** SHA-256 of nothing: the one content that nobody need be asked for. */
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

interface Target {
  readonly part: PartFile
  readonly writer: BlockWriter
  readonly scheduler: BlockScheduler
}

export class DownloadRun {
  readonly #job: Job
  readonly #signal: AbortSignal
  readonly #candidates: Candidates
  readonly sources = new Set<HttpSource>()
  readonly #waker = new Waker()
  #target: Target | undefined
  #search: Promise<void> | undefined
  #searchedMs = Number.NEGATIVE_INFINITY
  /** What ends the run though sources are at work. */
  #failure: Error | undefined
  #emptyRounds = 0

  constructor(job: Job, signal: AbortSignal) {
    this.#job = job
    this.#signal = signal
    this.#candidates = new Candidates(job.limits, job.row.banned)
    for (const provider of job.row.providers) this.#candidates.add(provider)
    signal.addEventListener('abort', () => this.#waker.wake(), { once: true })
  }

  /** Somebody new who has the file. */
  add(provider: Provider): void {
    if (this.#candidates.add(provider)) this.#waker.wake()
  }

  async run(): Promise<string> {
    try {
      const standing = await this.#finished()
      if (standing !== undefined) return standing
      await this.#open()
      await this.#fetchAll()
      return await this.#finish()
    } finally {
      for (const source of this.sources) source.close()
      try {
        await this.#close()
      } finally {
        this.#remember()
      }
    }
  }

  /** A run before this one was killed after it had put the file in its place: nothing is left but to say so. */
  async #finished(): Promise<string | undefined> {
    const { row, id } = this.#job
    if (row.path === undefined || row.part === undefined) return undefined
    const part = await lstat(row.part).catch(() => undefined)
    if (part !== undefined) return undefined
    this.#job.show('verifying')
    if (!(await isContent(row.path, id, this.#signal))) return undefined
    await PartFile.remove(row.part)
    return row.path
  }

  /** Takes up what stands on the disk, hashed again where that is needed. */
  async #open(): Promise<void> {
    const { row, id } = this.#job
    if (row.isOwnFolder) await onDisk(row.folder, () => mkdir(row.folder, { recursive: true }))
    const part = row.part === undefined ? undefined : await PartFile.open(row.part, id)
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
    await checkSpace(part.folder, part.size - row.verifiedBytes)
  }

  #take(part: PartFile): void {
    const { row, limits } = this.#job
    const runMax = Math.max(1, Math.floor(limits.rangeBytesMax / LAYER_BLOCK_BYTES))
    this.#target = {
      part,
      writer: new BlockWriter(part, limits),
      scheduler: new BlockScheduler(part.blocks, runMax, PIECE_HASHES)
    }
    row.size = part.size
    const { blocks } = part
    const lastIsShort = blocks.has(blocks.count - 1)
      ? LAYER_BLOCK_BYTES - part.blockBytes(blocks.count - 1)
      : 0
    row.verifiedBytes = blocks.size * LAYER_BLOCK_BYTES - lastIsShort
  }

  get #isComplete(): boolean {
    const { row } = this.#job
    return this.#target !== undefined && row.verifiedBytes === row.size && !this.#target.scheduler.hasWork
  }

  async #fetchAll(): Promise<void> {
    const active = new Set<Promise<void>>()
    try {
      if (this.#target === undefined && Buffer.from(this.#job.id.digest).toString('hex') === EMPTY) {
        await this.#begin({ size: 0, lastBlock: new Uint8Array() })
      }
      while (!this.#isComplete) {
        this.#signal.throwIfAborted()
        if (this.#failure !== undefined) throw this.#failure
        const woken = this.#waker.next()
        this.#employ(active)
        if (active.size > 0) await Promise.race([...active, woken])
        else await this.#seek(woken)
      }
    } finally {
      for (const source of this.sources) source.close()
      await Promise.all(active)
    }
  }

  /** Puts sources to work, as many as may be. The first alone proves the size. */
  #employ(active: Set<Promise<void>>): void {
    const most = this.#target === undefined ? 1 : this.#job.limits.sourcesMax
    while (active.size < most && (this.#target?.scheduler.hasWork ?? true)) {
      const provider = this.#candidates.take(performance.now())
      if (provider === undefined) return
      const task = this.#use(provider).finally(() => active.delete(task))
      active.add(task)
    }
  }

  /** Never rejects: what goes wrong is the source's, or ends the run as `#failure`. */
  async #use(provider: Provider): Promise<void> {
    const { id, connector, limits, cap } = this.#job
    const source = new HttpSource({ provider, id, connector, limits, cap })
    this.sources.add(source)
    try {
      await this.#serve(source, provider)
      this.#candidates.served(provider.peerId, performance.now())
    } catch (error) {
      this.#judge(source, provider, error as Error)
    } finally {
      this.sources.delete(source)
      source.close()
      this.#job.changed()
    }
  }

  async #serve(source: HttpSource, provider: Provider): Promise<void> {
    if (this.#target === undefined) {
      const { id } = this.#job
      const { size, name } = await source.head(this.#signal)
      const proven = await proveSize(source, id, size, this.#signal)
      await this.#begin(proven, name)
      this.#gave(source, provider)
    }
    this.#job.show('fetching')
    const { part, writer, scheduler } = this.#target!
    for (let run = scheduler.next(); run !== undefined; run = scheduler.next()) {
      let next = run.first
      const onBlock = (block: number) => {
        next = block + 1
        this.#gave(source, provider)
        this.#job.progress(this.#job.row.verifiedBytes + part.blockBytes(block))
      }
      try {
        await fetchRun({ source, part, writer, run, signal: this.#signal, onBlock })
      } finally {
        scheduler.giveBack({ first: next, end: run.end })
      }
    }
  }

  /** The size is proven: the `.part` file begins with its last block. */
  async #begin(
    { size, piece, lastBlock }: Awaited<ReturnType<typeof proveSize>>,
    nameOfSource?: string
  ): Promise<void> {
    const { row, id } = this.#job
    await checkSpace(row.folder, size)
    if (row.name === '') row.name = safeFileName(nameOfSource ?? '', { fallback: id.toString() })
    row.part = partPath(row.folder, row.name, id)
    const part = await PartFile.create(row.part, id, size)
    this.#take(part)
    // Without this row the next run would not know of the `.part` file.
    this.#job.mustSave()
    if (piece !== undefined) await part.savePiece(piece.index, piece.bytes)
    const { writer, scheduler } = this.#target!
    const buffer = await writer.buffer()
    buffer.set(lastBlock)
    const last = part.blocks.count - 1
    scheduler.claim(last)
    writer.write(last, buffer)
    this.#job.progress(lastBlock.length)
    // Others may help now.
    this.#waker.wake()
  }

  #gave(source: HttpSource, provider: Provider): void {
    const { row } = this.#job
    this.#emptyRounds = 0
    this.#candidates.progressed(provider.peerId)
    if (row.givers.includes(source.peer)) return
    row.givers = [...row.givers, source.peer]
    this.#job.save()
  }

  #judge(source: HttpSource, { peerId }: Provider, error: Error): void {
    const nowMs = performance.now()
    const { message } = error
    if (this.#signal.aborted) return
    if (error.name === 'SourceLiedError') {
      this.#candidates.ban(peerId, message)
      // A provider's record may have named another than the one who answered.
      if (source.peer !== peerId) this.#candidates.ban(source.peer, message)
      this.#remember()
      this.#job.logger?.warn(
        { id: this.#job.id.toString(), peer: source.peer, reason: message },
        'a source lied'
      )
    } else if (error.name === 'SourceBusyError') {
      this.#candidates.busy(peerId, message, (error as SourceBusyError).retryMs, nowMs)
    } else if (error.name === 'SourceGoneError') {
      this.#candidates.gone(peerId, message)
    } else if (error.name === 'SourceLostError') {
      this.#candidates.failed(peerId, message, Math.random(), nowMs)
    } else {
      this.#failure = error
    }
  }

  /** Nobody is at work. Waits for who may be asked later, or looks for others. */
  async #seek(woken: Promise<void>): Promise<void> {
    const { limits } = this.#job
    const waitMs = this.#candidates.waitMs(performance.now())
    if (waitMs === 0) return
    this.#job.show('locating', this.#candidates.reason)
    if (waitMs !== undefined) {
      if (performance.now() - this.#searchedMs > limits.retryMsMax) this.#look()
      return this.#waker.orAfter(woken, waitMs)
    }
    await Promise.race([this.#look(), woken])
    if (this.#candidates.waitMs(performance.now()) !== undefined || this.#signal.aborted) return
    this.#emptyRounds += 1
    if (this.#emptyRounds >= limits.emptyRoundsMax) throw this.#verdict()
    await this.#waker.orAfter(woken, limits.retryMs * 2 ** (this.#emptyRounds - 1))
  }

  /** One search for providers at a time; ends with it. */
  #look(): Promise<void> {
    const { id, findProviders, limits, logger } = this.#job
    this.#searchedMs = performance.now()
    this.#search ??= (async () => {
      const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(limits.locateMs)])
      try {
        for await (const provider of findProviders(id, signal)) {
          this.add(provider)
          if (signal.aborted) return
        }
      } catch (error) {
        logger?.debug(
          { id: id.toString(), reason: (error as Error).message },
          'a search for providers failed'
        )
      } finally {
        this.#search = undefined
      }
    })()
    return this.#search
  }

  #verdict(): Error {
    const { bans } = this.#candidates
    if (bans.length > 0) {
      const list = bans.map(({ peer, reason }) => `${peer}: ${reason}`).join(' ')
      return new VerificationError(
        `Nobody is left who gives the right bytes; nothing wrong was kept. ${list} Try again when others share the file.`
      )
    }
    const reason = this.#candidates.reason
    return new NoSourceError(
      reason === ''
        ? 'Nobody who has this file was found. Try again later, or with a ticket of somebody who has it.'
        : `Nobody who has this file could be reached. ${reason} What was fetched is kept: try again later.`
    )
  }

  async #finish(): Promise<string> {
    const { row } = this.#job
    const { part, writer } = this.#target!
    this.#job.show('verifying')
    await writer.flush()
    // Cannot be: whatever was counted as verified is marked by now. A wrong file would be worse than a stop.
    if (!part.blocks.isFull) throw new VerificationError('Blocks are missing. Resume the download.')
    const path = await part.finish(row.folder, row.name, chosen => {
      row.path = chosen
      this.#job.mustSave()
    })
    await this.#close()
    await PartFile.remove(part.path)
    return path
  }

  #remember(): void {
    const { row } = this.#job
    row.providers = this.#candidates.providers
    row.banned = this.#candidates.bans
    this.#job.save()
  }

  async #close(): Promise<void> {
    const target = this.#target
    this.#target = undefined
    // A failed write was reported by then, or the run was stopped: the next one hashes what is there.
    await target?.writer.flush().catch(() => {})
    await target?.part.close()
  }
}
