/** The folder that a comparison's results go to: seen to be one that takes them before hours go into the run. */
import { rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '@servent/database/make-folder'
import type { Results } from '@servent/lab'
import { ProblemError } from '../../problem.ts'

const RESULTS = 'results.json'
const FINGERPRINT = 'fingerprint.txt'
/** Written first and renamed then, so that earlier results stay until the new ones are whole. */
const PART = '.part'

/** @throws ProblemError  nothing can be written there */
export async function prepareOut(folder: string): Promise<void> {
  try {
    makeFolder(folder)
    for (const name of [RESULTS, FINGERPRINT]) {
      const file = join(folder, name)
      await writeFile(`${file}${PART}`, '')
      await rm(`${file}${PART}`)
      const there = await stat(file).catch(() => undefined)
      if (there?.isDirectory()) throw new Error(`${name} is a folder there`)
    }
  } catch (error) {
    throw new ProblemError({
      code: 'usage',
      message: `--out names ${folder}, and no results can be written there: ${(error as Error).message}.`,
      try: 'the same command with a folder that you may write to'
    })
  }
}

/** @throws ProblemError  the folder takes no files any more */
export async function writeOut(folder: string, results: Results): Promise<void> {
  const { NO_FINGERPRINT } = await import('@servent/lab')
  try {
    await writeWhole(join(folder, RESULTS), `${JSON.stringify(results, null, 2)}\n`)
    await writeWhole(join(folder, FINGERPRINT), `${results.fingerprint ?? NO_FINGERPRINT}\n`)
  } catch (error) {
    throw new ProblemError({
      code: 'failed',
      message: `The results could not be written to ${folder}: ${(error as Error).message}. They are on stdout.`,
      try: 'servent lab compare --json > results.json, which needs no folder'
    })
  }
}

/** Where they stand, for people. */
export function filesIn(folder: string): string {
  return [RESULTS, FINGERPRINT].map(name => join(folder, name)).join(', ')
}

async function writeWhole(file: string, text: string): Promise<void> {
  await writeFile(`${file}${PART}`, text)
  await rename(`${file}${PART}`, file)
}
