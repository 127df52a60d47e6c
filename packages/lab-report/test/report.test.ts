/** Reports of real studies: what stands in them, and that it is what was measured. */
import type { StudyResults } from '@servent/lab'
import { compile } from 'vega-lite'
import { beforeAll, describe, expect, it } from 'vitest'
import { axisOf } from '../src/axes.ts'
import { type Report, reportOf } from '../src/index.ts'
import { NBSP } from '../src/numbers.ts'
import { changed, EVERY_KIND, studyOf } from './support/studies.ts'

let study: StudyResults
let report: Report
beforeAll(async () => {
  study = await studyOf(EVERY_KIND)
  report = await reportOf([study])
}, 300_000)

const partOf = (name: string) => study.parts.find(part => part.name === name)!
const plotsOf = (part: string) =>
  report.plots.flatMap(({ name }) => (name.startsWith(`${part}-`) ? [name.slice(part.length + 1)] : []))

/** The exact numbers of a table's rows, by the words that name each row. */
function tableOf(html: string, id: string): Map<string, number[]> {
  const from = html.indexOf(`<caption id="${id}">`)
  expect(from, `a table ${id}`).toBeGreaterThan(0)
  const body = html.slice(html.indexOf('<tbody>', from), html.indexOf('</tbody>', from))
  return new Map(
    body
      .split('<tr>')
      .slice(1)
      .map(row => {
        const heads = [...row.matchAll(/<th scope="row">(.*?)<\/th>/g)].map(([, text]) =>
          text!.replace(/<[^>]*>/g, '')
        )
        const cells = row.slice(row.lastIndexOf('</th>'))
        return [
          heads.join(' | '),
          [...cells.matchAll(/<data value="([^"]*)"/g)].map(([, value]) => Number(value))
        ]
      })
  )
}

describe('which plots a part gets', () => {
  it('by size: steps, latency, and what it costs: messages, bytes, state and connections', () => {
    expect(plotsOf('sizes')).toEqual([
      'hops-by-nodes',
      'latency-ms-by-nodes',
      'messages-by-nodes',
      'bytes-per-s-by-nodes',
      'state-entries-by-nodes',
      'connections-by-nodes',
      'hops-distribution',
      'latency-distribution',
      'load',
      'degrees',
      'bytes-by-kind'
    ])
  })

  it('by size of searches alone too, after what they find', async () => {
    const searched = await studyOf(`
title: Searches by size
parts: [{name: s, title: S, overlays: [gnutella, napster], nodes: [8, 16], lookups: 0, searches: 5, duration: 10, warmup: 10}]
`)
    const { plots } = await reportOf([searched])
    const names = plots.map(({ name }) => name)
    for (const figure of ['bytes-per-s', 'state-entries', 'connections'])
      expect(names).toContain(`s-${figure}-by-nodes`)
    expect(names.indexOf('s-recall-by-nodes')).toBe(0)
  }, 60_000)

  it('by failures, churn and liars: success first', () => {
    // And what was published before all.
    expect(plotsOf('dead').slice(0, 3)).toEqual([
      'hops-as-published-by-failures',
      'success-by-failures',
      'timeouts-by-failures'
    ])
    expect(plotsOf('going').slice(0, 2)).toEqual(['success-by-churn', 'bytes-per-s-by-churn'])
    expect(plotsOf('lying')[0]).toBe('success-by-liars')
    // Lookups whose root lies are not issued, and a plot tells them apart.
    expect(plotsOf('lying')).toContain('outcomes')
  })

  it('of settings: what latency costs, and no distributions of networks that nobody chose', () => {
    expect(plotsOf('tuned')).toEqual(['cost-against-latency'])
  })

  it('of settings with which not all succeeds: what success costs, before latency', () => {
    expect(plotsOf('pressed')).toEqual(['cost-against-success', 'cost-against-latency'])
    const { spec } = report.plots.find(({ name }) => name === 'pressed-cost-against-success')!
    const { values } = (spec as unknown as { data: { values: { y: number; isCorner: boolean }[] } }).data
    const best = Math.max(...values.map(({ y }) => y))
    expect(Math.min(...values.map(({ y }) => y))).toBeLessThan(best)
    // Who succeeds most often is worth its bytes, whatever they are.
    expect(values.find(({ y }) => y === best)!.isCorner).toBe(true)
  })

  it('of few settings: points have numbers, of which the caption says what they are', () => {
    const { spec } = report.plots.find(({ name }) => name === 'tuned-cost-against-latency')!
    const page = report.html
    const { values } = (spec as unknown as { data: { values: { label: string | null }[] } }).data
    const shown = values.flatMap(({ label }) => label?.split(', ').map(Number) ?? [])
    expect(shown.sort((a, b) => a - b)).toEqual(values.map((_, at) => at + 1))
    for (const number of shown) expect(page).toMatch(new RegExp(`\\b${number}: [A-Za-z]`))
  })

  it('of searches alone, and of values alone: nothing of lookups, which there are none of', () => {
    expect(plotsOf('words')).toEqual([
      'recall-against-messages',
      'recall-against-bytes',
      'load',
      'degrees',
      'bytes-by-kind'
    ])
    expect(plotsOf('values')).toEqual(['load', 'degrees', 'bytes-by-kind'])
  })

  it('two things that vary: panels of one, along the other', () => {
    const { spec } = report.plots.find(({ name }) => name === 'both-hops-by-nodes')!
    const { values } = (spec as unknown as { data: { values: { panel: string }[] } }).data
    expect([...new Set(values.map(({ panel }) => panel))]).toEqual([
      `0${NBSP}% of the peers dead`,
      `25${NBSP}% of the peers dead`
    ])
    expect(spec).toHaveProperty('facet')
  })
})

