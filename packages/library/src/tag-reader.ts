/**
 * Reads tags for the indexing thread, which does not parse what strangers made: it reads the bytes, by its own rules
 * for disks, and another thread makes tags of them. A file that holds that thread up, fills its memory or makes it die
 * is tried once more in a new one, and has no tags then.
 */
import type { Worker } from 'node:worker_threads'
import { createTagWorker } from './create-worker.ts'
import { fill, type ReadAt } from './hash-file.ts'
import {
  TAG_CHUNK_BYTES,
  TAG_IDLE_MS,
  TAG_LOOKS,
  TAG_PARSE_MS,
  TAG_START_MS,
  TAG_TRIES_MAX,
  TAGGED_BYTES_MIN
} from './limits.ts'
import type { Chunk } from './ranged-blob.ts'
import type { FromTagThread, ToTagThread } from './tag-thread.ts'
import { NO_TAGS_JSON } from './words.ts'

export interface TagReaderInit {
  readonly log: (level: 'debug' | 'warn', details: Readonly<Record<string, unknown>>, message: string) => void
  /** For tests. */
  readonly createWorker?: () => Worker
  readonly parseMs?: number
  readonly idleMs?: number
}

/** A media file that is open. */
export interface TaggedFile {
  readonly path: string
  readonly size: number
  readonly type: string
  readonly readAt: ReadAt
}

export class TagReader {
  readonly #init: TagReaderInit
  #thread: TagThread | undefined
  /** Ends when the last of those who asked has been answered: one file is read at a time. */
  #last: Promise<unknown> = Promise.resolve()
  #idle: NodeJS.Timeout | undefined
  /** The thread cannot be started here. */
  #isBroken = false
  #stopped = false

  constructor(init: TagReaderInit) {
    this.#init = init
  }

  /** False where the thread cannot be started here. */
  get canRead(): boolean {
    return !this.#isBroken
  }

  /**
   * The file's tags in JSON. Nothing where nobody can say, now or at all: the file may be asked for later.
   *
   * @throws what `readAt` throws
   */
  read(file: TaggedFile): Promise<string | undefined> {
    if (file.size < TAGGED_BYTES_MIN) return Promise.resolve(NO_TAGS_JSON)
    const answer = this.#last.then(() => this.#read(file))
    this.#last = answer.catch(() => {})
    return answer
  }

  /** Nobody is answered any more but by nothing. */
  stop(): void {
    this.#stopped = true
    this.#end()
  }

  async #read(file: TaggedFile): Promise<string | undefined> {
    clearTimeout(this.#idle)
    try {
      for (let tries = 0; tries < TAG_TRIES_MAX; tries += 1) {
        const thread = await this.#started()
        if (thread === undefined) return undefined
        const answer = await this.#ask(thread, file)
        if (answer !== undefined) return answer
        // It is not known in what state it is.
        this.#end()
      }
    } finally {
      this.#idle = setTimeout(() => this.#end(), this.#init.idleMs ?? TAG_IDLE_MS)
      if (this.#stopped) clearTimeout(this.#idle)
    }
    if (this.#stopped) return undefined
    this.#init.log('warn', { path: file.path }, 'A file ends the parser of tags. It is shared without tags.')
    return NO_TAGS_JSON
  }

  /** Nothing where the file ended the thread, or holds it up. */
  async #ask(thread: TagThread, { path, size, type, readAt }: TaggedFile): Promise<string | undefined> {
    const read = async (position: number): Promise<Uint8Array> => {
      // Of exactly its size: to send a part of a buffer sends all of it.
      const buffer = new Uint8Array(Math.min(TAG_CHUNK_BYTES, size - position))
      const { length } = await fill(readAt, buffer, position)
      return buffer.subarray(0, length)
    }
    const positions = new Set([0, size - 1].map(byte => byte - (byte % TAG_CHUNK_BYTES)))
    const given: Chunk[] = []
    for (const position of positions) given.push({ position, bytes: await read(position) })
    let failure: unknown
    let said = await thread.say({ type: 'file', size, mediaType: type, given })
    while (said?.type === 'want') {
      const bytes = await read(said.position).catch(error => {
        failure = error
        return undefined
      })
      said = await thread.say({ type: 'bytes', bytes })
    }
    if (failure !== undefined) throw failure
    if (said?.type !== 'tags') return undefined
    if (said.reason !== undefined) {
      this.#init.log('debug', { path, reason: said.reason }, 'A file has no tags that can be read.')
    }
    return JSON.stringify(said.tags)
  }

  async #started(): Promise<TagThread | undefined> {
    if (this.#thread !== undefined || this.#isBroken || this.#stopped) return this.#thread
    let reason = 'it does not begin'
    try {
      const worker = (this.#init.createWorker ?? createTagWorker)()
      this.#thread = new TagThread(worker, this.#init.parseMs ?? TAG_PARSE_MS)
      if ((await this.#thread.heard(TAG_START_MS))?.type === 'ready') return this.#thread
    } catch (error) {
      reason = (error as Error).message
    }
    this.#end()
    if (this.#stopped) return undefined
    this.#isBroken = true
    this.#init.log('warn', { reason }, 'The thread that reads tags cannot be started: files have none.')
    return undefined
  }

  #end(): void {
    clearTimeout(this.#idle)
    this.#thread?.end()
    this.#thread = undefined
  }
}

/** A thread to which one thing is said at a time, and which answers it, or is ended. */
class TagThread {
  readonly #worker: Worker
  readonly #parseMs: number
  #heard = Promise.withResolvers<FromTagThread | undefined>()
  #isOver = false
  /** Left of the time that it has for the file at hand. */
  #looks = 0

  constructor(worker: Worker, parseMs: number) {
    this.#worker = worker
    this.#parseMs = parseMs
    worker.on('message', (message: FromTagThread) => this.#heard.resolve(message))
    worker.on('error', () => this.#over())
    worker.once('exit', () => this.#over())
  }

  /** What it says to that; nothing where it dies over it or takes too long. */
  say(message: ToTagThread): Promise<FromTagThread | undefined> {
    if (message.type === 'file') this.#looks = TAG_LOOKS
    this.#heard = Promise.withResolvers()
    if (this.#isOver) return Promise.resolve(undefined)
    this.#worker.postMessage(message)
    return this.#wait(this.#parseMs)
  }

  /** What it says first, within so many milliseconds. */
  heard(ms: number): Promise<FromTagThread | undefined> {
    this.#looks = TAG_LOOKS
    return this.#wait(ms)
  }

  end(): void {
    this.#over()
    void this.#worker.terminate()
  }

  /** Looks, not a time: a thread that waits for a slow disk, and a suspended machine, take none. */
  async #wait(ms: number): Promise<FromTagThread | undefined> {
    const timer = setInterval(() => {
      this.#looks -= 1
      if (this.#looks < 0) this.#over()
    }, ms / TAG_LOOKS)
    try {
      return await this.#heard.promise
    } finally {
      clearInterval(timer)
    }
  }

  #over(): void {
    this.#isOver = true
    this.#heard.resolve(undefined)
  }
}
