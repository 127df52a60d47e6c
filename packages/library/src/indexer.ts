/**
 * The indexing thread's work: scans one after another, lanes of hashing beside them, watchers and timers that
 * ask for scans. All writing to the catalogue happens here.
 *
 * An error that is not about one file ends the thread: the main thread starts it again, and what is to be
 * done lies in the catalogue.
 */
import { isCorruption, type ServentDatabase } from '@servent/database'
import { Disk, DiskNotes } from './disk.ts'
import { DISK_SILENT, NotShareableError, toErrorMessage } from './errors.ts'
import { createFilter, type Filter } from './filter.ts'
import { HashLanes } from './hash-lanes.ts'
import {
  CHANGES_MAX,
  PROGRESS_MS,
  RESCAN_MS,
  ROOT_CHECK_MS,
  ROOTS_MS,
  ROOTS_TIME_SHARE,
  SETTLE_MS
} from './limits.ts'
import type { FromWorker, OpenMessage } from './messages.ts'
import { Pacer } from './pacer.ts'
import { Problems } from './problems.ts'
import { Progress } from './progress.ts'
import { RootKeeper } from './root-keeper.ts'
import { Roots } from './roots.ts'
import { Scanner } from './scan.ts'
import { type ShareJob, ShareJobs } from './share-jobs.ts'
import { Store } from './store.ts'
import { type RootRow, StoreTree } from './store-tree.ts'
import { TagLane } from './tag-lane.ts'
import { TagReader } from './tag-reader.ts'
import { Throttle } from './throttle.ts'
import { Watcher } from './watch.ts'

/** Of a root where nothing is, or not what was shared. */
const ROOT_GONE = 'It is gone, or its drive is unplugged.'

type Tell = (message: FromWorker) => void

export class Indexer {
  readonly #database: ServentDatabase
  readonly #tell: Tell
  readonly #store: Store
  readonly #tree: StoreTree
  readonly #roots: Roots
  readonly #disk: Disk
  readonly #keeper: RootKeeper
  readonly #lanes: HashLanes
  readonly #tags: TagReader
  readonly #tagLane: TagLane
  readonly #watcher: Watcher | undefined
  readonly #problems: Problems
  readonly #progress: Progress
  readonly #shares: ShareJobs
  readonly #pacer = new Pacer()
  readonly #tellRoots: Throttle
  readonly #tellProblems: Throttle
  /** Work that adds and removes rows, done one after another. */
  readonly #queue: (() => Promise<void> | void)[] = []
  #working: Promise<void> | undefined
  #stopped = false
  readonly #timers: NodeJS.Timeout[] = []

