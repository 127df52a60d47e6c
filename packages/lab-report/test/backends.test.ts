/** Real peers beside simulated ones: every plot and table has both, and says which is which. */
import type { StudyResults } from '@servent/lab'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Report, reportOf } from '../src/index.ts'
import { NBSP } from '../src/numbers.ts'
import { REAL_TIMES, studyOf, withRealBackend } from './support/studies.ts'

const PLAN = `
title: Simulated and real
common: {lookups: 20, searches: 10, duration: 20, warmup: 20, failures: 0.25}
parts:
  - {name: one, title: One network, overlays: [gnutella, chord], nodes: 16, seeds: 5}
  - {name: sizes, title: Sizes, overlays: [chord, kademlia], nodes: [8, 16]}
  - {name: alive, title: All alive, overlays: [chord], nodes: 16, failures: null}
`
const WHERE = ['simulated', 'real (one process)']

let study: StudyResults
let report: Report
beforeAll(async () => {
  study = withRealBackend(await studyOf(PLAN))
  // So small a network makes no mistake of its own.
  const { lookups } = study.parts[1]!.points.at(-1)!.results
  lookups.correct -= 1
  lookups.incorrect += 1
  report = await reportOf([study])
}, 120_000)

const panelsOf = (name: string) => {
  const { spec } = report.plots.find(plot => plot.name === name)!
  const { values } = (spec as unknown as { data: { values: { panel: string }[] } }).data
  return [...new Set(values.map(({ panel }) => panel))]
}

/** Rows of a table: the words of each cell. */
function rowsOf(id: string): string[][] {
  const from = report.html.indexOf(`<caption id="${id}">`)
  expect(from, `a table ${id}`).toBeGreaterThan(0)
  const table = report.html.slice(from, report.html.indexOf('</table>', from))
  return table
    .split('<tr>')
    .slice(1)
    .map(row =>
      [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/g)].map(([, cell]) =>
        cell!.replace(/<[^>]*>/g, '').replaceAll(NBSP, ' ')
      )
    )
}

describe('what is drawn of the network that a part ends with', () => {
  it('is drawn of each backend, in a panel of its own', () => {
    for (const plot of ['outcomes', 'hops-distribution', 'latency-distribution', 'load', 'degrees'])
      expect(panelsOf(`sizes-${plot}`), plot).toEqual(WHERE)
  })

  it('of bytes one overlay here stands beside the same one there', () => {
    expect(panelsOf('sizes-bytes-by-kind').map(label => label.replace(/, .* B\/s/, ''))).toEqual([
      'Chord\nsimulated',
      'Chord\nreal (one process)',
      'Kademlia\nsimulated',
      'Kademlia\nreal (one process)'
    ])
  })

  it('stands in the summary in a row for each', () => {
    expect(rowsOf('part-sizes-last').map(([overlay, backend]) => [overlay, backend])).toEqual([
      ['Overlay', 'Backend'],
      ['Chord', 'simulated'],
      ['Chord', 'real (one process)'],
      ['Kademlia', 'simulated'],
      ['Kademlia', 'real (one process)']
    ])
  })

  it('along what varies beside it, backends are panels; alone it is what is drawn along', () => {
    expect(panelsOf('sizes-latency-ms-by-nodes')).toEqual(WHERE)
    expect(report.plots.map(({ name }) => name)).toContain('one-latency-ms-by-backend')
    expect(panelsOf('one-latency-ms-by-backend')).toEqual([''])
  })
})

