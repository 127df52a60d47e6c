/** Plots along what varies: each line is told from the others, and what papers say stands beside what it speaks of alone. */
import type { PartResults, StudyResults } from '@servent/lab'
import { beforeAll, describe, expect, it } from 'vitest'
import { draw } from '../src/draw.ts'
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

describe('lines of settings that vary', () => {
  type Scales = Readonly<
    Record<'color' | 'strokeDash' | 'shape', { scale: { domain: string[]; range: unknown[] } }>
  >
  const layersOf = (spec: unknown) => (spec as { layer: { encoding: Scales }[] }).layer
  const named = (part: PartResults, name?: string) =>
    valuesOf(plotOf(part, name).spec).filter(({ kind }) => kind === 'measured')

  it.each(['hops', 'latency-ms', 'bytes-per-s'])('have names of their own, of what is set: %s', figure => {
    const values = named(partOf('grid'), `${figure}-by-nodes`)
    const points = partOf('grid').points
    expect(values.map(({ series }) => series)).toEqual(
      points.map(({ overlay, set }) =>
        overlay === 'pastry' ? 'Pastry' : `Chord, successors ${set['chord.successors']}`
      )
    )
  })

  it('are told apart by shape and by dashes, in one colour, and the legend names them', () => {
    const layers = layersOf(plotOf(partOf('grid'), 'latency-ms-by-nodes').spec)
    const { color, shape } = layers.at(-1)!.encoding
    const { strokeDash } = layers.at(-2)!.encoding
    const names = ['Chord, successors 4', 'Chord, successors 8', 'Pastry']
    for (const { scale } of [color, shape, strokeDash]) expect(scale.domain).toEqual(names)
    for (const { scale } of [shape, strokeDash])
      expect(new Set(scale.range.map(each => JSON.stringify(each))).size).toBe(names.length)
    expect(color.scale.range[0]).toBe(color.scale.range[1])
  })

  it('as many as a legend has room for; of more the caption says that the table tells them apart', () => {
    const withSets = (amount: number) => {
      const part = structuredClone(partOf('grid'))
      const [chord] = part.points
      part.points = [16, 32].flatMap(nodes =>
        Array.from({ length: amount }, (_, at) => {
          const point = structuredClone(chord!)
          Object.assign(point, { at: { nodes }, set: { 'chord.fingers': at } })
          point.plan.nodes = nodes
          return point
        })
      )
      return part
    }
    const seriesIn = (amount: number) => new Set(named(withSets(amount)).map(({ series }) => series))
    expect(seriesIn(10).size).toBe(10)
    expect([...seriesIn(11)]).toEqual(['Chord'])
    const few = plotOf(withSets(10))
    expect(few.caption).not.toContain('the table tells apart')
    const { shape } = layersOf(few.spec).at(-1)!.encoding
    expect(new Set(shape.scale.range).size).toBe(shape.scale.range.length)
    // A long legend takes nothing from the plot.
    expect((few.spec as { height: number }).height).toBeGreaterThan(
      (plotOf(partOf('grid'), 'latency-ms-by-nodes').spec as { height: number }).height + 50
    )
    const many = plotOf(withSets(11))
    expect(many.caption).toContain('Lines of one overlay are of its settings')
    expect(new Set(valuesOf(many.spec).map(({ series }) => series))).toEqual(
      new Set(['Chord', 'Chord, theory'])
    )
  })

  it('have numbers where their names are too long for a legend', () => {
    const part = structuredClone(partOf('grid'))
    for (const { overlay, set } of part.points)
      if (overlay === 'chord') set['chord.between-two-rounds-of-stabilisation-ms'] = 30_000
    const { spec, caption } = plotOf(part)
    expect([...new Set(valuesOf(spec).map(({ series }) => series))]).toEqual([
      'Chord 1',
      'Chord 2',
      'Pastry',
      'Chord, successors 4, theory',
      'Chord, successors 8, theory',
      'Pastry, theory'
    ])
    expect(caption).toContain(
      'Chord 1: successors 4, between-two-rounds-of-stabilisation-ms 30000; Chord 2: successors 8, '
    )
  })
})

