/**
 * Folders that are made one by one. Node's own `recursive` begins again for ever where the kernel has no such file for a
 * folder whose parent is there, as in /proc.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** Permissions of a folder for the user alone. */
export const FOLDER_MODE = 0o700

/**
 * Makes what is missing of this path.
 *
 * @param mode  permissions of each that is made; without it, what the process gives to all its folders
 * @throws what the system says of the first that cannot be made
 */
export function makeFolder(folder: string, mode?: number): void {
  const missing = [resolve(folder)]
  for (let above = dirname(missing[0]!); !existsSync(above) && above !== missing[0]; above = dirname(above))
    missing.unshift(above)
  for (const one of missing) {
    try {
      mkdirSync(one, mode)
    } catch (error) {
      // It may have been there, or come meanwhile.
      if (!statSync(one, { throwIfNoEntry: false })?.isDirectory()) throw error
    }
  }
}