describe('a partition', () => {
  it('has success and recall before it, while it lasts and after it, a panel for each, and healing', async () => {
    const parted = await studyOf(`
title: Parted
common: {nodes: 24, lookups: 120, searches: 24, warmup: 60, duration: 240, seeds: 2}
parts:
  - {name: parted, title: Parted, overlays: [chord, napster], partition: [0.25/1m, 0.5/90s]}
`)
    const { html, plots } = await reportOf([parted])
    expect(plots.map(({ name }) => name).slice(0, 3)).toEqual([
      'parted-success-by-phase',
      'parted-recall-by-phase',
      'parted-healing-s-by-partition'
    ])
    const { data } = plots[0]!.spec as unknown as {
      data: { values: { panel: string; x: string; y: number }[] }
    }
    const panels = [
      `25${NBSP}% of the peers cut off for 60${NBSP}s`,
      `50${NBSP}% of the peers cut off for 90${NBSP}s`
    ]
    expect([...new Set(data.values.map(({ panel }) => panel))]).toEqual(panels)
    expect(data.values.slice(0, 3).map(({ x }) => x)).toEqual(['before', 'parted', 'healed'])
    const { figures } = parted.parts[0]!.points[0]!
    const {
      success_before: before,
      success_during: during,
      success_after: after,
      healing_s: healing
    } = figures
    const medians = [before, during, after, healing].map(({ median }) => median)
    expect(data.values.slice(0, 3).map(({ y }) => y)).toEqual(medians.slice(0, 3))
    expect(tableOf(html, 'parted-success-by-phase-table').get(`${panels[0]} | Chord`)).toEqual(medians)
    expect(html).toContain('on the side of who asks')
    const healings = plots[2]!.spec as unknown as { data: { values: { kind: string; x: number }[] } }
    expect(healings.data.values.map(({ x }) => x)).toEqual([0.25, 0.25, 0.5, 0.5])
    expect(axisOf('partition', ['0.25/1m', '0.25/90s', null]).scale).toBe('names')
  }, 60_000)
})

