/** Runs a plan: every overlay with every seed, and from all of them the results. */
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { nodesUpAtFirst, randomOf } from '@servent/simulator'
import { type CreateWorker, createWorker, workerFrom } from './create-worker.ts'
import { PlanError } from './errors.ts'
import { fingerprintOf } from './fingerprint.ts'
import { commitOfCode, hostNow } from './host.ts'
import { runsAtATime } from './memory.ts'
import type { PlanFiles, RunTask } from './messages.ts'
import { churnOfPlan, filesOf, latencyOfPlan } from './models.ts'
import { overlaySettings, type Plan, seedsOf } from './plan.ts'
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
}

/**
 * @throws PlanError  the plan does not fit into memory, or a file that it names cannot be read
 * @throws RunError   a run failed
 */
export async function compare(plan: Plan, options: CompareOptions = {}): Promise<Results> {
  const { runs, nodes } = await runPlan(plan, options)
  const rssPeakBytes = process.resourceUsage().maxRSS * 1024
  return {
    schema: SCHEMA,
    plan,
    commit: options.workerSource === undefined ? await commitOfCode() : null,
    fingerprint: fingerprintOf(runs),
    host: hostNow(),
    overlays: plan.overlays.map(overlay =>
      summariseOverlay(
        { overlay, settings: overlaySettings(plan, overlay), backend: plan.backend, nodes },
        runs.filter(run => run.overlay === overlay),
        rssPeakBytes
      )
    )
  }
}

export interface RanPlan {
  /** In the order of overlays and then seeds. */
  readonly runs: readonly RunResult[]
  /** Peers of each network at its start: those of the plan, or of its trace. */
  readonly nodes: number
}

/** What every run measured. */
export async function runPlan(plan: Plan, options: CompareOptions = {}): Promise<RanPlan> {
  const files = await readPlanFiles(plan, options.resolvePath ?? (name => name))
  // What cannot be read is said here, once, and not by each run.
  latencyOfPlan(plan, files, randomOf(''))
  const churn = churnOfPlan(plan, files)
  const workers = runsAtATime(plan, churn)
  const nodes = churn?.type === 'trace' ? nodesUpAtFirst(churn.events).length : plan.nodes
  // Seed by seed, so that every overlay soon shows what it costs.
  const tasks: RunTask[] = seedsOf(plan).flatMap(seed => plan.overlays.map(overlay => ({ overlay, seed })))
  const create: CreateWorker =
    options.workerSource === undefined ? createWorker : workerFrom(options.workerSource)
  const runs = await runAll(tasks, {
    setup: { plan, files },
    workers,
    createWorker: create,
    signal: options.signal ?? new AbortController().signal,
    onProgress: options.onProgress ?? (() => {})
  })
  return { nodes, runs: plan.overlays.flatMap(overlay => runs.filter(run => run.overlay === overlay)) }
}

async function readPlanFiles(plan: Plan, resolvePath: (name: string) => string): Promise<PlanFiles> {
  const { matrix, trace } = filesOf(plan)
  return {
    ...(matrix === undefined ? {} : { matrix: await readText('latency', resolvePath(matrix)) }),
    ...(trace === undefined ? {} : { trace: await readText('churn', resolvePath(trace)) })
  }
}

/** A text, unpacked where its name ends in `.gz`. */
async function readText(field: string, path: string): Promise<string> {
  try {
    const bytes = await readFile(path)
    return (path.endsWith('.gz') ? await promisify(gunzip)(bytes) : bytes).toString('utf8')
  } catch (error) {
    throw new PlanError(`${field} names the file ${path}, which cannot be read: ${(error as Error).message}.`)
  }
}
