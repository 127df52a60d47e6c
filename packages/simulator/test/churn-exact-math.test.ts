/** The logarithm and its kin: as precise as the engine's, and bit for bit what they were when written. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exp, gamma, ln, power } from '../src/churn/exact-math.ts'

const RELATIVE_ERROR_MAX = 1e-14

function bitsOf(value: number): string {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  return view.getBigUint64(0).toString(16).padStart(16, '0')
}

function near(actual: number, wanted: number, relative = RELATIVE_ERROR_MAX): boolean {
  return Object.is(actual, wanted) || Math.abs(actual - wanted) <= relative * Math.abs(wanted)
}

describe('ln', () => {
  it('agrees with Math.log for every positive double', () => {
    const positive = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })
    const nearOne = fc.double({ min: 0.5, max: 2, noNaN: true })
    const uniform = fc.nat({ max: 2 ** 32 - 1 }).map(drawn => (drawn + 0.5) / 2 ** 32)
    fc.assert(
      fc.property(fc.oneof(positive, nearOne, uniform), x => near(ln(x), Math.log(x))),
      { numRuns: 20_000 }
    )
  })

  it('knows the edges', () => {
    expect([ln(1), ln(0), ln(-1), ln(Number.NaN), ln(Infinity)]).toEqual([
      0,
      -Infinity,
      Number.NaN,
      Number.NaN,
      Infinity
    ])
    expect(near(ln(5e-324), Math.log(5e-324))).toBe(true)
    expect(near(ln(Number.MAX_VALUE), Math.log(Number.MAX_VALUE))).toBe(true)
  })
})

describe('exp', () => {
  it('agrees with Math.exp wherever that is a normal number', () => {
    const argument = fc.oneof(fc.double({ min: -708, max: 709.7 }), fc.double({ min: -1, max: 1 }))
    fc.assert(
      fc.property(argument, x => Number.isNaN(x) || near(exp(x), Math.exp(x))),
      { numRuns: 20_000 }
    )
  })

  it('knows the edges', () => {
    expect([exp(0), exp(-Infinity), exp(Infinity), exp(Number.NaN)]).toEqual([1, 0, Infinity, Number.NaN])
    expect([exp(710), exp(-746)]).toEqual([Infinity, 0])
    expect(near(exp(709.78), Math.exp(709.78))).toBe(true)
    // Below the smallest normal number there are fewer bits to agree in.
    expect(near(exp(-730), Math.exp(-730), 1e-6)).toBe(true)
  })

  it('undoes ln', () => {
    fc.assert(fc.property(fc.double({ min: 1e-300, max: 1e300 }), x => near(exp(ln(x)), x, 1e-12)))
  })
})

describe('power and gamma', () => {
  it('power agrees with the operator', () => {
    const base = fc.double({ min: 1e-9, max: 1e9, noNaN: true })
    const exponent = fc.double({ min: -20, max: 20, noNaN: true })
    fc.assert(fc.property(base, exponent, (b, e) => near(power(b, e), b ** e, 1e-12)))
    expect([power(0, 0), power(7, 0), power(0, 2)]).toEqual([1, 1, 0])
  })

  it('gamma gives factorials and the known halves', () => {
    const factorials = [1, 1, 2, 6, 24, 120, 720, 5040, 40320, 362880, 3628800]
    for (const [n, factorial] of factorials.entries()) expect(gamma(n + 1) / factorial).toBeCloseTo(1, 12)
    expect(gamma(0.5)).toBeCloseTo(Math.sqrt(Math.PI), 12)
    expect(gamma(1.5)).toBeCloseTo(Math.sqrt(Math.PI) / 2, 12)
    expect(gamma(50.5) / gamma(49.5)).toBeCloseTo(49.5, 10)
    expect(gamma(0)).toBeNaN()
  })
})

it('every bit is what it was when this was written, on every CPU', () => {
  expect([0.1, 0.5, 2, 3, 10, 12345.678, 1e-10, 2 ** -33].map(x => bitsOf(ln(x)))).toMatchInlineSnapshot(`
    [
      "c0026bb1bbb55515",
      "bfe62e42fefa39ef",
      "3fe62e42fefa39ef",
      "3ff193ea7aad030b",
      "40026bb1bbb55516",
      "4022d79559791e31",
      "c037069e2aa2aa5b",
      "c036dfb516f20bbf",
    ]
  `)
  expect([-10, -1, -0.1, 0.1, 1, 2.5, 10, 100].map(x => bitsOf(exp(x)))).toMatchInlineSnapshot(`
    [
      "3f07cd79b5647c9a",
      "3fd78b56362cef38",
      "3fecf46d99d52b3a",
      "3ff1aec7b35a00d4",
      "4005bf0a8b14576a",
      "40285d6fd931e0bb",
      "40d5829dcf950560",
      "48f3494a9b171bf5",
    ]
  `)
  expect([0.25, 1.25, 3, 7.5].map(x => bitsOf(gamma(x)))).toMatchInlineSnapshot(`
    [
      "400d013fc47eeee3",
      "3fed013fc47eeee3",
      "4000000000000006",
      "409d3d0468bd32ac",
    ]
  `)
})

it('no source of the simulator uses arithmetic whose last bit is the engine’s', () => {
  const folder = new URL('../src', import.meta.url).pathname
  const inexact = /Math\.(?!floor|ceil|round|abs|min|max|imul|clz32|sqrt|trunc|sign|fround|SQRT2)\w+/g
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(file =>
    file.endsWith('.ts')
  )
  expect(files.length).toBeGreaterThan(30)
  for (const file of files) {
    const code = readFileSync(join(folder, file), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '')
    expect(code.match(inexact), file).toBeNull()
    // A power of two is exact in every engine; other powers are not.
    expect(code.match(/(?<!(?<![\w.])2)\s\*\*\s/), file).toBeNull()
  }
})
