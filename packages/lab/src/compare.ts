/** Runs a plan: every overlay with every seed, and from all of them the results. */
import { type Backend, type BackendInit, type BackendLoader, noBackends } from './backend.ts'
import { type BackendId, isReal } from './backends.ts'
import { createWorker, workerFrom } from './create-worker.ts'
import type { PlanError } from './errors.ts'
import { fingerprintOf } from './fingerprint.ts'
import { commitOfCode, hostNow } from './host.ts'
import type { Job, PlanTexts } from './messages.ts'
import { type Asked, askedOf, overlaySettings, type Plan } from './plan.ts'
import type { PlacedError } from './plan-files.ts'
import { jobsOf } from './plan-jobs.ts'
import { runAll } from './pool.ts'
import type { Progress } from './progress.ts'
import { type Results, SCHEMA } from './results.ts'
import type { RunResult } from './run-result.ts'
import { summariseOverlay } from './summary.ts'

export interface CompareOptions {
  /** Ends the comparison; it fails with the signal's reason. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: Progress) => void
  /** The worker's script, where the program is one file and carries it. */
  readonly workerSource?: string | undefined
  /** Turns a file's name in the plan into a path. */
  readonly resolvePath?: (name: string) => string
  /** Where plans ask for real peers: without it they are refused. */
  readonly backends?: BackendLoader
}

/**
 * @throws PlanError  the plan does not fit into memory, or a file that it names cannot be read
 * @throws RunError   a run failed
 */
export async function compare(plan: Plan, options: CompareOptions = {}): Promise<Results> {
  const [ran] = await runPlans([plan], options)
  const { asked, runs, nodes } = ran!
  return {
    schema: SCHEMA,
    plan: asked,
    commit: options.workerSource === undefined ? await commitOfCode() : null,
    fingerprint: isReal(plan.backend) ? null : fingerprintOf(runs),
    host: hostNow(),
    overlays: plan.overlays.map(overlay =>
      summariseOverlay(
        { overlay, settings: overlaySettings(plan, overlay), backend: plan.backend, nodes },
        runs.filter(run => run.overlay === overlay)
      )
    )
  }
}

export interface RanPlan {
  /** With the sums of the files that it names. */
  readonly asked: Asked
  /** In the order of overlays and then seeds. */
  readonly runs: readonly RunResult[]
  /** Peers of each network at its start: those of the plan, or of its trace. */
  readonly nodes: number
}

/** What every run of these plans measured, of each plan by itself. */
export async function runPlans(
  plans: readonly Plan[],
  options: CompareOptions = {},
  onProgress: (plan: number, progress: Progress) => void = (_, progress) => options.onProgress?.(progress)
): Promise<RanPlan[]> {
  const { resolvePath = name => name } = options
  const { jobs, nodes, texts, sums } = await jobsOf(plans, { resolvePath })
  await checkJobs(jobs, options)
  const all = jobs.flatMap((ofPlan, plan) => ofPlan.map(job => ({ job, plan })))
  const results = plans.map((): RunResult[] => [])
  await runJobs(
    all.map(({ job }) => job),
    texts,
    options,
    {
      onRun: (index, run) => {
        results[all[index]!.plan]!.push(run)
      },
      onProgress: (progress, index) => onProgress(all[index]!.plan, progress)
    }
  )
  return plans.map((planned, plan) => ({
    asked: askedOf(planned, sums),
    nodes: nodes[plan]!,
    runs: planned.overlays.flatMap(overlay =>
      results[plan]!.filter(run => run.overlay === overlay).sort((a, b) => a.seed - b.seed)
    )
  }))
}

/**
 * Whether there are the backends that jobs of each plan want, and their peers take what is asked of them: known before hours
 * of work, and before anything is written.
 *
 * @throws PlanError
 */
export async function checkJobs(
  jobs: readonly (readonly Job[])[],
  { backends = noBackends }: Pick<CompareOptions, 'backends'>,
  placed: PlacedError = error => error
): Promise<void> {
  for (const [index, ofPlan] of jobs.entries()) {
    const [first] = ofPlan
    if (first === undefined || !isReal(first.plan.backend)) continue
    try {
      const backend = await backends(first.plan.backend)
      // Whatever the seed, the peers are asked for the same.
      await backend.check?.(ofPlan.filter(({ seed }) => seed === first.seed))
    } catch (error) {
      throw (error as Error).name === 'PlanError' ? placed(error as PlanError, index) : error
    }
  }
}

/** Runs jobs that were checked, those of each backend together; `onRun` is told of each as it ends. */
export async function runJobs(
  jobs: readonly Job[],
  texts: PlanTexts,
  options: Pick<CompareOptions, 'signal' | 'workerSource' | 'backends'>,
  { onRun, onProgress }: Pick<BackendInit, 'onRun' | 'onProgress'>
): Promise<void> {
  const { signal = new AbortController().signal, backends = noBackends } = options
  const groups = new Map<BackendId, number[]>()
  for (const [index, { plan }] of jobs.entries())
    groups.set(plan.backend, [...(groups.get(plan.backend) ?? []), index])
  const loaded = await Promise.all(
    [...groups].map(async ([name, indices]) => ({
      indices,
      backend: isReal(name) ? await backends(name) : simulator(options.workerSource)
    }))
  )
  let before = 0
  for (const { backend, indices } of loaded) {
    const begun = before
    await backend.run(
      indices.map(index => jobs[index]!),
      {
        texts,
        signal,
        onRun: (index, run) => onRun(indices[index]!, run),
        onProgress: (progress, index) =>
          onProgress(loaded.length === 1 ? progress : within(progress, begun, jobs.length), indices[index]!)
      }
    )
    before += indices.length
  }
}

/** On as many threads as the plans say. */
function simulator(workerSource: string | undefined): Backend {
  return {
    run: (jobs, { texts, ...init }) =>
      runAll(jobs, {
        ...init,
        setup: { texts },
        workers: Math.max(...jobs.map(({ plan }) => plan.workers)),
        createWorker: workerSource === undefined ? createWorker : workerFrom(workerSource)
      })
  }
}

/** Of several backends one after the other: what the next ones take is not known. */
function within({ runs, runsDone, done }: Progress, before: number, all: number): Progress {
  return {
    runs: all,
    runsDone: before + runsDone,
    done: (before + done * runs) / all,
    remainingMs: undefined
  }
}
