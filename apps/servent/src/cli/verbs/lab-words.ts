/** What the lab's verbs say alike: how far they are, as a line that is written over or not, and what was wrong. */
import type { Progress } from '@servent/lab'
import { ProblemError } from '../../problem.ts'
import { formatDuration, formatPercent, plural } from '../../terminal/format.ts'
import { bar, type ProgressLine } from '../../terminal/progress.ts'

export function showProgress(line: ProgressLine, at: Progress): void {
  line.show(`${bar(at.done, 1)}  ${runsOf(at)}`, plainLineOf(at))
}

/** `30 %: 3 of 10 runs, about 2 min left`. */
export const plainLineOf = (at: Progress) => `${formatPercent(at.done, 1)}: ${runsOf(at)}`

function runsOf({ remainingMs, runs, runsDone }: Progress): string {
  const left =
    remainingMs === undefined || remainingMs < 1000 ? '' : `, about ${formatDuration(remainingMs)} left`
  return `${runsDone} of ${plural(runs, 'run')}${left}`
}

/** A number where it is one; what else it may be is the plan's to refuse, which knows the bounds. */
export function number(text: string): number | string {
  return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text)
}

/** Where a reader sees how a plan file is written, whose fields no flag has. */
const PLAN_FILES = ', docs/lab.md, which has every field, or plans/quick.yaml, which runs as it is'

/** What was wrong with a plan, as a mistake in the line of this verb. */
export function inVerb(verb: string, error: unknown): unknown {
  const { name, message } = error as Error
  if (name !== 'PlanError') return error
  return new ProblemError({
    code: 'usage',
    message,
    try: `servent lab ${verb} --help${/^(run|export-p2psim)$/.test(verb) ? PLAN_FILES : ''}`
  })
}

export async function fingerprintLine(fingerprint: string | null): Promise<string> {
  const { NO_FINGERPRINT } = await import('@servent/lab')
  return `Fingerprint ${fingerprint ?? NO_FINGERPRINT}`
}
