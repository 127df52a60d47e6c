/** Sentences say what figures show, and no more. */
import type { Figure, FigureName, PartResults, StudyResults } from '@servent/lab'
import { beforeAll, describe, expect, it } from 'vitest'
import { NBSP, percent, shown } from '../src/numbers.ts'
import { sentencesOf } from '../src/sentences.ts'
import { viewOf } from '../src/view.ts'
import { studyOf } from './support/studies.ts'

let study: StudyResults
beforeAll(async () => {
  study = await studyOf(`
title: Small
common: {lookups: 20, duration: 20, warmup: 20}
parts:
  - {name: sizes, overlays: [chord, pastry, kelips], nodes: [8, 16], seeds: 5}
  - {name: tuned, overlays: [chord], nodes: 16, seeds: 2, grid: {chord: {successors: [2, 4, 8]}}}
  - {name: alone, overlays: [chord], nodes: 16}
  - {name: found, overlays: [gnutella], nodes: 16, lookups: 0, searches: 10, grid: {gnutella: {ttl: [1, 7]}}}
`)
}, 120_000)

const ms = (median: number, ci95: [number, number] | null = null) => ({ median, ci95 })
const said = (part: PartResults) =>
  sentencesOf(viewOf([{ study: 'small', part }])).map(text => text.replaceAll(NBSP, ' '))
const partOf = (name: string) => study.parts.find(part => part.name === name)!

/** The part of sizes, with other figures in its last network. */
function with16(
  of: Partial<Record<FigureName, Record<string, Pick<Figure, 'median' | 'ci95'>>>>
): PartResults {
  const part = structuredClone(partOf('sizes'))
  for (const point of part.points.filter(({ at }) => at.nodes === 16))
    for (const [name, figures] of Object.entries(of))
      Object.assign(point.figures[name as FigureName], figures[point.overlay])
  return part
}

/** With so many lookups planned at each size. */
function partWithQuestions(lookups: (nodes: number) => number): PartResults {
  const part = structuredClone(partOf('sizes'))
  for (const { plan } of part.points) plan.lookups = lookups(plan.nodes)
  return part
}

