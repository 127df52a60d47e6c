/**
 * One run of a download of a folder: its listing first, held against its id, then its files, a few small ones
 * or one large one at a time, each by a run of its own below the folder that was made for all of them. It ends
 * by giving that folder's path, or throws as `DownloadRun` does; where files are missing a `PartialFolderError`
 * names them, and the others are there. What is whole is marked at once and not fetched again.
 */
import { basename, join } from 'node:path'
import {
  type ContentId,
  decodeFolderListing,
  FOLDER_LISTING_BYTES_MAX,
  type FolderEntry,
  type Provider
} from '@servent/overlay'
import { checkSpace, onDisk } from './disk.ts'
import { DownloadRun } from './download-run.ts'
import { PartialFolderError } from './errors.ts'
import { placeCopy } from './folder-copies.ts'
import { listingPath, localPaths } from './folder-paths.ts'
import { makeFolders, makeFreeFolder } from './folder-place.ts'
import { bytesToCome, folderTodo, type Missing } from './folder-todo.ts'
import type { Job } from './job.ts'
import { KeptStreams } from './kept-streams.ts'
import {
  FOLDER_BYTES_AT_ONCE_MAX,
  FOLDER_FILES_AT_ONCE_MAX,
  FOLDER_MISSING_NAMED_MAX,
  FOLDER_UNREACHED_MAX
} from './limits.ts'
import { partPath } from './part-file.ts'
import { isContent } from './recheck.ts'
import type { StoredDownload } from './store.ts'
import type { DownloadSource } from './types.ts'

interface Child {
  readonly run: DownloadRun
  readonly row: StoredDownload
}

/** Where a run puts something, and what. */
interface Place {
  readonly folder: string
  readonly name: string
  readonly isOwnFolder: boolean
  readonly id: ContentId
  /** Of a file of the listing. */
  readonly number?: number
}

export class FolderRun {
  readonly #job: Job
  readonly #signal: AbortSignal
  /** Aborted where a file fails by what would fail all of them, as a full disk. */
  readonly #end = new AbortController()
  readonly #streams = new KeptStreams()
  readonly #children = new Set<Child>()
  #entries: readonly FolderEntry[] = []
  #paths: readonly string[][] = []
  #doneBytes = 0
  #missing: string[] = []
  #missingCount = 0
  #unreached = 0
  /** Gave files of it since one failed: each file waits for them, as a computer that sleeps comes back. */
  readonly #givers = new Set<string>()
  /** Whole, by their places and paths. */
  readonly #unmarked: [number: number, path: string][] = []
  #markedMs = performance.now()

  constructor(job: Job, signal: AbortSignal) {
    this.#job = job
    this.#signal = AbortSignal.any([signal, this.#end.signal])
  }

