/** Studies of unlike plans side by side: what is not the same of all is said, of each, and the first one's plan is nobody else's. */
import type { PartResults, PointResults, StudyResults } from '@servent/lab'
import { beforeAll, describe, expect, it } from 'vitest'
import { fairnessHtml } from '../src/fairness.ts'
import { type Report, reportOf } from '../src/index.ts'
import { NBSP } from '../src/numbers.ts'
import { pageOf } from '../src/page.ts'
import { sentencesOf } from '../src/sentences.ts'
import { viewOf } from '../src/view.ts'
import { studyOf } from './support/studies.ts'

const planOf = (extra: string) => `
title: T
common: {seeds: 2, lookups: 20, duration: 20, warmup: 20, ${extra}}
parts:
  - {name: a, title: A part, overlays: [chord, pastry], nodes: 16}
  - {name: sizes, title: Sizes, overlays: [chord, pastry], nodes: [8, 16]}
`
const UNLIKE = 'failures: 0.5, bandwidth: 50kB, seed: 7'

let one: StudyResults
let two: StudyResults
let report: Report
beforeAll(async () => {
  one = await studyOf(planOf('latency: "constant:20"'), 'one.yaml')
  two = await studyOf(planOf(`latency: "constant:300", ${UNLIKE}`), 'two.yaml')
  report = await reportOf([one, two])
}, 120_000)

const plain = (text: string) => text.replaceAll(NBSP, ' ').replace(/<[^>]*>/g, '')

/** Rows of a table: the words of each cell. */
function rowsOf(html: string, id: string): string[][] {
  const from = html.indexOf(`<caption id="${id}">`)
  expect(from, `a table ${id}`).toBeGreaterThan(0)
  return html
    .slice(from, html.indexOf('</table>', from))
    .split('<tr>')
    .slice(1)
    .map(row => [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/g)].map(([, cell]) => plain(cell!)))
}

/** What varies, and the network, of the first part; the page has no plots, which take the time. */
function compared(...studies: StudyResults[]): { varies: string; network: string; fair: string } {
  const labelled = studies.map(study => ({ label: study.name, study }))
  const members = studies.map(({ name, parts }) => ({ study: name, part: parts[0]! }))
  const page = pageOf(labelled, [{ id: 'a', view: viewOf(members), plots: [] }], [])
  const [, [, , , varies, , , network]] = rowsOf(page, 'compared-table') as [string[], string[]]
  return { varies: varies!, network: network!, fair: plain(fairnessHtml(labelled).text) }
}

function changed(study: StudyResults, change: (point: PointResults) => void): StudyResults {
  const copy = { ...structuredClone(study), name: 'other' }
  for (const { points } of copy.parts) for (const point of points) change(point)
  return copy
}

describe('of one network here and another one there', () => {
  it('the table of parts says what each has', () => {
    const [, a, sizes] = rowsOf(report.html, 'compared-table')
    const both = [
      'Peers that died at one instant: none in one and 50 % in two',
      'Round trips: constant:20 in one and constant:300 in two',
      'Bytes a second that a line carries up: none in one and 50kB in two'
    ].join('; ')
    expect(a!.slice(3, 7)).toEqual([both, '20 lookups', '2', 'ideal start, measured for 20 s after 20 s'])
    expect(sizes![3]).toBe(`Peers: 8, 16; ${both}`)
  })

  it('so do the summary and the table of all points', () => {
    for (const id of ['part-a-last', 'part-sizes-last']) {
      const [head, ...rows] = rowsOf(report.html, id)
      expect(head!.slice(0, 5)).toEqual([
        'Overlay',
        'Study',
        'Peers that died at one instant',
        'Round trips',
        'Bytes a second that a line carries up'
      ])
      expect(rows.map(row => row.slice(0, 4))).toEqual([
        ['Chord', 'one', 'none of the peers dead', 'round trips constant:20'],
        ['Chord', 'two', '50 % of the peers dead', 'round trips constant:300'],
        ['Pastry', 'one', 'none of the peers dead', 'round trips constant:20'],
        ['Pastry', 'two', '50 % of the peers dead', 'round trips constant:300']
      ])
    }
    expect(rowsOf(report.html, 'part-sizes-all')[0]).toContain('Round trips')
  })

  it('and the sentences, which go along what varies in each', () => {
    const text = plain(report.html)
    expect(text).toContain(
      'one, with none of the peers dead, round trips constant:20, lines without a bound: of two overlays '
    )
    expect(text).toContain(
      'two, with 50 % of the peers dead, round trips constant:300, lines of 50kB a second, 16 peers: of two overlays '
    )
    const part = one.parts[1]!
    const growths = sentencesOf(viewOf([{ study: 'one', part }])).slice(1)
    expect(growths).toHaveLength(2)
    for (const sentence of growths) expect(text).toContain(plain(sentence).replace(/^B/, 'one: b'))
  })

  it('and the panels of plots; along is what varies within a study', () => {
    const panels = (name: string) => {
      const { spec } = report.plots.find(plot => plot.name === name)!
      const { values } = (spec as unknown as { data: { values: { panel: string }[] } }).data
      return [...new Set(values.map(({ panel }) => plain(panel.replaceAll('\n', ' · '))))]
    }
    const both = [
      'one · none of the peers dead · round trips constant:20 · lines without a bound',
      'two · 50 % of the peers dead · round trips constant:300 · lines of 50kB a second'
    ]
    for (const name of ['a-load', 'sizes-load', 'sizes-hops-by-nodes']) expect(panels(name)).toEqual(both)
    expect(report.plots.filter(({ name }) => /-by-(latency|failures|bandwidth)$/.test(name))).toEqual([])
  })

  it('how fairly: whose lines have a bound, and that seeds are not the same', () => {
    const text = plain(report.html)
    expect(text).toContain(
      'The network: In “two: A part” and “two: Sizes”: A peer’s line carries 50kB a second, up and down.'
    )
    expect(text).toContain(
      'Studies ran on unlike seeds, 1 to 2 in one and 7 to 8 in two: what differs between them may differ by chance, too.'
    )
  })
})

