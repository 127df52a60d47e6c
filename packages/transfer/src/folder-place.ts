/**
 * The folder that a download of a folder fills: made anew and never in the place of one that stands, and the
 * folders below it made one by one, so that no symbolic link among them is followed.
 */
import { dirname, join } from 'node:path'
import { onDisk } from './disk.ts'
import { OutputError } from './errors.ts'
import { type Files, standing } from './files.ts'
import { syncFolder } from './place.ts'
import { numberedName } from './safe-file-name.ts'

const NUMBERS_MAX = 10_000

/**
 * Makes a folder of this name, or of the next free one after it, and gives its path. `onChosen` is told each
 * path before it is tried.
 *
 * @throws OutputError  thousands of names are taken
 * @throws DiskError
 */
export async function makeFreeFolder(
  parent: string,
  name: string,
  onChosen: (path: string) => void,
  files: Files
): Promise<string> {
  for (let number = 0; number < NUMBERS_MAX; number += 1) {
    const path = join(parent, numberedName(name, number))
    if ((await onDisk(path, () => standing(path, files))) !== undefined) continue
    onChosen(path)
    if (await makeOne(path, files)) return path
  }
  throw new OutputError(`${NUMBERS_MAX} folders named as ${name} stand in ${parent}. Choose another name.`)
}

/**
 * Makes what is missing of the folders `below` a folder, and gives the path of the last.
 *
 * @throws OutputError  something else stands there, as a link that leads elsewhere
 * @throws DiskError
 */
export async function makeFolders(folder: string, below: readonly string[], files: Files): Promise<string> {
  let path = folder
  await makeFolder(path, files)
  for (const name of below) {
    path = join(path, name)
    await makeFolder(path, files)
  }
  return path
}

async function makeFolder(path: string, files: Files): Promise<void> {
  if (await makeOne(path, files)) return
  const found = await onDisk(path, () => files.lstat(path))
  if (found.isDirectory()) return
  throw new OutputError(
    `${path} is no folder, and links are not followed. Remove it, or get the folder to another output.`
  )
}

/** False where something stands there. */
async function makeOne(path: string, files: Files): Promise<boolean> {
  return onDisk(path, async () => {
    try {
      await files.mkdir(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    }
    await syncFolder(dirname(path), files)
    return true
  })
}

/** Removes folders that have nothing in them, the inner ones first. Others stay. */
export async function removeEmptyFolders(
  folder: string,
  paths: readonly (readonly string[])[],
  files: Files
): Promise<void> {
  const folders = new Set<string>([folder])
  for (const path of paths) {
    for (let depth = 1; depth < path.length; depth += 1) folders.add(join(folder, ...path.slice(0, depth)))
  }
  // A longer path is never above a shorter one.
  for (const path of [...folders].sort((a, b) => b.length - a.length)) await files.rmdir(path).catch(() => {})
}
