/**
 * `get` of a file that is shared here. It is there already; `output` gets a copy of verified bytes, which has
 * the final name only when it is whole, and never takes the place of a file.
 */
import { randomBytes } from 'node:crypto'
import { link, lstat, open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { type BlockReader, LAYER_BLOCK_BYTES } from '@servent/overlay'
import { OutputError } from './errors.ts'
import { HAS_MODES } from './folders.ts'
import type { GetEvent } from './types.ts'

/** File systems without hard links, as FAT and some of the network's, say one of these. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

export interface OwnCopy {
  /** Where the file is shared from. */
  readonly path: string
  /** Gives bytes that were held against the file's hashes, and closed by the caller. */
  readonly reader: BlockReader
  readonly output: string | undefined
  readonly signal: AbortSignal
}

/**
 * @throws OutputError          the output is taken, or its folder does not stand
 * @throws ContentChangedError  the file is not what was shared; nothing is left of the copy
 */
export async function ownFile({ path, reader, output, signal }: OwnCopy): Promise<GetEvent> {
  signal.throwIfAborted()
  const started = performance.now()
  const done = (place: string): GetEvent => ({
    event: 'done',
    path: place,
    bytes: reader.file.size,
    sources: 0,
    seconds: (performance.now() - started) / 1000
  })
  if (output === undefined) return done(path)
  const place = await placeOf(output, basename(path))
  const folder = dirname(place)
  const part = join(folder, `servent-${randomBytes(8).toString('hex')}.part`)
  try {
    await copy(reader, part, signal)
    await moveTo(part, place)
  } finally {
    await rm(part, { force: true })
  }
  await syncFolder(folder)
  return done(place)
}

async function placeOf(output: string, name: string): Promise<string> {
  const isFolder = async (candidate: string) =>
    (await stat(candidate).catch(() => undefined))?.isDirectory() === true
  const path = resolve(output)
  const place = (await isFolder(path)) ? join(path, name) : path
  if (!(await isFolder(dirname(place))))
    throw new OutputError(`There is no folder ${dirname(place)}. Make it, or choose another output.`)
  // Said before a large file is copied in vain; the move looks again.
  if (await exists(place)) throw taken(place)
  return place
}

async function copy(reader: BlockReader, part: string, signal: AbortSignal): Promise<void> {
  const { size } = reader.file
  const file = await open(part, 'wx')
  try {
    for (let offset = 0; offset < size; offset += LAYER_BLOCK_BYTES) {
      signal.throwIfAborted()
      await file.writeFile(await reader.read(offset, Math.min(LAYER_BLOCK_BYTES, size - offset)))
    }
    signal.throwIfAborted()
    await file.sync()
  } finally {
    await file.close()
  }
}

/** A hard link fails where the name is taken, so no file is ever written over. */
async function moveTo(part: string, place: string): Promise<void> {
  try {
    // The name of the part goes with the caller's cleaning up.
    await link(part, place)
    return
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw taken(place)
    if (!NO_LINKS.has(code)) throw error
  }
  // The best there is without links: a file made by somebody between these two lines is lost.
  if (await exists(place)) throw taken(place)
  await rename(part, place)
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    error => {
      if (error.code === 'ENOENT') return false
      throw error
    }
  )
}

const taken = (place: string): OutputError =>
  new OutputError(`${place} is there already, and nothing is written over. Choose another output.`)

/** Makes a new name durable. Windows cannot open a folder, and does not need to. */
async function syncFolder(folder: string): Promise<void> {
  if (!HAS_MODES) return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } catch (error) {
    // Network file systems that have no such thing say so.
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error
  } finally {
    await handle.close()
  }
}
