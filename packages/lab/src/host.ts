/** Where a comparison ran, and which code it ran: so that figures can be told apart later. */
import { execFile } from 'node:child_process'
import { arch, cpus, platform, totalmem } from 'node:os'
import { dirname } from 'node:path'
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
