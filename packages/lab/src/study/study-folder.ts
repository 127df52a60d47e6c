/**
 * The folder of a study: its plan with every choice made, its runs as they end, and in the end what they say. The same
 * plan has the same folder, so that a study which was interrupted goes on there.
 */
import { createHash } from 'node:crypto'
import { rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolder } from '@servent/database/make-folder'
import { graphFileOf, writeGraphml } from './graphml.ts'
import { NAMED_FILES_FOLDER, type PlannedStudy } from './plan-study.ts'
import { runPlanned, type StudyRunOptions } from './run-study.ts'
import { SampleFiles } from './samples.ts'
import type { Study } from './study.ts'
import type { StudyResults } from './study-results.ts'
import { checkSums, removeOthers, SUMS_FILE, sumFiles } from './study-sums.ts'

export const STUDY_FILES = {
  plan: 'plan.resolved.yaml',
  results: 'results.json',
  fingerprint: 'fingerprint.txt',
  csv: 'samples.csv',
  parquet: 'samples.parquet',
  sums: SUMS_FILE
} as const
/** Written first and renamed then, so that earlier files stay until the new ones are whole. */
const PART = '.part'
const ID_CHARACTERS = 8
/** What stands for a fingerprint of real peers, which do nothing twice alike. */
export const NO_FINGERPRINT = 'none: of real peers'

/** `runs/quick-1f0b73c1`: of its name and all that it asks. */
export function folderOf({ name, resolved }: Study): string {
  const id = createHash('sha256').update(resolved).digest('hex').slice(0, ID_CHARACTERS)
  return join('runs', `${name}-${id}`)
}

/** Makes the folder, and sees whether it takes files, before hours go into the study. What its plan needs to run is in it then. */
export async function prepareStudy({ study, bytes }: PlannedStudy, folder: string): Promise<void> {
  makeFolder(folder)
  for (const name of Object.values(STUDY_FILES)) {
    await writeFile(join(folder, `${name}${PART}`), '')
    await rm(join(folder, `${name}${PART}`))
    const there = await stat(join(folder, name)).catch(() => undefined)
    if (there?.isDirectory()) throw new Error(`${name} is a folder there`)
  }
  await checkSums(folder)
  for (const [name, content] of bytes) await writeBeside(folder, name, content)
  await writeWhole(join(folder, STUDY_FILES.plan), study.resolved)
}

/** Runs the study, writes all but its checksums, and gives its results. */
export async function runInFolder(planned: PlannedStudy, options: StudyRunOptions): Promise<StudyResults> {
  const { folder } = options
  const { study } = planned
  const samples = new SampleFiles(join(folder, STUDY_FILES.csv), join(folder, STUDY_FILES.parquet))
  const results = await runPlanned(planned, {
    ...options,
    onSamples: (part, point, run) => {
      const { name, points } = study.parts[part]!
      samples.add(name, points[point]!, run)
      if (run.graph)
        writeGraphml(folder, graphFileOf(name, points[point]!.overlay, point), name, points[point]!, run)
    }
  })
  samples.finish()
  await writeWhole(join(folder, STUDY_FILES.results), `${JSON.stringify(results, null, 2)}\n`)
  await writeWhole(join(folder, STUDY_FILES.fingerprint), `${results.fingerprint ?? NO_FINGERPRINT}\n`)
  return results
}

/** Files of a study beside its own: a report, plots. `name` may have folders before it. */
export async function writeBeside(folder: string, name: string, content: string | Uint8Array): Promise<void> {
  makeFolder(dirname(join(folder, name)))
  await writeWhole(join(folder, name), content)
}

/**
 * `SHA256SUMS`, of the study's own files and these beside them. What another study had in the folder, and this has not, is
 * removed; nothing, where what is beside them could not be made: an earlier report may be there.
 */
export async function writeSums(
  folder: string,
  { parts }: Pick<StudyResults, 'parts'>,
  beside: readonly string[] | undefined
): Promise<void> {
  const { sums, ...own } = STUDY_FILES
  const graphs = parts.flatMap(({ points }) => points.flatMap(({ graphml }) => graphml ?? []))
  // Of a folder that an earlier version wrote, files lie elsewhere.
  const named = parts
    .flatMap(({ points }) => points.flatMap(({ plan }) => Object.keys(plan.files ?? {})))
    .filter(name => name.startsWith(`${NAMED_FILES_FOLDER}/`))
  const names = [...Object.values(own), ...graphs, ...new Set(named), ...(beside ?? [])].sort()
  // First: where this ends before the new ones are there, the old ones still say what is to go.
  if (beside !== undefined) await removeOthers(folder, new Set(names))
  await writeWhole(join(folder, sums), await sumFiles(folder, names))
}

async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  await writeFile(`${file}${PART}`, content)
  await rename(`${file}${PART}`, file)
}
