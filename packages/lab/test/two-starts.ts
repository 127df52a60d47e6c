/**
 * One network from two starts: tables that were put down, and tables of peers that joined, came and went. They are held
 * against each other: once all is quiet, both must come to the same.
 */
import { type PlanInput, resolvePlan } from '../src/plan.ts'
import { runOnce } from '../src/run.ts'
import type { RunResult } from '../src/run-result.ts'
import { mean, percentile, pooled } from '../src/statistics.ts'

export type Start = 'ideal' | 'joined'
export type Of = (run: RunResult) => Float64Array

export interface TwoStartsInit {
  /** Of one overlay. */
  readonly plan: PlanInput
  /** Virtual seconds. Peers that joined settle half of it. */
  readonly warmup: Readonly<Record<Start, number>>
  readonly seeds: readonly number[]
}

export class TwoStarts {
  readonly ideal: readonly RunResult[]
  readonly joined: readonly RunResult[]

  constructor({ plan, warmup, seeds }: TwoStartsInit) {
    const runs = (start: Start): RunResult[] => {
      const resolved = resolvePlan({ ...plan, start, warmup: warmup[start] })
      return seeds.map(seed => runOnce(resolved, {}, { overlay: resolved.overlays[0]!, seed }))
    }
    this.ideal = runs('ideal')
    this.joined = runs('joined')
  }

  get all(): RunResult[] {
    return [...this.ideal, ...this.joined]
  }

  samples(start: Start, of: Of): Float64Array {
    return pooled(this[start].map(of))
  }

  /** Of the mean of peers that joined to the other one. */
  ratio(of: Of): number {
    return mean(this.samples('joined', of)) / mean(this.samples('ideal', of))
  }

  /** By how much the two differ below which so many percent lie. */
  apart(of: Of, percent: number): number {
    return Math.abs(
      percentile(this.samples('joined', of), percent) - percentile(this.samples('ideal', of), percent)
    )
  }

  /** The largest difference of both distributions at any value: Kolmogorov's and Smirnov's distance. */
  distance(of: Of): number {
    const [ideal, joined] = [this.samples('ideal', of), this.samples('joined', of)]
    const upTo = (all: Float64Array, value: number) => all.filter(one => one <= value).length / all.length
    return Math.max(...[...new Set(ideal)].map(value => Math.abs(upTo(ideal, value) - upTo(joined, value))))
  }
}
