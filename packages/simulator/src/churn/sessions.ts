/**
 * How long peers stay, and how long they stay away: the distributions that papers on churn use.
 *
 * - `exp:1h`: exponential with this mean, p2psim's default (reference figures: sessions of an hour).
 * - `pareto:1,1800s`: Pareto with shape and shortest time; p2psim's alpha and beta. With shape 1 the median is
 *   twice the shortest time, and there is no mean.
 * - `weibull:0.5,10000s`: Weibull with shape and mean, as OverSim's lifetime churn has it.
 * - `constant:10m`.
 */
import { checkWithin, ModelError } from '../network/errors.ts'
import { unitOf } from '../network/hash.ts'
import type { Random } from '../random.ts'
import { gamma, ln, power } from './exact-math.ts'

export interface SessionProcess {
  /** As it can be read again. */
  readonly text: string
  /** In whole microseconds, from 1 to `SESSION_US_MAX`. */
  drawUs(random: Random): number
}

/** A mean, a shortest or a constant time below it is no session that an overlay could be in: nobody would have joined. */
export const SESSION_US_MIN = 1_000_000
/** A hundred years: what a heavy tail is cut at, so that times stay whole numbers. */
export const SESSION_US_MAX = 3_153_600_000_000_000
export const SHAPE_MIN = 0.1
export const SHAPE_MAX = 10

const FORMS = 'exp:1h, pareto:1,1800s, weibull:0.5,10000s or constant:10m'
const UNITS_US: Readonly<Record<string, number>> = {
  ms: 1_000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
  d: 86_400_000_000
}

/** @throws ModelError  the text names no process; the message says which there are */
export function sessionProcess(text: string): SessionProcess {
  const [name, ...figures] = text.split(/[:,]/)
  const drawnBy = (drawUs: (random: Random) => number): SessionProcess => ({
    text,
    drawUs: random => Math.min(SESSION_US_MAX, Math.max(1, Math.floor(drawUs(random))))
  })
  if (name === 'exp' && figures.length === 1) {
    const meanUs = timeOf(text, figures[0]!)
    return drawnBy(random => -meanUs * ln(unitOf(random.u32())))
  }
  if (name === 'constant' && figures.length === 1) {
    const us = timeOf(text, figures[0]!)
    return drawnBy(() => us)
  }
  if (name === 'pareto' && figures.length === 2) {
    const [shape, shortestUs] = [shapeOf(text, figures[0]!), timeOf(text, figures[1]!)]
    return drawnBy(random => shortestUs * power(unitOf(random.u32()), -1 / shape))
  }
  if (name === 'weibull' && figures.length === 2) {
    const [shape, meanUs] = [shapeOf(text, figures[0]!), timeOf(text, figures[1]!)]
    const scaleUs = meanUs / gamma(1 + 1 / shape)
    return drawnBy(random => scaleUs * power(-ln(unitOf(random.u32())), 1 / shape))
  }
  throw new ModelError(`"${text}" is no distribution of sessions. There are ${FORMS}.`)
}

/**
 * A time with its unit: `500ms`, `1.5h`. Units are ms, s, m, h and d.
 *
 * @throws ModelError  the text is no such time, or it is longer than `SESSION_US_MAX`
 */
export function durationUs(text: string): number {
  const [, figure, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? []
  if (figure === undefined || unit === undefined)
    throw new ModelError(`"${text}" is no time: write a number and ms, s, m, h or d, such as 1800s.`)
  const us = Math.floor(Number(figure) * UNITS_US[unit]!)
  if (us > SESSION_US_MAX) throw new ModelError(`"${text}" is longer than a hundred years.`)
  return us
}

function timeOf(text: string, figure: string): number {
  const us = durationUs(figure)
  if (us < SESSION_US_MIN)
    throw new ModelError(`"${text}" has a time of ${figure}, and sessions and absences take 1s at least.`)
  return us
}

function shapeOf(text: string, figure: string): number {
  const shape = figure === '' ? Number.NaN : Number(figure)
  checkWithin(`The shape in "${text}"`, shape, SHAPE_MIN, SHAPE_MAX)
  return shape
}