describe('numbers', () => {
  it('a table along has the medians and intervals of results.json', () => {
    const table = tableOf(report.html, 'sizes-hops-by-nodes-table')
    for (const nodes of [8, 16]) {
      const points = partOf('sizes').points.filter(({ at }) => at.nodes === nodes)
      const measured = points.flatMap(({ figures }) => [figures.hops.median, ...figures.hops.ci95!])
      const row = table.get(`${nodes} peers`)!
      expect(row.slice(0, measured.length)).toEqual(measured)
      // Chord, r = 8; Pastry, b = 4; Kelips.
      expect(row.slice(measured.length)).toEqual([
        Math.max(1, (Math.log2(nodes) - 3) / 2 + 1),
        Math.log2(nodes) / 4,
        1
      ])
    }
  })

  it('published figures stand beside ours: as a line, as a column, and in a table', () => {
    const [first] = partOf('dead').published
    expect(first).toMatchObject({ overlay: 'chord', figure: 'hops_as_published', value: 1.5 })
    const { spec } = report.plots.find(({ name }) => name === 'dead-hops-as-published-by-failures')!
    const { values } = (spec as unknown as { data: { values: { series: string; x: number; y: number }[] } })
      .data
    expect(values.filter(({ series }) => series === 'Chord, published')).toMatchObject([{ x: 0.25, y: 1.5 }])
    const row = tableOf(report.html, 'dead-hops-as-published-by-failures-table').get(
      `25${NBSP}% of the peers dead`
    )!
    expect(row.at(-1)).toBe(1.5)
    const [published] = tableOf(report.html, 'part-dead-published').values()
    expect(published).toEqual([1.5, first!.median])
    expect(report.html).toContain('A paper, table 1')
  })

  it('what a plot draws is what its table has', () => {
    const { spec } = report.plots.find(({ name }) => name === 'dead-success-by-failures')!
    const { values } = (spec as unknown as { data: { values: { kind: string; y: number }[] } }).data
    const drawn = values.filter(({ kind }) => kind === 'measured').map(({ y }) => y)
    expect(drawn).toEqual(partOf('dead').points.map(({ figures }) => figures.success.median))
    const table = tableOf(report.html, 'dead-success-by-failures-table')
    expect([...table.values()].flat()).toEqual(drawn)
  })

  it('of hops, latency, load, degrees and kinds of messages too', () => {
    const chord = partOf('dead').points.filter(({ at }) => at.failures === 0.5)[0]!
    const hops = tableOf(report.html, 'dead-hops-distribution-table')
    for (const [steps, part] of chord.curves.hops!) expect(hops.get(`${steps}`)![0]).toBe(part)
    const latency = tableOf(report.html, 'dead-latency-distribution-table')
    expect([...latency.values()].map(row => row[0])).toEqual(
      expect.arrayContaining(chord.curves.latency_ms!.filter(ms => ms > 0))
    )
    const load = tableOf(report.html, 'dead-load-table')
    expect([...load.values()].map(row => row[0])).toEqual(chord.curves.load)
    const bytes = tableOf(report.html, 'dead-bytes-by-kind-table')
    for (const [kind, value] of Object.entries(chord.results.bytes_per_node_per_s!.by_type))
      expect(bytes.get(`Chord | ${kind}`)![0]).toBe(value)
    const degrees = tableOf(report.html, 'dead-degrees-table')
    const [least] = chord.results.topology!.degrees.find(([links]) => links > 0)!
    const linked = chord.results.topology!.degrees.filter(([links]) => links > 0)
    const peers = (of: readonly (readonly [number, number])[]) => of.reduce((sum, [, each]) => sum + each, 0)
    expect(degrees.get(`${least}`)![0]).toBeCloseTo(
      peers(linked) / peers(chord.results.topology!.degrees),
      12
    )
  })

  it('every bar of bytes has its name', () => {
    for (const { name, svg, spec } of report.plots.filter(plot => plot.name.endsWith('bytes-by-kind'))) {
      const { values } = (spec as unknown as { data: { values: { kind: string }[] } }).data
      const drawn = [...svg.matchAll(/<text [^>]*>([^<]*)</g)].map(([, text]) => text)
      const lacking = values.filter(({ kind }) => !drawn.includes(kind))
      expect(lacking, name).toEqual([])
      for (const kind of new Set(values.map(one => one.kind)))
        expect(drawn.filter(text => text === kind).length, kind).toBe(
          values.filter(one => one.kind === kind).length
        )
    }
  })

  it('correct, incorrect, failed and unissued stand apart', () => {
    const table = tableOf(report.html, 'lying-outcomes-table')
    const { lookups } = partOf('lying').points.find(
      ({ overlay, at }) => overlay === 'pastry' && at.liars === 0.25
    )!.results
    expect(table.get('Pastry')).toEqual([
      lookups.correct,
      lookups.incorrect,
      lookups.failed,
      lookups.unissued
    ])
    expect(lookups.unissued).toBeGreaterThan(0)
    expect(report.html).toContain('Not all that was planned was asked:')
    expect(report.html).toContain('Unissued: the root lies, nobody was there to ask')
  })

  it('settings on the hull are told from those beside it', () => {
    const { points } = partOf('tuned')
    const from = report.html.indexOf('<caption id="tuned-cost-against-latency-table">')
    const body = report.html.slice(from, report.html.indexOf('</table>', from))
    expect(body.match(/<tr>/g)).toHaveLength(points.length + 1)
    const best = points
      .filter(({ overlay }) => overlay === 'chord')
      .toSorted((a, b) => a.figures.latency_ms.median! - b.figures.latency_ms.median!)[0]!
    const row = body
      .split('<tr>')
      .find(text => text.includes('Chord') && text.includes(`successors ${best.set['chord.successors']}<`))
    expect(row).toContain('>yes<')
  })

  it('intervals are drawn of five runs, and of fewer the text says that there are none', () => {
    const captionOf = (id: string) =>
      /<figcaption>(.*?)<\/figcaption>/s.exec(
        report.html.slice(report.html.indexOf(`<figure id="${id}"`))
      )![1]
    expect(captionOf('sizes-hops-by-nodes')).toContain('Medians of 5 runs; bars are their 95 % intervals.')
    expect(captionOf('dead-success-by-failures')).toContain('of fewer than five no interval is drawn')
    const lows = (name: string) => {
      const { spec } = report.plots.find(plot => plot.name === name)!
      return (spec as unknown as { data: { values: { kind: string; low: number | null }[] } }).data.values
        .filter(({ kind }) => kind === 'measured')
        .map(({ low }) => low)
    }
    expect(lows('sizes-hops-by-nodes')).not.toContain(null)
    expect(new Set(lows('dead-success-by-failures'))).toEqual(new Set([null]))
  })
})

