/** Whether a part has runs enough to be quoted, and what it means where it has not. */
import type { PartResults } from '@servent/lab'
import { capital, extent, inWords, listed } from './numbers.ts'

/** With fewer, runs say little of others. */
const QUOTED_RUNS_MIN = 10
/** Of fewer there are no intervals. */
const INTERVAL_RUNS_MIN = 5

type Seeded = Pick<PartResults, 'title' | 'points'>

/** Sentences of what is too little; none where every part has ten runs of each point. */
export function tooFewWords(parts: readonly Seeded[]): string[] {
  const runsOf = ({ points }: Seeded) => extent(points.map(({ results }) => results.seeds.length))[0]
  const few = parts.filter(part => runsOf(part) < QUOTED_RUNS_MIN)
  const [none, wide] = [
    few.filter(part => runsOf(part) < INTERVAL_RUNS_MIN),
    few.filter(part => runsOf(part) >= INTERVAL_RUNS_MIN)
  ]
  const whose = (own: readonly Seeded[]) =>
    own.length === parts.length
      ? parts.length === 1
        ? 'There'
        : 'In every part there'
      : `In ${listed(own.map(({ title }) => `“${title}”`))} there`
  const runs = (own: readonly Seeded[]) => {
    const [least, most] = extent(own.map(runsOf))
    const amount = least === most ? inWords(least) : `${inWords(least)} to ${inWords(most)}`
    return most === 1 ? 'is one run of a point' : `are ${amount} runs of a point`
  }
  return [
    ...(none.length === 0
      ? []
      : [
          `${whose(none)} ${runs(none)}, too few for intervals: what differs may differ by chance, and is not to be quoted.`
        ]),
    ...(wide.length === 0
      ? []
      : [
          `${whose(wide)} ${runs(wide)}: intervals of fewer than ten are wide and rough, and figures are not to be quoted.`
        ])
  ].map(capital)
}
