/** The checksums of a study's folder, and what they tell of a study that the folder had before. */
import { createHash } from 'node:crypto'
import { readFile, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** As `sha256sum -c` reads it. */
export const SUMS_FILE = 'SHA256SUMS'
/** Files by which it is known for that of a study. */
const OF_EACH_STUDY = ['plan.resolved.yaml', 'results.json']
/** Files of which one study may have some that another has not. What else the sums name is left alone. */
const OF_ONE_STUDY = /^(?:report\.html|(?:plots|topology|files)\/[\w-][\w.-]*)$/
const LINE = /^([0-9a-f]{64}) {2}(.+)$/

/** @throws Error  there are sums that are of something else, and would be written over */
export async function checkSums(folder: string): Promise<void> {
  const text = await textOf(folder)
  if (text !== '' && !isOfStudy(sumsIn(text))) throw new Error(`${SUMS_FILE} there is of other files`)
}

/** Of the files that are of a study in this folder. */
export async function sumFiles(folder: string, names: readonly string[]): Promise<string> {
  const lines: string[] = []
  for (const name of names) lines.push(`${await sumOf(join(folder, name))}  ${name}\n`)
  return lines.join('')
}

/**
 * Removes what the sums in the folder name, and a study with these files has not, and the folders that are empty then.
 * What was changed since is somebody's work and stays.
 */
export async function removeOthers(folder: string, kept: ReadonlySet<string>): Promise<void> {
  const sums = sumsIn(await textOf(folder))
  if (!isOfStudy(sums)) return
  const within = new Set<string>()
  for (const [name, sum] of sums) {
    if (kept.has(name) || !OF_ONE_STUDY.test(name)) continue
    const file = join(folder, name)
    const now = await sumOf(file).catch(() => undefined)
    if (now !== sum) continue
    await rm(file)
    if (dirname(name) !== '.') within.add(dirname(name))
  }
  // Where there is something else, they are not empty.
  for (const name of within) await rmdir(join(folder, name)).catch(() => {})
}

const isOfStudy = (sums: ReadonlyMap<string, string>) => OF_EACH_STUDY.every(name => sums.has(name))

const textOf = (folder: string) => readFile(join(folder, SUMS_FILE), 'utf8').catch(() => '')

/** By name. */
function sumsIn(text: string): Map<string, string> {
  const sums = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, sum, name] = LINE.exec(line) ?? []
    if (sum !== undefined && name !== undefined) sums.set(name, sum)
  }
  return sums
}

async function sumOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
}
