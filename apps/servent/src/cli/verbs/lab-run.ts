/** `lab run`: a plan file, from its first run to a folder with all that it says. */
import { isUtf8 } from 'node:buffer'
import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { StudyResults } from '@servent/lab'
import { type Command, Option } from 'commander'
import { labAssets, labBackends } from '../../lab-assets.ts'
import { ProblemError } from '../../problem.ts'
import { plural } from '../../terminal/format.ts'
import type { Act, Context } from '../context.ts'
import { collect } from '../options.ts'
import { verb } from '../program.ts'
import { gateOptions, judgeOf, sayGates } from './lab-gates.ts'
import { writeReport } from './lab-report.ts'
import { studyLines } from './lab-study-table.ts'
import { inVerb, number, showProgress } from './lab-words.ts'

export function runVerb(lab: Command, act: Act): void {
  verb(lab, 'run <FILE>', 'Run a plan file: several questions, each with several values', [
    'servent lab run plans/quick.yaml',
    'servent lab run plans/churn.yaml --set seeds=20',
    'servent lab run plans/quick.yaml --set lookups.nodes=[100,1000] --out runs/mine'
  ])
    .addOption(
      new Option(
        '--set <name=value>',
        'A field everywhere (seeds=20), of one part (lookups.nodes=[100,1000]), or a setting (chord.successors=4); repeatable'
      ).argParser(collect)
    )
    .addOption(
      new Option(
        '--workers <N>',
        'Runs at a time at most, as memory allows; makes no difference to results'
      ).argParser(number)
    )
    .addOption(
      new Option('--out <DIR>', 'Where its folder is; default: runs/ with its name and what it asks')
    )
    .addOption(gateOptions()[0]!)
    .addOption(gateOptions()[1]!)
    .action(
      act((...given) =>
        runPlanFile(...given).catch(error => {
          throw inVerb('run', error)
        })
      )
    )
}

async function runPlanFile(
  context: Context,
  [file]: string[],
  options: Record<string, unknown>
): Promise<number | undefined> {
  const lab = await import('@servent/lab')
  const { set, workers, out } = options as { set?: string[]; workers?: number; out?: string }
  const given = lab.resolveStudy(await readPlan(context, file!), file!, {
    workers,
    ...(set === undefined ? {} : { set })
  })
  // Whatever refuses it does so before anything is written.
  const planned = await lab.planStudy(given, planPaths(context, file!))
  await lab.checkStudy(planned, { backends: labBackends })
  const judge = await judgeOf(context, options, async () => lab.askedIn(planned))
  const shown = out ?? lab.folderOf(planned.study)
  const folder = context.path(shown)
  await lab.prepareStudy(planned, folder).catch(error => {
    throw noFolder(shown, 'run', error)
  })
  const { progress, talk } = context
  progress.show(`Running ${file} …`)
  const results = await lab.runInFolder(planned, {
    folder,
    signal: context.signal,
    workerSource: labAssets()?.workerSource,
    backends: labBackends,
    onBegin: ({ there, all }) => {
      if (there > 0) talk.line(`${there} of ${plural(all, 'run')} are in ${shown} already.`)
    },
    onProgress: at => showProgress(progress, at)
  })
  progress.clear()
  // Said before they are drawn: a page that is not made takes no verdict away.
  const gates = judge?.(results)
  if (context.json) context.emit({ event: 'done', folder, ...results, ...(gates && { gates }) })
  else context.out.lines(await studyLines(results, context.out.columnsMax))
  talk.line()
  warn(context, results)
  const verdict = gates && sayGates(context, gates)
  const [report] = await Promise.allSettled([writeReport(folder, [results])])
  await lab.writeSums(folder, results, report.status === 'fulfilled' ? report.value : undefined)
  if (report.status === 'rejected')
    throw noReport(shown, verdict === undefined ? 'failed' : 'gate-failed', report.reason)
  talk.line(
    `Written: ${join(shown, 'report.html')} and, beside it, ${lab.STUDY_FILES.results}, samples and plots`
  )
  if (gates !== undefined) return verdict
  context.next(`servent lab run ${join(shown, lab.STUDY_FILES.plan)}`, `servent lab report ${shown}`)
  return undefined
}

/** A plan and its files go together. */
export const planPaths = (context: Context, file: string) => (name: string) =>
  context.path(join(relative(context.io.cwd, context.path(file)), '..', name))

export async function readPlan(context: Context, file: string): Promise<string> {
  try {
    const bytes = await readFile(context.path(file))
    // Of other text, characters would be lost without a word.
    if (!isUtf8(bytes)) throw new Error('it is no text in UTF-8')
    return bytes.toString('utf8')
  } catch (error) {
    throw new ProblemError({
      code: 'usage',
      message: `The plan ${file} cannot be read: ${(error as Error).message}.`,
      try: 'servent lab run plans/quick.yaml'
    })
  }
}

export function noFolder(folder: string, ofVerb: string, error: unknown): ProblemError {
  return new ProblemError({
    code: 'usage',
    message: `The study goes to ${folder}, and nothing can be written there: ${(error as Error).message}.`,
    try: `servent lab ${ofVerb} with --out and a folder that you may write to`
  })
}

/** Of results that are there: with the exit code that they have without a report. */
function noReport(folder: string, code: 'failed' | 'gate-failed', error: unknown): ProblemError {
  return new ProblemError({
    code,
    message: `The report could not be written to ${folder}: ${(error as Error).message}. The results are there.`,
    try: `servent lab report ${folder}`
  })
}

function warn({ notes }: Context, { parts }: StudyResults): void {
  for (const { name, points } of parts)
    for (const { overlay, at, results } of points)
      for (const warning of results.warnings)
        notes.line(
          `${notes.style('yellow', 'warning:')} ${name}, ${[overlay, ...Object.values(at)].join(' ')}: ${warning}`
        )
}
