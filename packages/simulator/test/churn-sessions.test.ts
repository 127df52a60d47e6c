/** How long sessions last: each distribution against its own formulas, and traces. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  durationUs,
  nodesUpAtFirst,
  parseSessionTrace,
  SESSION_US_MAX,
  SESSION_US_MIN,
  SHAPE_MAX,
  SHAPE_MIN,
  sessionProcess,
  TRACE_EVENTS_MAX,
  TRACE_NODES_MAX
} from '../src/churn/index.ts'
import { randomOf } from '../src/random.ts'

const DRAWS = 40_000
const HOUR_US = 3_600_000_000

function draws(text: string): number[] {
  const [process, random] = [sessionProcess(text), randomOf(text)]
  return Array.from({ length: DRAWS }, () => process.drawUs(random)).sort((a, b) => a - b)
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

/** The greatest distance between the drawn and the wanted distribution: Kolmogorov and Smirnov's statistic. */
function distance(sorted: readonly number[], below: (us: number) => number): number {
  return Math.max(...sorted.map((us, place) => Math.abs(below(us) - (place + 0.5) / sorted.length)))
}

/** A sound sample of this size passes it once in 1,000 times. */
const DISTANCE_MAX = 1.95 / Math.sqrt(DRAWS)

describe('processes', () => {
  it('exp has its mean, and one in e outlives it', () => {
    const sessions = draws('exp:1h')
    expect(mean(sessions) / HOUR_US).toBeCloseTo(1, 1)
    expect(distance(sessions, us => 1 - Math.exp(-us / HOUR_US))).toBeLessThan(DISTANCE_MAX)
  })

  it('pareto is never shorter than its least, and with shape 1 its median is twice that', () => {
    const sessions = draws('pareto:1,1800s')
    expect(sessions[0]).toBeGreaterThanOrEqual(1_800_000_000)
    expect(sessions[DRAWS / 2]! / HOUR_US).toBeCloseTo(1, 1)
    expect(distance(sessions, us => 1 - 1_800_000_000 / us)).toBeLessThan(DISTANCE_MAX)
    const steeper = draws('pareto:2,1800s')
    expect(distance(steeper, us => 1 - (1_800_000_000 / us) ** 2)).toBeLessThan(DISTANCE_MAX)
  })

  it('weibull has the mean that is written: with shape 0.5 twice its scale', () => {
    const sessions = draws('weibull:0.5,10000s')
    expect(mean(sessions) / 10_000_000_000).toBeCloseTo(1, 1)
    expect(distance(sessions, us => 1 - Math.exp(-Math.sqrt(us / 5_000_000_000)))).toBeLessThan(DISTANCE_MAX)
  })

  it('constant is constant', () => {
    expect(new Set(draws('constant:10m'))).toEqual(new Set([600_000_000]))
  })

  it('draws whole microseconds within bounds, however heavy the tail', () => {
    const text = fc.oneof(
      fc.constantFrom('exp:1s', 'exp:36500d', 'constant:1s'),
      fc
        .tuple(
          fc.constantFrom('pareto', 'weibull'),
          fc.double({ min: SHAPE_MIN, max: SHAPE_MAX, noNaN: true })
        )
        .map(([name, shape]) => `${name}:${shape.toFixed(3)},1d`)
    )
    fc.assert(
      fc.property(text, fc.string(), (process, seed) => {
        const us = sessionProcess(process).drawUs(randomOf(seed))
        return Number.isSafeInteger(us) && us >= 1 && us <= SESSION_US_MAX
      })
    )
  })

  it('times are the same on every CPU', () => {
    const random = randomOf('golden')
    const times = ['exp:1h', 'pareto:1,1800s', 'weibull:0.5,10000s'].map(text =>
      sessionProcess(text).drawUs(random)
    )
    expect(times).toMatchInlineSnapshot(`
      [
        1274662638,
        2676995016,
        3303257217,
      ]
    `)
  })

  it.each([
    '',
    'exp',
    'exp:',
    'exp:1',
    'exp:h',
    'exp:-1h',
    'exp:1h,2h',
    'pareto:1800s',
    'pareto:0,1800s',
    'pareto:,1s',
    `weibull:${SHAPE_MIN - 0.01},1h`,
    `weibull:${SHAPE_MAX + 0.1},1h`,
    'weibull:x,1h',
    'normal:1h',
    ...['exp:', 'constant:', 'pareto:1,', 'weibull:1,'].flatMap(name => [`${name}0s`, `${name}999.9ms`])
  ])('refuses %j', text => {
    expect(() => sessionProcess(text)).toThrow(expect.objectContaining({ name: 'ModelError' }))
  })
})

