/** Bytes in which there is no upkeep, as maintenance of simulated peers stands still while some are dead: nothing takes them for what an overlay costs. */
import type { PartResults, StudyResults } from '@servent/lab'
import { beforeAll, describe, expect, it } from 'vitest'
import { NBSP } from '../src/numbers.ts'
import { pageOf } from '../src/page.ts'
import { lastTable, pairedTable, summaryTable } from '../src/part-table.ts'
import { plotsOf } from '../src/plots/index.ts'
import { sentencesOf } from '../src/sentences.ts'
import { viewOf } from '../src/view.ts'
import { studyOf } from './support/studies.ts'

let study: StudyResults
beforeAll(async () => {
  study = await studyOf(`
title: Small
common: {lookups: 20, duration: 20, warmup: 20, nodes: 16}
parts:
  - {name: calm, overlays: [chord, kelips]}
  - {name: dead, overlays: [chord, kelips], failures: 0.25}
  - {name: sizes, overlays: [chord, kelips], nodes: [8, 16], failures: 0.25}
  - {name: mixed, overlays: [chord, kelips], nodes: [8, 16], failures: [null, 0.25]}
  - {name: tuned, overlays: [chord], failures: 0.25, grid: {chord: {successors: [2, 4, 8]}}}
`)
}, 120_000)

const partOf = (name: string) => study.parts.find(part => part.name === name)!
const view = (part: PartResults) => viewOf([{ study: 'small', part }])
const said = (part: PartResults) => sentencesOf(view(part)).join(' ').replaceAll(NBSP, ' ')
/** As it would be with maintenance, of peers that are real. */
function ofRealPeers(part: PartResults): PartResults {
  const copy = structuredClone(part)
  for (const { plan } of copy.points) Object.assign(plan, { backend: 'in-process', lookups: plan.nodes })
  return copy
}
const NOT_IN_IT = 'what upkeep costs is not in it'