  constructor(database: ServentDatabase, open: OpenMessage, tell: Tell) {
    const { databasePath, settings, privateFolders, publicFolders } = open
    this.#database = database
    this.#tell = tell
    this.#tellRoots = new Throttle(() => this.#sayRoots(), ROOTS_MS, ROOTS_TIME_SHARE)
    this.#tellProblems = new Throttle(
      () => tell({ type: 'problems', problems: this.#problems.all() }),
      PROGRESS_MS
    )
    this.#problems = new Problems(() => this.#tellProblems.ask())
    this.#progress = new Progress(progress => tell({ type: 'progress', progress }))
    this.#store = new Store(database)
    this.#tree = new StoreTree(database)
    const filter = createFilter(settings)
    this.#roots = new Roots({ tree: this.#tree, filter, databasePath, privateFolders, publicFolders })
    this.#disk = new Disk(new DiskNotes(open.notes), path => this.#roots.idOf(path), open.silent)
    this.#shares = new ShareJobs(
      due => this.#tree.isDue(due),
      job => this.#shareDone(job)
    )
    this.#tags = new TagReader({
      log: (level, details, message) => tell({ type: 'log', level, details, message })
    })
    const parts = {
      store: this.#store,
      tree: this.#tree,
      tags: this.#tags,
      problems: this.#problems,
      pacer: this.#pacer,
      disk: this.#disk,
      isScanning: () => this.#working !== undefined,
      isPrivate: (path: string) => this.#roots.isPrivate(path),
      write: (work: () => void) => this.#write(work),
      onFailure: (error: unknown) => this.#fail(error)
    }
    const scanner = new Scanner({
      ...parts,
      filter,
      isRoot: path => this.#roots.has(path),
      isStopped: () => this.#stopped,
      onFolder: (root, path) => this.#watcher?.folder(root, path),
      onGone: path => this.#watcher?.remove(path),
      onDue: (size, due, from) => this.#found(size, due, from),
      onSooner: (due, sooner) => this.#shares.sooner(due, sooner)
    })
    this.#keeper = new RootKeeper({
      ...parts,
      roots: this.#roots,
      scanner,
      onRoots: () => this.#tellRoots.ask()
    })
    this.#lanes = new HashLanes({
      ...parts,
      settleMs: settings.settleMs ?? SETTLE_MS,
      onBytes: (path, bytes, due) => {
        this.#progress.hashing(path, bytes)
        this.#shares.hashing(path, bytes, due)
      },
      onDone: (size, due, hashedBytes) => {
        this.#progress.done(size, hashedBytes)
        this.#shares.hashed(size, due, hashedBytes)
        this.#rest()
      }
    })
    this.#tagLane = new TagLane(parts)
    if (settings.watch !== false) this.#watcher = this.#createWatcher(filter)
    this.#timers.push(setInterval(() => this.rescan(), settings.rescanMs ?? RESCAN_MS))
    this.#timers.push(setInterval(() => this.#checkRoots(), ROOT_CHECK_MS))
  }

  /** Finds out what is reachable, says what is shared, and begins to look for what changed. */
  async start(): Promise<void> {
    await this.#tree.renewWords(() => this.#pacer.turn())
    this.#tree.makeAllDueNow()
    for (const root of this.#roots.all()) {
      if (root.state === 'leaving') await this.#keeper.takeOut(root)
      else if (!this.#keeper.isReachable(root)) await this.#keeper.unplug(root)
    }
    const { files, bytes } = this.#tree.dueTotals()
    if (files > 0) this.#progress.found(bytes, files)
    this.#tellRoots.now()
    this.#tell({ type: 'ready', totals: this.#store.totals })
    this.#lanes.start()
    for (const { path, kind } of this.#roots.all()) if (kind === 'file') this.#watcher?.file(path)
    this.rescan()
  }

  /**
   * @throws PathNotFoundError
   * @throws NotShareableError
   */
  share(request: number, given: string): void {
    const caller = this.#roots.idOf(given) || -request
    if (this.#disk.isSilent(caller)) throw new NotShareableError(`${given} cannot be shared. ${DISK_SILENT}`)
    const { path, kind, device } = this.#disk.as(caller, () => this.#roots.resolve(given))
    const job = this.#shares.open(request, path, kind, progress =>
      this.#tell({ type: 'progress', request, progress })
    )
    this.#enqueue(async () => {
      if (!this.#roots.has(path) && this.#roots.covering(path) === undefined) {
        this.#write(() => this.#tree.addRoot(path, given, kind, device))
        this.#roots.reload()
        if (kind === 'file') this.#watcher?.file(path)
      }
      await this.#keeper.scan(path, kind, job.due)
      this.#shares.scanned(job)
    }, 'first')
  }

  /** @throws NotSharedError */
  unshare(request: number, given: string): void {
    const root = this.#disk.as(-request, () => this.#roots.find(given))
    this.#keeper.set(root, 'leaving')
    this.#enqueue(async () => {
      this.#watcher?.remove(root.path)
      const files = await this.#keeper.takeOut(root)
      this.#disk.answers(root.id)
      this.#tell({ type: 'left', root: root.id })
      this.#tellRoots.now()
      this.#tell({ type: 'result', request, result: { files } })
      const above = this.#roots.covering(root.path)
      if (above !== undefined) this.#enqueue(() => this.#keeper.rescan(above.path))
      this.#enqueue(() => this.#keeper.forget())
    }, 'first')
  }

  /** Looks at everything that is shared. */
  rescan(request?: number): void {
    for (const { path } of this.#roots.all()) this.#enqueue(() => this.#keeper.rescan(path))
    this.#enqueue(() => this.#keeper.forget())
    if (request === undefined) return
    this.#enqueue(() => this.#tell({ type: 'result', request, result: { files: this.#store.totals.files } }))
  }

  /** Its bytes are not those that were hashed: it is withdrawn and hashed again. */
  suspect(id: number): void {
    const row = this.#store.file(id)
    if (row === undefined || row.content === null) return
    const due = Date.now()
    this.#write(() => this.#store.restamp({ ...row, due }, row, null))
    this.#found(row.size, due, row.due)
  }

  /** The disk of a root answers again: what was withdrawn is looked at, and shared as it was. */
  answers(id: number): void {
    this.#disk.answers(id)
    const root = this.#roots.all().find(row => row.id === id)
    if (root === undefined) return
    if (root.kind === 'file') this.#watcher?.file(root.path)
    this.#enqueue(() => this.#keeper.rescan(root.path))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers) clearInterval(timer)
    this.#queue.length = 0
    this.#shares.stop()
    this.#progress.stop()
    this.#watcher?.close()
    // First, so that no lane waits for tags.
    this.#tags.stop()
    await Promise.all([this.#lanes.stop(), this.#tagLane.stop(), this.#working])
    this.#tellRoots.cancel()
    this.#tellProblems.cancel()
    this.#database.close()
  }

  #createWatcher(filter: Filter): Watcher {
    return new Watcher({
      filter,
      isPrivate: path => this.#roots.isPrivate(path),
      onFile: path => this.#enqueue(() => this.#keeper.rescan(path)),
      isFolder: path => this.#tree.knownFolder(path) !== undefined,
      at: (path, work) => this.#disk.at(path, work),
      onChanges: (folders, all) => {
        if (all) this.rescan()
        else this.#enqueue(() => this.#keeper.scanFolders(folders))
      },
      onError: (root, error) => {
        const details = { root, error: (error as Error).message }
        const message = 'Changes below a shared folder may be noticed only by the next rescan.'
        this.#tell({ type: 'log', level: 'warn', details, message })
      }
    })
  }

  #sayRoots(): void {
    const reasonOf = ({ id }: RootRow): string => (this.#disk.isSilent(id) ? DISK_SILENT : ROOT_GONE)
    this.#tell({ type: 'roots', roots: this.#roots.view(reasonOf) })
  }

  #checkRoots(): void {
    for (const root of this.#roots.all()) {
      if (root.kind === 'file' || root.state === 'leaving') continue
      if (this.#keeper.isReachable(root) === (root.state === 'present')) continue
      this.#enqueue(() => this.#keeper.rescan(root.path))
    }
  }

  #shareDone({ request, path, kind }: ShareJob): void {
    const shared = kind === 'file' ? this.#tree.sharedAt(path) : this.#tree.sharedBelow(path)
    const { files, bytes, cids, contents } = shared
    const problems = this.#problems.below(path)
    this.#tellRoots.now()
    const result = { path, files, bytes, cids, more: contents - cids.length, problems }
    this.#tell({ type: 'result', request, result })
  }

  #found(size: number, due: number, from: number | null): void {
    if (from === null) this.#progress.found(size)
    this.#shares.found(size, due, from)
    this.#lanes.kick()
  }

  /** One transaction, and what it changed for others told after it. */
  #write(work: () => void): void {
    this.#database.transaction(work)
    const changes = this.#store.takeChanges()
    if (changes.length === 0) return
    const { totals } = this.#store
    for (let first = 0; first < changes.length; first += CHANGES_MAX) {
      this.#tell({ type: 'changes', changes: changes.slice(first, first + CHANGES_MAX), totals })
    }
    this.#tellRoots.ask()
  }

  #enqueue(job: () => Promise<void> | void, place: 'first' | 'last' = 'last'): void {
    if (this.#stopped) return
    if (place === 'first') this.#queue.unshift(job)
    else this.#queue.push(job)
    this.#working ??= this.#work().catch(error => this.#fail(error))
  }

  async #work(): Promise<void> {
    this.#progress.phase('scanning')
    // The caller still runs: it may ask for more that belongs together.
    await Promise.resolve()
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      await this.#pacer.turn()
      await job()
      this.#shares.check()
    }
    this.#working = undefined
    this.#tagLane.kick()
    this.#progress.phase('hashing')
    this.#rest()
  }

  /** Nothing to do now: files that are left alone for a while are not waited for. */
  #rest(): void {
    if (this.#working !== undefined) return
    const ms = this.#tree.nextDueMs()
    if (ms === undefined || ms > Date.now()) this.#progress.phase('idle')
  }

  #fail(error: unknown): void {
    if (this.#stopped) return
    if (isCorruption(error)) this.#tell({ type: 'fatal', error: corruption(this.#database.path, error) })
    throw error
  }
}

function corruption(path: string, error: unknown) {
  const { message } = toErrorMessage(error)
  return {
    name: 'CorruptDatabaseError',
    message: `The database ${path} is damaged: ${message}. Stop the node, move the file away or restore it from a backup, and share again.`
  }
}