describe('of real runs', () => {
  it('the one with the least median answers soonest, by the numbers of the results', () => {
    const points = partOf('sizes').points.filter(({ at }) => at.nodes === 16)
    const [best] = points.toSorted((a, b) => a.figures.latency_ms.median! - b.figures.latency_ms.median!)
    const { median, ci95 } = best!.figures.latency_ms
    const ends = new Set(ci95!.map(shown))
    const interval = ends.size === 1 ? ')' : ` [${[...ends].join(', ')}]`
    expect(said(partOf('sizes'))[0]).toContain(
      `${best!.overlay.charAt(0).toUpperCase()}${best!.overlay.slice(1)} answers soonest (${shown(median!)} ms${interval}`
    )
  })

  it('steps by size stand beside theory', () => {
    const of = (nodes: number) =>
      partOf('sizes').points.find(({ overlay, at }) => overlay === 'chord' && at.nodes === nodes)!.figures
        .hops.median!
    expect(said(partOf('sizes'))[1]).toMatch(/^Between 8 peers and 16 peers steps of a lookup go: /)
    expect(said(partOf('sizes'))[1]).toContain(
      `Chord from ${shown(of(8))} to ${shown(of(16))} (theory 1 to ${shown(1.5)})`
    )
  })

  it('bytes and tables by size, without any theory', () => {
    const grown = partWithQuestions(nodes => 2 * nodes)
    const of = (nodes: number) =>
      partOf('sizes').points.find(({ overlay, at }) => overlay === 'kelips' && at.nodes === nodes)!.figures
    const went = (name: FigureName) =>
      `Kelips from ${[8, 16].map(size => shown(of(size)[name].median!)).join(' to ')}`
    expect(said(grown)[2]).toMatch(/^Between 8 peers and 16 peers bytes that a peer sends in a second go: /)
    expect(said(grown)[2]).toContain(went('bytes_per_s'))
    expect(said(grown)[3]).toMatch(/entries of a peer’s tables go: /)
    expect(said(grown)[3]).toContain(went('state_entries'))
    expect(said(grown).slice(2).join()).not.toContain('theory')
  })

  it('nothing of bytes by size where not each peer asks as much at one size as at another', () => {
    const about = (lookups: (nodes: number) => number) => said(partWithQuestions(lookups)).join(' ')
    for (const lookups of [() => 20, (nodes: number) => 100 - nodes, (nodes: number) => 3 * nodes - 10]) {
      expect(about(lookups)).not.toContain('bytes that a peer sends in a second go')
      expect(about(lookups)).toContain('entries of a peer’s tables go')
    }
    expect(about(() => 0)).toContain('bytes that a peer sends in a second go')
    expect(about(nodes => 2 * nodes + 1)).toContain('bytes that a peer sends in a second go')
  })

  it('of settings the soonest and the cheapest', () => {
    const points = partOf('tuned').points.toSorted(
      (a, b) => a.figures.latency_ms.median! - b.figures.latency_ms.median!
    )
    expect(said(partOf('tuned'))).toEqual([
      expect.stringContaining(
        `Of three settings of Chord the soonest gives ${shown(points[0]!.figures.latency_ms.median!)} ms for ${shown(points[0]!.figures.bytes_per_s.median!)} B/s (successors ${points[0]!.set['chord.successors']})`
      )
    ])
  })

  it('of settings of a search the most thorough, of several the cheapest, and the cheapest of all', () => {
    const of = (...ends: readonly (readonly [recall: number, bytes: number])[]) => {
      const part = structuredClone(partOf('found'))
      for (const [at, [recall, bytes]] of ends.entries())
        Object.assign(part.points[at]!.figures, { recall: ms(recall), search_bytes: ms(bytes) })
      return said(part)
    }
    expect(of([0.5, 100], [1, 3000])).toEqual([
      'Of two settings of Gnutella the most thorough finds 100 % for 3,000 B a search (ttl 7), and the cheapest 50 % for 100 B a search (ttl 1).'
    ])
    expect(of([1, 100], [0.5, 3000])).toEqual([
      'Of two settings of Gnutella the cheapest finds the most, 100 % for 100 B a search (ttl 1).'
    ])
    expect(of([0.5, 100], [1, 100])).toEqual([
      'Of two settings of Gnutella the cheapest finds the most, 100 % for 100 B a search (ttl 7).'
    ])
    // As it is written, it is the same.
    expect(of([0.98001, 100], [0.98, 3000])).toEqual([
      'Of two settings of Gnutella all find 98 %, for 100 to 3,000 B a search.'
    ])
    expect(of([1, 100], [1, 100])).toEqual([
      'Of two settings of Gnutella all find 100 %, for 100 B a search.'
    ])
    const { recall, search_bytes: bytes } = partOf('found').points[1]!.figures
    expect(said(partOf('found'))[0]).toContain(
      `${percent(recall.median!).replace(NBSP, ' ')} for ${shown(bytes.median!)} B a search (ttl 7)`
    )
  })

  it('of one overlay alone nothing is said', () => {
    expect(said(partOf('alone'))).toEqual([])
  })
})

