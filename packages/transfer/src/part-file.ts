/**
 * A file on its way: `name.<end of id>.part` (in a folder `name.<number>-<end of id>.part`), and beside it its sidecar. Whoever shares the folder leaves both
 * out by their ending. Only verified blocks are written, and a block counts as there only after its bytes are
 * durable; a kill or a power cut at any point costs at most what was written since.
 */
import { constants } from 'node:fs'
import { dirname, join } from 'node:path'
import { type ContentId, LAYER_BLOCK_BYTES } from '@servent/overlay'
import type { BlockSet } from './block-set.ts'
import { onDisk } from './disk.ts'
import { DiskError } from './errors.ts'
import { FILES, type Files, type OpenFile, standing } from './files.ts'
import { place, syncFolder } from './place.ts'
import { safeFileName } from './safe-file-name.ts'
import { flags, Sidecar } from './sidecar.ts'

const ID_CHARACTERS = 8
const PART = '.part'
const TREE = '.tree.part'

/**
 * Where a download of this name stands until it is whole. Names and ids may agree in all that is kept of them, so
 * the `number` of a file among those of its folder keeps them apart.
 */
export function partPath(folder: string, name: string, id: ContentId, number?: number): string {
  const mark = `.${number === undefined ? '' : `${number}-`}${id.toString().slice(-ID_CHARACTERS)}`
  return join(folder, safeFileName(name, { reserveBytes: mark.length + TREE.length }) + mark + PART)
}

export class PartFile {
  readonly path: string
  readonly #files: Files
  readonly #file: OpenFile
  readonly #sidecar: Sidecar
  /** Something could not be written: what stands on the disk may be more than what is marked. */
  #isTorn = false
  /** Whether it was not closed in good order, or somebody wrote to it since: its blocks must be hashed again. */
  readonly isUnsure: boolean
  /** Bytes that stand in the file. */
  readonly writtenBytes: number

  private constructor(
    files: Files,
    path: string,
    file: OpenFile,
    sidecar: Sidecar,
    isUnsure: boolean,
    writtenBytes: number
  ) {
    this.#files = files
    this.path = path
    this.#file = file
    this.#sidecar = sidecar
    this.isUnsure = isUnsure
    this.writtenBytes = writtenBytes
  }

  /** Begins anew: what stood under these names is gone. Both names are durable then. */
  static async create(path: string, id: ContentId, size: number, files = FILES): Promise<PartFile> {
    return onDisk(path, async () => {
      await PartFile.remove(path, files)
      const sidecar = await Sidecar.create(treePath(path), id, size, files)
      let file: OpenFile | undefined
      try {
        file = await files.open(path, flags(constants.O_CREAT | constants.O_EXCL), 0o666)
        await syncFolder(dirname(path), files)
        return new PartFile(files, path, file, sidecar, false, 0)
      } catch (error) {
        await file?.close()
        await sidecar.close()
        throw error
      }
    })
  }

  /** Nothing where one of the two files is missing or not of this id. */
  static async open(path: string, id: ContentId, files = FILES): Promise<PartFile | undefined> {
    return onDisk(path, async () => {
      const sidecar = await Sidecar.open(treePath(path), id, files)
      if (sidecar === undefined) return undefined
      let file: OpenFile | undefined
      try {
        file = await files.open(path, flags(0))
        const { mtimeNs, size } = await file.stat({ bigint: true })
        const { stamp } = sidecar
        const isUnsure = stamp?.mtimeNs !== mtimeNs.toString() || stamp.size !== Number(size)
        return new PartFile(files, path, file, sidecar, isUnsure, Number(size))
      } catch (error) {
        await file?.close()
        await sidecar.close()
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    })
  }

  /**
   * Removes both files, where they are, or where there is a folder for them. A link is removed itself.
   *
   * @throws DiskError
   */
  static async remove(path: string, files = FILES): Promise<void> {
    for (const one of [path, treePath(path)]) {
      await onDisk(one, async () => {
        await files.unlink(one).catch(error => {
          if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
        })
      })
    }
  }

  get id(): ContentId {
    return this.#sidecar.id
  }

  /** Bytes of the whole file. */
  get size(): number {
    return this.#sidecar.size
  }

  /** Blocks that are there, durable or about to be. */
  get blocks(): BlockSet {
    return this.#sidecar.blocks
  }

  get sidecar(): Sidecar {
    return this.#sidecar
  }

  /** Bytes of one block: 1 MiB, but of the last. */
  blockBytes(block: number): number {
    return Math.min(LAYER_BLOCK_BYTES, this.size - block * LAYER_BLOCK_BYTES)
  }

  async write(block: number, bytes: Uint8Array): Promise<void> {
    await this.#writing(async () => {
      let done = 0
      // A disk that is nearly full takes a part and says no only to the rest.
      while (done < bytes.length) {
        const at = block * LAYER_BLOCK_BYTES + done
        done += (await this.#file.write(bytes, done, bytes.length - done, at)).bytesWritten
      }
    })
  }

