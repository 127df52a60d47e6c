/** Plans as jobs: their files are read and their memory reckoned before the first of them runs. */
import { nodesUpAtFirst, randomOf } from '@servent/simulator'
import { isReal } from './backends.ts'
import type { PlanError } from './errors.ts'
import { runsAtATime } from './memory.ts'
import type { Job } from './messages.ts'
import { churnOfPlan, filesIn, latencyOfPlan } from './models.ts'
import { type Plan, seedsOf } from './plan.ts'
import { type NamedFiles, type PlacedError, readNamedFiles } from './plan-files.ts'

/** Of events, as far as upkeep goes: a peer's in a minute against those of one lookup. */
const UPKEEP_PER_MINUTE = 1 / 4

export interface PlannedJobs extends NamedFiles {
  /** For each plan its runs, seed by seed, so that every overlay soon shows what it costs. */
  readonly jobs: readonly (readonly Job[])[]
  /** For each plan the peers of its networks at their start: its own number, or those of its trace. */
  readonly nodes: readonly number[]
}

export interface JobsInit {
  readonly resolvePath: (name: string) => string
  /** The first run of each plan keeps its graph. */
  readonly withGraphs?: boolean
  readonly placed?: PlacedError
}

/** @throws PlanError  a plan does not fit into memory, or a file that it names cannot be read or is none */
export async function jobsOf(plans: readonly Plan[], init: JobsInit): Promise<PlannedJobs> {
  const { resolvePath, withGraphs = false, placed = error => error } = init
  const files = await readNamedFiles(plans, resolvePath, placed)
  const planned = plans.map((plan, index) => {
    const { churn, atATime } = placedWith(
      error => placed(error, index),
      () => checked(plan, files)
    )
    const work = workOf(plan)
    return {
      nodes: churn?.type === 'trace' ? nodesUpAtFirst(churn.events).length : plan.nodes,
      jobs: seedsOf(plan).flatMap(seed =>
        plan.overlays.map(
          (overlay): Job => ({ plan, overlay, seed, graph: withGraphs && seed === plan.seed, atATime, work })
        )
      )
    }
  })
  return { ...files, jobs: planned.map(({ jobs }) => jobs), nodes: planned.map(({ nodes }) => nodes) }
}

/** What cannot be read is said here, once, and not by each run. */
function checked(plan: Plan, { texts }: NamedFiles) {
  const files = filesIn(texts, plan)
  latencyOfPlan(plan, files, randomOf(''))
  const churn = churnOfPlan(plan, files)
  return { churn, atATime: isReal(plan.backend) ? 1 : runsAtATime(plan, churn) }
}

/** Does what may find something wrong with a plan, and says where that comes from. */
export function placedWith<T>(placed: (error: PlanError) => PlanError, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw (error as Error).name === 'PlanError' ? placed(error as PlanError) : error
  }
}

function workOf({ nodes, warmup, duration, lookups, searches, puts, gets }: Plan): number {
  const upkeep = (UPKEEP_PER_MINUTE * nodes * (warmup + duration)) / 60
  return upkeep + lookups + searches + puts + gets
}
