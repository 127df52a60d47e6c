/** The fit of a power law on samples whose law is known (Clauset, Shalizi and Newman, 2009). */
import { randomOf } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import { type Degrees, hurwitzZeta, isPowerLaw, powerLawOf, TAIL_MIN } from '../src/power-law.ts'

const SAMPLES = 10_000

/** Whole numbers from `from` on, each with its weight, by walking up the distribution. */
function sample(
  seed: string,
  from: number,
  weightOf: (degree: number) => number,
  samples = SAMPLES
): Degrees {
  const random = randomOf(seed)
  const DEGREES = 20_000
  const sums = new Float64Array(DEGREES)
  let sum = 0
  for (let at = 0; at < DEGREES; at += 1) {
    sum += weightOf(from + at)
    sums[at] = sum
  }
  const counts = new Map<number, number>()
  for (let draw = 0; draw < samples; draw += 1) {
    const wanted = random.unit() * sum
    const degree = from + sums.findIndex(one => one >= wanted)
    counts.set(degree, (counts.get(degree) ?? 0) + 1)
  }
  return counts
}

describe('zeta', () => {
  it.each([
    [2, 1, Math.PI ** 2 / 6],
    [4, 1, Math.PI ** 4 / 90],
    [3, 1, 1.2020569031595942],
    [2, 2, Math.PI ** 2 / 6 - 1],
    [1.5, 1, 2.612375348685488],
    [20, 3, 3 ** -20 * (1 + (3 / 4) ** 20 + (3 / 5) ** 20 + (3 / 6) ** 20 + (3 / 7) ** 20)]
  ])('of %f from %i', (exponent, from, value) => {
    expect(hurwitzZeta(exponent, from) / value).toBeCloseTo(1, 5)
  })
})

describe('a sample of a power law', () => {
  it.each([2.1, 2.5, 3.2])('with the exponent %f has that exponent, and is one', exponent => {
    const degrees = sample(`${exponent}`, 2, degree => degree ** -exponent)
    const law = powerLawOf(degrees)!
    expect(law.exponent).toBeGreaterThan(exponent - 0.1)
    expect(law.exponent).toBeLessThan(exponent + 0.1)
    expect(law.ks).toBeLessThan(0.02)
    expect(law.exponential.ratio).toBeGreaterThan(0)
    expect(law.exponential.p).toBeLessThan(0.1)
    expect(isPowerLaw(law, degrees)).toBe(true)
  })

  it('that begins late is one from there on', () => {
    const degrees = new Map(sample('late', 8, degree => degree ** -2.5, 4000))
    for (const degree of [1, 2, 3, 4, 5, 6, 7]) degrees.set(degree, 300)
    const law = powerLawOf(degrees)!
    expect(law.from).toBeGreaterThanOrEqual(7)
    expect(law.from).toBeLessThanOrEqual(12)
    expect(law.exponent).toBeCloseTo(2.5, 0)
  })
})

describe('a sample of another law is none', () => {
  it('exponential', () => {
    const degrees = sample('exponential', 1, degree => Math.exp(-0.3 * degree))
    const law = powerLawOf(degrees)!
    expect(isPowerLaw(law, degrees)).toBe(false)
    // Its last peers look like one, as those of most distributions do.
    expect(law.tail).toBeLessThan(SAMPLES / 10)
  })

  it('Poisson, as the degrees of a graph whose links are drawn by chance', () => {
    const weights = [Math.exp(-12)]
    for (let degree = 1; degree < 60; degree += 1) weights.push((weights.at(-1)! * 12) / degree)
    const degrees = sample('poisson', 1, degree => weights[degree] ?? 0)
    expect(isPowerLaw(powerLawOf(degrees)!, degrees)).toBe(false)
  })

  it('log-normal: the log-normal explains it better', () => {
    const degrees = sample('log-normal', 1, degree => Math.exp(-((Math.log(degree) - 2) ** 2) / 0.5) / degree)
    const law = powerLawOf(degrees)!
    expect(isPowerLaw(law, degrees)).toBe(false)
    expect(law.log_normal.ratio).toBeLessThan(0)
  })

  it('bounded degrees, as servents with a number of places have', () => {
    const degrees = new Map([
      [3, 137],
      [4, 122],
      [5, 111],
      [6, 630]
    ])
    expect(isPowerLaw(powerLawOf(degrees)!, degrees)).toBe(false)
  })

  it('two kinds of peers with a degree each, as leaves and ultrapeers have, though nothing else explains them better', () => {
    const degrees = new Map([
      [3, 178],
      [40, 2],
      [45, 6],
      [49, 8],
      [50, 6]
    ])
    const law = powerLawOf(degrees)!
    expect(law.exponential.ratio).toBeGreaterThan(0)
    expect(law.ks).toBeGreaterThan(0.3)
    expect(isPowerLaw(law, degrees)).toBe(false)
  })

  it('and of too few peers, or too few different degrees, nothing is said', () => {
    const few = new Map([
      [1, 20],
      [2, 20],
      [3, TAIL_MIN - 41]
    ])
    expect(powerLawOf(few)).toBeUndefined()
    expect(powerLawOf(new Map([...few, [3, TAIL_MIN - 40]]))).toBeDefined()
    expect(
      powerLawOf(
        new Map([
          [4, 1000],
          [5, 1000]
        ])
      )
    ).toBeUndefined()
    expect(powerLawOf(new Map())).toBeUndefined()
    // Who has no link is in no tail.
    expect(
      powerLawOf(
        new Map([
          [0, 1000],
          [1, 10]
        ])
      )
    ).toBeUndefined()
  })
})
