/** Where a comparison ran, and which code it ran: so that figures can be told apart later. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { arch, cpus, platform, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Results } from './results.ts'

const GIT_MS = 5_000
const DIFF_BYTES_MAX = 2 ** 28

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
 * What tells this code from other code, so that what one measured is not taken for another's: its commit, with a hash
 * of what differs from it; of a package that was installed, when it was built; of a program in one file what runs in it.
 */
export async function identityOfCode(workerSource?: string): Promise<string> {
  if (workerSource !== undefined) return createHash('sha256').update(workerSource).digest('hex')
  const commit = await commitOfCode()
  const file = fileURLToPath(import.meta.url)
  if (commit === null) return `built ${(await stat(file)).mtimeMs}`
  if (!commit.endsWith('-dirty')) return commit
  const { stdout } = await promisify(execFile)('git', ['-C', dirname(file), 'diff', 'HEAD'], {
    timeout: GIT_MS,
    maxBuffer: DIFF_BYTES_MAX,
    encoding: 'buffer'
  })
  return `${commit} ${createHash('sha256').update(stdout).digest('hex')}`
}

/** The commit of the checkout that this file lies in, with `-dirty` where files differ; null where there is none. */
export async function commitOfCode(): Promise<string | null> {
  const folder = dirname(fileURLToPath(import.meta.url))
  const describe = ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*']
  try {
    const { stdout } = await promisify(execFile)('git', ['-C', folder, ...describe], { timeout: GIT_MS })
    return stdout.trim()
  } catch {
    return null
  }
}
