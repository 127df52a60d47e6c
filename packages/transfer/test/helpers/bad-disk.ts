/**
 * A disk in bad weather: real files behind calls that fail, tear what is written, or forget at a power cut what was
 * not synced. Each call is counted, so that a test can have the n-th fail for every n (as SQLite is tested), and each
 * page's content before it was written is kept until its file is synced, so that a crash can take it back (as lazyfs
 * does). Names are taken back from the newest on, as a journal loses them.
 */
import { existsSync, readFileSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import type { Files, OpenFile } from '../../src/files.ts'

const PAGE_BYTES = 4096
const MiB = 2 ** 20

export interface Call {
  /** From 1. */
  readonly index: number
  /** As `open`, or `file.write` for a file that is open. */
  readonly name: string
  readonly path: string
}

/** What becomes of a call: nothing, an error of this code, or the end of the process, before it or in its midst. */
type Fault = undefined | string | 'crash' | 'tear'

interface Known {
  readonly path: string
  readonly handle: fs.FileHandle
  /** What stood in these pages when the file was last synced. */
  pages: Map<number, Buffer>
  /** The same, while a sync is under way. */
  syncing: Map<number, Buffer> | undefined
  /** Blocks of 1 MiB that were written whole. */
  written: Set<number>
}

export class BadDisk implements Files {
  readonly calls: Call[] = []
  /** Blocks of `.part` files that were written and then synced. */
  readonly durable = new Set<number>()
  /** Whether the fault that was planned came. */
  isHit = false
  /** It says that it synced, and did not: what a checker of crashes must find out. */
  isLying = false
  /** Called at the moment of a crash. */
  onCrash: () => void = () => {}
  #fault: (call: Call) => Fault
  readonly #graves: string
  readonly #known = new Map<string, Known>()
  readonly #names: { folder: string; undo: () => Promise<void> }[] = []
  #isDead = false
  #buried = 0

  /** `graves`: a folder on the same file system for what is removed before that is durable. */
  constructor(graves: string, fault: (call: Call) => Fault = () => undefined) {
    this.#graves = graves
    this.#fault = fault
  }

  /** It works again. */
  mend(): void {
    this.#fault = () => undefined
  }

  readonly open: Files['open'] = async (path, flags, mode) => {
    this.#enter('open', path)
    const handle = await fs.open(path, flags, mode)
    if (typeof flags === 'string') return this.#folder(path, handle)
    if ((flags & fs.constants.O_CREAT) !== 0) this.#changed(path, () => fs.rm(path, { force: true }))
    const { dev, ino } = await handle.stat()
    const known = this.#known.get(`${dev}:${ino}`)
    // What a file had unsynced when it was closed is unsynced still.
    const entry = known ?? { path, handle, pages: new Map(), syncing: undefined, written: new Set() }
    const isWritable = (flags & fs.constants.O_RDWR) !== 0
    if (isWritable) this.#known.set(`${dev}:${ino}`, entry)
    return this.#file(path, handle, entry, isWritable)
  }

  readonly lstat = this.#through('lstat', fs.lstat)
  readonly statfs = this.#through('statfs', fs.statfs)
  readonly mkdir = this.#through('mkdir', fs.mkdir)
  readonly opendir = this.#through('opendir', fs.opendir)
  readonly readFile = this.#through('readFile', fs.readFile)
  readonly rmdir = this.#through('rmdir', fs.rmdir)

  readonly rm: Files['rm'] = async path => {
    this.#enter('rm', String(path))
    await this.#bury(String(path))
  }

  readonly unlink: Files['unlink'] = async path => {
    this.#enter('unlink', String(path))
    await this.#bury(String(path))
  }

  readonly link: Files['link'] = async (from, to) => {
    this.#enter('link', String(to))
    await fs.link(from, to)
    this.#changed(String(to), () => fs.unlink(to))
  }

  readonly rename: Files['rename'] = async (from, to) => {
    this.#enter('rename', String(to))
    await fs.rename(from, to)
    this.#changed(String(to), () => fs.rename(to, from))
  }

  /** What a power cut leaves: of what was not synced a part that `random` (0 to 1) chooses. */
  async crash(random: () => number): Promise<void> {
    for (const { handle, pages, syncing } of this.#known.values()) {
      for (const old of [pages, syncing ?? new Map<number, Buffer>()]) {
        for (const [page, bytes] of old) {
          if (random() < 0.5) continue
          const before = Buffer.alloc(PAGE_BYTES)
          bytes.copy(before)
          const { size } = await handle.stat()
          const at = page * PAGE_BYTES
          await handle.write(before, 0, Math.min(PAGE_BYTES, size - at), at)
        }
      }
    }
    const kept = Math.floor(random() * (this.#names.length + 1))
    for (const { undo } of this.#names.splice(kept).reverse()) await undo()
    await this.dispose()
  }

  /** Closes what was kept open for a crash. */
  async dispose(): Promise<void> {
    for (const { handle } of this.#known.values()) await handle.close()
    this.#known.clear()
    await fs.rm(this.#graves, { recursive: true, force: true })
  }

  #enter(name: string, path: string): void {
    const call = { index: this.calls.length + 1, name, path }
    if (this.#isDead) throw failure('EIO', call)
    this.calls.push(call)
    const fault = this.#fault(call)
    if (fault === undefined) return
    this.isHit = true
    if (fault === 'crash' || fault === 'tear') {
      this.#isDead = true
      this.onCrash()
    }
    if (fault !== 'tear') throw failure(fault === 'crash' ? 'EIO' : fault, call)
  }

  #through<K extends 'lstat' | 'statfs' | 'mkdir' | 'opendir' | 'readFile' | 'rmdir'>(
    name: K,
    real: unknown
  ): Files[K] {
    return (async (path: string, ...more: unknown[]) => {
      this.#enter(name, path)
      return (real as (...given: unknown[]) => unknown)(path, ...more)
    }) as Files[K]
  }

  #folder(path: string, handle: fs.FileHandle): OpenFile {
    const names = this.#names
    return wrap(handle, {
      sync: async () => {
        this.#enter('folder.sync', path)
        const count = names.length
        await handle.sync()
        const others = names.slice(0, count).filter(({ folder }) => folder !== path)
        names.splice(0, count, ...others)
      }
    })
  }

  #file(path: string, handle: fs.FileHandle, known: Known, isWritable: boolean): OpenFile {
    const sync = (name: 'sync' | 'datasync') => async () => {
      this.#enter(`file.${name}`, path)
      const written = new Set(known.written)
      if (!this.isLying) {
        known.syncing = known.pages
        known.pages = new Map()
      }
      await handle[name]()
      if (this.#isDead) throw failure('EIO', { index: 0, name, path })
      known.syncing = undefined
      if (!path.endsWith('.tree.part')) for (const block of written) this.durable.add(block)
    }
    return wrap(handle, {
      stat: async (options: never) => {
        this.#enter('file.stat', path)
        return handle.stat(options)
      },
      read: async (...given: unknown[]) => {
        this.#enter('file.read', path)
        return (handle.read as (...given: unknown[]) => unknown)(...given)
      },
      write: async (bytes: Uint8Array, offset: number, length: number, position: number) => {
        const wasDead = this.#isDead
        this.#enter('file.write', path)
        const isTorn = !wasDead && this.#isDead
        const count = isTorn ? Math.floor(length / 2) : length
        await this.#keep(known, position, count)
        const result = await handle.write(bytes, offset, count, position)
        if (isTorn) throw failure('EIO', { index: 0, name: 'write', path })
        if (count === MiB || path.endsWith('.part')) known.written.add(Math.floor(position / MiB))
        return result
      },
      truncate: async (size: number) => {
        this.#enter('file.truncate', path)
        await handle.truncate(size)
      },
      sync: sync('sync'),
      datasync: sync('datasync'),
      close: async () => {
        // One handle of each file that may be written stays open for a crash. Others are closed even where that fails.
        if (known.handle !== handle || !isWritable) await handle.close()
        this.#enter('file.close', path)
      }
    })
  }

  async #keep(known: Known, position: number, count: number): Promise<void> {
    const last = Math.floor((position + count - 1) / PAGE_BYTES)
    for (let page = Math.floor(position / PAGE_BYTES); page <= last; page += 1) {
      if (known.pages.has(page)) continue
      const old = Buffer.alloc(PAGE_BYTES)
      const { bytesRead } = await known.handle.read(old, 0, PAGE_BYTES, page * PAGE_BYTES)
      if (!known.pages.has(page)) known.pages.set(page, old.subarray(0, bytesRead))
    }
  }

  #changed(path: string, undo: () => Promise<void>): void {
    this.#names.push({ folder: join(path, '..'), undo })
  }

  async #bury(path: string): Promise<void> {
    this.#buried += 1
    const grave = join(this.#graves, String(this.#buried))
    await fs.mkdir(this.#graves, { recursive: true })
    try {
      await fs.link(path, grave)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      throw error
    }
    await fs.unlink(path)
    this.#changed(path, () => fs.link(grave, path))
  }
}

/** The database of a folder as it was at one moment: what it was told after that was never said. */
export class KeptDatabase {
  readonly #path: string
  readonly #kept = new Map<string, Buffer>()

  constructor(root: string) {
    this.#path = join(root, 'servent.db')
  }

  keep(): void {
    for (const name of [this.#path, `${this.#path}-wal`])
      if (existsSync(name)) this.#kept.set(name, readFileSync(name))
  }

  /** It must be closed. */
  async restore(): Promise<void> {
    await fs.rm(`${this.#path}-wal`, { force: true })
    for (const [name, content] of this.#kept) await fs.writeFile(name, content)
  }
}

function failure(code: string, { index, name, path }: Call): Error {
  return Object.assign(new Error(`${code}: made to fail, ${name} '${path}' (call ${index})`), { code })
}

/** The handle, with these of its methods in place of its own. */
function wrap(handle: fs.FileHandle, methods: Record<string, unknown>): OpenFile {
  return new Proxy(handle, {
    get: (target, key) => {
      if (key in methods) return methods[key as string]
      const value = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
}
