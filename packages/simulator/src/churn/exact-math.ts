/**
 * Logarithm, exponential and the gamma function with the same last bit on every CPU and in every engine.
 *
 * ECMAScript leaves the precision of `Math.log`, `Math.exp` and their kin to the engine, so a run that used
 * them could not be repeated elsewhere. These are made of + - * / and integer operations alone, which
 * IEEE 754 rounds in one way. They agree with the true values to a few units in the last place.
 */

/** The upper 33 bits of ln 2: a whole number up to 2^11 times it is exact. */
const LN2_HIGH = 0.6931471803691238
/** What is missing to ln 2. */
const LN2_LOW = 1.9082149292705877e-10

const SMALLEST_NORMAL = 2.2250738585072014e-308
const TWO_TO_54 = 18014398509481984
/** Above it the exponential is more than a double holds, below the other one it rounds to nothing. */
const EXP_ARGUMENT_HIGHEST = 709.782712893384
const EXP_ARGUMENT_LOWEST = -745.1332191019412
/** Of the Taylor series of exp: the rest, 0.347^14 / 14!, is below the last bit. */
const EXP_TERMS = 14
/** Of the series of artanh, in squares of at most 0.0295: the rest is below the last bit. */
const LN_TERMS = 11
/** Where Stirling's series is used: with eight terms its error is below 1e-16 from here on. */
const STIRLING_FROM = 10
const LN_SQRT_TWO_PI = 0.9189385332046728
/** B(2k) / (2k (2k - 1)) for k = 1 to 8, with Bernoulli's numbers B. */
const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400]

/** A double and its bits, most significant first whatever the CPU. */
const bits = new DataView(new ArrayBuffer(8))

/** The natural logarithm; `NaN` below 0 and `-Infinity` at 0, as `Math.log`. */
export function ln(x: number): number {
  if (x === 0) return -Infinity
  if (!(x > 0)) return Number.NaN
  if (x === Infinity) return Infinity
  // x = mantissa * 2^exponent, the mantissa between the root of a half and that of two.
  const subnormal = x < SMALLEST_NORMAL
  bits.setFloat64(0, subnormal ? x * TWO_TO_54 : x)
  const high = bits.getUint32(0)
  let exponent = (high >>> 20) - 1023 - (subnormal ? 54 : 0)
  bits.setUint32(0, (high & 0xfffff) | 0x3ff00000)
  let mantissa = bits.getFloat64(0)
  if (mantissa > Math.SQRT2) {
    mantissa /= 2
    exponent += 1
  }
  // ln m = 2 artanh((m - 1) / (m + 1)) = 2 (s + s^3 / 3 + s^5 / 5 + ...)
  const s = (mantissa - 1) / (mantissa + 1)
  const square = s * s
  let rest = 0
  for (let term = LN_TERMS; term >= 1; term -= 1) rest = square * (1 / (2 * term + 1) + rest)
  return exponent * LN2_HIGH + (2 * s + (2 * s * rest + exponent * LN2_LOW))
}

/** e to the power of x, `Infinity` and 0 beyond what a double holds, as `Math.exp`. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x
  if (x > EXP_ARGUMENT_HIGHEST) return Infinity
  if (x < EXP_ARGUMENT_LOWEST) return 0
  // x = doublings * ln 2 + rest, the rest at most half of ln 2.
  const doublings = Math.floor(x / (LN2_HIGH + LN2_LOW) + 0.5)
  const rest = x - doublings * LN2_HIGH - doublings * LN2_LOW
  let sum = 1
  for (let term = EXP_TERMS; term >= 1; term -= 1) sum = 1 + (rest * sum) / term
  // In two steps, since 2^1024 and 2^-1075 are no doubles, though sum times them is one.
  const half = doublings >> 1
  return sum * powerOfTwo(half) * powerOfTwo(doublings - half)
}

/** `base` to a real power, for a base of at least 0. */
export function power(base: number, exponent: number): number {
  return exponent === 0 ? 1 : exp(exponent * ln(base))
}

/** Euler's gamma function for x > 0: (x - 1)! where x is whole. */
export function gamma(x: number): number {
  if (!(x > 0)) return Number.NaN
  // gamma(x) = gamma(x + n) / (x (x + 1) ... (x + n - 1))
  let shifted = x
  let divisor = 1
  for (; shifted < STIRLING_FROM; shifted += 1) divisor *= shifted
  const square = shifted * shifted
  let series = 0
  for (let term = STIRLING.length - 1; term >= 0; term -= 1) series = STIRLING[term]! + series / square
  return exp((shifted - 0.5) * ln(shifted) - shifted + LN_SQRT_TWO_PI + series / shifted) / divisor
}

/** 2^exponent for a whole exponent from -1022 to 1023. */
function powerOfTwo(exponent: number): number {
  bits.setUint32(0, (exponent + 1023) << 20)
  bits.setUint32(4, 0)
  return bits.getFloat64(0)
}
