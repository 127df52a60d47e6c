/** What figures show, in sentences: who is best and who is worst, by medians, and whether their intervals part them. */
import type { FigureName } from '@servent/lab'
import { type Axis, ownOf, type Value, wordsOf } from './axes.ts'
import { labelOf, type OverlayId } from './looks.ts'
import { isStill, MEASURES } from './measures.ts'
import { capital, count, extent, inWords, listed, NBSP, shown } from './numbers.ts'
import { doQuestionsGrow } from './questions.ts'
import { settingsSentences } from './settings-sentences.ts'
import { backendSentences } from './side-by-side.ts'
import { hopsExpected } from './theory.ts'
import { BACKEND, distinct, figureOf, type PartView, type Row, valueAt } from './view.ts'

interface Standing {
  readonly name: string
  readonly median: number
  readonly ci95: readonly [number, number] | null
}

/** Of all runs: so many more that one overlay lost may be chance. */
const FEW_LOOKUPS = 5
/** And not of so few that they are much of them. */
const FEW_PART = 0.01

interface Question {
  readonly figure: FigureName
  readonly unit: string
  readonly isMoreBetter: boolean
  /** Of one, and of several. */
  readonly best: readonly [string, string]
  readonly worst: string
}

/** What is said of the network that a part ends with. */
const QUESTIONS: readonly Question[] = [
  {
    figure: 'success',
    unit: '',
    isMoreBetter: true,
    best: ['succeeds most often', 'succeed most often'],
    worst: 'least often'
  },
  {
    figure: 'latency_ms',
    unit: `${NBSP}ms`,
    isMoreBetter: false,
    best: ['answers soonest', 'answer soonest'],
    worst: 'latest'
  },
  {
    figure: 'hops',
    unit: '',
    isMoreBetter: false,
    best: ['takes the fewest steps', 'take the fewest steps'],
    worst: 'the most'
  },
  {
    figure: 'recall',
    unit: '',
    isMoreBetter: true,
    best: ['finds the most', 'find the most'],
    worst: 'the least'
  },
  {
    figure: 'search_bytes',
    unit: `${NBSP}B`,
    isMoreBetter: false,
    best: ['searches with the fewest bytes', 'search with the fewest bytes'],
    worst: 'with the most'
  },
  {
    figure: 'get_success',
    unit: '',
    isMoreBetter: true,
    best: ['keeps values best', 'keep values best'],
    worst: 'worst'
  },
  {
    figure: 'bytes_per_s',
    unit: `${NBSP}B/s a peer`,
    isMoreBetter: false,
    best: ['sends the least', 'send the least'],
    worst: 'the most'
  }
]

/** Settings that vary make no statement of an overlay: of those it is said what they give and cost. */
export function sentencesOf(view: PartView): string[] {
  return [
    ...(view.hasGrid ? settingsSentences(view) : standings(view)),
    ...backendSentences(view),
    ...publishedSentences(view)
  ]
}

/** How far others' figures are confirmed, where there are intervals to say so. */
function publishedSentences({ members }: PartView): string[] {
  return members.flatMap(({ study, part }) => {
    const held = part.published.filter(({ ci95 }) => ci95 !== null)
    if (held.length === 0) return []
    const inside = held.filter(({ value, ci95 }) => ci95![0] <= value && value <= ci95![1])
    // Of nothing there is no part that something else is off.
    const off = held.flatMap(({ value, median }) =>
      value === 0 || median === null ? [] : [Math.abs(median / value - 1)]
    )
    const apart = off.length === 0 ? '' : `; medians differ from them by ${span(extent(off).map(percentOff))}`
    const of = `${members.length > 1 ? `${study}: of` : 'Of'} ${plural(held.length, 'published figure')}`
    const lie =
      inside.length === 0 ? 'none lies' : inside.length === 1 ? 'one lies' : `${inWords(inside.length)} lie`
    return [`${of} ${lie} in the interval that was measured here${apart}.`]
  })
}

const plural = (amount: number, word: string) => `${inWords(amount)} ${word}${amount === 1 ? '' : 's'}`
const percentOff = (part: number) => `${shown(100 * part)}${NBSP}%`

function standings(view: PartView): string[] {
  const hasStudies = view.members.length > 1
  const networks = Map.groupBy(view.last, ({ study, backend }) => JSON.stringify([study, backend]))
  return [...networks.values()].flatMap(rows => {
    const [{ study, backend }] = rows as [Row]
    const own = view.lastOwn.get(study) ?? []
    const ends = [...own, view.lastWords].filter(Boolean).join(', ')
    const among = [
      ...(hasStudies ? [study] : []),
      ...(backend === '' ? [] : [backend]),
      ...(ends === '' ? [] : [`with ${ends}`])
    ]
    const lead = among.length === 0 ? '' : `${among.join(', ')}: `
    const paired = pairedOf(view, rows as [Row, ...Row[]])
    const said = QUESTIONS.flatMap(question => sentence(rows, question, paired) ?? [])
    const text = `${lead}${joined(said)}.`
    return [
      ...(said.length === 0 ? [] : [hasStudies ? text : capital(text)]),
      ...growths(
        view.rows.filter(row => row.study === study && row.backend === backend),
        view,
        [...(hasStudies ? [study] : []), backend].filter(Boolean).join(', ')
      )
    ]
  })
}

