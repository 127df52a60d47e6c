/** `lab export-p2psim` and `lab read-p2psim`: the same work in MIT's simulator, and what it says of it beside ours. */
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import type { ComparedPoint, P2psimComparison } from '@servent/lab'
import { type Command, Option } from 'commander'
import { plural } from '../../terminal/format.ts'
import { table } from '../../terminal/table.ts'
import type { Act, Context } from '../context.ts'
import { collect } from '../options.ts'
import { verb } from '../program.ts'
import { studyIn } from './lab-report.ts'
import { noFolder, planPaths, readPlan } from './lab-run.ts'
import { inVerb } from './lab-words.ts'

const SCRIPT = 'run.sh'

export function p2psimVerbs(lab: Command, act: Act): void {
  verb(lab, 'export-p2psim <FILE>', 'Write a plan file’s runs as files of MIT’s p2psim', [
    'servent lab export-p2psim plans/p2psim.yaml --out p2psim',
    'servent lab export-p2psim plans/p2psim.yaml --set nodes=256 --out p2psim'
  ])
    .addOption(new Option('--out <DIR>', 'Where they go').makeOptionMandatory())
    .addOption(new Option('--set <name=value>', 'As of servent lab run; repeatable').argParser(collect))
    .action(
      act((...given) =>
        runExport(...given).catch(error => {
          throw inVerb('export-p2psim', error)
        })
      )
    )
  verb(lab, 'read-p2psim <DIR> <RUN>', 'Set what p2psim measured beside what came out here', [
    'servent lab read-p2psim p2psim runs/p2psim-1f0b73c1'
  ]).action(
    act((context, given) =>
      runRead(context, given).catch(error => {
        throw inVerb('read-p2psim', error)
      })
    )
  )
}

async function runExport(
  context: Context,
  [file]: string[],
  options: Record<string, unknown>
): Promise<undefined> {
  const { exportP2psim, resolveStudy, writeBeside } = await import('@servent/lab')
  const { set, out } = options as { set?: string[]; out: string }
  const study = resolveStudy(await readPlan(context, file!), file!, set === undefined ? {} : { set })
  const folder = context.path(out)
  const { points, left_out } = await exportP2psim(study, {
    resolvePath: planPaths(context, file!),
    write: (name, text) =>
      writeBeside(folder, name, text).catch(error => {
        throw noFolder(out, 'export-p2psim', error)
      })
  })
  await chmod(join(folder, SCRIPT), 0o755)
  const runs = points.reduce((sum, point) => sum + point.runs.length, 0)
  if (context.json) context.emit({ event: 'done', folder, points: points.length, runs, left_out })
  const { talk } = context
  for (const [why, count] of reasons(left_out)) talk.line(`Left out: ${plural(count, 'point')}, as ${why}.`)
  talk.line(`Written: ${join(out, SCRIPT)} and files of ${plural(runs, 'run')} beside it`)
  context.next(`P2PSIM=…/p2psim sh ${join(out, SCRIPT)}`, `servent lab run ${file}`)
  return undefined
}

function reasons(leftOut: readonly { readonly why: string }[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { why } of leftOut) counts.set(why, (counts.get(why) ?? 0) + 1)
  return counts
}

async function runRead(context: Context, [folder, run]: string[]): Promise<undefined> {
  const { readP2psim } = await import('@servent/lab')
  const { results } = await studyIn(context, run!)
  const compared = await readP2psim(context.path(folder!), results)
  const { missing, points, left_out } = compared
  if (context.json) context.emit({ event: 'done', points, missing, left_out })
  else context.out.lines(comparisonLines(compared, context.out.columnsMax))
  const { talk } = context
  for (const { part, differs, ...point } of points)
    if (differs.length > 0) talk.line(`Differs: ${part}, ${namesOf(point)}: ${differs.join(', ')}`)
  if (missing.length > 0)
    talk.line(
      `${plural(missing.length, 'log')} of p2psim are not there, as ${missing[0]}: sh ${join(folder!, SCRIPT)}`
    )
  return undefined
}

const MEASURES = [
  ['RIGHT', 'success'],
  ['MS', 'latency_ms'],
  ['HOPS', 'hops'],
  ['B/S', 'bytes_per_s']
] as const

function comparisonLines({ points }: P2psimComparison, columns: number | undefined): string[] {
  return table(
    [
      { title: 'PART' },
      { title: 'OVERLAY' },
      ...MEASURES.flatMap(([title]) => [
        { title, align: 'right' as const },
        { title: 'p2psim', align: 'right' as const }
      ])
    ],
    points.map(point => [
      point.part,
      namesOf(point),
      ...MEASURES.flatMap(([, measure]) => [shown(point.here[measure]), shown(point.p2psim[measure])])
    ]),
    columns
  )
}

const namesOf = ({ overlay, at, set }: Pick<ComparedPoint, 'overlay' | 'at' | 'set'>) =>
  [overlay, ...[...Object.entries(at), ...Object.entries(set)].map(([key, value]) => `${key}=${value}`)].join(
    ' '
  )

const shown = (value: number | null) => (value === null ? '' : String(Number(value.toPrecision(3))))
