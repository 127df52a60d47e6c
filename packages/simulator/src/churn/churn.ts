/**
 * Peers that come and go while a simulation runs. Draws come from the stream `churn` in the order of the
 * departures and arrivals alone, so that every overlay that is run with one seed sees the same churn.
 */
import { ModelError } from '../network/errors.ts'
import { unitOf } from '../network/hash.ts'
import type { NodeIndex } from '../types.ts'
import { ln } from './exact-math.ts'
import type { Population } from './population.ts'
import { parseSessionTrace, type SessionEvent } from './session-trace.ts'
import { type SessionProcess, sessionProcess } from './sessions.ts'
import { type ChurnCounts, type ChurnSettings, Turnover } from './turnover.ts'

/** Churn that has begun. */
export interface Churn {
  readonly counts: ChurnCounts
  /** Nobody comes or goes by it any more. */
  end(): void
}

/** What brings departures and arrivals about. */
export type ChurnProcess =
  /** Each node stays for a session and is away for an absence, for ever. */
  | { readonly type: 'sessions'; readonly session: SessionProcess; readonly absence: SessionProcess }
  /** The whole network gains and loses so many a second, as Poisson processes. */
  | { readonly type: 'rates'; readonly joinsPerS: number; readonly leavesPerS: number }
  /** As somebody measured it; times count from the beginning of the churn. */
  | { readonly type: 'trace'; readonly events: readonly SessionEvent[] }

/** Of joins, and of leaves, of the whole network: a million peers with sessions of 100 s have so many. */
export const RATE_PER_S_MAX = 10_000

/**
 * `exp:1h` and the other texts of `sessionProcess`, a second one after a slash for absences where they differ
 * (`exp:1h/exp:10m`); `rate:0.05` or `rate:0.05/0.1` for joins and leaves a second; `trace:FILE`.
 *
 * @throws ModelError  the text names no process
 */
export function churnProcess(text: string, readTrace?: (file: string) => string): ChurnProcess {
  if (text.startsWith('trace:')) {
    if (readTrace === undefined) throw new ModelError(`"${text}" names a file, and none can be read here.`)
    return { type: 'trace', events: parseSessionTrace(readTrace(text.slice('trace:'.length))) }
  }
  const [first, second, ...more] = text.split('/')
  if (first === undefined || more.length > 0) throw new ModelError(`"${text}" has more than one slash.`)
  if (first.startsWith('rate:')) {
    const joinsPerS = rateOf(text, first.slice('rate:'.length))
    return { type: 'rates', joinsPerS, leavesPerS: second === undefined ? joinsPerS : rateOf(text, second) }
  }
  const session = sessionProcess(first)
  return { type: 'sessions', session, absence: second === undefined ? session : sessionProcess(second) }
}

function rateOf(text: string, figure: string): number {
  const rate = /^\d+(\.\d+)?$/.test(figure) ? Number(figure) : Number.NaN
  if (!(rate <= RATE_PER_S_MAX))
    throw new ModelError(`"${text}" has no rate from 0 to ${RATE_PER_S_MAX} a second: write rate:0.05.`)
  return rate
}

/**
 * Begins now, with the nodes that are up now: each has a whole session before it.
 *
 * @throws ModelError  a setting lies outside its bounds
 */
export function beginChurn(population: Population, cause: ChurnProcess, settings: ChurnSettings = {}): Churn {
  const turnover = new Turnover(population, settings, population.random.of('churn'))
  if (cause.type === 'sessions') bySessions(turnover, cause.session, cause.absence)
  else if (cause.type === 'rates') byRates(turnover, cause.joinsPerS, cause.leavesPerS)
  else byTrace(turnover, cause.events, settings.traced)
  return { counts: turnover.counts, end: () => turnover.end() }
}

function bySessions(turnover: Turnover, session: SessionProcess, absence: SessionProcess): void {
  const { population, random } = turnover
  const stay = (node: NodeIndex): void =>
    turnover.after(session.drawUs(random), () => {
      // Something else may have taken it down, and it comes back by this churn all the same.
      if (!population.alive(node) || turnover.depart(node)) goAway(node)
      else stay(node)
    })
  const goAway = (node: NodeIndex): void =>
    turnover.after(absence.drawUs(random), () => {
      stay(population.alive(node) ? node : turnover.comeBack(node))
    })
  for (const node of population.aliveNodes()) stay(node)
}

function byRates(turnover: Turnover, joinsPerS: number, leavesPerS: number): void {
  const { population, random } = turnover
  const repeat = (perS: number, act: () => void): void => {
    if (perS === 0) return
    const us = Math.max(1, Math.floor((-1_000_000 / perS) * ln(unitOf(random.u32()))))
    turnover.after(us, () => {
      act()
      repeat(perS, act)
    })
  }
  repeat(joinsPerS, () => void turnover.join())
  repeat(leavesPerS, () => {
    const node = population.pickAlive(random)
    if (node !== undefined) turnover.depart(node)
  })
}

/**
 * A trace's node is the simulation's of the same number, or the one that `traced` gives it, and another one after
 * it came back as new.
 */
function byTrace(
  turnover: Turnover,
  events: readonly SessionEvent[],
  traced: ReadonlyMap<number, NodeIndex> | undefined
): void {
  const { population } = turnover
  const present = traced === undefined ? population.size : 0
  const nodes = new Map<number, NodeIndex>(traced)
  const nodeOf = (label: number) => nodes.get(label) ?? (label < present ? label : undefined)
  const play = (place: number): void => {
    const event = events[place]
    if (event === undefined) return
    const previousUs = place === 0 ? 0 : events[place - 1]!.atUs
    turnover.after(event.atUs - previousUs, () => {
      const node = nodeOf(event.node)
      const up = node !== undefined && population.alive(node)
      if (event.up && !up)
        nodes.set(event.node, node === undefined ? turnover.join() : turnover.comeBack(node))
      if (!event.up && up) turnover.depart(node)
      play(place + 1)
    })
  }
  play(0)
}
