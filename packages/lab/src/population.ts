/** How many peers a plan has at a time and in all, as far as that can be told before it runs. */
import { type ChurnProcess, randomOf, type SessionProcess } from '@servent/simulator'
import type { Plan } from './plan.ts'

const US_PER_S = 1_000_000
/**
 * Of a warm-up in which peers join, the part in which all come, and the part until whose end they come and go: in the
 * rest they settle. Peers that only came would be linked by their ages, as no real network is.
 */
const JOINING_PART = 1 / 8
const TURNOVER_PART = 1 / 2
/** Where the plan has churn of its own, that begins when all have come. */
const JOINING_PART_WITH_CHURN = 1 / 2
/**
 * How long a peer stays meanwhile, on average: half of the hour that was the median of Gnutella's sessions (Saroiu et
 * al., MMCN 2002), so that two hours of warm-up hold enough of them.
 */
const SESSION_US = 1_800 * US_PER_S
/** Sessions that are drawn to see how long they are: some distributions have no mean. */
const DRAWS = 1000

export interface Joining {
  /** All come within this time. */
  readonly withinUs: number
  /** Then so many die until `turnoverToUs`, and somebody new comes for each. */
  readonly deaths: number
  readonly turnoverToUs: number
}

/** How peers join that begin without tables. */
export function joiningOf({ nodes, warmup, churn }: Plan): Joining {
  const warmupUs = warmup * US_PER_S
  if (churn !== null) {
    return { withinUs: Math.floor(warmupUs * JOINING_PART_WITH_CHURN), deaths: 0, turnoverToUs: 0 }
  }
  const withinUs = Math.floor(warmupUs * JOINING_PART)
  const turnoverToUs = warmupUs * TURNOVER_PART
  return { withinUs, deaths: Math.floor((nodes * (turnoverToUs - withinUs)) / SESSION_US), turnoverToUs }
}

export interface Population {
  /** Who live at a time, at most. */
  readonly peak: number
  /** Who come after those that are there at first, in all. Rough where chance decides. */
  readonly arrivals: number
}

export function populationOf(plan: Plan, churn: ChurnProcess | undefined): Population {
  const { nodes, start, warmup, duration } = plan
  const lastsUs = (warmup + duration) * US_PER_S
  if (churn === undefined) {
    return { peak: nodes, arrivals: start === 'joined' ? joiningOf(plan).deaths : 0 }
  }
  if (churn.type === 'sessions') {
    const cycleUs = meanUs(churn.session, lastsUs) + meanUs(churn.absence, lastsUs)
    return { peak: nodes, arrivals: Math.ceil((nodes * lastsUs) / cycleUs) }
  }
  if (churn.type === 'rates') {
    const lastsS = lastsUs / US_PER_S
    const more = Math.max(0, churn.joinsPerS - churn.leavesPerS)
    return { peak: nodes + Math.ceil(more * lastsS), arrivals: Math.ceil(churn.joinsPerS * lastsS) }
  }
  let live = 0
  let peak = 0
  let arrivals = 0
  for (const { atUs, up } of churn.events) {
    if (atUs > lastsUs) break
    live += up ? 1 : -1
    peak = Math.max(peak, live)
    if (up) arrivals += 1
  }
  return { peak, arrivals }
}

/** Of what is longer than the run, as much as the run sees. */
function meanUs(process: SessionProcess, lastsUs: number): number {
  const random = randomOf(process.text)
  let sum = 0
  for (let draw = 0; draw < DRAWS; draw += 1) sum += Math.min(lastsUs, process.drawUs(random))
  return sum / DRAWS
}