describe('the table of backends side by side', () => {
  it('has the medians of both and how they compare, run by run', () => {
    const [head, ...rows] = rowsOf('part-one-backends')
    expect(head).toEqual(['Overlay', 'Figure', 'Simulated', 'Real (one process)', 'Ratio'])
    const chord = study.parts[0]!.points.filter(({ overlay }) => overlay === 'chord')
    expect(chord.map(({ at }) => at.backend)).toEqual(['simulator', 'in-process'])
    const latency = rows.find(([overlay, figure]) => overlay === 'Chord' && figure === 'Latency, ms')!
    expect(latency[4]).toBe(`${REAL_TIMES} × [${REAL_TIMES} ×, ${REAL_TIMES} ×]`)
    for (const figure of ['Success', 'Recall', 'Hops, steps'])
      expect(rows.find(row => row[0] === 'Chord' && row[1] === figure)?.[4], figure).toBe('1 × [1 ×, 1 ×]')
  })

  it('has no ratio of bytes where upkeep stands still in one of them, and says so', () => {
    const bytesOf = (part: string) =>
      rowsOf(`part-${part}-backends`).filter(row => row.some(cell => /^Bytes/.test(cell)))
    expect(bytesOf('alive').map(row => [row[1], row[4]])).toEqual([['Bytes sent, B/s', '1 ×']])
    for (const [overlay, figure, simulated, real, ratio] of bytesOf('one')) {
      expect([overlay, figure, ratio]).toEqual([overlay, 'Bytes sent, B/s', '–'])
      expect(simulated).toBe(real)
    }
    const captionOf = (part: string) =>
      report.html.split(`<caption id="part-${part}-backends">`)[1]!.split('</caption>')[0]
    const words = 'simulated bytes are of questions alone, as upkeep stands still, and have no ratio'
    expect(captionOf('one')).toContain(words)
    expect(captionOf('alive')).not.toContain('upkeep')
  })

  it('has each place of what else varies, and of one run no interval', () => {
    const [head, ...rows] = rowsOf('part-sizes-backends')
    expect(head!.slice(0, 3)).toEqual(['Overlay', 'Peers', 'Figure'])
    const latencies = rows.filter(row => row[2] === 'Latency, ms')
    expect(latencies.map(row => [row[0], row[1], row[5]])).toEqual([
      ['Chord', '8 peers', `${REAL_TIMES} ×`],
      ['Kademlia', '8 peers', `${REAL_TIMES} ×`],
      ['Chord', '16 peers', `${REAL_TIMES} ×`],
      ['Kademlia', '16 peers', `${REAL_TIMES} ×`]
    ])
  })

  it('leaves out what one of them does not tell, and of nothing has no ratio', async () => {
    const changed = structuredClone(study)
    for (const { at, overlay, figures } of changed.parts[1]!.points)
      if (at.backend === 'in-process' && overlay === 'kademlia') {
        figures.hops = { runs: [null], median: null, ci95: null }
      } else if (overlay === 'kademlia') figures.success = { runs: [0], median: 0, ci95: null }
    report = await reportOf([changed])
    const rows = rowsOf('part-sizes-backends').filter(([overlay]) => overlay === 'Kademlia')
    expect(rows.some(row => row[2] === 'Hops, steps')).toBe(false)
    expect(rows.filter(row => row[2] === 'Success').map(row => row[5])).toEqual(['–', '–'])
    expect(report.html.replaceAll(NBSP, ' ')).toContain(
      'among two overlays: success 1 (of one), recall 1, steps 1 (of one), latency 1.5.</dd>'
    )
    report = await reportOf([study])
  }, 60_000)

  it('is not there where all ran in the simulator', async () => {
    const plain = await reportOf([await studyOf(PLAN.replace(/ {2}- \{name: one.*\n/, ''))])
    expect(plain.html).not.toContain('side by side')
    expect(plain.html).not.toContain('Backend')
  }, 60_000)
})

describe('beside a study that ran in one place', () => {
  it('each is of the backend that its plan says', async () => {
    const alone = structuredClone(study)
    for (const part of alone.parts) {
      part.varies = part.varies.filter(field => field !== 'backend')
      part.points = part.points.filter(({ plan }) => plan.backend === 'in-process')
      part.paired = part.paired.filter(({ at }) => at.backend === 'in-process')
      for (const { at } of [...part.points, ...part.paired]) delete at.backend
    }
    const both = report
    report = await reportOf([
      { ...study, name: 'both' },
      { ...alone, name: 'alone' }
    ])
    expect(panelsOf('sizes-load')).toEqual([...WHERE.map(where => `both · ${where}`), `alone · ${WHERE[1]}`])
    expect(rowsOf('part-sizes-last').flatMap(row => (row[1] === 'alone' ? [row[2]] : []))).toEqual([
      WHERE[1],
      WHERE[1]
    ])
    const [head, ...rows] = rowsOf('part-sizes-backends')
    expect(head!.slice(4)).toEqual(['Simulated', 'Real (one process)', 'Ratio'])
    expect(rows.every(([, name]) => name === 'both')).toBe(true)
    const text = report.html.replaceAll(NBSP, ' ')
    expect(text).toContain('alone, real (one process), with 16 peers: ')
    expect(text).not.toMatch(/<t[hd][^>]*>none</i)
    expect(text).not.toContain('Ratios of none')
    report = both
  }, 60_000)
})

describe('beside a study in which something varies', () => {
  it('one in which it does not has what its plan says of it', async () => {
    const SIZES = PLAN.replace(/ {2}- \{name: one.*\n/, '')
    const both = report
    report = await reportOf([
      await studyOf(SIZES, 'two.yaml'),
      await studyOf(SIZES.replace('[8, 16]', '16'), 'one.yaml')
    ])
    const peers = rowsOf('part-sizes-all').map(row => row.find(cell => / peers$/.test(cell)))
    expect(peers.slice(1)).toEqual(['8 peers', '8 peers', '16 peers', '16 peers', '16 peers', '16 peers'])
    expect(rowsOf('part-sizes-paired-1').map(row => row[1])).toEqual(['Peers', '16 peers'])
    report = both
  }, 60_000)
})

describe('sentences', () => {
  it('say which backend they are of, and how far the two agree', () => {
    const text = report.html.replaceAll(NBSP, ' ')
    expect(text).toMatch(/<dd>Simulated, with 16 peers: of two overlays /)
    expect(text).toMatch(/<dd>Real \(one process\), with 16 peers: of two overlays /)
    expect(text).toMatch(
      /<dd>Real \(one process\): between 8 peers and 16 peers steps of a lookup go: Chord /
    )
    expect(text).toContain(
      '<dd>Ratios of real (one process) to simulated, among two overlays: success 1, recall 1, steps 1, latency 1.5.</dd>'
    )
    expect(text).toContain(
      '<dd>Ratios of real (one process) to simulated, of one overlay: success 1, recall 1, steps 1, latency 1.5, bytes sent 1.</dd>'
    )
  })

  it('say of virtual time only what was virtual', async () => {
    const text = (html: string) => html.replaceAll(NBSP, ' ')
    const settled = (clocks: string) =>
      `The first 20 s of each run, in which networks settle, is not measured: ${clocks}.`
    expect(text(report.html)).toContain(
      settled('virtual time in the simulator and time on the clock of real peers')
    )
    const real = structuredClone(study)
    for (const part of real.parts) part.points = part.points.filter(({ at }) => at.backend === 'in-process')
    const { html } = await reportOf([real])
    expect(text(html)).toContain(settled('time on the clock of real peers'))
    expect(html).not.toContain('virtual time')
    expect(html).toContain('libp2p’s own')
    const timeouts = (who: string) => `could not be reached or did not answer in time, ${who}. What`
    const told = 'among real peers as they count and tell them themselves, which those of Kademlia do not'
    expect(html).toContain(timeouts(told))
    expect(report.html).toContain(timeouts(`in the simulator as an observer of all peers sees them; ${told}`))
  }, 60_000)
})
