/** `lab report`, and the report that `lab run` leaves: a page drawn from results, with its plots beside it. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { StudyResults } from '@servent/lab'
import { type Command, Option } from 'commander'
import { ProblemError } from '../../problem.ts'
import { plural } from '../../terminal/format.ts'
import type { Act, Context } from '../context.ts'
import { verb } from '../program.ts'

const PAGE = 'report.html'

export function reportVerb(lab: Command, act: Act): void {
  verb(lab, 'report <RUN...>', 'Draw a report of studies that were run, several side by side', [
    'servent lab report runs/quick-1f0b73c1',
    'servent lab report runs/before runs/after --out compared'
  ])
    .addOption(new Option('--out <DIR>', 'Where the page and its plots go; default: the folder of the first'))
    .action(act(runReport))
}

/** Draws a page into a folder; gives the names of its files. */
export async function writeReport(folder: string, studies: readonly StudyResults[]): Promise<string[]> {
  const [{ reportOf }, { writeBeside }] = await Promise.all([
    import('@servent/lab-report'),
    import('@servent/lab')
  ])
  const { html, plots, pictures } = await reportOf(studies)
  const files = new Map([[PAGE, html]])
  for (const { name, svg, spec } of plots) {
    files.set(`plots/${name}.svg`, svg)
    files.set(`plots/${name}.vl.json`, `${JSON.stringify(spec, null, 2)}\n`)
  }
  for (const { name, svg } of pictures) files.set(`plots/${name}.svg`, svg)
  for (const [name, text] of files) await writeBeside(folder, name, text)
  return [...files.keys()]
}

async function runReport(
  context: Context,
  runs: string[],
  options: Record<string, unknown>
): Promise<undefined> {
  const { out } = options as { out?: string }
  const studies = await Promise.all(runs.map(run => studyIn(context, run)))
  const folder = context.path(out ?? studies[0]!.folder)
  const files = await writeReport(
    folder,
    studies.map(({ results }) => results)
  ).catch(error => {
    throw failed(folder, error)
  })
  if (context.json) context.emit({ event: 'done', folder, files })
  const { talk } = context
  talk.line(`Written: ${join(folder, PAGE)}, and ${plural(files.length - 1, 'file')} of plots beside it`)
  return undefined
}

interface Ran {
  readonly folder: string
  readonly results: StudyResults
}

/** @throws ProblemError  there is no study */
export async function studyIn(context: Context, run: string): Promise<Ran> {
  const { parseResults, STUDY_FILES } = await import('@servent/lab')
  const path = context.path(run)
  try {
    const isFolder = (await stat(path)).isDirectory()
    const file = isFolder ? join(path, STUDY_FILES.results) : path
    const results = parseResults(await readFile(file, 'utf8'), file)
    if ('parts' in results) return { folder: isFolder ? path : join(path, '..'), results }
    throw new Error(`${run} has a comparison, and a report is of studies`)
  } catch (error) {
    throw new ProblemError({
      code: 'usage',
      message: `${run} is no study that was run: ${(error as Error).message}.`,
      try: 'servent lab run plans/quick.yaml, which says where its folder is'
    })
  }
}

function failed(folder: string, error: unknown): ProblemError {
  const { name, message } = error as Error
  const isOurs = name === 'ReportError'
  return new ProblemError({
    code: isOurs ? 'usage' : 'failed',
    message: isOurs ? message : `The report could not be written to ${folder}: ${message}.`,
    try: 'servent lab report --help'
  })
}
