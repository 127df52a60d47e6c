/** `--baseline` and `--fail-if`: read before anything runs, judged when all has run. */
import { readFile } from 'node:fs/promises'
import type { Asked, GateVerdict, Results, StudyResults } from '@servent/lab'
import { Option } from 'commander'
import { ProblemError } from '../../problem.ts'
import { type Context, exitOf } from '../context.ts'

export const gateOptions = (): readonly Option[] => [
  new Option('--baseline <FILE>', 'A results.json of the same plan, to hold the new results against'),
  new Option(
    '--fail-if <GATE>',
    'Exit 8 where it comes true: success<0.99, chord.hops.p95>+10% (against the baseline); repeatable'
  ).argParser(gatesIn)
]

/** Empty ones are gates, too, so that they are refused: one that a script names by a variable that is not set would never fail. */
function gatesIn(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), ...value.split(',').map(gate => gate.trim())]
}

export type Judge = (results: Results | StudyResults) => readonly GateVerdict[]

/** Nothing where there are no gates. `askedOfAll`: what will be judged, by its name. */
export async function judgeOf(
  context: Context,
  options: Record<string, unknown>,
  askedOfAll: () => Promise<ReadonlyMap<string, Asked>>
): Promise<Judge | undefined> {
  const { baseline: file, failIf: texts = [] } = options as { baseline?: string; failIf?: string[] }
  if (file === undefined && texts.length === 0) return undefined
  const { judge, judgedOf, parseGates, parseResults, refuseOther, refuseUnasked } = await import(
    '@servent/lab'
  )
  if (texts.includes(''))
    throw usage('--fail-if has an empty gate, which nothing fails: is it of a variable that is not set?')
  if (texts.length === 0) throw usage('--baseline is there, and no --fail-if says what must not be.')
  const asked = await askedOfAll()
  const overlays = [...new Set([...asked.values()].flatMap(plan => plan.overlays))]
  const gates = parseGates(texts, file !== undefined, overlays)
  refuseUnasked(gates, asked.values())
  const baseline = file === undefined ? undefined : parseResults(await textOf(context, file), file)
  if (baseline !== undefined) refuseOther(baseline, asked)
  const before = baseline && judgedOf(baseline)
  return results => judge(gates, judgedOf(results), before)
}

/** Says which gates failed, and gives the exit code. */
export function sayGates({ talk, errors }: Context, verdicts: readonly GateVerdict[]): number | undefined {
  const failed = verdicts.filter(({ passed }) => !passed)
  for (const { gate, name, value, baseline } of failed) {
    const before = baseline === null ? '' : `, and was ${baseline}`
    const is = value === null ? 'has no such value' : `it is ${value}${before}`
    errors.line(`${errors.style('red', 'failed:')} ${gate} of ${name}: ${is}.`)
  }
  const all = verdicts.length
  if (failed.length === 0) talk.line(`${talk.style('green', 'passed:')} ${all} of ${all} gates`)
  else errors.line(`${errors.style('red', 'error:')} ${failed.length} of ${all} gates failed.`)
  return failed.length === 0 ? undefined : exitOf('gate-failed')
}

async function textOf(context: Context, file: string): Promise<string> {
  try {
    return await readFile(context.path(file), 'utf8')
  } catch (error) {
    throw usage(`--baseline names ${file}, which cannot be read: ${(error as Error).message}.`)
  }
}

function usage(message: string): ProblemError {
  return new ProblemError({
    code: 'usage',
    message,
    try: "servent lab compare --baseline results/results.json --fail-if 'hops.p95>+10%'"
  })
}
