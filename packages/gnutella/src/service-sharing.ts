/**
 * What the machine is told of what is shared here: how much it is, whether others can dial this peer, and in the two
 * tiers all that queries for it may name, of which the machine makes its route table.
 *
 * A file that is added is in the table at once. What is gone stays in it until all is read again, which is no
 * more often than tables are told: until then a query too many may come, but never one too few.
 */
import type { Logger } from '@libp2p/interface'
import type { Clock } from '@servent/libp2p-host'
import type {
  Catalogue,
  CatalogueChange,
  ContentId,
  PartialChange,
  PartialFile,
  SharedFile
} from '@servent/overlay'
import { isPartial } from '@servent/overlay'
import { urnOfCid, urnOfSha1 } from './huge.ts'
import { addHashes, type HashedFile } from './qrp-hash.ts'
import { TABLE_UPDATE_MS, WORDS_DEBOUNCE_MS, WORDS_MAX } from './tier-constants.ts'
import type { GnutellaCommand } from './types.ts'

/** Bytes a second, as far as they are known. */
export interface Bandwidth {
  readonly downBytesPerS?: number
  readonly upBytesPerS?: number
}

export interface SharingInit {
  readonly catalogue: () => Catalogue | undefined
  readonly firewalled: () => boolean
  readonly bandwidth: () => Bandwidth
  /** Whether this peer is one of the two tiers, so that its words are wanted. */
  readonly tiered: boolean
  readonly clock: Clock
  readonly log: Logger
  /** Nothing happens where the machine does not run. */
  readonly command: (command: GnutellaCommand) => void
  /** A file changed or is gone. */
  readonly onChanged: (index: number) => void
}

export class Sharing {
  readonly #init: SharingInit
  #unsubscribe: (() => void)[] = []
  #told = ''
  #hashes = new Set<number>()
  /** Of a reading that is under way, what it found so far; and the next one. */
  #reading: Set<number> | undefined
  /** All of it was read once. Before that nothing is told: without a table everything is asked here. */
  #isRead = false
  #rereadMs = 0
  #timer: unknown
  #stale = false

  constructor(init: SharingInit) {
    this.#init = init
  }

  /** Begins to tell a machine that knows nothing yet. */
  start(): void {
    this.#told = ''
    this.follow()
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe()
    this.#init.clock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#reading = undefined
  }

  /** Tells of the catalogue that there is now, and of its changes. */
  follow(): void {
    this.stop()
    this.#hashes = new Set()
    this.#isRead = false
    this.#stale = false
    const catalogue = this.#init.catalogue()
    this.#unsubscribe = [
      catalogue?.subscribe(changes => {
        for (const { file } of changes) this.#init.onChanged(file.index)
        this.#changed(changes)
        this.tell()
      }),
      catalogue?.partials?.subscribe(change => this.#changed([change])),
      catalogue?.unannounced?.subscribe(id => this.#listed(id))
    ].flatMap(unsubscribe => unsubscribe ?? [])
    this.tell()
    if (this.#init.tiered) void this.#read()
  }

  /** Tells what pongs and hits say of this peer, where that changed. */
  tell(): void {
    const { catalogue, command } = this.#init
    const { files, bytes } = catalogue()?.totals ?? { files: 0, bytes: 0 }
    const firewalled = this.#init.firewalled()
    const bandwidth = this.#init.bandwidth()
    const kibibytes = Math.ceil(bytes / 1024)
    const told = `${files} ${kibibytes} ${firewalled} ${bandwidth.downBytesPerS} ${bandwidth.upBytesPerS}`
    if (told === this.#told) return
    this.#told = told
    command({ type: 'sharing', files, kibibytes, firewalled, ...bandwidth })
  }

  /** What is got by its id alone: nobody finds it by words. */
  #listed(id: ContentId): void {
    this.#added(hashes => addHashes(withoutWords(id), hashes))
  }

  #changed(changes: readonly (CatalogueChange | PartialChange)[]): void {
    if (!this.#init.tiered) return
    if (changes.some(({ type }) => type === 'removed')) this.#stale = true
    this.#added(hashes => {
      for (const { type, file } of changes) if (type === 'added') this.#add(file, hashes)
    })
  }

  /** Into what is told now, what is told again, and a reading that may have passed it. */
  #added(addTo: (hashes: Set<number>) => void): void {
    if (!this.#init.tiered) return
    const added = new Set<number>()
    for (const hashes of [added, this.#hashes, this.#reading ?? added]) addTo(hashes)
    if (added.size > 0) this.#init.command({ type: 'words-added', hashes: Uint32Array.from(added) })
    this.#timer ??= this.#init.clock.setTimeout(() => this.#due(), WORDS_DEBOUNCE_MS)
  }

  #due(): void {
    this.#timer = undefined
    const waitMs = this.#rereadMs - this.#init.clock.nowMs()
    if (this.#stale && waitMs <= 0 && this.#reading === undefined) {
      void this.#read()
      return
    }
    if (this.#isRead) this.#tellWords()
    if (this.#stale) this.#readLater()
  }

  #readLater(): void {
    const waitMs = this.#rereadMs - this.#init.clock.nowMs()
    this.#timer ??= this.#init.clock.setTimeout(() => this.#due(), Math.max(waitMs, WORDS_DEBOUNCE_MS))
  }

  /** Reads the whole catalogue, page by page. */
  async #read(): Promise<void> {
    const found = new Set<number>()
    this.#reading = found
    this.#stale = false
    this.#rereadMs = this.#init.clock.nowMs() + TABLE_UPDATE_MS
    try {
      const catalogue = this.#init.catalogue()
      for (const file of catalogue?.partials?.files() ?? []) this.#add(file, found)
      for (const id of catalogue?.unannounced?.ids() ?? []) addHashes(withoutWords(id), found)
      for await (const file of catalogue?.files() ?? []) {
        // Somebody asked for another reading, or for none.
        if (this.#reading !== found) return
        this.#add(file, found)
      }
      if (this.#reading !== found) return
      this.#hashes = found
      this.#isRead = true
      this.#tellWords()
    } catch (error) {
      this.#init.log.error('the words of what is shared cannot be read - %e', error as Error)
      if (this.#reading !== found) return
      this.#stale = true
      this.#readLater()
    } finally {
      if (this.#reading === found) this.#reading = undefined
    }
  }

  #add(file: SharedFile | PartialFile, hashes: Set<number>): void {
    // One more than the most says that a table can say nothing any more.
    if (hashes.size > WORDS_MAX) return
    const { name, tags, id } = file
    const urns = [urnOfCid(id.toString()), ...(isPartial(file) ? [] : [urnOfSha1(file.sha1)])]
    addHashes({ name, tags, urns }, hashes)
  }

  #tellWords(): void {
    this.#init.command({ type: 'words', hashes: Uint32Array.from(this.#hashes) })
  }
}

function withoutWords(id: ContentId): HashedFile {
  return { name: '', tags: {}, urns: [urnOfCid(id.toString())] }
}
