/**
 * What carries out runs: the simulator on threads of its own (`pool.ts`), or real peers. Each gives what a run measured
 * in one and the same form, `RunResult`, with nothing where it cannot tell.
 */
import type { RealBackendId } from './backends.ts'
import { PlanError, RunError } from './errors.ts'
import type { Job, PlanTexts } from './messages.ts'
import { Estimate, type Progress } from './progress.ts'
import type { RunResult } from './run-result.ts'

export interface Backend {
  /**
   * What its peers would refuse, known before any run begins, of this backend or another.
   *
   * @throws PlanError  a plan asks for what its peers have not
   */
  check?(jobs: readonly Job[]): Promise<void>
  /**
   * Runs all of them, and tells of each as it ends.
   *
   * @throws RunError  a run failed
   */
  run(jobs: readonly Job[], init: BackendInit): Promise<void>
}

export interface BackendInit {
  readonly texts: PlanTexts
  /** Ends everything at once: no peer is left behind. `run` fails with its reason. */
  readonly signal: AbortSignal
  /** `index` is the job's among those that were given. */
  readonly onRun: (index: number, run: RunResult) => void
  readonly onProgress: (progress: Progress, index: number) => void
}

/** Gives a backend of real peers, which is loaded when it is asked for. */
export type BackendLoader = (backend: RealBackendId) => Promise<Backend>

/** For a program that has the simulator alone. */
export const noBackends: BackendLoader = async backend => {
  throw new PlanError(`This program has no backend ${backend}: try --backend simulator.`)
}

/** One run after the other: networks of real peers that run at a time take each other's processors. */
export async function inTurn(
  jobs: readonly Job[],
  { signal, onRun, onProgress }: BackendInit,
  runOne: (job: Job, onDone: (done: number) => void) => Promise<RunResult>
): Promise<void> {
  const estimate = new Estimate(jobs, 1)
  for (const [index, job] of jobs.entries()) {
    signal.throwIfAborted()
    estimate.began(index)
    let run: RunResult
    try {
      run = await runOne(job, done => onProgress(estimate.at(index, done), index))
    } catch (error) {
      signal.throwIfAborted()
      const { name, message } = error as Error
      if (name === 'PlanError') throw error
      throw new RunError(
        `The run of ${job.overlay} with seed ${job.seed} failed: ${name === 'Error' ? '' : `${name}: `}${message}`
      )
    }
    onRun(index, run)
    onProgress(estimate.at(index, 1), index)
  }
}

export { NODES_LIMITS, REAL_ASK_MS_MAX, REAL_FILE_MS, REAL_SETTINGS, type RealBackendId } from './backends.ts'
// What backends of real peers are made of, and what makes them alike to the simulator: the same work, places, round trips,
// truth and samples.
export { Firewalls, operatorsNodes, parseBandwidth, parseResets } from './conditions.ts'
export { PlanError, RunError } from './errors.ts'
export type { Job } from './messages.ts'
export { churnOfPlan, filesIn, latencyOfPlan } from './models.ts'
export { FoundFiles, holdersOf } from './overlays/found-files.ts'
export { livingFile } from './overlays/living-file.ts'
export { RingTruth } from './overlays/ring-truth.ts'
export type { OverlayId, Settings } from './overlays/settings.ts'
export { beginningUs, parsePartition, Sides, withinReach } from './partition.ts'
export { Places } from './places.ts'
export { overlaySettings, type Plan } from './plan.ts'
export type {
  FaultSamples,
  LookupSamples,
  NodeSamples,
  PartitionSamples,
  Phase,
  PhaseSamples,
  RunResult,
  SearchSamples,
  SocketSamples,
  Traffic
} from './run-result.ts'
export { type LookupAsk, type SearchAsk, World, type WorldFile } from './world.ts'