describe('of figures that are close', () => {
  it('intervals that overlap are named', () => {
    const [text] = said(
      with16({ latency_ms: { chord: ms(10, [8, 12]), pastry: ms(11, [10, 13]), kelips: ms(90, [80, 99]) } })
    )
    expect(text).toContain(
      'Chord answers soonest (10 ms [8, 12]; the interval of Pastry, 11 ms [10, 13], overlaps), Kelips latest (90 ms [80, 99])'
    )
  })

  it('intervals that do not are not', () => {
    const [text] = said(
      with16({ latency_ms: { chord: ms(10, [8, 12]), pastry: ms(14, [13, 15]), kelips: ms(90, [80, 99]) } })
    )
    expect(text).toContain('Chord answers soonest (10 ms [8, 12]), Kelips latest (90 ms [80, 99])')
  })

  it('who is alike is named together, and nobody is best where all are', () => {
    const [two] = said(with16({ hops: { chord: ms(2), pastry: ms(1), kelips: ms(1) } }))
    expect(two).toContain('Pastry and Kelips take the fewest steps (1), Chord the most (2)')
    const [all] = said(with16({ hops: { chord: ms(1), pastry: ms(1), kelips: ms(1) } }))
    expect(all).toContain('all are alike in hops (1)')
  })

  it('nor is the interval of one taken for that of all', () => {
    const of = (kelips: [number, number] | null) =>
      said(with16({ hops: { chord: ms(1, [1, 2]), pastry: ms(1, [1, 2]), kelips: ms(1, kelips) } }))[0]
    expect(of([1, 2])).toContain('all are alike in hops (1 [1, 2])')
    expect(of([0.5, 1.5])).toContain('all are alike in hops (1; intervals within [0.5, 2])')
    expect(of(null)).toContain('all are alike in hops (1)')
  })

  /** With so much between Pastry and Chord run by run, which was without doubt in a smaller network. */
  const apartBy = (part: PartResults, figure: FigureName, ci95: [number, number] | null = null) => {
    part.paired = part.paired.flatMap(one => {
      if (one.figure !== figure) return one
      return one.overlay === 'pastry' ? { ...one, ci95: one.at.nodes === 16 ? ci95 : [5, 6] } : []
    })
    return said(part)[0]
  }

  it('who is apart by less than intervals say is not told apart, best and worst', () => {
    const of = (kelips: [number, number]) =>
      apartBy(
        with16({ latency_ms: { chord: ms(10, [8, 12]), pastry: ms(11, [9, 13]), kelips: ms(13, kelips) } }),
        'latency_ms'
      )
    expect(of([11, 15])).toContain('none is told apart in latency (10 to 13 ms; intervals overlap)')
    expect(of([12.5, 15])).toContain('Chord answers soonest (10 ms [8, 12]')
  })

  it('nor where two others do not overlap', () => {
    const wide = { chord: ms(10, [9, 30]), pastry: ms(11, [10.9, 11.1]), kelips: ms(25, [24, 26]) }
    const text = apartBy(with16({ latency_ms: wide }), 'latency_ms')
    expect(text).toContain('Chord answers soonest (10 ms [9, 30]; the interval of Pastry')
    expect(text).toContain('Kelips latest (25 ms [24, 26])')
  })

  it('nor where differences run by run leave no doubt', () => {
    const near = { chord: ms(13, [9, 15]), pastry: ms(10, [8, 14]), kelips: ms(12, [9, 15]) }
    const of = (ci95: [number, number]) => apartBy(with16({ latency_ms: near }), 'latency_ms', ci95)
    for (const ci95 of [
      [-5, 1],
      [0, 2],
      [-3, 0]
    ] as const)
      expect(of([...ci95])).toContain('none is told apart in latency (10 to 13 ms; intervals overlap)')
    for (const ci95 of [
      [-232, -34.8],
      [1, 2]
    ] as const)
      expect(of([...ci95])).toContain('Pastry answers soonest (10 ms [8, 14]')
  })

  it('and by a few lookups, where there are no intervals', () => {
    const lostBy = (lost: number, issued = 600) => {
      const part = with16({ success: { chord: ms(1), pastry: ms(1 - lost / issued), kelips: ms(1) } })
      for (const { overlay, results } of part.points)
        Object.assign(results.lookups, { issued, correct: overlay === 'pastry' ? issued - lost : issued })
      return said(part)[0]
    }
    expect(lostBy(1)).toContain(
      'all are alike in success (99.8 % to 100 %; a few lookups apart: Pastry lost 1 of 600)'
    )
    expect(lostBy(5)).toContain('all are alike in success')
    expect(lostBy(6)).toContain('Chord and Kelips succeed most often (100 %), Pastry least often (99 %)')
    // Few, and much of all that was asked.
    expect(lostBy(5, 5)).toContain('Chord and Kelips succeed most often (100 %), Pastry least often (0 %)')
    expect(lostBy(1, 99)).toContain('Chord and Kelips succeed most often')
    expect(lostBy(1, 100)).toContain('all are alike in success (99 % to 100 %')
  })

  it('what a median run hides is said', () => {
    const part = with16({ success: { chord: ms(1), pastry: ms(1), kelips: ms(1) } })
    for (const { overlay, at, results } of part.points)
      results.lookups = {
        issued: 100,
        correct: overlay === 'chord' && at.nodes === 16 ? 98 : 100,
        incorrect: 0,
        failed: 0,
        unissued: 0
      }
    expect(said(part)[0]).toContain(
      'all are alike in success (100 % in the median run; of all Chord lost 2 of 100)'
    )
  })

  it('published figures that the intervals hold are counted, and how far the medians are off', () => {
    const published = (value: number, median: number, ci95: [number, number] | null) => ({
      overlay: 'chord' as const,
      at: {},
      set: {},
      figure: 'hops' as const,
      source: 'A paper',
      value,
      median,
      ci95
    })
    const part = structuredClone(partOf('alone'))
    part.published = [published(2, 2.1, [1.9, 2.3]), published(4, 3, [2, 3.5]), published(5, 5, null)]
    expect(said(part)).toEqual([
      'Of two published figures one lies in the interval that was measured here; medians differ from them by 5 % to 25 %.'
    ])
    part.published = [published(4, 3, [2, 3.5])]
    expect(said(part)[0]).toContain(
      'Of one published figure none lies in the interval that was measured here;'
    )
    part.published = [published(5, 5, null)]
    expect(said(part)).toEqual([])
  })
})
