/** What the main thread and its workers say to each other. */
import type { OverlayId } from './overlays/settings.ts'
import type { Plan } from './plan.ts'
import type { RunResult } from './run-result.ts'

/** One network of one overlay. */
export interface RunTask {
  readonly overlay: OverlayId
  readonly seed: number
  /** The graph of links is kept. */
  readonly graph?: boolean
}

/** Files that a plan names, read: workers open none. */
export interface PlanFiles {
  /** Round trips, as text. */
  readonly matrix?: string
  /** Sessions, as text. */
  readonly trace?: string
}

/** A run with all that decides it. Work is in any unit: how much more it is than that of another run of its overlay. */
export interface Job extends RunTask {
  readonly plan: Plan
  /** So many fit into memory at a time. */
  readonly atATime: number
  readonly work: number
}

/** Texts of the files that plans name, by these names. */
export type PlanTexts = Readonly<Record<string, string>>

export interface WorkerSetup {
  readonly texts: PlanTexts
}

/** `done` from 0 to 1: the part of a run's virtual time that has passed. */
export type FromWorker =
  | { readonly type: 'progress'; readonly done: number }
  | { readonly type: 'result'; readonly run: RunResult }
  | { readonly type: 'failed'; readonly name: string; readonly message: string }
