/**
 * Puts a whole file under its final name without ever standing in for one that is there, not for an instant:
 * a hard link fails where the name is taken, and both names show the whole file until the old one is removed.
 */
import { dirname, join } from 'node:path'
import { OutputError } from './errors.ts'
import { FILES, type Files, standing } from './files.ts'
import { nameKey, numberedName } from './safe-file-name.ts'

const NUMBERS_MAX = 10_000

/**
 * Links or renames `from` into `folder`, tells `onChosen` each path before it is tried, and gives the path
 * that it has in the end. Names that only differ in case or in how accents are written count as taken, unless
 * `isAlone` says that the folder is this program's own, which gives no two such names: reading all names of a
 * folder for each of its files would take longer than the files.
 *
 * @throws OutputError  thousands of names are taken
 */
export async function place(
  from: string,
  folder: string,
  name: string,
  onChosen: (path: string) => void,
  { isAlone = false, files = FILES }: { isAlone?: boolean; files?: Files } = {}
): Promise<string> {
  const taken = isAlone ? new Set<string>() : await takenKeys(folder, files)
  for (let number = 0; number < NUMBERS_MAX; number += 1) {
    const candidate = numberedName(name, number)
    const path = join(folder, candidate)
    if (await isSameFile(from, path, files)) {
      // A run before this one was killed between the two steps. Were this one killed after the second, nobody else knew
      // where the file is.
      onChosen(path)
      await files.unlink(from)
      await syncFolder(folder, files)
      return path
    }
    if (taken.has(nameKey(candidate))) continue
    onChosen(path)
    if (await moveTo(from, path, files)) {
      await syncFolder(folder, files)
      if (dirname(from) !== folder) await syncFolder(dirname(from), files)
      return path
    }
  }
  throw new OutputError(`${NUMBERS_MAX} files named as ${name} stand in ${folder}. Choose another name.`)
}

/** Gives a whole file its final name, durably. False: something has that name, and is not touched. */
export async function moveTo(from: string, to: string, files = FILES): Promise<boolean> {
  try {
    await files.link(from, to)
    await syncFolder(dirname(to), files)
    await files.unlink(from)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    if (!hasNoLinks(error)) throw error
  }
  // The best there is without links: a file made by somebody between these two lines is lost.
  if ((await standing(to, files)) !== undefined) return false
  await files.rename(from, to)
  await syncFolder(dirname(to), files)
  return true
}

/** FAT, some network and some phones' file systems have no hard links; others have no more of this file. */
export function hasNoLinks(error: unknown): boolean {
  return ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(
    (error as NodeJS.ErrnoException).code ?? ''
  )
}

async function takenKeys(folder: string, files: Files): Promise<Set<string>> {
  const keys = new Set<string>()
  for await (const entry of await files.opendir(folder)) keys.add(nameKey(entry.name))
  return keys
}

async function isSameFile(a: string, b: string, files: Files): Promise<boolean> {
  const [one, other] = await Promise.all([standing(a, files), standing(b, files)])
  return one !== undefined && one.ino === other?.ino && one.dev === other.dev && one.ino !== 0n
}

/** A new name survives a power cut only when its folder is synced. Windows cannot open folders, and need not. */
export async function syncFolder(folder: string, files: Files): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await files.open(folder, 'r')
  try {
    await handle.sync()
  } catch (error) {
    // Network file systems that have no such thing say so.
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error
  } finally {
    await handle.close()
  }
}
