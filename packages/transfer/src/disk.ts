/** What the disk says, in sentences for the user. */
import { DiskError } from './errors.ts'
import type { Files } from './files.ts'

const SENTENCES: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full. Free some space there, then resume.',
  EDQUOT: 'Your quota on this disk is used up. Free some space there, then resume.',
  EFBIG: 'This disk, or a limit of this process, does not allow so large a file. Choose another folder.',
  EROFS: 'The disk can only be read. Mount it writable or choose another folder, then resume.',
  EACCES: 'This folder may not be written. Change its permissions or choose another, then resume.',
  EPERM: 'The system does not allow this. Change its permissions or choose another folder, then resume.',
  EIO: 'The disk reports an error of its own. Check it, then resume: what is verified is kept.',
  ENODEV: 'The disk is gone. Connect it again, then resume.',
  ENXIO: 'The disk is gone. Connect it again, then resume.',
  ESTALE: 'The network folder is gone. Connect it again, then resume.',
  ENOENT: 'It is not there any more. Make the folder again, then resume.',
  ENOTDIR: 'A part of this path is no folder. Choose another folder.',
  ELOOP: 'A symbolic link stands in its place, and links are not followed. Remove it, then resume.',
  EMFILE: 'This process has too many files open. Resume when other transfers have ended.',
  ENFILE: 'The system has too many files open. Close programs, then resume.'
}

/** @throws DiskError  in place of what `work` threw, with the path and what to try */
export async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw diskError(path, error)
  }
}

export function diskError(path: string, error: unknown): Error {
  const { code, name, message } = error as NodeJS.ErrnoException
  if (name === 'DiskError' || code === undefined) return error as Error
  const sentence = SENTENCES[code] ?? `The system says "${message}". Resume when that is mended.`
  return new DiskError(`${path} could not be written or read (${code}). ${sentence}`, { cause: error })
}

/**
 * Says no before the first byte where the rest of a file cannot fit.
 *
 * @throws DiskError
 */
export async function checkSpace(folder: string, neededBytes: number, files: Files): Promise<void> {
  const { bavail, bsize } = await onDisk(folder, () => files.statfs(folder))
  const freeBytes = bavail * bsize
  // Some network and virtual file systems say 0 of everything.
  if (freeBytes >= neededBytes || (freeBytes === 0 && bsize === 0)) return
  throw new DiskError(
    `${folder} has ${inMiB(freeBytes)} MiB free, and ${inMiB(neededBytes)} MiB are still to come. Free some space there, then resume.`
  )
}

function inMiB(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}
