/** Latencies: the wide area against the figures it was fitted to, matrices, and models by their names. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LatencyModel } from '../src/network/index.ts'
import {
  latencyModel,
  MATRIX_ROUND_TRIP_MS_MAX,
  MATRIX_ROWS_MAX,
  ROUND_TRIP_MS_MAX
} from '../src/network/index.ts'
import { randomOf } from '../src/random.ts'

const NODES = 20_000
const SAMPLES = 60_000

interface Figures {
  readonly p10: number
  readonly median: number
  readonly mean: number
  readonly p90: number
  readonly brokenTriangles: number
}

/** Of round trips in milliseconds, over pairs and triples by chance. */
function figuresOf(model: LatencyModel, nodes: number): Figures {
  const random = randomOf('pairs')
  const other = (than: number) => (than + 1 + random.below(nodes - 1)) % nodes
  const roundTrips: number[] = []
  let broken = 0
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    const a = random.below(nodes)
    const b = other(a)
    const direct = model.roundTripUs(a, b)
    roundTrips.push(direct / 1000)
    let between = other(a)
    while (between === b) between = other(a)
    if (direct > model.roundTripUs(a, between) + model.roundTripUs(between, b)) broken += 1
  }
  roundTrips.sort((a, b) => a - b)
  const quantile = (share: number) => roundTrips[Math.floor(share * SAMPLES)]!
  const mean = roundTrips.reduce((sum, ms) => sum + ms, 0) / SAMPLES
  return {
    p10: quantile(0.1),
    median: quantile(0.5),
    mean,
    p90: quantile(0.9),
    brokenTriangles: broken / SAMPLES
  }
}

/** NetLatency-Data, PlanetLab, 490 hosts. */
const MEASURED: Figures = { p10: 31.6, median: 135, mean: 146.8, p90: 290.7, brokenTriangles: 0.059 }

describe('planetlab', () => {
  it.each(['one', 'two', 'three', 'four'])(
    'has the quantiles and broken triangles of the measured matrix, with the seed %s',
    seed => {
      const figures = figuresOf(latencyModel('planetlab', randomOf(seed)), NODES)
      const off = (name: keyof Figures) => Math.abs(figures[name] / MEASURED[name] - 1)
      expect(off('p10'), `p10 ${figures.p10} ms`).toBeLessThan(0.05)
      expect(off('median'), `median ${figures.median} ms`).toBeLessThan(0.03)
      expect(off('mean'), `mean ${figures.mean} ms`).toBeLessThan(0.02)
      expect(off('p90'), `p90 ${figures.p90} ms`).toBeLessThan(0.03)
      expect(off('brokenTriangles'), `${figures.brokenTriangles} of triangles`).toBeLessThan(0.06)
    }
  )

  it('stays near them with as few hosts as were measured', () => {
    const seeds = Array.from({ length: 10 }, (_, seed) => `${seed}`)
    for (const seed of seeds) {
      const figures = figuresOf(latencyModel('planetlab', randomOf(seed)), 490)
      expect(Math.abs(figures.mean / MEASURED.mean - 1), `mean ${figures.mean} ms`).toBeLessThan(0.1)
      expect(figures.brokenTriangles).toBeGreaterThan(0.05)
      expect(figures.brokenTriangles).toBeLessThan(0.07)
    }
  })

  it('is symmetric, within what was measured, and the same in whatever order nodes are asked for', () => {
    const [one, other] = [latencyModel('planetlab', randomOf('x')), latencyModel('planetlab', randomOf('x'))]
    other.roundTripUs(99_999, 5)
    const random = randomOf('none drawn')
    fc.assert(
      fc.property(fc.nat({ max: 99_999 }), fc.nat({ max: 99_999 }), (a, b) => {
        const us = one.roundTripUs(a, b)
        expect(one.roundTripUs(b, a)).toBe(us)
        expect(other.roundTripUs(a, b)).toBe(us)
        expect(Number.isInteger(us) && us >= 86 && us <= 2_984_000).toBe(true)
        expect(one.oneWayUs(a, b, random)).toBe(Math.floor(us / 2))
      })
    )
  })

  it('has the times that it had when this was written, on every CPU', () => {
    const model = latencyModel('planetlab', randomOf('golden'))
    const times = Array.from({ length: 12 }, (_, node) => model.roundTripUs(node, 7 * node + 1))
    expect(times).toMatchInlineSnapshot(`
      [
        309526,
        63084,
        52661,
        140872,
        6878,
        97947,
        82494,
        71874,
        39578,
        106496,
        381624,
        60090,
      ]
    `)
  })
})

describe('constant, uniform and exponential', () => {
  const random = randomOf('draws')

  it('constant is half of the round trip each way', () => {
    const model = latencyModel('constant:50', randomOf('x'))
    expect([model.oneWayUs(1, 2, random), model.roundTripUs(1, 2)]).toEqual([25_000, 50_000])
  })

  it('uniform gives each pair a time of its own for good', () => {
    const model = latencyModel('uniform:20-80', randomOf('x'))
    const times = Array.from({ length: 10_000 }, (_, node) => model.roundTripUs(node, node + 1))
    expect(Math.min(...times)).toBeGreaterThanOrEqual(20_000)
    expect(Math.max(...times)).toBeLessThan(80_000)
    expect(times.reduce((sum, us) => sum + us, 0) / times.length / 50_000).toBeCloseTo(1, 1)
    expect(new Set(times).size).toBeGreaterThan(5_000)
    expect(model.oneWayUs(3, 4, random)).toBe(model.oneWayUs(4, 3, random))
  })

  it('exponential draws for each message', () => {
    const model = latencyModel('exponential:100', randomOf('x'))
    const times = Array.from({ length: 20_000 }, () => model.oneWayUs(1, 2, random))
    expect(times.reduce((sum, us) => sum + us, 0) / times.length / 50_000).toBeCloseTo(1, 1)
    expect(times.filter(us => us > 100_000).length / times.length).toBeCloseTo(Math.exp(-2), 2)
  })
})

