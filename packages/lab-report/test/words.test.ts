/** Numbers and fields of plans as people read them. */
import { describe, expect, it } from 'vitest'
import { axisOf, shortOf, titleOf, wordsOf } from '../src/axes.ts'
import { duration, extent, inWords, listed, memory, NBSP, percent, shown } from '../src/numbers.ts'
import { decades, scaled } from '../src/spec.ts'

describe('numbers', () => {
  it.each([
    [0, '0'],
    [0.012345, '0.0123'],
    [1.23456, '1.23'],
    [12.3456, '12.3'],
    [999.6, '1,000'],
    [121_945.49, '121,945'],
    [-0.5, '-0.5']
  ])('%f has three digits that mean something: %s', (value, text) => expect(shown(value)).toBe(text))

  it.each([
    [1, '100 %'],
    [0, '0 %'],
    [0.5, '50 %'],
    [0.123, '12.3 %'],
    [0.9987, '99.9 %'],
    [0.9999, '99.99 %'],
    [0.99999, '99.999 %'],
    [0.9999999, 'over 99.999 %'],
    [0.0000001, 'under 0.001 %']
  ])('%f is never written as all or nothing where it is neither: %s', (part, text) =>
    expect(percent(part)).toBe(text.replaceAll(' %', `${NBSP}%`))
  )

  it('times, memory and lists', () => {
    expect([30, 120, 5400, 7200, 86_400].map(duration).join().replaceAll(NBSP, ' ')).toBe(
      '30 s,2 min,90 min,2 h,24 h'
    )
    expect(memory(25_276_502_016)).toBe(`23.5${NBSP}GiB`)
    expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(words => listed(words))).toEqual([
      '',
      'a',
      'a and b',
      'a, b and c'
    ])
    expect([1, 6, 12].map(inWords)).toEqual(['one', 'six', '12'])
  })

  it('the least and the most of more numbers than a call takes', () => {
    const many = Array.from({ length: 1_000_000 }, (_, at) => at - 7)
    expect(extent(many)).toEqual([-7, 999_992])
  })

  it('ticks of logarithms are round, and have room', () => {
    expect(decades(3, 300, 'x')).toEqual([5, 10, 20, 50, 100, 200])
    expect(decades(1, 999, 'x')).toEqual([1, 3, 10, 30, 100, 300])
    expect(decades(2, 5000, 'x')).toEqual([10, 100, 1000])
    expect(decades(0.01, 1, 'y')).toEqual([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1])
    expect(decades(0.0001, 1, 'y')).toEqual([0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1])
    expect(decades(1, 1e6, 'x')).toEqual([1, 100, 10_000, 1_000_000])
    expect(decades(1, 1e6, 'y')).toEqual([1, 10, 100, 1000, 10_000, 100_000, 1_000_000])
  })

  it('a scale goes by logarithms where numbers are far apart, and parts of all to the whole', () => {
    expect(scaled('B', [1, 31], 'y')).toMatchObject({ scale: { type: 'log' } })
    expect(scaled('B', [1, 30], 'y')).toMatchObject({ scale: { zero: true } })
    expect(scaled('B', [0, 1000], 'y')).toMatchObject({ scale: { zero: true } })
    expect(scaled('P', [0.2, 1], 'y', true)).toMatchObject({ scale: { domain: [0, 1] } })
    expect(scaled('P', [0.75, 1], 'y', true)).toMatchObject({ scale: { domain: [0.75, 1] } })
    expect(scaled('P', [0.74, 1], 'y', true)).toMatchObject({ scale: { domain: [0.5, 1] } })
    expect(scaled('P', [0.95, 1], 'y', true)).toMatchObject({ scale: { domain: [0.9, 1] } })
  })
})

describe('what varies', () => {
  it('in words', () => {
    expect(wordsOf('nodes', 1024)).toBe('1,024 peers')
    expect(wordsOf('failures', 0.25)).toBe(`25${NBSP}% of the peers dead`)
    expect(wordsOf('churn', 'exp:10m')).toBe(`sessions and absences of 10${NBSP}min`)
    expect(wordsOf('churn', 'exp:1h/exp:5m')).toBe(`sessions of 60${NBSP}min, absences of 5${NBSP}min`)
    expect(wordsOf('churn', 'weibull:0.5,10000s')).toBe('churn weibull:0.5,10000s')
    expect(wordsOf('churn', null)).toBe('no churn')
    expect(wordsOf('bandwidth', '128kB/1MB')).toBe('lines of 128kB/1MB a second')
    expect(wordsOf('bandwidth', null)).toBe('lines without a bound')
    expect(wordsOf('resets', '0.1/m')).toBe('connections that break 0.1 times a minute')
    expect(wordsOf('resets', null)).toBe('connections that last')
    expect(wordsOf('resets', 'often')).toBe('resets often')
    expect([shortOf('resets', '2/h'), shortOf('resets', null)]).toEqual(['2 times an hour', 'none'])
    expect([titleOf('bandwidth'), titleOf('resets')]).toEqual([
      'Bytes a second that a line carries up',
      'Breaks of a connection a second'
    ])
    expect(wordsOf('demand', 'zipf')).toBe('demand zipf')
    expect([wordsOf('warmup', 60), shortOf('duration', 600)]).toEqual([
      `warm-up of 60${NBSP}s`,
      `10${NBSP}min`
    ])
    expect([titleOf('liars'), titleOf('workload')]).toEqual(['Peers that lie', 'workload'])
  })

  it('along a scale where all are numbers, else as names', () => {
    expect(axisOf('duration', [60, 600])).toMatchObject({ scale: 'linear', isTime: true })
    expect(axisOf('nodes', [10, 100])).toMatchObject({ scale: 'log' })
    const sessions = axisOf('churn', ['exp:10m', 'exp:1h/exp:5m'])
    expect(sessions).toMatchObject({ scale: 'log', isTime: true })
    expect(['exp:10m', 'exp:1h/exp:5m'].map(sessions.at)).toEqual([600, 3600])
    expect(axisOf('churn', [null, 'exp:10m']).scale).toBe('names')
    // No failures are as many as none of the peers.
    const failures = axisOf('failures', [null, 0.1])
    expect([null, 0.1].map(failures.at)).toEqual([0, 0.1])
    const lines = ['64kB/1MB', '1.5MB']
    expect(axisOf('bandwidth', lines).scale).toBe('log')
    expect(lines.map(axisOf('bandwidth', lines).at)).toEqual([64_000, 1_500_000])
    // No bound is no number.
    expect(axisOf('bandwidth', [null, '1MB']).scale).toBe('names')
    const breaks = [null, '36/h', '6/m', '1/s']
    expect(axisOf('resets', breaks).scale).toBe('linear')
    expect(breaks.map(axisOf('resets', breaks).at)).toEqual([0, 0.01, 0.1, 1])
    expect(axisOf('start', ['ideal', 'joined'])).toMatchObject({ scale: 'names' })
  })
})