type Paired = PartView['members'][number]['part']['paired']

/** Differences of one network, run by run. */
function pairedOf({ members }: PartView, [{ study, point }]: readonly [Row, ...Row[]]): Paired {
  const { paired = [] } = members.find(member => member.study === study)?.part ?? {}
  return paired.filter(({ at }) => Object.entries(at).every(([field, value]) => point.at[field] === value))
}

function sentence(rows: readonly Row[], question: Question, paired: Paired): string | undefined {
  if (question.figure === 'bytes_per_s' && haveNoUpkeep(rows)) return undefined
  const ranked = rows
    .flatMap((row): Standing[] => {
      const found = figureOf(row, question.figure)
      return found === undefined
        ? []
        : [{ name: labelOf(row.point.overlay), median: found.median, ci95: found.ci95 }]
    })
    .sort((a, b) => (question.isMoreBetter ? b.median - a.median : a.median - b.median))
  const [first] = ranked
  const last = ranked.at(-1)
  if (first === undefined || last === undefined || ranked.length < 2) return undefined
  const value = (one: Standing) => measured(one, question)
  const namesOf = (median: number) =>
    listed(ranked.filter(one => one.median === median).map(({ name }) => name))
  const same = ranked.filter(({ median }) => median === first.median)
  const of = `of ${inWords(ranked.length)} overlays`
  const [what] = MEASURES[question.figure].label.toLowerCase().split(',') as [string]
  if (same.length === ranked.length)
    return `${of} all are alike in ${what} (${measuredAlike(same, question, question.figure === 'success' ? lost(rows) : '')})`
  const isOneInterval = areNotToldApart(
    ranked,
    paired.filter(({ figure }) => figure === question.figure)
  )
  const few = isOneInterval ? undefined : fewWords(rows, ranked, question)
  if (isOneInterval || few !== undefined) {
    const { write } = MEASURES[question.figure]
    const ends = span(
      [last, first]
        .map(({ median }) => median)
        .sort((a, b) => a - b)
        .map(write)
    )
    const how = few === undefined ? 'none is told apart' : 'all are alike'
    return `${of} ${how} in ${what} (${ends}${question.unit}; ${few ?? 'intervals overlap'})`
  }
  const next = ranked[same.length]!
  const isClose =
    same.length === 1 && next !== last && first.ci95 && next.ci95 && overlap(first.ci95, next.ci95)
  const doubt = isClose ? `; the interval of ${next.name}, ${value(next)}, overlaps` : ''
  const [one, several] = question.best
  return (
    `${of} ${namesOf(first.median)} ${same.length === 1 ? one : several} (${value(first)}${doubt}), ` +
    `${namesOf(last.median)} ${question.worst} (${value(last)})`
  )
}

/** One median of all, whose intervals may differ: then the one that holds them all is told. */
function measuredAlike(same: readonly Standing[], question: Question, more: string): string {
  const [first] = same as [Standing]
  const told = distinct(same.map(one => measured(one, question)))
  if (told.length === 1) return `${told[0]}${more}`
  const { write } = MEASURES[question.figure]
  const intervals = same.flatMap(({ ci95 }) => (ci95 === null ? [] : [ci95]))
  if (intervals.length < same.length) return `${measured({ ...first, ci95: null }, question)}${more}`
  const ends = extent(intervals.flat())
  return `${measured({ ...first, ci95: null }, question)}${more}; intervals within [${ends.map(write).join(', ')}]`
}

/** Bytes without upkeep say nothing of who costs more. */
const haveNoUpkeep = (rows: readonly Row[]) => rows.some(({ point }) => isStill(point))

/**
 * Each interval overlaps each other one, and none of the differences run by run says more: those are against one overlay
 * alone, and on the same work narrower.
 */
function areNotToldApart(ranked: readonly Standing[], paired: Paired): boolean {
  const intervals = ranked.flatMap(({ ci95 }) => (ci95 === null ? [] : [ci95]))
  if (intervals.length < ranked.length) return false
  const isWithoutZero = paired.some(({ ci95 }) => ci95 !== null && (ci95[0] > 0 || ci95[1] < 0))
  const highestLow = extent(intervals.map(([low]) => low))[1]
  return !isWithoutZero && highestLow <= extent(intervals.map(([, high]) => high))[0]
}

