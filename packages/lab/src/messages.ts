/** What the main thread and its workers say to each other. */
import type { OverlayId } from './overlays/settings.ts'
import type { Plan } from './plan.ts'
import type { RunResult } from './run-result.ts'

/** One network of one overlay. */
export interface RunTask {
  readonly overlay: OverlayId
  readonly seed: number
}

/** Files that a plan names, read: workers open none. */
export interface PlanFiles {
  /** Round trips, as text. */
  readonly matrix?: string
  /** Sessions, as text. */
  readonly trace?: string
}

export interface WorkerSetup {
  readonly plan: Plan
  readonly files: PlanFiles
}

/** `done` from 0 to 1: the part of a run's virtual time that has passed. */
export type FromWorker =
  | { readonly type: 'progress'; readonly done: number }
  | { readonly type: 'result'; readonly run: RunResult }
  | { readonly type: 'failed'; readonly name: string; readonly message: string }