it('sessions take a second at least', () => {
  expect(SESSION_US_MIN).toBe(1_000_000)
  for (const text of ['exp:1s', 'constant:1000ms', 'pareto:1,1s', 'weibull:1,1s'])
    expect(sessionProcess(text).text).toBe(text)
  expect(() => sessionProcess('exp:999ms')).toThrow(
    '"exp:999ms" has a time of 999ms, and sessions and absences take 1s at least.'
  )
})

it('times have units', () => {
  expect(['500ms', '1.5s', '2m', '1h', '1d'].map(durationUs)).toEqual([
    500_000,
    1_500_000,
    120_000_000,
    HOUR_US,
    24 * HOUR_US
  ])
  expect(durationUs('36500d')).toBe(SESSION_US_MAX)
  for (const text of ['36501d', '1', 's', '1 s', '1y', '-1s'])
    expect(() => durationUs(text)).toThrow(expect.objectContaining({ name: 'ModelError' }))
})

describe('traces', () => {
  it('tell who is up at their beginning: all others begin down', () => {
    const up = (text: string) => nodesUpAtFirst(parseSessionTrace(text))
    expect(up('1 4 up\n0 7 up\n0 2 up\n5 7 down\n')).toEqual([7, 2])
    expect(up('0 7 up\n0 7 down\n0 2 up\n')).toEqual([2])
    expect(up('')).toEqual([])
  })

  it('are read in the order of time', () => {
    const text = '# a remark\n10 1 down\n0 0 up\n\n2.5 1 up   # late\n10.000001 1 up\n'
    expect(parseSessionTrace(text)).toEqual([
      { atUs: 0, node: 0, up: true },
      { atUs: 2_500_000, node: 1, up: true },
      { atUs: 10_000_000, node: 1, up: false },
      { atUs: 10_000_001, node: 1, up: true }
    ])
    expect(parseSessionTrace('')).toEqual([])
  })

  it.each([
    ['1 0 up\n2 0 up', 'Line 2: node 0 is up already'],
    ['1 0 down', 'Line 1: node 0 is down already'],
    ['5 0 down\n9 0 up', 'Line 1: node 0 is down already'],
    ['x'.repeat(81), `Line 1: "${'x'.repeat(80)}" is not of the form`],
    ['0 0 up\nx 0 up', 'Line 2: "x 0 up" is not of the form'],
    ['0 0 sideways', 'Line 1'],
    ['-1 0 up', 'Line 1'],
    ['0 -1 up', 'Line 1'],
    ['99999999999 0 up', 'is too long'],
    [`0 ${TRACE_NODES_MAX} up`, `numbers below ${TRACE_NODES_MAX}`]
  ])('refuse %j', (text, message) => {
    expect(() => parseSessionTrace(text)).toThrow(expect.objectContaining({ name: 'ModelError' }))
    expect(() => parseSessionTrace(text)).toThrow(message)
  })

  it('have as many events and nodes as they may, and no more', () => {
    expect(parseSessionTrace(`0 ${TRACE_NODES_MAX - 1} up`)).toHaveLength(1)
    expect(parseSessionTrace('0 0 up\n1 0 down', 2)).toHaveLength(2)
    expect(() => parseSessionTrace('0 0 up\n1 0 down', 1)).toThrow('at most 1 events')
    expect(TRACE_EVENTS_MAX).toBeGreaterThan(1_000_000)
  })
})