describe('matrix', () => {
  const text = '0\t10\t20.5\n10 0 30\n\n21.5  30\t0\r\n'
  const model = (content: string) => latencyModel('matrix:some.tsv', randomOf('rows'), () => content)

  it('gives each node a row by the seed, and rows again when all are taken', () => {
    const times = (seed: string) => {
      const network = latencyModel('matrix:some.tsv', randomOf(seed), file => {
        expect(file).toBe('some.tsv')
        return text
      })
      return [network.roundTripUs(0, 1), network.roundTripUs(0, 2), network.roundTripUs(1, 2)]
    }
    const seeds = Array.from({ length: 60 }, (_, seed) => `${seed}`)
    // 20.5 ms one way and 21.5 ms the other are a round trip of 21 ms.
    for (const seed of seeds) expect(times(seed).toSorted()).toEqual([10_000, 21_000, 30_000])
    expect(new Set(seeds.map(seed => times(seed).join())).size).toBe(6)
    expect(times('1')).toEqual(times('1'))

    const network = model(text)
    const nearest = [0, 1, 2].map(node => network.roundTripUs(node, node + 3))
    expect(nearest.toSorted()).toEqual([10_000, 10_000, 21_500])
    expect(network.roundTripUs(0, 4)).toBe(network.roundTripUs(0, 1))
  })

  it('takes each way as it was measured', () => {
    const network = model(text)
    const ways = [0, 1, 2].flatMap(a =>
      [0, 1, 2].map(b => (a === b ? 0 : network.oneWayUs(a, b, randomOf(''))))
    )
    expect(ways.toSorted((a, b) => a - b)).toEqual([0, 0, 0, 5_000, 5_000, 10_250, 10_750, 15_000, 15_000])
  })

  it.each([
    ['', 'at least two rows, not 0'],
    ['0', 'at least two rows, not 1'],
    ['0 1\n1', 'Line 2: row 2 of 2 has 1 figures'],
    ['0 1 2\n1 0 2', 'Line 1: row 1 of 2 has 3 figures'],
    ['0 x\n1 0', 'Line 1, column 2: x is no round trip'],
    [`0 ${'x'.repeat(81)}\n1 0`, `Line 1, column 2: ${'x'.repeat(80)} is no round trip`],
    ['\n0 1\n\n1 x\n', 'Line 4, column 2: x is no round trip'],
    ['0 1\n-1 0', 'Line 2, column 1: -1 is no round trip'],
    ['0 1\nNaN 0', 'Line 2, column 1: NaN is no round trip'],
    ['0 1\n1 0.5', 'Line 2, column 2: 0.5 ms from a host to itself'],
    [`0 ${MATRIX_ROUND_TRIP_MS_MAX + 1}\n1 0`, 'no round trip from 0 to 60000 ms']
  ])('refuses %j', (content, message) => {
    expect(() => model(content)).toThrow(expect.objectContaining({ name: 'ModelError' }))
    expect(() => model(content)).toThrow(message)
  })

  it('takes the longest round trip and the most rows, and no more', () => {
    const longest = model(`0 ${MATRIX_ROUND_TRIP_MS_MAX}\n${MATRIX_ROUND_TRIP_MS_MAX} 0`)
    expect(longest.roundTripUs(0, 1)).toBe(60_000_000)
    const square = (rows: number) =>
      Array.from({ length: rows }, (_, row) => `${'1 '.repeat(row)}0${' 1'.repeat(rows - row - 1)}`).join(
        '\n'
      )
    expect(model(square(MATRIX_ROWS_MAX)).roundTripUs(0, MATRIX_ROWS_MAX - 1)).toBe(1_000)
    expect(() => model(square(MATRIX_ROWS_MAX + 1))).toThrow(`at most ${MATRIX_ROWS_MAX} rows`)
  })
})

describe('names of models', () => {
  it.each([
    'planet',
    'planetlab:1',
    'constant',
    'constant:',
    'constant:-1',
    'constant:1e3',
    'uniform:20',
    'uniform:80-20',
    'uniform:1-2-3',
    'matrix',
    'matrix:',
    'matrix:f',
    `constant:${ROUND_TRIP_MS_MAX + 1}`,
    ''
  ])('refuses %j and says what there is', text => {
    expect(() => latencyModel(text, randomOf('x'))).toThrow(expect.objectContaining({ name: 'ModelError' }))
    expect(() => latencyModel(text, randomOf('x'))).toThrow(`"${text}"`)
  })

  it('takes the longest round trip', () => {
    expect(latencyModel(`constant:${ROUND_TRIP_MS_MAX}`, randomOf('x')).roundTripUs(0, 1)).toBe(60_000_000)
    expect(latencyModel('uniform:0-0.5', randomOf('x')).roundTripUs(0, 1)).toBeLessThan(500)
  })
})
