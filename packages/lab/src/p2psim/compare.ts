/** What p2psim measured of a study beside what came out here, and where they differ. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { Check } from 'typebox/value'
import { PlanError } from '../errors.ts'
import type { Asked } from '../plan.ts'
import { mean } from '../statistics.ts'
import { medianOf } from '../study/figures.ts'
import type { PointResults, StudyResults } from '../study/study-results.ts'
import { MANIFEST, type Manifest, ManifestSchema } from './manifest.ts'
import { P2PSIM_LOG_BYTES_MAX, parseStats } from './output.ts'

export const MANIFEST_BYTES_MAX = 16_777_216
/** Parts of a whole differ where they are further apart than this, other figures by this part of p2psim’s. */
const SUCCESS_DIFFERENCE = 0.01
const DIFFERENCE = 0.1

export interface Measured {
  /** Of all lookups, the median over runs, as the next two. */
  readonly success: number | null
  /** The median of correct lookups; here of all that were answered. */
  readonly latency_ms: number | null
  readonly hops: number | null
  /** Sent by a live peer in a second, 20 a message and 4 an id; the mean over runs. */
  readonly bytes_per_s: number | null
}
export type Measure = keyof Measured

export interface ComparedPoint {
  readonly part: string
  readonly overlay: string
  readonly at: PointResults['at']
  readonly set: PointResults['set']
  readonly runs: number
  readonly p2psim: Measured
  readonly here: Measured
  readonly differs: readonly Measure[]
}

export interface P2psimComparison {
  readonly points: readonly ComparedPoint[]
  /** Logs that are not there. */
  readonly missing: readonly string[]
  readonly left_out: Manifest['left_out']
}

/** @throws PlanError  the folder is none that was exported, a log is none, or the results are of another study */
export async function readP2psim(folder: string, results: StudyResults): Promise<P2psimComparison> {
  const manifest = await readManifest(folder)
  const missing: string[] = []
  const points: ComparedPoint[] = []
  for (const { part, overlay, at, set, plan, runs } of manifest.points) {
    const own = pointOf(results, { part, overlay, at, set, plan })
    const measured: (Measured & { readonly bytes_per_s: number })[] = []
    for (const { before, whole, live_s } of runs) {
      const [first, all] = [await readLog(folder, before), await readLog(folder, whole)]
      for (const [name, text] of [[before, first] as const, [whole, all] as const])
        if (text === undefined) missing.push(name)
      if (first === undefined || all === undefined) continue
      const stats = parseStats(all, whole)
      const { correct, incorrect, failed } = stats.lookups
      const issued = correct + incorrect + failed
      measured.push({
        success: issued === 0 ? null : correct / issued,
        latency_ms: stats.latencyMs ?? null,
        hops: stats.hops ?? null,
        bytes_per_s: Math.max(0, stats.bytes - parseStats(first, before).bytes) / live_s
      })
    }
    if (measured.length === 0) continue
    const medianBy = (of: Measure) => medianOf(measured.flatMap(one => one[of] ?? []))
    const p2psim: Measured = {
      success: medianBy('success'),
      latency_ms: medianBy('latency_ms'),
      hops: medianBy('hops'),
      bytes_per_s: mean(measured.map(one => one.bytes_per_s))
    }
    const here = measuredHere(own)
    points.push({
      part,
      overlay,
      at,
      set,
      runs: measured.length,
      p2psim,
      here,
      differs: differing(p2psim, here)
    })
  }
  return { points, missing, left_out: manifest.left_out }
}

function measuredHere({ figures, results }: PointResults): Measured {
  return {
    success: figures.success.median,
    latency_ms: figures.latency_ms.median,
    hops: figures.hops.median,
    bytes_per_s: results.bytes_per_node_per_s?.p2psim ?? null
  }
}

function differing(p2psim: Measured, here: Measured): Measure[] {
  return (Object.keys(p2psim) as Measure[]).filter(measure => {
    const [theirs, ours] = [p2psim[measure], here[measure]]
    if (theirs === null || ours === null) return theirs !== ours
    const allowed = measure === 'success' ? SUCCESS_DIFFERENCE : DIFFERENCE * theirs
    return Math.abs(ours - theirs) > allowed
  })
}

type Place = Omit<Manifest['points'][number], 'runs'>

function pointOf(results: StudyResults, { part, overlay, at, set, plan }: Place): PointResults {
  const text = JSON.stringify([at, set])
  const point = results.parts
    .find(({ name }) => name === part)
    ?.points.find(one => one.overlay === overlay && JSON.stringify([one.at, one.set]) === text)
  const name = [overlay, ...Object.values(at), ...Object.values(set)].join(' ')
  if (point === undefined)
    throw new PlanError(`The results are of another study: they have no ${name} in a part ${part}.`)
  const field = differingField(plan, point.plan)
  if (field !== undefined)
    throw new PlanError(
      `The results are of another study: ${field} of ${name} in ${part} is ${JSON.stringify(point.plan[field])}, and ` +
        `${JSON.stringify(plan[field])} in what was exported. Export the plan of these results again, or run the one that was exported.`
    )
  return point
}

/** More seeds, or others, are more runs of the same. */
function differingField(exported: Asked, ran: Asked): keyof Asked | undefined {
  const fields = Object.keys({ ...exported, ...ran }) as (keyof Asked)[]
  return fields.find(
    field => field !== 'seeds' && field !== 'seed' && !isDeepStrictEqual(exported[field], ran[field])
  )
}

async function readManifest(folder: string): Promise<Manifest> {
  const file = join(folder, MANIFEST)
  try {
    if ((await stat(file)).size > MANIFEST_BYTES_MAX)
      throw new Error(`it has more than ${MANIFEST_BYTES_MAX} bytes`)
    const value: unknown = JSON.parse(await readFile(file, 'utf8'))
    if (Check(ManifestSchema, value)) return value
    throw new Error('it is no manifest of this version')
  } catch (error) {
    throw new PlanError(
      `${folder} is no folder that lab export-p2psim wrote: ${MANIFEST}: ${(error as Error).message}.`
    )
  }
}

/** Nothing where there is none. */
async function readLog(folder: string, name: string): Promise<string | undefined> {
  const file = join(folder, name)
  const size = await stat(file).then(
    ({ size }) => size,
    () => undefined
  )
  if (size === undefined) return undefined
  if (size > P2PSIM_LOG_BYTES_MAX)
    throw new PlanError(
      `${name} has more than ${P2PSIM_LOG_BYTES_MAX} bytes: that is no log of one run of p2psim.`
    )
  return readFile(file, 'latin1')
}
