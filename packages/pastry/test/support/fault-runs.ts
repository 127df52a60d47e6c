/** Many fault runs, each from a seed of its own. */
import { faultRun } from './fault-run.ts'

export interface FaultRuns {
  /** Seeds and what broke in them. */
  readonly broken: readonly string[]
  readonly checks: number
  readonly lookups: number
  readonly held: number
}

export function faultRuns(name: string, count: number): FaultRuns {
  const broken: string[] = []
  let [checks, lookups, held] = [0, 0, 0]
  for (let seed = 0; seed < count; seed += 1) {
    const result = faultRun(`${name}-${seed}`)
    if (result.outcome === 'violated')
      broken.push(`seed ${result.seed}, trace ${result.traceHash}: ${result.message}`)
    checks += result.checks
    lookups += result.lookups
    held += result.held
  }
  return { broken, checks, lookups, held }
}
