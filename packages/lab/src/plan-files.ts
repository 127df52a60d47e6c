/** The files that plans name, read before anything runs: by its SHA-256 one is known for the same, whatever its name. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { PlanError } from './errors.ts'
import type { PlanTexts } from './messages.ts'
import { filesOf } from './models.ts'
import { type Asked, askedOf, type FileSums, type Plan } from './plan.ts'

/** Of all files that plans of one study or comparison name together, packed and unpacked. */
export const NAMED_FILES_BYTES_MAX = 128 * 2 ** 20
/** Of a name without its ending, as it is kept. */
const STEM_CHARACTERS_MAX = 40
const SUM_CHARACTERS = 12

export interface NamedFiles {
  readonly texts: PlanTexts
  readonly sums: FileSums
  /** As they lie there, by the names that plans have for them. */
  readonly bytes: ReadonlyMap<string, Buffer>
}

/** Says where a plan, by its place among others, comes from, with what is wrong with it. */
export type PlacedError = (error: PlanError, plan: number) => PlanError

/** @throws PlanError  one cannot be read, or all together are too large */
export async function readNamedFiles(
  plans: readonly Plan[],
  resolvePath: (name: string) => string,
  placed: PlacedError = error => error
): Promise<NamedFiles> {
  const texts: Record<string, string> = {}
  const sums: Record<string, string> = {}
  const bytes = new Map<string, Buffer>()
  let left = NAMED_FILES_BYTES_MAX
  for (const [index, plan] of plans.entries()) {
    const { matrix, trace } = filesOf(plan)
    for (const [field, name] of [['latency', matrix] as const, ['churn', trace] as const]) {
      if (name === undefined || bytes.has(name)) continue
      const path = resolvePath(name)
      try {
        const file = await readNamedFile(path, left)
        texts[name] = file.unpacked.toString('utf8')
        sums[name] = createHash('sha256').update(file.bytes).digest('hex')
        bytes.set(name, file.bytes)
        left -= Math.max(file.bytes.length, file.unpacked.length)
      } catch (error) {
        throw placed(
          new PlanError(
            `${field} names the file ${path}, which cannot be read: ${(error as Error).message}.`
          ),
          index
        )
      }
    }
  }
  return { texts, sums, bytes }
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

/**
 * A name under which a file can lie anywhere: `king-1f0b73c1a2b3.tsv`, of what is safe in its name and of what is in it.
 * A file that was kept before has the same name again. `index`: among files of which all that is the same.
 */
export function keptName(name: string, sha256: string, index = 1): string {
  const sum = sha256.slice(0, SUM_CHARACTERS)
  const [, stem, ending] = /^(.*?)((?:\.[A-Za-z0-9]{1,8}){0,2})$/s.exec(basename(name)) as unknown as [
    string,
    string,
    string
  ]
  const own = stem.replace(new RegExp(`-${sum}(-[1-9][0-9]{0,3})?$`), '')
  const safe = own.replaceAll(/[^A-Za-z0-9_]+/g, '-').replaceAll(/^-+|-+$/g, '')
  return `${safe.slice(0, STEM_CHARACTERS_MAX).replace(/-+$/, '') || 'file'}-${sum}${index === 1 ? '' : `-${index}`}${ending}`
}

/** By the names that plans have for them: in the same order the same ones again, and no two alike. */
export function keptNames(sums: Iterable<readonly [name: string, sha256: string]>): Map<string, string> {
  const kept = new Map<string, string>()
  const alike = new Map<string, number>()
  for (const [name, sum] of sums) {
    // Files of two folders may have one name and the same bytes, and a plan must not have a value twice.
    const first = keptName(name, sum)
    const index = (alike.get(first) ?? 0) + 1
    alike.set(first, index)
    kept.set(name, keptName(name, sum, index))
  }
  return kept
}

/**
 * Unpacked where its name ends in `.gz`.
 *
 * @throws Error  it cannot be read, or is larger
 */
export async function readNamedFile(
  path: string,
  bytesMax: number
): Promise<{ bytes: Buffer; unpacked: Buffer }> {
  const there = await stat(path)
  // What is no file may have no end.
  if (!there.isFile()) throw new Error('it is no file')
  if (there.size > bytesMax) throw tooLarge()
  // It may grow meanwhile, and files of `/proc` say that they are empty. The byte at `end` is read too.
  const bytes = await buffer(createReadStream(path, { end: bytesMax }))
  if (bytes.length > bytesMax) throw tooLarge()
  if (!path.endsWith('.gz')) return { bytes, unpacked: bytes }
  const unpacked = await promisify(gunzip)(bytes, { maxOutputLength: Math.max(1, bytesMax) }).catch(error => {
    throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge() : error
  })
  return { bytes, unpacked }
}

const tooLarge = () =>
  new Error(`the files of a plan have ${NAMED_FILES_BYTES_MAX} bytes at most, all together`)
