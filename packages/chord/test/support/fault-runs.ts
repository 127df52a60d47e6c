/** Many runs with faults, and what to say of them. */
import { type FaultRunResult, faultRun, severalPlacesOf } from './fault-run.ts'

export interface FaultRuns {
  runs: number
  /** Where an operating assumption was broken: nothing is promised for these. */
  setAside: number
  checks: number
  /** Answers of honest roots that were not believed, and that were doubted first. */
  refused: number
  doubted: number
  /** Of all answers, those that were told at the end of the lookup's time, of which C9 asks less. */
  answers: number
  late: number
  /** Seed, trace hash and what did not hold. */
  broken: string[]
}

/** `mayGoOn` is asked before each run: a time box. `run` has the seed. */
export function faultRuns(
  prefix: string,
  count: number,
  mayGoOn: () => boolean = () => true,
  run: (seed: string) => FaultRunResult = seed => faultRun(seed)
): FaultRuns {
  const all: FaultRuns = {
    runs: 0,
    setAside: 0,
    checks: 0,
    refused: 0,
    doubted: 0,
    answers: 0,
    late: 0,
    broken: []
  }
  while (all.runs < count && mayGoOn()) {
    const { seed, outcome, checks, refused, doubted, answers, late, message, traceHash } = run(
      `${prefix}-${all.runs}`
    )
    all.runs += 1
    all.checks += checks
    all.refused += refused
    all.doubted += doubted
    all.answers += answers
    all.late += late
    if (outcome === 'set-aside') all.setAside += 1
    if (outcome === 'violated') all.broken.push(`seed ${seed}, trace ${traceHash}: ${message}`)
  }
  return all
}

/** As `faultRuns`, with two or three places for each peer. */
export function severalPlacesRuns(prefix: string, count: number, mayGoOn?: () => boolean): FaultRuns {
  return faultRuns(prefix, count, mayGoOn, seed => faultRun(seed, undefined, severalPlacesOf(seed)))
}
