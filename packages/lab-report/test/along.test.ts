/** Plots along what varies: each line is told from the others, and what papers say stands beside what it speaks of alone. */
import type { PartResults, StudyResults } from '@servent/lab'
import { beforeAll, describe, expect, it } from 'vitest'
import { plotsOf } from '../src/plots/index.ts'
import { sentencesOf } from '../src/sentences.ts'
import { viewOf } from '../src/view.ts'
import { studyOf } from './support/studies.ts'

interface Drawn {
  readonly kind: string
  readonly panel: string
  readonly series: string
  readonly x: number
  readonly y: number
}

let study: StudyResults
beforeAll(async () => {
  study = await studyOf(`
title: Small
common: {lookups: 20, duration: 20, warmup: 20}
parts:
  - {name: grid, overlays: [chord, pastry], nodes: [16, 32], grid: {chord: {successors: [4, 8]}}}
  - {name: dead, overlays: [chord], nodes: [16, 32], failures: [null, 0.25]}
  - {name: down, overlays: [chord, pastry], nodes: [16, 32], failures: 0.25}
`)
}, 120_000)

const partOf = (name: string) => study.parts.find(part => part.name === name)!
const viewOfPart = (part: PartResults) => viewOf([{ study: 'small', part }])
const plotOf = (part: PartResults, name = 'hops-by-nodes') =>
  plotsOf(viewOfPart(part)).find(plot => plot.name === name)!
const valuesOf = (spec: unknown) => (spec as { data: { values: Drawn[] } }).data.values
/** Chord’s theory of so many peers and successors. */
const theory = (peers: number, successors: number) => (Math.log2(peers) - Math.log2(successors)) / 2 + 1

describe('lines of theory', () => {
  const linesOf = (part: PartResults) =>
    Map.groupBy(
      valuesOf(plotOf(part).spec).filter(({ kind }) => kind === 'paper'),
      ({ series, panel }) => [panel, series].filter(Boolean).join(': ')
    )
  const ends = (line: readonly Drawn[]) => [line[0]!, line.at(-1)!].map(({ x, y }) => [Math.round(x), y])

  it('one for each group of settings that theory tells apart', () => {
    const lines = linesOf(partOf('grid'))
    expect([...lines.keys()]).toEqual([
      'Chord, theory, successors 4',
      'Chord, theory, successors 8',
      'Pastry, theory'
    ])
    for (const successors of [4, 8])
      expect(ends(lines.get(`Chord, theory, successors ${successors}`)!)).toEqual([
        [16, theory(16, successors)],
        [32, theory(32, successors)]
      ])
  })

  it('one for all settings that theory does not speak of', () => {
    const part = structuredClone(partOf('grid'))
    for (const { set, results } of part.points.filter(({ overlay }) => overlay === 'chord')) {
      set['chord.fingers'] = set['chord.successors']!
      delete set['chord.successors']
      results.settings.successors = 4
    }
    expect([...linesOf(part).keys()]).toEqual(['Chord, theory', 'Pastry, theory'])
  })

  it('none where peers are dead, come and go, lie or do not hear each other, and none in prose', () => {
    expect([...linesOf(partOf('dead')).keys()]).toEqual(['none of the peers dead: Chord, theory'])
    expect([...linesOf(partOf('down')).keys()]).toEqual([])
    const wordsOf = (part: PartResults) => sentencesOf(viewOfPart(part)).join(' ')
    expect(wordsOf(partOf('down'))).toContain('steps of a lookup go')
    expect(wordsOf(partOf('down'))).not.toContain('theory')
    for (const more of [{ churn: 'exp:1h' }, { liars: 0.25 }, { partition: '0.3/5m' }]) {
      const part = structuredClone(partOf('down'))
      for (const { plan } of part.points) Object.assign(plan, { failures: null }, more)
      expect([...linesOf(part).keys()], JSON.stringify(more)).toEqual([])
      expect(wordsOf(part)).not.toContain('theory')
    }
    const calm = structuredClone(partOf('down'))
    for (const { plan } of calm.points) plan.failures = null
    expect(wordsOf(calm)).toContain(`(theory ${theory(16, 8)} to ${theory(32, 8)})`)
  })
})