/** Where there are no intervals: what was lost, if that is too little to say anything of who loses more. */
function fewWords(
  rows: readonly Row[],
  ranked: readonly Standing[],
  { figure }: Question
): string | undefined {
  if (figure !== 'success' || ranked.every(({ ci95 }) => ci95 !== null)) return undefined
  const lookups = rows.map(({ point }) => point.results.lookups).filter(({ issued }) => issued > 0)
  const [least, most] = extent(lookups.map(({ correct, issued }) => (issued - correct) / issued))
  const apart = most - least
  const isFew =
    apart <= FEW_PART && Math.round(apart * extent(lookups.map(({ issued }) => issued))[1]) <= FEW_LOOKUPS
  return isFew ? `a few lookups apart: ${listed(lostOf(rows))}` : undefined
}

/** A median run may have lost nothing while others did. */
function lost(rows: readonly Row[]): string {
  const said = lostOf(rows)
  return said.length === 0 ? '' : ` in the median run; of all ${listed(said)}`
}

const lostOf = (rows: readonly Row[]) =>
  rows.flatMap(({ point }) => {
    const { correct, issued } = point.results.lookups
    return correct === issued
      ? []
      : [`${labelOf(point.overlay)} lost ${count(issued - correct)} of ${count(issued)}`]
  })

/** "Of six overlays" once, for as long as there are six. */
function joined(sentences: readonly string[]): string {
  let before = ''
  return sentences
    .map(text => {
      const of = /^of [^ ]+ overlays /.exec(text)?.[0] ?? ''
      const is = of === before
      before = of
      return is ? text.slice(of.length) : text
    })
    .join('; ')
}

function measured({ median, ci95 }: Standing, { figure, unit }: Question): string {
  const { write } = MEASURES[figure]
  const value = `${write(median)}${unit}`
  // An interval of one number, as it is written, says nothing.
  const ends = ci95 === null ? [] : distinct(ci95.map(write))
  return ends.length < 2 ? value : `${value} [${ends.join(', ')}]`
}

const overlap = (a: readonly [number, number], b: readonly [number, number]) => a[0] <= b[1] && b[0] <= a[1]

/** What is said of how things go along what varies: steps and costs with size, else what succeeds. */
const GROWTHS: Readonly<Record<string, readonly (readonly [FigureName, what: string])[]>> = {
  nodes: [
    ['hops', 'steps of a lookup go'],
    ['bytes_per_s', 'bytes that a peer sends in a second go'],
    ['state_entries', 'entries of a peer’s tables go']
  ]
}
const GROWTH_OTHERWISE = [['success', 'success goes']] as const

/** From the first value along to the last one; `whose` rows these are, where there are others. */
function growths(rows: readonly Row[], view: PartView, whose: string): string[] {
  const { axis } = view
  const values = axis?.values ?? []
  const beside = view.varies.filter(
    field =>
      field !== BACKEND &&
      field !== axis?.field &&
      distinct(rows.map(({ point }) => valueAt(point, field))).length > 1
  )
  if (axis === undefined || axis.field === BACKEND || values.length < 2 || beside.length > 0) return []
  const lead = whose === '' ? 'Between' : `${view.members.length > 1 ? whose : capital(whose)}: between`
  return (ownOf(GROWTHS, axis.field) ?? GROWTH_OTHERWISE).flatMap(([figure, what]) => {
    const said = growthOf(rows, axis, figure)
    const [start, end] = [values[0]!, values.at(-1)!].map(value => wordsOf(axis.field, value))
    return said.length === 0 ? [] : [`${lead} ${start} and ${end} ${what}: ${said.join('; ')}.`]
  })
}

function growthOf(rows: readonly Row[], axis: Axis, figure: FigureName): string[] {
  if (figure === 'bytes_per_s' && haveNoUpkeep(rows)) return []
  const of = (overlay: OverlayId, value: Value) => {
    const row = rows.find(({ point, x }) => point.overlay === overlay && x === axis.at(value))
    const found = row && figureOf(row, figure)
    return row && found ? { row, median: found.median } : undefined
  }
  const { write } = MEASURES[figure]
  return distinct(rows.map(({ point }) => point.overlay)).flatMap(overlay => {
    const [a, b] = [of(overlay, axis.values[0]!), of(overlay, axis.values.at(-1)!)]
    if (a === undefined || b === undefined) return []
    // Else it says less of the size than of questions, of which each peer has the fewer the more they are.
    if (figure === 'bytes_per_s' && axis.field === 'nodes' && !doQuestionsGrow(a.row.point, b.row.point))
      return []
    const theory = figure === 'hops' ? [a, b].flatMap(({ row: { point } }) => hopsExpected(point) ?? []) : []
    const expected = theory.length < 2 ? '' : ` (theory ${span(theory.map(shown))})`
    const [start, end] = [write(a.median), write(b.median)]
    const went = start === end ? `${start} at both` : `from ${start} to ${end}`
    return [`${labelOf(overlay)} ${went}${expected}`]
  })
}

const span = (texts: readonly string[]) => distinct(texts).join(' to ')
