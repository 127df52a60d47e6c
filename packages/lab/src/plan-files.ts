/** The files that plans name, read before anything runs: by its SHA-256 one is known for the same, whatever its name. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { PlanError } from './errors.ts'
import type { PlanTexts } from './messages.ts'
import { filesOf } from './models.ts'
import { type Asked, askedOf, type FileSums, type Plan } from './plan.ts'

export interface NamedFiles {
  readonly texts: PlanTexts
  readonly sums: FileSums
}

/** @throws PlanError  one cannot be read */
export async function readNamedFiles(
  plans: readonly Plan[],
  resolvePath: (name: string) => string
): Promise<NamedFiles> {
  const texts: Record<string, string> = {}
  const sums: Record<string, string> = {}
  for (const plan of plans) {
    const { matrix, trace } = filesOf(plan)
    for (const [field, name] of [['latency', matrix] as const, ['churn', trace] as const]) {
      if (name === undefined || name in texts) continue
      const { text, sha256 } = await read(field, resolvePath(name))
      texts[name] = text
      sums[name] = sha256
    }
  }
  return { texts, sums }
}

/**
 * What each of these plans asks, the contents of its files among it.
 *
 * @throws PlanError  a file that one names cannot be read
 */
export async function askedOfAll(
  planned: ReadonlyMap<string, Plan>,
  resolvePath: (name: string) => string
): Promise<Map<string, Asked>> {
  const { sums } = await readNamedFiles([...planned.values()], resolvePath)
  return new Map([...planned].map(([name, plan]) => [name, askedOf(plan, sums)]))
}

/** The text is unpacked where its name ends in `.gz`; the sum is of the file as it lies there. */
async function read(field: string, path: string): Promise<{ text: string; sha256: string }> {
  try {
    const bytes = await readFile(path)
    const text = (path.endsWith('.gz') ? await promisify(gunzip)(bytes) : bytes).toString('utf8')
    return { text, sha256: createHash('sha256').update(bytes).digest('hex') }
  } catch (error) {
    throw new PlanError(`${field} names the file ${path}, which cannot be read: ${(error as Error).message}.`)
  }
}
