/** Plans as jobs: their files are read and their memory reckoned before the first of them runs. */
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { nodesUpAtFirst, randomOf } from '@servent/simulator'
import { isReal } from './backends.ts'
import { PlanError } from './errors.ts'
import { runsAtATime } from './memory.ts'
import type { Job, PlanTexts } from './messages.ts'
import { churnOfPlan, filesIn, filesOf, latencyOfPlan } from './models.ts'
import { type Plan, seedsOf } from './plan.ts'

/** Of events, as far as upkeep goes: a peer's in a minute against those of one lookup. */
const UPKEEP_PER_MINUTE = 1 / 4

export interface PlannedJobs {
  readonly texts: PlanTexts
  /** For each plan its runs, seed by seed, so that every overlay soon shows what it costs. */
  readonly jobs: readonly (readonly Job[])[]
  /** For each plan the peers of its networks at their start: its own number, or those of its trace. */
  readonly nodes: readonly number[]
}

/**
 * `withGraphs`: the first run of each plan keeps its graph.
 *
 * @throws PlanError  a plan does not fit into memory, or a file that it names cannot be read or is none
 */
export async function jobsOf(
  plans: readonly Plan[],
  resolvePath: (name: string) => string,
  withGraphs = false
): Promise<PlannedJobs> {
  const texts: Record<string, string> = {}
  for (const plan of plans) {
    const { matrix, trace } = filesOf(plan)
    for (const [field, name] of [['latency', matrix] as const, ['churn', trace] as const])
      if (name !== undefined) texts[name] ??= await readText(field, resolvePath(name))
  }
  const planned = plans.map(plan => {
    const files = filesIn(texts, plan)
    // What cannot be read is said here, once, and not by each run.
    latencyOfPlan(plan, files, randomOf(''))
    const churn = churnOfPlan(plan, files)
    const atATime = isReal(plan.backend) ? 1 : runsAtATime(plan, churn)
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
  return { texts, jobs: planned.map(({ jobs }) => jobs), nodes: planned.map(({ nodes }) => nodes) }
}

function workOf({ nodes, warmup, duration, lookups, searches, puts, gets }: Plan): number {
  const upkeep = (UPKEEP_PER_MINUTE * nodes * (warmup + duration)) / 60
  return upkeep + lookups + searches + puts + gets
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
