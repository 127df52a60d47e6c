/** How many peers live and how long it is measured, where the points of a part are unlike in it: else that is taken for what varies. */
import type { PartResults, PointResults } from '@servent/lab'
import { wordsOf } from './axes.ts'
import { duration, listed, shown } from './numbers.ts'
import { distinct, valueAt } from './view.ts'

type Told = Pick<PartResults, 'title' | 'varies' | 'points'>

/** Places of a part that are told one by one. Of more its table tells. */
const PLACES_MOST = 6
/** Of those who live when the measured time begins. */
const DRIFT_MOST = 0.1

/** Sentences; none where as many live as the plans say. */
export function aliveWords(parts: readonly Told[]): string[] {
  return parts.flatMap(part => {
    const places = placesOf(part, ({ plan }) => plan.churn !== null)
    const apart = places.filter(({ point: { plan, results } }) => {
      const { start, end } = results.population
      return start.live !== plan.nodes || end.live !== plan.nodes
    })
    if (apart.length === 0) return []
    // More live than that where more come than go.
    const begins = (nodes: number) => `the plan begins with ${shown(nodes)}`
    const sizes = distinct(apart.map(({ point: { plan } }) => plan.nodes))
    const told = apart.slice(0, PLACES_MOST).map(({ words, point: { plan, results } }) => {
      const { start, end } = results.population
      const where = sizes.length === 1 ? '' : ` where ${begins(plan.nodes)},`
      return `${shown(start.live)}, then ${shown(end.live)}${where} with ${words}`
    })
    const planned = sizes.length === 1 ? `; ${begins(sizes[0]!)}` : ''
    const more = apart.length > PLACES_MOST ? '; the table of the part has the others' : ''
    const drifted = apart.filter(({ point: { results } }) => {
      const { start, end } = results.population
      return Math.abs(end.live - start.live) > DRIFT_MOST * start.live
    })
    const where =
      drifted.length === places.length || drifted.length > PLACES_MOST
        ? ''
        : ` with ${listed(drifted.map(({ words }) => words))}`
    const drift =
      drifted.length === 0
        ? ''
        : ` While it was measured, they became fewer or more by over a tenth${where}: early and late questions met networks of unlike size.`
    return [
      `In “${part.title}” peers alive when the measured time began, and when it ended, were ${told.join('; ')}${more}${planned}. What differs between such points may be of size, and not of churn.${drift}`
    ]
  })
}

/** Sentences; none where all points of a part were measured equally long, or for as long as its plan varies. */
export function durationWords(parts: readonly Told[]): string[] {
  return parts.flatMap(part => {
    if (part.varies.includes('duration')) return []
    const groups = [...Map.groupBy(part.points, ({ plan }) => plan.duration)]
    if (groups.length < 2) return []
    const told = groups.map(([seconds, own]) => {
      const where = ownWords(part, own)
      return `${duration(seconds)}${where === '' ? '' : ` with ${where}`}`
    })
    return [
      `In “${part.title}” not all points were measured equally long: ${listed(told)}. What grows with time, as tables and links, or drifts, as who lives, is not of what varies alone.`
    ]
  })
}

interface Place {
  readonly words: string
  readonly point: PointResults
}

/** One point of each place, as who comes and goes is drawn before any overlay is asked. */
function placesOf(part: Told, isOne: (point: PointResults) => boolean): Place[] {
  const places = new Map<string, Place>()
  for (const point of part.points.filter(isOne)) {
    const fields = distinct(['churn', ...part.varies])
    const words = fields.map(field => wordsOf(field, valueAt(point, field))).join(', ')
    if (!places.has(words)) places.set(words, { words, point })
  }
  return [...places.values()]
}

/** What these points have of what varies, and no other point of the part has. */
function ownWords(part: Told, own: readonly PointResults[]): string {
  const valuesOf = (points: readonly PointResults[], field: string) =>
    distinct(points.map(point => wordsOf(field, valueAt(point, field))))
  const others = part.points.filter(point => !own.includes(point))
  const told = part.varies.flatMap(field => {
    const values = valuesOf(own, field)
    const rest = valuesOf(others, field)
    return values.some(value => rest.includes(value)) ? [] : [listed(values, 'or')]
  })
  return told.join(', ')
}
