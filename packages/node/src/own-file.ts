/**
 * `get` of a file that is shared here. It is there already; `output` gets a copy of verified bytes, which has
 * the final name only when it is whole, and never takes the place of a file.
 */
import { randomBytes } from 'node:crypto'
import { lstat, open, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { type BlockReader, type ContentId, LAYER_BLOCK_BYTES } from '@servent/overlay'
import { OutputError } from './errors.ts'
import type { LibraryDoor } from './library-door.ts'
import type { GetEvent } from './types.ts'

/**
 * What is shared here already. Nothing where it is not, or is no longer what was shared: others may have it still.
 *
 * @throws OutputError  as `ownFile` and `ownFolder`
 */
export async function ownContent(
  library: LibraryDoor,
  id: ContentId,
  { output, signal }: Pick<OwnCopy, 'output' | 'signal'>
): Promise<GetEvent | undefined> {
  const folder = library.listings.pathOf(id)
  if (folder !== undefined) return ownFolder(folder, output)
  const path = await library.library?.pathOf(id)
  const reader = path === undefined ? undefined : await library.open(id)
  if (path === undefined || reader === undefined) return undefined
  try {
    return await ownFile({ path, reader, output, signal })
  } catch (error) {
    if ((error as Error).name === 'ContentChangedError') return undefined
    throw error
  } finally {
    await reader.close()
  }
}

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
    // Loaded with the first copy: a node that only relays needs none of it.
    const { moveTo } = await import('@servent/transfer')
    if (!(await moveTo(part, place))) throw taken(place)
  } finally {
    await rm(part, { force: true })
  }
  return done(place)
}

/**
 * `get` of a folder that is shared here: it is there already.
 *
 * @throws OutputError  it is to be copied, which is the system's own business
 */
export function ownFolder(path: string, output: string | undefined): GetEvent {
  if (output === undefined) return { event: 'done', path, bytes: 0, sources: 0, seconds: 0 }
  throw new OutputError(`This folder is shared from here: copy it from ${path}.`)
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
