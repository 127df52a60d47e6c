/** Several studies in one report: each part beside those of its name. */
import type { StudyResults } from '@servent/lab'
import { beforeAll, expect, it } from 'vitest'
import { type Report, reportOf } from '../src/index.ts'
import { NBSP } from '../src/numbers.ts'
import { changed, studyOf } from './support/studies.ts'

const PLAN = `
title: Before and after
common: {lookups: 20, duration: 20, warmup: 20}
parts:
  - {name: sizes, title: Sizes, overlays: [chord, pastry], nodes: [8, 16]}
  - {name: one, title: One network, overlays: [chord], nodes: 12}
`
let before: StudyResults
let after: StudyResults
let report: Report
beforeAll(async () => {
  before = await studyOf(PLAN, 'plan.yaml')
  after = await studyOf(PLAN.replace('lookups: 20', 'lookups: 20, seed: 7'), 'plan.yaml')
  report = await reportOf([
    changed(before, { commit: `1111111${'0'.repeat(33)}` }),
    changed(after, { commit: `2222222${'0'.repeat(33)}`, parts: [after.parts[0]!] })
  ])
}, 120_000)

it('studies of one name are told apart by their commits', () => {
  expect(report.html).toContain('Two studies side by side: plan 1111111 and plan 2222222.')
})

it('a part that both have is drawn once, with a panel for each, on the same scales', () => {
  const { spec } = report.plots.find(({ name }) => name === 'sizes-hops-by-nodes')!
  const { data } = spec as unknown as { data: { values: { kind: string; panel: string; y: number }[] } }
  const of = (panel: string) =>
    data.values.filter(one => one.panel === panel && one.kind === 'measured').map(({ y }) => y)
  const medians = ({ parts }: StudyResults) => parts[0]!.points.map(({ figures }) => figures.hops.median)
  expect(of('plan 1111111')).toEqual(medians(before))
  expect(of('plan 2222222')).toEqual(medians(after))
  expect(medians(before)).not.toEqual(medians(after))
  expect(spec).not.toHaveProperty('resolve')
})

it('a part that one has is drawn of that one', () => {
  const { spec } = report.plots.find(({ name }) => name === 'one-load')!
  expect(spec).not.toHaveProperty('facet')
})

it('the summary has them beside each other', () => {
  const from = report.html.indexOf('<caption id="part-sizes-last">')
  const rows = report.html.slice(from, report.html.indexOf('</table>', from)).split('<tr>').slice(2)
  expect(rows.map(row => [...row.matchAll(/<th scope="row">([^<]*)</g)].map(([, text]) => text))).toEqual([
    ['Chord', 'plan 1111111'],
    ['Chord', 'plan 2222222'],
    ['Pastry', 'plan 1111111'],
    ['Pastry', 'plan 2222222']
  ])
})

it('studies of one name and one commit are numbered', async () => {
  const { html } = await reportOf([before, structuredClone(before)])
  expect(html).toContain('plan, run 1 and plan, run 2.')
})

it('studies that end with unlike networks are drawn with the last one of each', async () => {
  const small = changed(before, { name: 'small' })
  const [sizes] = small.parts as [StudyResults['parts'][0]]
  sizes.points = sizes.points.filter(({ at }) => at.nodes === 8)
  const { plots } = await reportOf([small, changed(after, { name: 'large' })])
  const { spec } = plots.find(({ name }) => name === 'sizes-load')!
  const { data } = spec as unknown as { data: { values: { panel: string }[] } }
  expect([...new Set(data.values.map(({ panel }) => panel))]).toEqual(['small · 8 peers', 'large · 16 peers'])
})

it('a panel’s name has a line for each thing that has no room beside the others', async () => {
  const name = 'a-study-whose-name-is-quite-long'
  const { plots } = await reportOf([before, changed(after, { name })])
  const small = changed(before, { name: 'small', parts: [structuredClone(before.parts[0]!)] })
  small.parts[0]!.points = small.parts[0]!.points.filter(({ at }) => at.nodes === 8)
  const unlike = await reportOf([small, changed(after, { name })])
  const panels = (of: Report) => {
    const { spec } = of.plots.find(({ name: plot }) => plot === 'sizes-load')!
    const { data } = spec as unknown as { data: { values: { panel: string }[] } }
    return [...new Set(data.values.map(({ panel }) => panel))]
  }
  expect(panels({ ...report, plots })).toEqual(['plan', name])
  expect(panels(unlike)).toEqual([`small · 8${NBSP}peers`.replace(NBSP, ' '), `${name}\n16 peers`])
}, 60_000)

it('parts of one title are told apart by their names', async () => {
  const twins = structuredClone(before)
  for (const part of twins.parts) part.title = 'A title'
  const { html } = await reportOf([twins])
  expect([...html.matchAll(/<h2[^>]*>(A title[^<]*)</g)].map(([, title]) => title)).toEqual([
    'A title (sizes)',
    'A title (one)'
  ])
}, 60_000)
