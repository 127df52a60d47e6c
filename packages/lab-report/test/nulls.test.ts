/** What was not measured is null by design, as real peers do not tell all: a report of the rest is drawn all the same. */
import { type PartResults, type PointResults, type StudyResults, StudyResultsSchema } from '@servent/lab'
import { beforeAll, describe, expect, it } from 'vitest'
import { reportOf } from '../src/index.ts'
import { FIGURES } from '../src/measures.ts'
import { NBSP } from '../src/numbers.ts'
import { type DrawnPart, pageOf } from '../src/page.ts'
import { pathPictures } from '../src/paths/index.ts'
import { plotsOf } from '../src/plots/index.ts'
import { sentencesOf } from '../src/sentences.ts'
import { viewOf } from '../src/view.ts'
import { studyOf, withRealBackend } from './support/studies.ts'

let study: StudyResults
beforeAll(async () => {
  study = withRealBackend(
    await studyOf(`
title: Small
common: {seeds: 5, lookups: 20, duration: 40, warmup: 20}
parts:
  - {name: tuned, title: Tuned, overlays: [kademlia], nodes: 8, grid: {kademlia: {k: [2, 4, 20]}}}
  - {name: sizes, title: Sizes, overlays: [gnutella, chord], nodes: [8, 12], searches: 5, partition: 0.5/10s,
     published: [{overlay: chord, at: {nodes: 8}, figure: hops, value: 1.5, source: A paper}]}
`)
  )
  // All of its peers are real.
  const [tuned] = study.parts as [PartResults]
  tuned.varies = []
  tuned.points = tuned.points.filter(isReal)
  for (const { at } of tuned.points) delete at.backend
}, 120_000)

type Changed = (point: PointResults) => void
const isReal = ({ plan }: PointResults) => plan.backend !== 'simulator'

/** With those points changed, and what follows of figures that are null: there is no difference of them. */
function without(change: Changed, of: (point: PointResults) => boolean = isReal): StudyResults {
  const copy = structuredClone(study)
  for (const part of copy.parts) {
    for (const point of part.points.filter(of)) change(point)
    part.paired = part.paired.filter(({ overlay, figure, at }) =>
      part.points.some(
        point =>
          point.overlay === overlay &&
          point.at.backend === at.backend &&
          point.figures[figure].median !== null
      )
    )
  }
  return copy
}

const noFigure =
  (name: (typeof FIGURES)[number]): Changed =>
  ({ figures }) => {
    figures[name] = { runs: figures[name].runs.map(() => null), median: null, ci95: null }
  }

interface AnySchema {
  readonly type?: string
  readonly anyOf?: readonly AnySchema[]
  readonly items?: AnySchema
  readonly properties?: Readonly<Record<string, AnySchema>>
}
const { properties: ofPart } = (StudyResultsSchema as AnySchema).properties!.parts!.items!
const { properties: ofPoint } = ofPart!.points!.items!
const nullable = ({ properties }: AnySchema) =>
  Object.entries(properties!).flatMap(([name, { anyOf = [] }]) =>
    anyOf.some(({ type }) => type === 'null') ? [name] : []
  )

const UNSAID = /undefined|NaN|Infinity/

describe('what real peers do not tell, beside simulated ones that do', () => {
  const drawn = async (change: Changed) => {
    const { html } = await reportOf([without(change)])
    expect(html).not.toMatch(UNSAID)
  }
  /** The page without its plots, which take the time. */
  const told = (change: Changed) => {
    const whole = without(change)
    const parts = whole.parts.map((part): DrawnPart => {
      const view = viewOf([{ study: 'small', part }])
      return { id: part.name, view, plots: plotsOf(view).map(plot => ({ ...plot, id: plot.name, svg: '' })) }
    })
    const studies = [{ label: 'small', study: whole }]
    expect(pageOf(studies, parts, pathPictures(studies, String))).not.toMatch(UNSAID)
  }

  it.each(FIGURES)('%s', name => drawn(noFigure(name)), 60_000)

  it('any figure', () => drawn(point => FIGURES.forEach(name => void noFigure(name)(point))), 60_000)

  it.each(nullable(ofPoint!.results!))('%s of results', name =>
    told(({ results }) => void Object.assign(results, { [name]: null }))
  )

  it.each(nullable(ofPoint!.curves!))('the curve of %s', name =>
    told(({ curves }) => void Object.assign(curves, { [name]: null }))
  )
})

it('any figure of anybody: a report of none', async () => {
  const none = without(
    point => FIGURES.forEach(name => void noFigure(name)(point)),
    () => true
  )
  const { html } = await reportOf([none])
  expect(html).toContain('Where it comes from')
  expect(html).not.toMatch(UNSAID)
}, 60_000)

describe('of settings', () => {
  const said = (change: Changed, of = (_: PointResults) => true) =>
    sentencesOf(viewOf([{ study: 'small', part: without(change, of).parts[0]! }])).map(text =>
      text.replaceAll(NBSP, ' ')
    )

  it('the soonest and the cheapest are of those that have a latency and bytes, and of fewer than two nothing is said', () => {
    expect(said(() => {})).toEqual([expect.stringMatching(/^Of three settings of Kademlia the soonest /)])
    const isOf = (k: number) => (point: PointResults) => point.set['kademlia.k'] === k
    for (const name of ['bytes_per_s', 'latency_ms'] as const) {
      const [text, ...more] = said(noFigure(name), isOf(4))
      expect(text).toMatch(/^Of two settings of Kademlia the soonest /)
      expect(text).not.toContain('k 4')
      expect(more).toEqual([])
      expect(said(noFigure(name), point => !isOf(4)(point))).toEqual([])
    }
  })

  it('whose success nobody knows, none is said', () => {
    expect(said(() => {})[0]).toContain('; success is ')
    expect(said(noFigure('success'))).toEqual([expect.not.stringContaining('success')])
  })
})
