/**
 * A study that can run: its files are read, and it fits into memory. In all that is written and kept of it those files have
 * names of their contents, under which they lie beside the plan with every choice made: so that plan can be run again.
 */
import type { BackendLoader } from '../backend.ts'
import { checkJobs } from '../compare.ts'
import { withFileName } from '../models.ts'
import type { FileSums, Plan } from '../plan.ts'
import { keptNames } from '../plan-files.ts'
import { jobsOf, type PlannedJobs } from '../plan-jobs.ts'
import type { Point, Study } from './study.ts'
import { writeStudy } from './study-file.ts'
import type { StudyFile } from './study-schema.ts'

/** Of a study's folder: where the files are that its plans name. */
export const NAMED_FILES_FOLDER = 'files'

export interface PlannedStudy extends PlannedJobs {
  readonly study: Study
}

/**
 * Reads and reckons, and writes nothing.
 *
 * @throws PlanError  a point does not fit into memory, or a file that it names cannot be read or is none; with its line
 */
export async function planStudy(
  study: Study,
  resolvePath: (name: string) => string = name => name
): Promise<PlannedStudy> {
  const points = pointsOf(study)
  const { jobs, nodes, texts, sums, bytes } = await jobsOf(
    points.map(({ point }) => point.plan),
    {
      resolvePath,
      withGraphs: true,
      placed: (error, index) => study.placed(error, points[index]!.part, points[index]!.point)
    }
  )
  // In the order in which they were read, which is the same when the resolved plan is.
  const kept = new Map(
    [...keptNames([...bytes.keys()].map(name => [name, sums[name]!] as const))].map(([name, one]) => [
      name,
      `${NAMED_FILES_FOLDER}/${one}`
    ])
  )
  const named = renamed(study, name => kept.get(name)!)
  const plans = pointsOf(named).map(({ point }) => point.plan)
  const byKeptName = <T>(of: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(of).map(([name, value]) => [kept.get(name)!, value]))
  return {
    study: named,
    jobs: jobs.map((ofPlan, index) => ofPlan.map(job => ({ ...job, plan: plans[index]! }))),
    nodes,
    texts: byKeptName(texts),
    sums: byKeptName(sums) as FileSums,
    bytes: new Map([...bytes].map(([name, value]) => [kept.get(name)!, value]))
  }
}

/** @throws PlanError  a backend that there is not, or whose peers have not what a point asks of them; with its line */
export async function checkStudy(
  { study, jobs }: PlannedStudy,
  options: { readonly backends?: BackendLoader }
): Promise<void> {
  const points = pointsOf(study)
  await checkJobs(jobs, options, (error, index) =>
    study.placed(error, points[index]!.part, points[index]!.point)
  )
}

const pointsOf = ({ parts }: Study): { readonly part: number; readonly point: Point }[] =>
  parts.flatMap(({ points }, part) => points.map(point => ({ part, point })))

/** The same study, whose files have other names. */
function renamed(study: Study, nameOf: (name: string) => string): Study {
  const withNames = <T extends Fields>(fields: T): T => {
    const changed = { ...fields }
    for (const field of ['latency', 'churn'] as const)
      if (Object.hasOwn(fields, field)) Object.assign(changed, { [field]: each(fields[field], nameOf) })
    return changed
  }
  const file: StudyFile = {
    ...study.file,
    parts: study.file.parts.map(part => ({
      ...withNames(part as Fields as StudyFile['parts'][number] & Fields),
      ...(part.published && {
        published: part.published.map(one => (one.at ? { ...one, at: withNames(one.at) } : one))
      })
    }))
  }
  return {
    ...study,
    file,
    resolved: writeStudy(file),
    parts: study.parts.map(part => ({
      ...part,
      points: part.points.map(point => ({
        ...point,
        at: withNames(point.at),
        plan: withNames(point.plan as Plan & Fields)
      }))
    }))
  }
}

type Fields = Readonly<Record<string, unknown>>

/** Of a field with one value, or several. */
function each(value: unknown, nameOf: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map(one => each(one, nameOf))
  return typeof value === 'string' ? withFileName(value, nameOf) : value
}
