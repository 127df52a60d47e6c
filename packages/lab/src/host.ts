/** Where a comparison ran, and which code it ran: so that figures can be told apart later. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
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

/**
 * What tells this code from other code, so that what one measured is not taken for another's: a hash over all that runs
 * here, the files of every room beside this one, from their sources or as they were built; of a program in one file what
 * its workers run.
 */
export async function identityOfCode(workerSource?: string): Promise<string> {
  const hash = createHash('sha256')
  if (workerSource !== undefined) return hash.update(workerSource).digest('hex')
  const folder = dirname(fileURLToPath(import.meta.url))
  const rooms = dirname(dirname(folder))
  for (const room of (await readdir(rooms)).sort()) {
    const code = join(rooms, room, basename(folder))
    const files = await readdir(code, { recursive: true }).catch(() => [])
    for (const name of files.filter(one => /\.(js|ts|json)$/.test(one)).sort())
      hash.update(`${room}/${name}\n`).update(await readFile(join(code, name)))
  }
  return hash.digest('hex')
}

/** The commit of the checkout that this file lies in, with `-dirty` where files differ; null where there is none. */
export async function commitOfCode(): Promise<string | null> {
  const folder = dirname(fileURLToPath(import.meta.url))
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
