/** Where a comparison ran, and which code it ran: so that figures can be told apart later. */
import { execFile } from 'node:child_process'
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { arch, cpus, platform, totalmem } from 'node:os'
import { basename, dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Results } from './results.ts'

const GIT_MS = 5_000

export function hostNow(): Results['host'] {
  const all = cpus()
  return {
    node: process.version,
    platform: platform(),
    arch: arch(),
    cpu: all[0]?.model.trim() ?? 'unknown',
    cpus: all.length,
    memory_bytes: totalmem()
  }
}

/** Of this room of the house its sources, or what was built of them. A program in one file has no such place. */
const here = () => dirname(fileURLToPath(import.meta.url))

/**
 * What tells this code from other code, so that what one measured is not taken for another's: a hash over all that runs
 * here, the files of every room beside this one, from their sources or as they were built; of a program in one file what
 * its workers run.
 */
export async function identityOfCode(workerSource?: string, from?: string): Promise<string> {
  const hash = createHash('sha256')
  if (workerSource !== undefined) return hash.update(workerSource).digest('hex')
  const folder = from ?? here()
  const rooms = dirname(dirname(folder))
  await addRooms(hash, rooms, await readdir(rooms), basename(folder))
  return hash.digest('hex')
}

/**
 * The same of what real peers run, which is more: the program that is each of their daemons, and libraries that no simulated
 * peer has, by the versions that are written down beside it. A program in one file has all of it: `executable`.
 */
export async function identityOfProgram(
  workerSource?: string,
  from?: string,
  executable = process.execPath
): Promise<string> {
  const hash = createHash('sha256').update(await identityOfCode(workerSource, from))
  if (workerSource !== undefined) {
    for await (const piece of createReadStream(executable)) hash.update(piece)
    return hash.digest('hex')
  }
  const folder = from ?? here()
  const around = dirname(dirname(dirname(folder)))
  const apps = join(around, 'apps')
  await addRooms(hash, apps, await readdir(apps).catch(() => []), basename(folder))
  // Where somebody has installed it the program is beside its libraries, or around them.
  await addRoom(hash, join(around, 'servent'), basename(folder))
  if (basename(around) === 'node_modules') await addRoom(hash, dirname(around), basename(folder))
  for (const versions of ['package-lock.json', '.package-lock.json', '../../.package-lock.json'])
    hash.update(`${versions}\n`).update(await readFile(join(around, versions)).catch(() => ''))
  return hash.digest('hex')
}

async function addRooms(hash: Hash, folder: string, rooms: readonly string[], built: string): Promise<void> {
  for (const room of rooms.toSorted()) await addRoom(hash, join(folder, room), built)
}

async function addRoom(hash: Hash, room: string, built: string): Promise<void> {
  const code = join(room, built)
  const files = await readdir(code, { recursive: true }).catch(() => [])
  for (const name of files.filter(one => /\.(m?js|ts|json)$/.test(one)).sort())
    hash.update(`${basename(room)}/${name}\n`).update(await readFile(join(code, name)))
}

/** The commit of the checkout that this file lies in, with `-dirty` where files differ; null where there is none. */
export async function commitOfCode(): Promise<string | null> {
  const folder = here()
  // The checkout around an installed package is somebody else's.
  if (folder.split(sep).includes('node_modules')) return null
  const describe = ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*']
  try {
    const { stdout } = await promisify(execFile)('git', ['-C', folder, ...describe], { timeout: GIT_MS })
    return stdout.trim()
  } catch {
    return null
  }
}