describe('any field of a plan', () => {
  const SEEDS = (first: number, runs: number) => (point: PointResults) => {
    Object.assign(point.plan, { seed: first, seeds: runs })
    point.results.seeds = Array.from({ length: runs }, (_, at) => first + at)
  }
  const set = (more: Partial<PointResults['plan']>) => (point: PointResults) =>
    void Object.assign(point.plan, more)
  /** A value that the first study has not, and how it is told. */
  const OTHERS: Readonly<
    Record<
      Exclude<keyof PointResults['plan'], 'overlays' | 'workload' | 'seed' | 'seeds'>,
      readonly [change: (point: PointResults) => void, said: string]
    >
  > = {
    nodes: [set({ nodes: 99 }), 'Peers: 16 in one and 99 in other'],
    lookups: [set({ lookups: 40 }), 'Lookups of a run: 20 in one and 40 in other'],
    searches: [set({ searches: 40 }), 'Searches of a run: 0 in one and 40 in other'],
    puts: [set({ puts: 40 }), 'Puts of a run: 0 in one and 40 in other'],
    gets: [set({ gets: 40 }), 'Gets of a run: 0 in one and 40 in other'],
    failures: [set({ failures: 0.5 }), 'Peers that died at one instant: none in one and 50 % in other'],
    liars: [
      set({ liars: 0.25 }),
      'Peers that lie: none in one and 25 % in other; Lies: none in one and drop, poison, wrong-owner in other'
    ],
    lies: [
      set({ liars: 0.25, lies: ['drop'] }),
      'Peers that lie: none in one and 25 % in other; Lies: none in one and drop in other'
    ],
    churn: [set({ churn: 'exp:1h' }), 'Mean session: none in one and 60 min in other'],
    partition: [
      set({ partition: '0.3/5m' }),
      'Peers cut off from the others: none in one and 30 % for 5 min in other'
    ],
    latency: [set({ latency: 'constant:300' }), 'Round trips: constant:20 in one and constant:300 in other'],
    bandwidth: [
      set({ bandwidth: '1MB' }),
      'Bytes a second that a line carries up: none in one and 1MB in other'
    ],
    resets: [
      set({ resets: '0.1/m' }),
      'Breaks of a connection a second: none in one and 0.1 times a minute in other'
    ],
    firewalled: [set({ firewalled: 0.5 }), 'Peers that nobody can dial: 0 % in one and 50 % in other'],
    freeloaders: [set({ freeloaders: 0.5 }), 'Peers that share nothing: 0 % in one and 50 % in other'],
    sharing: [set({ sharing: 'heavy' }), 'Sharing: even in one and heavy in other'],
    demand: [set({ demand: 'zipf' }), 'Demand: even in one and zipf in other'],
    rare: [set({ rare: 0.5 }), 'Searches for a single copy: 0 % in one and 50 % in other'],
    enough: [set({ enough: 5 }), 'Results that a search wants: none in one and 5 in other'],
    warmup: [set({ warmup: 60 }), 'Warm-up: 20 s in one and 60 s in other'],
    duration: [set({ duration: 60 }), 'Measured time: 20 s in one and 60 s in other'],
    start: [set({ start: 'joined' }), 'Start: ideal in one and joined in other'],
    set: [
      set({ set: { 'chord.successors': 4 } }),
      'Fixed settings: none in one and chord.successors 4 in other'
    ],
    backend: [set({ backend: 'in-process' }), 'Backend: simulated in one and real (one process) in other'],
    files: [
      set({ files: { 'rtt.tsv': 'a'.repeat(64) } }),
      `Files: none in one and rtt.tsv ${'a'.repeat(12)} in other`
    ]
  }

  it('that two studies have otherwise is said of each, and no field is left out', () => {
    for (const [field, [change, said]] of Object.entries(OTHERS)) {
      const { varies, network } = compared(one, changed(one, change))
      expect(varies, field).toBe(said)
      expect(network, field).not.toContain(field)
    }
    const { plan } = one.parts[0]!.points[0]!
    const rest = Object.keys(plan).filter(field => !Object.hasOwn(OTHERS, field))
    expect(rest.sort()).toEqual(['overlays', 'seed', 'seeds', 'workload'])
  })

  it('that all have, and a plan that says nothing has not, is said of the network', () => {
    const told = (change: (point: PointResults) => void) => {
      const all = changed(one, change)
      const { varies, network } = compared(all, { ...all, name: 'again' })
      expect(varies).toBe('nothing')
      return network
    }
    const tail = ', measured for 20 s after 20 s'
    expect(told(() => {})).toBe(`round trips constant:20, ideal start${tail}`)
    const more = Object.values(OTHERS).map(([change]) => told(change).replace(tail, ''))
    expect(
      more.map(text => text.replace(/^round trips constant:20, (ideal start(, |$))?/, '')).filter(Boolean)
    ).toEqual([
      '50 % of the peers dead',
      '25 % of the peers lying, lies drop, poison, wrong-owner',
      '25 % of the peers lying, lies drop',
      'sessions and absences of 60 min',
      '30 % of the peers cut off for 5 min',
      'round trips constant:300, ideal start',
      'lines of 1MB a second',
      'connections that break 0.1 times a minute',
      '50 % of the peers behind firewalls',
      '50 % of the peers sharing nothing',
      'sharing heavy',
      'demand zipf',
      '50 % of the searches for a single copy',
      '5 results wanted',
      'measured for 20 s after 60 s',
      'measured for 60 s after 20 s',
      'joined start',
      'chord.successors 4',
      'real (one process)'
    ])
  })

  it('is unlike as it is told: one value in two spellings, or in another order, is the same', () => {
    const spelt = (churn: string, lies: PointResults['plan']['lies']) =>
      changed(one, set({ churn, liars: 0.25, lies }))
    const { varies } = compared(spelt('exp:1h', ['drop', 'poison']), {
      ...spelt('exp:60m', ['poison', 'drop']),
      name: 'other'
    })
    expect(varies).toBe('nothing')
    expect(compared(one, changed(one, set({ lies: ['drop'] }))).varies).toBe('nothing')
  })

  it('seeds are no network: how fairly says them, where they are unlike', () => {
    const { varies, fair } = compared(one, changed(one, SEEDS(7, 1)))
    expect(varies).toBe('nothing')
    expect(fair).toContain('Studies ran on unlike seeds, 1 to 2 in one and 7 in other: ')
    expect(
      compared(
        one,
        changed(one, () => {})
      ).fair
    ).not.toContain('unlike seeds')
    const other = changed(one, SEEDS(7, 2))
    other.parts = [other.parts[0]!, one.parts[1]!]
    expect(compared(one, other).fair).toContain(
      'Studies ran on unlike seeds, 1 to 2 in one and 7 to 8 in other, of “A part”: '
    )
  })
})

describe('what follows from what varies', () => {
  it('is no field that varies beside it', () => {
    const durations = changed(one, point => {
      point.plan.duration = point.plan.nodes === 8 ? 600 : 3600
    })
    const sizes = durations.parts[1]!
    const part = structuredClone(sizes)
    part.points = part.points.filter(({ at }) => at.nodes === 8)
    const view = (other: PartResults) =>
      viewOf([
        { study: 'other', part: sizes },
        { study: 'short', part: other }
      ])
    expect(view(part).varies).toEqual(['nodes'])
    // At the same place it is unlike: that follows from nothing.
    for (const { plan } of part.points) plan.duration = 60
    expect(view(part).varies).toEqual(['nodes', 'duration'])
  })
})