describe('lines of theory', () => {
  const linesOf = (part: PartResults) =>
    Map.groupBy(
      valuesOf(plotOf(part).spec).filter(({ kind }) => kind === 'theory'),
      ({ series, panel }) => [panel, series].filter(Boolean).join(': ')
    )
  const ends = (line: readonly Drawn[]) => [line[0]!, line.at(-1)!].map(({ x, y }) => [Math.round(x), y])

  it('one for each group of settings that theory tells apart', () => {
    const lines = linesOf(partOf('grid'))
    expect([...lines.keys()]).toEqual([
      'Chord, successors 4, theory',
      'Chord, successors 8, theory',
      'Pastry, theory'
    ])
    for (const successors of [4, 8])
      expect(ends(lines.get(`Chord, successors ${successors}, theory`)!)).toEqual([
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

  it('none where peers are dead, come and go, lie, do not hear or cannot dial each other, or links break, and none in prose', () => {
    expect([...linesOf(partOf('dead')).keys()]).toEqual(['none of the peers dead: Chord, theory'])
    expect([...linesOf(partOf('down')).keys()]).toEqual([])
    const wordsOf = (part: PartResults) => sentencesOf(viewOfPart(part)).join(' ')
    expect(wordsOf(partOf('down'))).toContain('steps of a lookup go')
    expect(wordsOf(partOf('down'))).not.toContain('theory')
    for (const more of [
      { churn: 'exp:1h' },
      { liars: 0.25 },
      { partition: '0.3/5m' },
      { firewalled: 0.5 },
      { resets: '0.1/m' }
    ]) {
      const part = structuredClone(partOf('down'))
      for (const { plan } of part.points) Object.assign(plan, { failures: null }, more)
      expect([...linesOf(part).keys()], JSON.stringify(more)).toEqual([])
      expect(wordsOf(part)).not.toContain('theory')
    }
    const calm = structuredClone(partOf('down'))
    for (const { plan } of calm.points) plan.failures = null
    const withTheory = `(theory ${theory(16, 8)} to ${theory(32, 8)})`
    expect(wordsOf(calm)).toContain(withTheory)
    // Results of a plan that had no such field yet.
    for (const { plan } of calm.points) delete (plan as { resets?: unknown }).resets
    expect(wordsOf(calm)).toContain(withTheory)
  })
})

describe('published figures', () => {
  const withPublished = (...own: Partial<PartResults['published'][number]>[]) => {
    const part = structuredClone(partOf('grid'))
    part.published = own.map(one => ({
      overlay: 'chord',
      at: { nodes: 32 },
      set: { 'chord.successors': 4 },
      figure: 'hops',
      value: 3.25,
      source: 'A paper',
      median: null,
      ci95: null,
      ...one
    }))
    return part
  }
  const drawnIn = (part: PartResults) =>
    valuesOf(plotOf(part).spec).filter(({ kind }) => kind === 'published')

  it('at a single place: a point, which no measured line has the shape of', async () => {
    const part = withPublished({})
    const { spec, caption, name: id, title } = plotOf(part)
    expect(drawnIn(part)).toMatchObject([{ series: 'Chord, successors 4, published', x: 32, y: 3.25 }])
    const svgOf = (of: typeof spec) => draw(of, { id, title, text: caption })
    const marks = (svg: string) => svg.match(/ d="M[^"]*L[^"]*Z"/g)?.length ?? 0
    // In the legend, and where it lies.
    const without = structuredClone(spec) as unknown as { data: { values: Drawn[] } }
    without.data.values = without.data.values.filter(({ kind }) => kind !== 'published')
    expect(marks(await svgOf(spec))).toBeGreaterThan(marks(await svgOf(without as never)))
    expect(caption).toContain('Dotted: theory; crosses: what papers measured.')
  })

  it('of several settings, or of places of one: a name and a shape for each of them', () => {
    const part = withPublished({}, { at: { nodes: 16 } }, { set: { 'chord.successors': 8 } })
    expect(drawnIn(part).map(({ series, x }) => [series, x])).toEqual([
      ['Chord, successors 4, published', 16],
      ['Chord, successors 4, published', 32],
      ['Chord, successors 8, published', 32]
    ])
  })

  it('and theory have columns in the table of settings, beside the points that they speak of', () => {
    const { table } = plotOf(withPublished({}))
    expect(table.columns.map(({ title }) => title)).toEqual([
      'Peers',
      'Overlay',
      'Settings',
      'Hops, steps',
      'Theory',
      'Published'
    ])
    const chord = (peers: number, successors: number, published: number | null) => [
      `${peers} peers`,
      'Chord',
      `successors ${successors}`,
      theory(peers, successors),
      published
    ]
    expect(table.rows.map(([peers, overlay, set, , ...papers]) => [peers, overlay, set, ...papers])).toEqual([
      chord(16, 4, null),
      chord(16, 8, null),
      ['16 peers', 'Pastry', '', 1, null],
      chord(32, 4, 3.25),
      chord(32, 8, null),
      ['32 peers', 'Pastry', '', 1.25, null]
    ])
    const columns = (part: PartResults, name: string) =>
      plotOf(part, name).table.columns.map(({ title }) => title)
    expect(columns(partOf('grid'), 'hops-by-nodes')).not.toContain('Published')
    expect(columns(partOf('grid'), 'latency-ms-by-nodes')).not.toContain('Theory')
  })
})

describe('bytes by the size of the network', () => {
  const captionOf = (change: (plan: PartResults['points'][number]['plan']) => void) => {
    const part = structuredClone(partOf('grid'))
    for (const { plan } of part.points) change(plan)
    return (name: string) => plotOf(part, name).caption
  }
  it('have the questions in them, and how many of all peers together', () => {
    expect(captionOf(() => {})('bytes-per-s-by-nodes')).toContain(
      'Questions are in it: 1 lookup a second of all peers together, however many they are: the more peers'
    )
    expect(captionOf(() => {})('hops-by-nodes')).not.toContain('Questions are in it')
    const grown = captionOf(plan => Object.assign(plan, { lookups: 5 * plan.nodes, searches: 10 }))
    expect(grown('bytes-per-s-by-nodes')).toContain(
      'Questions are in it: 4 to 8 lookups and 0.5 searches a second of all peers together.'
    )
    expect(captionOf(plan => Object.assign(plan, { lookups: 0 }))('bytes-per-s-by-nodes')).not.toContain(
      'Questions are in it'
    )
  })
})