describe('the page', () => {
  it('says how fairly, where, of which code, and how it is run again', () => {
    const { host, commit, fingerprint } = study
    expect(report.html).toContain('drawn from a run’s seed before any overlay is asked')
    expect(report.html).toContain(' there are two runs of a point, too few for intervals')
    expect(report.html).toContain(' there are five runs of a point: intervals of fewer than ten are wide')
    expect(report.html).toContain(`, ${host.cpus} core`)
    expect(report.html).toContain(fingerprint)
    if (commit !== null) expect(report.html).toContain(commit.replace('-dirty', ''))
    expect(report.html).toContain('<code>npx servent lab run plan.resolved.yaml</code>')
  })

  it('holds no script, and may load nothing', () => {
    expect(report.html).toContain(
      `<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;">`
    )
    expect(report.html).not.toMatch(/<(script|link|img|iframe|object|embed|image|use|foreignObject)\b/i)
    expect(report.html).not.toMatch(/\b(src|href|xlink:href)="(?!#)/)
    expect(report.html).not.toMatch(/url\(|@import/)
  })

  it('every plot is an image with a title, a text and a table', () => {
    for (const { name, svg } of report.plots) {
      expect(report.html).toContain(`<figure id="${name}" aria-labelledby="${name}-head">`)
      expect(report.html).toContain(`<caption id="${name}-table">`)
      expect(svg).toMatch(new RegExp(`^<svg [^>]* role="img" aria-labelledby="${name}-title ${name}-desc">`))
      expect(svg).toMatch(
        new RegExp(`<title id="${name}-title">[^<]+</title><desc id="${name}-desc">[^<]+</desc>`)
      )
    }
  })

  it('no two elements have the same id, and whatever is pointed to is there', () => {
    const ids = [...report.html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id!)
    expect(ids.length).toBe(new Set(ids).size)
    const pointed = [...report.html.matchAll(/ (?:aria-labelledby="|href="#)([^"]*)"/g)].flatMap(([, all]) =>
      all!.split(' ')
    )
    expect(pointed.filter(id => !ids.includes(id))).toEqual([])
  })

  it('headings go down by one step at a time', () => {
    const levels = [...report.html.matchAll(/<h([1-6])\b/g)].map(([, level]) => Number(level))
    expect(levels[0]).toBe(1)
    expect(levels.filter(level => level === 1)).toHaveLength(1)
    levels.forEach((level, at) => {
      if (at > 0) expect(level - levels[at - 1]!).toBeLessThanOrEqual(1)
    })
  })

  it('colours follow the reader’s theme, on the page and in a file of its own', () => {
    expect(report.html).toContain('@media screen and (prefers-color-scheme:dark)')
    const { svg } = report.plots[0]!
    const dark = /prefers-color-scheme:dark\)\{(.*?)<\/style>/s.exec(svg)![1]!
    const used = new Set([...svg.matchAll(/ (?:fill|stroke)="(#[0-9a-f]{6})"/g)].map(([, colour]) => colour!))
    expect(used.size).toBeGreaterThan(5)
    for (const colour of used) expect(dark).toContain(`="${colour}"]`)
  })
})

describe('drawing again', () => {
  it('equal results give equal bytes', async () => {
    const again = await reportOf([structuredClone(study)])
    expect(again.html).toBe(report.html)
    expect(again.plots).toEqual(report.plots)
  })

  it('two reports at once do not disturb each other', async () => {
    const one = changed(study, { parts: study.parts.slice(0, 2) })
    const alone = await reportOf([one])
    const [together] = await Promise.all([reportOf([one]), reportOf([study])])
    expect(together).toEqual(alone)
  })

  it('Vega-Lite has nothing to say against any specification', () => {
    const said: unknown[] = []
    const tell = (...words: unknown[]) => {
      said.push(words)
      return logger
    }
    const logger = { level: () => logger, error: tell, warn: tell, info: () => logger, debug: () => logger }
    for (const { name, spec } of report.plots) {
      compile(structuredClone(spec), { logger: logger as never })
      expect(said, name).toEqual([])
    }
  })
})
