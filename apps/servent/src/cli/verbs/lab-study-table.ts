/** What a study says, for people: a table for each part, a line for each point. */
import type { Figure, FigureName, PartResults, PointResults, StudyResults } from '@servent/lab'
import { formatCount } from '../../terminal/format.ts'
import { table } from '../../terminal/table.ts'
import { fingerprintLine } from './lab-words.ts'

const COLUMNS: readonly (readonly [title: string, figure: FigureName])[] = [
  ['RIGHT', 'success'],
  ['HOPS', 'hops'],
  ['MS', 'latency_ms'],
  ['MS 95 %', 'latency_ms_p95'],
  ['TIMEOUTS', 'timeouts'],
  ['RECALL', 'recall'],
  ['MESSAGES', 'search_messages'],
  ['FIRST MS', 'first_hit_ms'],
  ['PUTS', 'put_success'],
  ['GETS', 'get_success'],
  ['PARTED', 'success_during'],
  ['HEALED', 'success_after'],
  ['HEALED S', 'healing_s'],
  ['BYTES/S', 'bytes_per_s']
]
const SHARES: ReadonlySet<FigureName> = new Set([
  'success',
  'recall',
  'put_success',
  'get_success',
  'success_during',
  'success_after'
])

export async function studyLines({ parts, fingerprint }: StudyResults, columns?: number): Promise<string[]> {
  return [...parts.flatMap(part => partLines(part, columns)), await fingerprintLine(fingerprint)]
}

function partLines({ title, points, varies }: PartResults, columns: number | undefined): string[] {
  const settings = [...new Set(points.flatMap(({ set }) => Object.keys(set)))]
  const shown = COLUMNS.filter(([, figure]) => points.some(point => point.figures[figure].median !== null))
  const seeds = Math.max(0, ...points.map(({ figures }) => figures.success.runs.length))
  return [
    `${title} (medians of ${seeds === 1 ? '1 run' : `${seeds} runs`})`,
    ...table(
      [
        { title: 'OVERLAY' },
        ...[...varies, ...settings].map(name => ({ title: name.toUpperCase(), align: 'right' as const })),
        ...shown.map(([name]) => ({ title: name, align: 'right' as const }))
      ],
      points.map(point => [
        point.overlay,
        ...varies.map(field => text(point.at[field])),
        ...settings.map(setting => text(point.set[setting])),
        ...shown.map(([, figure]) => cell(figure, point.figures[figure]))
      ]),
      columns
    ),
    ''
  ]
}

const text = (value: PointResults['at'][string] | undefined) =>
  value === undefined ? '' : `${value ?? 'none'}`

function cell(name: FigureName, { median }: Figure): string {
  if (median === null) return ''
  if (SHARES.has(name)) return median.toFixed(4)
  return median >= 1000 ? formatCount(Math.round(median)) : String(Number(median.toPrecision(3)))
}
