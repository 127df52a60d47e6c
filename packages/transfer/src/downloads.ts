/** All downloads of a node: begun, resumed after a restart, a few at a time, and kept in a list. */
import { lstat, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { makeFolder } from '@servent/database'
import type { ContentId } from '@servent/overlay'
import { onDisk } from './disk.ts'
import { Download, type Output } from './download.ts'
import { DownloadExistsError, NoDownloadError, OutputError } from './errors.ts'
import { FILES } from './files.ts'
import { folderFiles } from './folder-paths.ts'
import { FolderStore } from './folder-store.ts'
import type { DownloadDeps } from './job.ts'
import { DOWNLOAD_LIMITS, FOLDER_PAGE_FILES_MAX } from './limits.ts'
import { RateCap } from './rate.ts'
import { safeFileName } from './safe-file-name.ts'
import { DownloadStore, type StoredDownload } from './store.ts'
import type { DownloadRequest, DownloadStatus, DownloadsInit, FolderFileStatus } from './types.ts'

export class Downloads {
  readonly #init: DownloadsInit
  readonly #deps: DownloadDeps
  readonly #store: DownloadStore
  /** By the text of their id, in the order in which they were started. */
  readonly #all = new Map<string, Download>()
  readonly #running = new Set<Download>()
  /** Of these, those that are asked to give way. */
  readonly #yielding = new Set<Download>()
  #stopped = false

  private constructor(init: DownloadsInit, store: DownloadStore) {
    const {
      connector,
      findProviders,
      maxDownloadBytesPerSecond: cap,
      ledger,
      onGave,
      partials,
      logger
    } = init
    this.#init = init
    this.#store = store
    this.#deps = {
      connector,
      findProviders,
      files: init.files ?? FILES,
      limits: { ...DOWNLOAD_LIMITS, ...init.limits },
      cap: cap === undefined ? undefined : new RateCap(cap),
      ledger,
      onGave,
      partials,
      random: init.random ?? Math.random,
      logger,
      folders: new FolderStore(init.database)
    }
  }

  /**
   * Reads what was begun before. What ran when the node stopped goes on at once, so the node must be able to
   * connect by then, or say `resume: false`.
   *
   * @throws NewerDatabaseError
   * @throws DiskError  the folder cannot be made
   */
  static async open(init: DownloadsInit): Promise<Downloads> {
    await onDisk(init.folder, async () => makeFolder(init.folder))
    const downloads = new Downloads(init, new DownloadStore(init.database))
    for (const row of downloads.#store.load()) {
      downloads.#all.set(row.id, new Download(downloads.#deps, downloads.#store, row))
    }
    if (init.resume !== false) downloads.#next()
    return downloads
  }

  /**
   * Begins a download, or goes on with the one of this id, whatever became of it. A finished one whose file
   * still stands is given as it is.
   *
   * @throws OutputError  the output's folder does not stand
   * @throws DownloadExistsError  it runs, or has verified bytes, in another place
   */
  async start(request: DownloadRequest): Promise<Download> {
    const key = request.id.toString()
    const output = await this.#output(request)
    // A listing that was fetched as a file before: the user wants what it names.
    if (request.folder === true && this.#all.get(key)?.isFolder === false) await this.cancel(key)
    const known = this.#all.get(key)
    if (known !== undefined) {
      if (request.priority !== undefined) known.prioritize(request.priority)
      if (request.sizeMax === undefined) known.unbound()
      const kept = await this.#again(known, request, output)
      if (kept !== undefined) return kept
    }
    const row: StoredDownload = {
      id: key,
      state: 'active',
      name: output.name ?? (request.name === undefined ? '' : safeFileName(request.name, { fallback: key })),
      folder: output.folder,
      isOwnFolder: output.isOwnFolder,
      size: request.folder === true ? undefined : request.size,
      part: undefined,
      path: undefined,
      reason: undefined,
      error: undefined,
      providers: request.providers.slice(0, this.#deps.limits.providersMax),
      banned: [],
      givers: [],
      priority: request.priority ?? 'normal',
      verifiedBytes: 0,
      seconds: 0,
      startedMs: Date.now(),
      ...(request.sizeMax !== undefined && { sizeMax: request.sizeMax }),
      ...(request.folder === true && { isFolder: true })
    }
    // What was known of an earlier download of this folder was about another place.
    if (known?.isFolder === true) this.#deps.folders.forgetFiles(key)
    const download = new Download(this.#deps, this.#store, row)
    this.#all.set(key, download)
    this.#activate(download)
    this.#trim()
    return download
  }

  get(id: ContentId | string): Download | undefined {
    return this.#all.get(id.toString())
  }

  list(): DownloadStatus[] {
    return [...this.#all.values()].map(download => download.status())
  }

  /**
   * Files of a folder that is downloaded, in the order of its listing, from `after` on: none before the listing
   * is there.
   *
   * @throws NoDownloadError
   */
  files(id: ContentId | string, after = 0, limit = FOLDER_PAGE_FILES_MAX): FolderFileStatus[] {
    const key = this.#find(id).id.toString()
    const listing = this.#deps.folders.listing(key)
    return listing === undefined
      ? []
      : folderFiles(listing, this.#deps.folders.finished(key), after, Math.min(limit, FOLDER_PAGE_FILES_MAX))
  }

  /** @throws NoDownloadError */
  async pause(id: ContentId | string): Promise<void> {
    await this.#find(id).stop('pause')
  }

  /**
   * Stops it, removes what is not finished from the disk and from the list. A finished file stays.
   *
   * @throws NoDownloadError
   */
  async cancel(id: ContentId | string): Promise<void> {
    const download = this.#find(id)
    await download.stop('cancel')
    await this.#init.partials?.forget(download.id)
    this.#all.delete(id.toString())
    this.#store.delete(id.toString())
    this.#deps.folders.forget(id.toString())
  }

  /** Stops what runs in good order, and what is given of it; it goes on when the node starts again. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([...this.#running].map(download => download.stop('shutdown')))
    await this.#init.partials?.stop()
    for (const download of this.#all.values()) download.saveAgain()
  }

  #find(id: ContentId | string): Download {
    const download = this.get(id)
    if (download !== undefined) return download
    throw new NoDownloadError(
      `Nothing with the id ${id} is being fetched. "servent downloads" lists what is.`
    )
  }

  async #again(known: Download, request: DownloadRequest, output: Output): Promise<Download | undefined> {
    const { folder, name, path, made } = known.target
    const isSamePlace =
      request.output === undefined ||
      (output.folder === folder && (output.name ?? name) === name) ||
      // The folder that it made there stands now, and by itself would mean a place inside it.
      (known.isFolder && resolve(request.output) === made)
    if (known.isDone) {
      const standing = path === undefined ? undefined : await lstat(path).catch(() => undefined)
      if (known.isFolder) {
        if (standing?.isDirectory() !== true || !isSamePlace) return undefined
        // Files of it may be gone meanwhile: a run looks, and fetches those.
        known.add(request.providers)
        this.#activate(known)
        return known
      }
      const isStanding = standing?.isFile() === true && standing.size === known.status().size
      return isStanding && isSamePlace ? known : undefined
    }
    if (!isSamePlace) {
      const { verifiedBytes, id } = known.status()
      if (this.#running.has(known) || verifiedBytes > 0) {
        throw new DownloadExistsError(
          `A download of this file to ${join(folder, name)} ${this.#describe(known)}. Get it without another output to go on there, or take it out of the list with "servent downloads --cancel ${id}" and get it again.`
        )
      }
      // Nothing of it stands on the disk: all that keeps it there is where it was to go.
      await known.move(output)
    }
    known.add(request.providers)
    this.#activate(known)
    return known
  }

  #describe(download: Download): string {
    const { phase, verifiedBytes } = download.status()
    const kept = `with ${(verifiedBytes / 2 ** 20).toFixed(1)} MiB verified`
    if (this.#running.has(download)) return `is under way, ${kept}`
    if (download.isActive) return `waits for its turn, ${kept}`
    return phase === 'failed' ? `failed, ${kept}` : `is paused, ${kept}`
  }

  async #output({ output }: DownloadRequest): Promise<Output> {
    if (output === undefined)
      return { folder: resolve(this.#init.folder), name: undefined, isOwnFolder: true }
    const path = resolve(output)
    const isFolder = async (candidate: string) =>
      (await stat(candidate).catch(() => undefined))?.isDirectory()
    if (await isFolder(path)) return { folder: path, name: undefined, isOwnFolder: false }
    if (await isFolder(dirname(path)))
      return { folder: dirname(path), name: basename(path), isOwnFolder: false }
    throw new OutputError(`There is no folder ${dirname(path)}. Make it, or choose another output.`)
  }

  #activate(download: Download): void {
    if (this.#running.has(download) && download.isActive) return
    const { activeMax } = this.#deps.limits
    const isFull = this.#running.size >= activeMax
    download.activate(isFull ? `It waits until one of ${activeMax} other downloads ends.` : undefined)
    this.#next()
  }

  /** Those of the highest priority run, and of these, those that were started first. */
  #next(): void {
    if (this.#stopped) return
    const waiting = [...this.#all.values()]
      .filter(download => download.isActive && !this.#running.has(download))
      .sort((a, b) => a.rank - b.rank)
    for (const download of waiting) {
      if (this.#running.size < this.#deps.limits.activeMax) {
        this.#running.add(download)
        void this.#run(download)
      } else if (!this.#yieldTo(download)) {
        return
      }
    }
  }

  /** The lowest of those that run gives way, where it is lower: its end brings the next one on. */
  #yieldTo(download: Download): boolean {
    let lowest: Download | undefined
    for (const running of this.#running)
      if (!this.#yielding.has(running) && (lowest === undefined || running.rank >= lowest.rank))
        lowest = running
    if (lowest === undefined || lowest.rank <= download.rank) return false
    this.#yielding.add(lowest)
    void lowest.stop('yield')
    return true
  }

  /** Never rejects. */
  async #run(download: Download): Promise<void> {
    try {
      await download.begin()
    } catch (error) {
      const { message } = error as Error
      this.#deps.logger?.warn({ id: download.id.toString(), reason: message }, 'a download broke')
      download.broke(error as Error)
    }
    this.#ended(download)
  }

  #ended(download: Download): void {
    this.#running.delete(download)
    this.#yielding.delete(download)
    for (const other of this.#all.values()) other.saveAgain()
    this.#next()
  }

  /** The oldest finished ones leave the list first; their files stay. */
  #trim(): void {
    for (const [id, download] of this.#all) {
      if (this.#all.size <= this.#deps.limits.keptMax) return
      if (!download.isDone) continue
      try {
        this.#store.delete(id)
        this.#deps.folders.forget(id)
      } catch (error) {
        const { message } = error as Error
        this.#deps.logger?.warn({ id, reason: message }, 'a finished download could not be forgotten')
        return
      }
      this.#all.delete(id)
    }
  }
}
