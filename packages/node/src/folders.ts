/**
 * Where a node keeps things: the XDG base directories on Linux, their counterparts elsewhere (env-paths).
 *
 * Config is the user's and is never written. Data is what must not be lost (identity, database, partial
 * files). State is logs.
 */
import { chmod, readdir, realpath, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { FOLDER_MODE, makeFolder } from '@servent/database'
import envPaths from 'env-paths'
import { IdentityError } from './errors.ts'

export const IDENTITY_FILE = 'identity.key'
export const DATABASE_FILE = 'servent.db'

/** Permissions of group and others: any, and to write. */
export const OTHERS_ANY = 0o077
const OTHERS_WRITE = 0o022
/** Windows has no such modes; what guards the folder there is the user's profile. */
export const HAS_MODES = process.platform !== 'win32'

export interface Folders {
  readonly config: string
  readonly data: string
  readonly state: string
  /** Where finished downloads go unless the user says otherwise. */
  readonly downloads: string
}

/** `dataDir` is `--data-dir`: everything that this node writes then stays in it, so several run side by side. */
export function folders(dataDir?: string): Folders {
  // Without the empty suffix env-paths appends `-nodejs`.
  const paths = envPaths('servent', { suffix: '' })
  if (dataDir !== undefined) {
    const data = resolve(dataDir)
    return { config: paths.config, data, state: join(data, 'log'), downloads: join(data, 'downloads') }
  }
  return {
    config: paths.config,
    data: paths.data,
    state: paths.log,
    downloads: join(homedir(), 'Downloads', 'servent')
  }
}

/**
 * Makes the data folder for the user alone. A folder that stands already and is empty is taken over; one
 * with content keeps its mode.
 *
 * @throws IdentityError  others can write in it: they could put a key of theirs in place of ours
 */
export async function prepareDataFolder(folder: string): Promise<void> {
  makeFolder(folder, FOLDER_MODE)
  if (!HAS_MODES) return
  let info = await stat(folder)
  if (
    (info.mode & OTHERS_ANY) !== 0 &&
    info.uid === process.getuid?.() &&
    (await readdir(folder)).length === 0
  ) {
    await chmod(folder, FOLDER_MODE)
    info = await stat(folder)
  }
  if ((info.mode & OTHERS_WRITE) === 0) return
  throw new IdentityError(
    `The data folder ${folder} can be written by others (mode ${octal(info.mode)}), who could replace the key in it. Run chmod 700 ${folder}, or use another one by --data-dir.`
  )
}

/**
 * Whether `outer` is `inner` or holds it, by links as well. Neither needs to stand yet: the nearest folder
 * above that does tells.
 */
export async function holds(outer: string, inner: string): Promise<boolean> {
  const way = relative(await real(outer), await real(inner))
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

async function real(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    const above = dirname(path)
    return above === path ? path : join(await real(above), relative(above, path))
  }
}

export const octal = (mode: number): string => (mode & 0o777).toString(8).padStart(4, '0')