  /** Reads into `into`; gives how many bytes there are, fewer where the file ends. */
  async read(block: number, into: Uint8Array): Promise<number> {
    const length = this.blockBytes(block)
    return onDisk(this.path, async () => {
      return (await this.#file.read(into, 0, length, block * LAYER_BLOCK_BYTES)).bytesRead
    })
  }

  /** Makes what was written durable, then marks these blocks, which were written. */
  async commit(blocks: readonly number[]): Promise<void> {
    if (blocks.length === 0) return
    await this.#writing(async () => {
      await this.#file.datasync()
      for (const block of blocks) this.blocks.add(block)
      await this.#sidecar.saveBits(blocks)
    })
  }

  /** Keeps a piece of the hash layer that was verified: its hashes, then its proof. */
  async savePiece(index: number, hashesAndProof: Uint8Array): Promise<void> {
    await this.#writing(() => this.#sidecar.savePiece(index, hashesAndProof))
  }

  /** Forgets blocks that do not hash right. */
  async forget(blocks: readonly number[]): Promise<void> {
    if (blocks.length === 0) return
    for (const block of blocks) this.blocks.delete(block)
    await this.#writing(() => this.#sidecar.saveBits(blocks))
  }

  /**
   * In good order, the next `open` need not hash what is there. Everything written must be committed. Where
   * something could not be written the next one does hash, and finds what was written and could not be marked.
   */
  async close(): Promise<void> {
    try {
      if (this.#isTorn) return
      const { mtimeNs, size } = await this.#file.stat({ bigint: true })
      await this.#sidecar.saveStamp({ mtimeNs: mtimeNs.toString(), size: Number(size) })
      await this.#sidecar.sync()
    } catch {
      // Without a stamp the next run hashes what is there: slower, and as right. A full disk ends here too.
    } finally {
      // What was not durable by now is not marked, so what a disk says at the end changes nothing.
      await this.#file.close().catch(() => {})
      await this.#sidecar.close().catch(() => {})
    }
  }

  /**
   * Gives the whole file its final name, or the next free one after it, and gives that path. All blocks must
   * be committed. The sidecar stays until `remove`, so that a kill in between finds its way. `isAlone` is as for
   * `place`.
   *
   * @throws DiskError  also where another file stands in its place
   */
  async finish(
    folder: string,
    name: string,
    onChosen: (path: string) => void,
    isAlone = false
  ): Promise<string> {
    return onDisk(join(folder, name), async () => {
      // A file system that rounds sizes or was written to by others may leave more than was asked for.
      await this.#file.truncate(this.size)
      await this.#file.sync()
      const found = await standing(this.path, this.#files)
      const { ino } = await this.#file.stat({ bigint: true })
      // What stands there now was never held against the id.
      if (found !== undefined && found.ino !== ino) {
        throw new DiskError(
          `Something else was put in the place of ${this.path} while it was fetched. Resume: it is fetched again.`
        )
      }
      return place(this.path, folder, name, onChosen, { isAlone, files: this.#files })
    })
  }

  get folder(): string {
    return dirname(this.path)
  }

  /** @throws DiskError */
  async #writing(work: () => Promise<void>): Promise<void> {
    try {
      await onDisk(this.path, work)
    } catch (error) {
      this.#isTorn = true
      throw error
    }
  }
}

function treePath(path: string): string {
  return path.slice(0, -PART.length) + TREE
}
