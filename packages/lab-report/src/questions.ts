/** How many questions all peers together ask in a second: what bytes have of them is not what a network's size costs. */
import type { PointResults } from '@servent/lab'
import { extent, listed, shown } from './numbers.ts'
import { distinct } from './view.ts'

type Planned = Pick<PointResults, 'plan'>

const ONE = { lookups: 'lookup', searches: 'search', puts: 'put', gets: 'get' } as const
const WORKS = Object.keys(ONE) as (keyof typeof ONE)[]
/** Of questions of a peer and second: what differs by less grows with the size, but for rounding. */
const ALIKE = 0.1

const perSecond = ({ plan }: Planned, work: (typeof WORKS)[number]) =>
  plan.duration > 0 ? plan[work] / plan.duration : 0

/** A sentence of a caption; nothing where nothing is asked. */
export function questionWords(points: readonly Planned[]): string[] {
  const told = WORKS.flatMap(work => {
    const ends = extent(points.map(point => perSecond(point, work)))
    const amount = distinct(ends.map(shown)).join(' to ')
    return ends[1] === 0 ? [] : [{ ends, text: `${amount} ${amount === '1' ? ONE[work] : work}` }]
  })
  if (told.length === 0) return []
  const isFixed = told.every(({ ends: [least, most] }) => least === most)
  const so = isFixed ? ', however many they are: the more peers, the fewer of those bytes are of each' : ''
  return [`Questions are in it: ${listed(told.map(({ text }) => text))} a second of all peers together${so}.`]
}

/** Whether each peer asks as much in one network as in another. */
export const doQuestionsGrow = (a: Planned, b: Planned): boolean =>
  WORKS.every(work => {
    const [one, other] = [a, b].map(point => perSecond(point, work) / point.plan.nodes) as [number, number]
    return Math.abs(one - other) <= ALIKE * Math.max(one, other)
  })
