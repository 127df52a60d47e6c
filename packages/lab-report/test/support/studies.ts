/** Real studies of small networks, run once for a file of tests. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { resolveStudy, runStudy, type StudyResults } from '@servent/lab'

/** Every kind of question, each of 16 peers: all that varies, searches, values, a grid, and one part with intervals. */
export const EVERY_KIND = `
title: Everything at once
about: Small networks.
common: {seeds: 2, lookups: 30, duration: 30, warmup: 30, nodes: 16}
parts:
  - {name: sizes, title: Sizes, overlays: [napster, gnutella, chord, pastry, kelips, kademlia], nodes: [8, 16], seeds: 5}
  - {name: dead, title: The dead, about: Half of them, overlays: [chord, kademlia], failures: [0, 0.25, 0.5],
     published: [{overlay: chord, at: {failures: 0.25}, figure: hops_as_published, value: 1.5, source: 'A paper, table 1'}]}
  - {name: going, title: Coming and going, overlays: [chord, pastry], churn: ["exp:5m", "exp:1h"]}
  - {name: lying, title: Liars, overlays: [chord, pastry], liars: [0, 0.25]}
  - {name: tuned, title: Settings, overlays: [chord, pastry], grid: {chord: {successors: [2, 4, 8]}, pastry: {leaf-set: [4, 8]}}}
  - {name: pressed, title: Settings while half are dead, overlays: [chord], failures: 0.5, grid: {chord: {successors: [1, 2, 8]}}}
  - {name: words, title: Words, overlays: [gnutella, fasttrack, chord], lookups: 0, searches: 10, seeds: 5, rare: 0.5}
  - {name: values, title: Values, overlays: [chord, kelips], lookups: 0, puts: 10}
  - {name: both, title: Sizes and the dead, overlays: [chord, pastry], nodes: [8, 16], failures: [0, 0.25]}
`

/** `name` of the file that it would stand in. */
export async function studyOf(
  text: string,
  name = 'every-kind.yaml',
  set: readonly string[] = []
): Promise<StudyResults> {
  const folder = mkdtempSync(join(tmpdir(), 'report-'))
  const study = resolveStudy(text, name, { workers: 1, set })
  // As they come out of a file.
  return JSON.parse(JSON.stringify(await runStudy(study, { folder }))) as StudyResults
}

/** How much longer real peers take than what they are made of. */
export const REAL_TIMES = 1.5

/**
 * The same with every point on two backends. Real peers take too long for a test: theirs are the simulated ones, with
 * another name, longer times and nothing of what real peers do not tell.
 */
export function withRealBackend(study: StudyResults): StudyResults {
  const copy = structuredClone(study)
  copy.fingerprint = null
  for (const part of copy.parts) {
    part.varies = ['backend', ...part.varies]
    part.points = (['simulator', 'in-process'] as const).flatMap(backend =>
      structuredClone(part.points).map(point => {
        point.at = { backend, ...point.at }
        point.plan.backend = backend
        point.results.backend = backend
        if (backend === 'simulator') return point
        point.graphml = null
        point.results.path = null
        point.results.state_bytes_per_node = null
        const { latency_ms: latency } = point.figures
        latency.runs = latency.runs.map(ms => ms && ms * REAL_TIMES)
        latency.median = latency.median && latency.median * REAL_TIMES
        latency.ci95 = latency.ci95 && [latency.ci95[0] * REAL_TIMES, latency.ci95[1] * REAL_TIMES]
        point.curves.latency_ms = point.curves.latency_ms?.map(ms => ms * REAL_TIMES) ?? null
        return point
      })
    )
    part.paired = (['simulator', 'in-process'] as const).flatMap(backend =>
      part.paired.map(one => ({ ...one, at: { backend, ...one.at } }))
    )
  }
  return copy
}

export const changed = (study: StudyResults, more: Partial<StudyResults>): StudyResults => ({
  ...structuredClone(study),
  ...more
})