describe('sentences', () => {
  it('say nothing of such bytes, and of others they do', () => {
    expect(said(partOf('calm'))).toContain('B/s a peer')
    expect(said(ofRealPeers(partOf('dead')))).toContain('B/s a peer')
    expect(said(ofRealPeers(partOf('sizes')))).toContain('bytes that a peer sends')
    for (const name of ['dead', 'sizes']) {
      expect(said(partOf(name))).toContain('steps')
      expect(said(partOf(name))).not.toMatch(/B\/s|bytes/)
    }
  })

  it('of settings the soonest and the latest, and none is the cheapest', () => {
    const points = partOf('tuned').points.toSorted(
      (a, b) => a.figures.latency_ms.median! - b.figures.latency_ms.median!
    )
    const ends = [points[0]!, points.at(-1)!].map(({ set }) => `(successors ${set['chord.successors']})`)
    expect(said(partOf('tuned'))).toMatch(/^Of three settings of Chord the soonest gives [\d.]+ ms \(/)
    expect(said(partOf('tuned'))).toContain(`ms ${ends[0]}, and the latest `)
    expect(said(partOf('tuned'))).toContain(`ms ${ends[1]}; success is `)
    expect(said(partOf('tuned'))).not.toMatch(/B\/s|cheapest/)
    expect(said(ofRealPeers(partOf('tuned')))).toContain('cheapest')
    const alike = structuredClone(partOf('tuned'))
    for (const { figures } of alike.points) figures.latency_ms.median = 7
    expect(said(alike)).toMatch(/^Of three settings of Chord all take 7.ms; success is /)
  })
})

describe('plots and tables', () => {
  const plots = (name: string) => new Map(plotsOf(view(partOf(name))).map(plot => [plot.name, plot]))

  it('name them for what they are', () => {
    const plot = plots('sizes').get('bytes-per-s-by-nodes')!
    expect(plot.caption).toContain(NOT_IN_IT)
    expect(JSON.stringify(plot.spec)).toContain('"title":"Bytes of questions, B/s"')
    const dead = view(partOf('dead'))
    for (const table of [lastTable(dead)!, summaryTable(dead), pairedTable(dead.members[0]!, dead)!]) {
      const titles = table.columns.map(({ title }) => title)
      expect(titles).toContain('Bytes of questions, B/s')
      expect(titles).not.toContain('Bytes sent, B/s')
    }
    const kinds = (name: string) => plots(name).get('bytes-by-kind')!.caption
    expect(kinds('calm')).toContain('upkeep and questions together')
    expect(kinds('dead')).toContain('of questions alone, as maintenance stands still')
  })

  it('and the page says what each name means', () => {
    const parts = ['calm', 'dead'].map(name => ({ id: name, view: view(partOf(name)), plots: [] }))
    const page = pageOf([{ label: 'small', study }], parts, [])
    expect(page).toContain('<dt>Bytes sent, B/s</dt><dd>By a live peer in a second, in the real encoding')
    expect(page).toContain(
      '<dt>Bytes of questions, B/s</dt><dd>By a live peer in a second, for questions alone'
    )
  })

  it('that of the last network too, where others of its part have another', () => {
    const mixed = view(partOf('mixed'))
    expect(lastTable(mixed)!.columns.map(({ title }) => title)).toContain('Bytes of questions, B/s')
    const page = pageOf([{ label: 'small', study }], [{ id: 'mixed', view: mixed, plots: [] }], [])
    expect(page).toContain('<dt>Bytes of questions, B/s</dt>')
    const calm = { id: 'calm', view: view(partOf('calm')), plots: [] }
    expect(pageOf([{ label: 'small', study }], [calm], [])).not.toContain('<dt>Bytes of questions')
  })

  it('once each, in whatever order parts stand', () => {
    const meaning = (...names: string[]) => {
      const parts = names.map(name => ({ id: name, view: view(partOf(name)), plots: [] }))
      const page = pageOf([{ label: 'small', study }], parts, [])
      const [own, ...more] = page.split('<dt>Bytes sent, B/s</dt><dd>').slice(1)
      expect(more).toEqual([])
      return own!.split('</dd>')[0]
    }
    for (const names of [
      ['mixed', 'calm'],
      ['calm', 'mixed', 'dead']
    ])
      expect(meaning(...names)).toContain('Where peers are dead it is for questions alone')
    // Those have a name of their own.
    for (const names of [
      ['dead', 'calm'],
      ['calm', 'dead']
    ])
      expect(meaning(...names)).not.toContain('Where peers are dead')
  })

  it('and where some are and others are not, they say which', () => {
    const plot = plots('mixed').get('bytes-per-s-by-nodes')!
    expect(plot.caption).toContain('Where peers are dead it is for questions alone')
    expect(JSON.stringify(plot.spec)).toContain('"title":"Bytes sent, B/s')
  })

  it('hulls make nothing the best by them', () => {
    const hull = plots('tuned').get('cost-against-latency')!
    expect(hull.title).toBe('What latency costs, upkeep not in it')
    expect(hull.caption).toContain(NOT_IN_IT)
    expect(hull.caption).not.toContain('the best that an overlay gives')
    // A point over a convex line may be beaten by no other.
    expect(hull.caption).not.toContain('joins those that no other beats')
    expect(hull.caption).toContain(
      'an overlay’s line is the lower hull of its points: the convex line under them, from the leftmost to the lowest. A point beside it may'
    )
    const failing = structuredClone(partOf('tuned'))
    for (const { figures } of failing.points) figures.success.median = 0.5
    expect(plotsOf(view(failing)).find(({ name }) => name === 'cost-against-success')!.caption).toContain(
      'an overlay’s line is the upper hull of its points: the concave line over them, from the leftmost to the highest. A point beside it may'
    )
    expect(hull.table.columns.map(({ title }) => title)).toContain('Bytes of questions, B/s')
    const [real] = plotsOf(view(ofRealPeers(partOf('tuned'))))
    expect(real).toMatchObject({ title: 'What latency costs' })
    expect(real!.caption).toContain('the best that an overlay gives')
  })
})