  /** Each peer once, however many files it gives. */
  get sources(): { readonly status: (nowMs: number) => DownloadSource }[] {
    const nowMs = performance.now()
    const busy = [...this.#children].flatMap(({ run }) => run.sources.map(source => source.status(nowMs)))
    const byPeer = new Map<string, DownloadSource>()
    for (const source of [...busy, ...this.#streams.status(nowMs)]) {
      const rate = source.rate + (byPeer.get(source.peer)?.rate ?? 0)
      byPeer.set(source.peer, { ...source, rate })
    }
    return [...byPeer.values()].map(source => ({ status: () => source }))
  }

  get bans(): StoredDownload['banned'] {
    const all = [...this.#job.row.banned, ...[...this.#children].flatMap(({ run }) => run.bans)]
    return [...new Map(all.map(ban => [ban.peer, ban])).values()]
  }

  /** Somebody new who has the folder. */
  add(provider: Provider): void {
    const { row, limits } = this.#job
    row.providers = merged([provider], row.providers, limits.providersMax)
    for (const { run } of this.#children) run.add(provider)
  }

  async run(): Promise<string> {
    const { row } = this.#job
    try {
      this.#entries = decodeFolderListing(await this.#listing())
      this.#paths = localPaths(this.#entries)
      const bytes = this.#entries.reduce((sum, { size }) => sum + size, 0)
      Object.assign(row, { size: bytes, files: this.#entries.length, missing: [] })
      const folder = await this.#folder()
      const todo = await this.#todo(folder)
      const toCome = await bytesToCome(folder, todo, this.#paths, this.#job.files)
      await checkSpace(folder, toCome, this.#job.files)
      this.#job.save()
      await this.#fetchAll(folder, todo)
      row.missing = this.#missing
      if (this.#missingCount > 0) throw partial(this.#missing, this.#missingCount, this.#entries.length)
      return folder
    } finally {
      this.#streams.close()
      try {
        this.#mark()
      } catch {
        // The disk takes nothing, which was met above: the next run finds them by their hashes.
      }
    }
  }

  /** Makes it durable which files are whole. Those that a kill leaves unmarked are found by their hashes. */
  #mark(): void {
    const files = this.#unmarked.splice(0)
    this.#markedMs = performance.now()
    this.#job.folders.finish(this.#job.row.id, files)
  }

  async #listing(): Promise<Uint8Array> {
    const { row, folders, files, id } = this.#job
    const known = folders.listing(row.id)
    if (known !== undefined) {
      // A run that had kept it may not have come to this.
      const left = listingPath(row)
      await onDisk(left, () => files.rm(left, { force: true }))
      return known
    }
    const child = this.#begin(
      { folder: row.folder, name: basename(listingPath(row)), isOwnFolder: row.isOwnFolder, id },
      size =>
        size > FOLDER_LISTING_BYTES_MAX
          ? `The folder's listing has ${size} bytes, and one has at most ${FOLDER_LISTING_BYTES_MAX}.`
          : undefined
    )
    const path = await this.#finish(child)
    const bytes = await onDisk(path, () => files.readFile(path))
    try {
      // Looked at before it is kept: what is no listing now will not be one later.
      decodeFolderListing(bytes)
      folders.keep(row.id, bytes)
    } finally {
      await onDisk(path, () => files.rm(path, { force: true }))
    }
    return bytes
  }

  /** The folder that all goes into: the one that was begun, or a new one. */
  async #folder(): Promise<string> {
    const { row, files } = this.#job
    if (row.part !== undefined) return makeFolders(row.part, [], files)
    const chosen = (path: string) => {
      row.part = path
      this.#job.mustSave()
    }
    return makeFreeFolder(row.folder, row.name, chosen, files)
  }

  async #todo(folder: string): Promise<readonly Missing[]> {
    const { row, folders, files } = this.#job
    const found = await folderTodo(folder, this.#entries, folders.finished(row.id), files)
    folders.lose(row.id, found.lost)
    this.#doneBytes = found.bytes
    row.filesDone = found.files
    this.#progress()
    return found.todo
  }

  async #fetchAll(folder: string, todo: readonly Missing[]): Promise<void> {
    const tasks = new Set<Promise<void>>()
    let bytes = 0
    let next = 0
    const hasRoom = (size: number) =>
      tasks.size === 0 || (tasks.size < FOLDER_FILES_AT_ONCE_MAX && bytes + size <= FOLDER_BYTES_AT_ONCE_MAX)
    try {
      while (next < todo.length || tasks.size > 0) {
        while (next < todo.length && hasRoom(todo[next]!.size)) {
          const content = todo[next]!
          const { size } = content
          next += 1
          bytes += size
          const task = this.#fetch(folder, content).finally(() => {
            tasks.delete(task)
            bytes -= size
          })
          // Met below; until then it must not count as unhandled.
          task.catch(() => {})
          tasks.add(task)
        }
        await Promise.race(tasks)
        this.#signal.throwIfAborted()
      }
    } catch (error) {
      this.#end.abort(error)
      await Promise.allSettled(tasks)
      throw error
    }
  }

  /** Fetches one content, and puts it at all of its paths. It ends also where nobody has it: the others may come. */
  async #fetch(folder: string, { id, size, numbers, from }: Missing): Promise<void> {
    const { files } = this.#job
    const { answers } = this.#streams
    let source = from !== undefined && (await isContent(from, id, this.#signal, files)) ? from : undefined
    try {
      for (const number of numbers) {
        this.#signal.throwIfAborted()
        const path = this.#paths[number]!
        const name = path.at(-1)!
        const inner = await makeFolders(folder, path.slice(0, -1), files)
        let placed: string
        if (source === undefined) {
          placed = await this.#finish(
            this.#begin({ folder: inner, name, isOwnFolder: false, id, number }, said =>
              said === size ? undefined : `The file has ${said} bytes, and the listing says ${size}.`
            )
          )
          this.#unreached = 0
        } else {
          const part = partPath(inner, name, id, number)
          placed = await placeCopy(source, { folder: inner, name, part, id, size }, this.#signal, files)
        }
        source ??= placed
        this.#whole(number, size, placed.slice(folder.length + 1))
      }
    } catch (error) {
      const { name } = error as Error
      if (this.#signal.aborted || (name !== 'NoSourceError' && name !== 'VerificationError')) throw error
      this.#missingCount += numbers.length
      const more = numbers.slice(0, FOLDER_MISSING_NAMED_MAX - this.#missing.length)
      this.#missing.push(...more.map(number => this.#entries[number]!.path.join('/')))
      this.#unreached = this.#streams.answers === answers ? this.#unreached + 1 : 0
      // Nobody answers at all: the rest would wait as long, one after the other.
      if (this.#unreached >= FOLDER_UNREACHED_MAX) throw error
    }
    this.#progress()
  }

  /** A file is whole, and stands at this path below the folder. */
  #whole(number: number, size: number, path: string): void {
    const { row, limits } = this.#job
    this.#unmarked.push([number, path])
    if (performance.now() - this.#markedMs >= limits.checkpointMs) this.#mark()
    this.#doneBytes += size
    row.filesDone = (row.filesDone ?? 0) + 1
    this.#progress()
  }

  #begin(place: Place, refuseSize: (size: number) => string | undefined): Child {
    const job = this.#job
    const { row: whole, limits } = job
    const { folder, name, isOwnFolder, id, number } = place
    const row: StoredDownload = {
      ...whole,
      id: id.toString(),
      name,
      folder,
      isOwnFolder,
      size: undefined,
      // A run that was killed left these, if any.
      part: partPath(folder, name, id, number),
      path: join(folder, name),
      givers: [],
      verifiedBytes: 0
    }
    const child: Child = {
      row,
      run: new DownloadRun(
        {
          ...job,
          id,
          row,
          // Those who have the folder are known: whoever else has a file of it is looked for once.
          limits: { ...limits, emptyRoundsMax: 1 },
          streams: this.#streams,
          refuseSize,
          number,
          awaited: this.#givers,
          show: (phase, reason) => {
            if (phase === 'fetching') job.show('fetching')
            else if (phase === 'locating' && reason && this.#children.size === 1) job.show(phase, reason)
          },
          progress: bytes => {
            row.verifiedBytes = bytes
            this.#progress()
          },
          // What is on its way is found again by its name, and what is whole is marked by this run.
          save: () => {},
          mustSave: () => {}
        },
        this.#signal
      )
    }
    this.#children.add(child)
    return child
  }

  async #finish(child: Child): Promise<string> {
    const { row, limits } = this.#job
    try {
      const path = await child.run.run()
      for (const peer of child.row.givers) this.#givers.add(peer)
      return path
    } catch (error) {
      // Whoever was waited for did not come, or has no such file: the others need not wait as long.
      this.#givers.clear()
      throw error
    } finally {
      this.#children.delete(child)
      row.providers = merged(child.row.providers, row.providers, limits.providersMax)
      row.givers = [...new Set([...row.givers, ...child.row.givers])]
      row.banned = merged(child.row.banned, row.banned, limits.providersMax)
    }
  }

  #progress(): void {
    if (this.#entries.length === 0) return
    let bytes = this.#doneBytes
    for (const { row } of this.#children) bytes += row.verifiedBytes
    this.#job.progress(bytes)
  }
}

function partial(names: readonly string[], count: number, files: number): PartialFolderError {
  const more = count > names.length ? ` and ${count - names.length} more` : ''
  const list = names.map(name => JSON.stringify(name)).join(', ')
  return new PartialFolderError(
    `${count} of ${files} files could not be fetched: ${list}${more}. The others are there; get the folder again to ask for the rest.`
  )
}

function merged<T extends { readonly peer: string } | Provider>(
  first: readonly T[],
  rest: readonly T[],
  most: number
): T[] {
  const keyOf = (one: T) => ('peerId' in one ? one.peerId : one.peer)
  const all = new Map<string, T>()
  for (const one of [...first, ...rest]) if (!all.has(keyOf(one))) all.set(keyOf(one), one)
  return [...all.values()].slice(0, most)
}
