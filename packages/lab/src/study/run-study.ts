/** Runs a study: all its points on the same threads, each run kept as it ends, and results made of them in the end. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { isReal } from '../backends.ts'
import { type CompareOptions, runJobs } from '../compare.ts'
import { fingerprintOf } from '../fingerprint.ts'
import { commitOfCode, hostNow, identityOfCode, identityOfProgram } from '../host.ts'
import type { Job } from '../messages.ts'
import { askedOf, overlaySettings, type Plan } from '../plan.ts'
import type { Progress } from '../progress.ts'
import type { RunResult } from '../run-result.ts'
import { summariseOverlay } from '../summary.ts'
import { curvesOf } from './curves.ts'
import { figuresOf, pairsOf } from './figures.ts'
import { graphFileOf } from './graphml.ts'
import { checkStudy, type PlannedStudy, planStudy } from './plan-study.ts'
import { RunStore } from './run-store.ts'
import type { Study } from './study.ts'
import { STUDY_SCHEMA, type StudyResults } from './study-results.ts'

const RUNS_FOLDER = 'runs'

export interface StudyRunOptions extends CompareOptions {
  /** Where its runs are kept. */
  readonly folder: string
  /** Told first, with how many of all runs were there already; one that several points share counts once. */
  readonly onBegin?: (runs: { readonly there: number; readonly all: number }) => void
  /** Told of every run of every point, in order, as results are made of them. */
  readonly onSamples?: (part: number, point: number, run: RunResult) => void
}

/**
 * @throws PlanError  a point does not fit into memory, or a file that it names cannot be read
 * @throws RunError   a run failed
 */
export async function runStudy(study: Study, options: StudyRunOptions): Promise<StudyResults> {
  const planned = await planStudy(study, options.resolvePath)
  await checkStudy(planned, options)
  return runPlanned(planned, options)
}

/** @throws RunError  a run failed */
export async function runPlanned(planned: PlannedStudy, options: StudyRunOptions): Promise<StudyResults> {
  const { folder, onBegin = () => {}, onSamples = () => {} } = options
  const { study, texts, sums, jobs, nodes } = planned
  const points = study.parts.flatMap(part => part.points)
  const commit = options.workerSource === undefined ? await commitOfCode() : null
  const code = await identityOfCode(options.workerSource)
  const isAnyReal = points.some(({ plan }) => isReal(plan.backend))
  const program = isAnyReal ? await identityOfProgram(options.workerSource) : code
  const codeOf = ({ backend }: Plan) => (isReal(backend) ? program : code)
  const store = new RunStore(join(folder, RUNS_FOLDER), codeOf, texts)
  const all = store.distinct(jobs.flat())
  const left = all.filter(job => store.find(job) === undefined)
  onBegin({ there: all.length - left.length, all: all.length })
  await runJobs(left, texts, options, {
    onRun: (index, run) => store.add(left[index]!, run),
    onProgress: progress => options.onProgress?.(ofAll(progress, all.length))
  })

  const hash = createHash('sha256')
  let next = 0
  const parts = study.parts.map(({ name, title, about, varies, points: planned, published }, part) => {
    const shown = new Set<string>()
    const results = planned.map(({ overlay, at, set, plan }, point) => {
      const index = next
      next += 1
      const runs = jobs[index]!.map(job => storedRun(store, job))
      for (const run of runs) {
        hash.update(fingerprintOf([run]))
        onSamples(part, point, run)
      }
      const what = {
        overlay,
        settings: overlaySettings(plan, overlay),
        backend: plan.backend,
        nodes: nodes[index]!
      }
      const summary = summariseOverlay(what, runs)
      // A picture of each overlay is enough: of the first point that has any.
      const hasPicture = summary.path !== null && !shown.has(overlay)
      if (hasPicture) shown.add(overlay)
      return {
        overlay,
        at,
        set,
        plan: askedOf(plan, sums),
        graphml: runs[0]?.graph == null ? null : graphFileOf(name, overlay, point),
        results: hasPicture ? summary : { ...summary, path: null },
        figures: figuresOf(runs),
        curves: curvesOf(runs)
      }
    })
    return {
      name,
      title,
      about: about ?? null,
      varies: [...varies],
      points: results,
      paired: pairsOf(results),
      published: published.map(({ point, figure, value, source }) => {
        const { overlay, at, set, figures } = results[point]!
        const { median, ci95 } = figures[figure]
        return { overlay, at, set, figure, value, source, median, ci95 }
      })
    }
  })
  return {
    schema: STUDY_SCHEMA,
    name: study.name,
    title: study.title,
    about: study.about ?? null,
    commit,
    fingerprint: isAnyReal ? null : hash.digest('hex'),
    host: hostNow(),
    parts
  }
}

function storedRun(store: RunStore, job: Job): RunResult {
  const run = store.find(job)
  if (run === undefined)
    throw new Error(`The run of ${job.overlay} with seed ${job.seed} is not on disk any more.`)
  return run
}

/** Those that were there already count as done, and have cost nothing now. */
function ofAll({ runs, runsDone, done, remainingMs }: Progress, all: number): Progress {
  const there = all - runs
  return { runs: all, runsDone: there + runsDone, done: (there + done * runs) / all, remainingMs }
}
