/**
 * Whether the degrees of a graph follow a power law, after Clauset, Shalizi and Newman ("Power-law distributions in
 * empirical data", SIAM Review 51, 2009). Of the tail from `from` on the exponent of p(k) ~ k^-a is the one of the
 * greatest likelihood, for whole numbers; `from` is the degree at which the tail then lies nearest to its law, by the
 * distance of Kolmogorov and Smirnov. The law is held against an exponential and a log-normal of the same tail, each by
 * its own greatest likelihood: Vuong's test says whether one of them explains the tail better.
 *
 * It says what a tail looks like; a network's degrees are whole numbers under a bound, often few different ones, and
 * of those no more can be said. Logarithms differ in their last bits between hosts, so none of this is in a
 * fingerprint.
 */

/** How many peers have a degree. */
export type Degrees = ReadonlyMap<number, number>

export interface Against {
  /** The law's log-likelihood less the other's: above 0 speaks for the law. */
  readonly ratio: number
  /** How likely a ratio that far from 0 is where both explain the tail alike. Below 0.1 it says something. */
  readonly p: number
}

export interface PowerLaw {
  readonly exponent: number
  /** The least degree of the tail. */
  readonly from: number
  /** Peers in it. */
  readonly tail: number
  /** Greatest distance between the tail and its law, as parts of all: 0 is a perfect fit. */
  readonly ks: number
  readonly exponential: Against
  readonly log_normal: Against
}

/** A tail of fewer says nothing (Clauset et al., section 3.4: n of about 50 at least for the exponent). */
export const TAIL_MIN = 50
/** Of all peers, in the tail of what is called a power law; and how far it reaches, from its first degree. */
const TAIL_PART_MIN = 0.1
const DECADE = 10
/**
 * A tail that lies further from its law than so much by the root of its peers is not of it: by chance that happens once
 * in ten times (Kolmogorov's bound; for an exponent that was fitted it is generous).
 */
const DISTANCE_MAX = 1.22
/** A ratio of likelihoods that is less likely by chance counts (Clauset et al., table 6.2). */
const P_MAX = 0.1
/** Different degrees in it: through two points goes any curve. */
const DIFFERENT_MIN = 3
/** Beyond it nothing is left of a tail after its first degree. */
const EXPONENT_MAX = 60
const EXPONENT_MIN = 1.01

/** Degrees of the tail with their numbers, in rising order. */
type Tail = readonly (readonly [degree: number, peers: number])[]

/** Nothing where no tail has enough peers and enough different degrees. */
export function powerLawOf(degrees: Degrees): PowerLaw | undefined {
  const all = [...degrees].filter(([degree, peers]) => degree > 0 && peers > 0).sort(([a], [b]) => a - b)
  let best: { tail: Tail; exponent: number; ks: number } | undefined
  for (let first = 0; first + DIFFERENT_MIN <= all.length; first += 1) {
    const tail = all.slice(first)
    if (countOf(tail) < TAIL_MIN) break
    const exponent = exponentOf(tail)
    const ks = distance(tail, exponent)
    if (best === undefined || ks < best.ks) best = { tail, exponent, ks }
  }
  if (best === undefined) return undefined
  const { tail, exponent, ks } = best
  const law = powerLaw(exponent, tail[0]![0])
  return {
    exponent,
    from: tail[0]![0],
    tail: countOf(tail),
    ks,
    exponential: against(tail, law, exponentialOf(tail)),
    log_normal: against(tail, law, logNormalOf(tail))
  }
}

/**
 * Whether that may be called the law of a network's degrees: its tail holds a tenth of all peers at least, for the last
 * few of any distribution look like one; it reaches over a decade, without which any falling curve looks like one (Stumpf
 * and Porter, Science 335, 2012); it lies as near to the law as a sample of it would (Clauset et al., section 4), which two
 * kinds of peers with a degree each do not, however far apart; and neither of the others explains it better.
 */
export function isPowerLaw(
  { from, tail, ks, exponential, log_normal: logNormal }: PowerLaw,
  degrees: Degrees
): boolean {
  const peers = countOf([...degrees])
  const loses = ({ ratio, p }: Against) => ratio < 0 && p < P_MAX
  return (
    tail >= TAIL_PART_MIN * peers &&
    Math.max(...degrees.keys()) >= DECADE * from &&
    ks <= DISTANCE_MAX / Math.sqrt(tail) &&
    !loses(exponential) &&
    !loses(logNormal)
  )
}

const countOf = (tail: Tail) => tail.reduce((sum, [, peers]) => sum + peers, 0)

/** The sum of (from + k)^-exponent over all k from 0, by Euler and Maclaurin after a few terms: Hurwitz's zeta. */
export function hurwitzZeta(exponent: number, from: number): number {
  const TERMS = 12
  let sum = 0
  for (let k = 0; k < TERMS; k += 1) sum += (from + k) ** -exponent
  const at = from + TERMS
  const last = at ** -exponent
  sum += (at * last) / (exponent - 1) + last / 2 + (exponent * last) / (12 * at)
  return sum - (exponent * (exponent + 1) * (exponent + 2) * last) / (720 * at ** 3)
}

/** Log-likelihood of one degree. */
type Law = (degree: number) => number

function powerLaw(exponent: number, from: number): Law {
  const norm = Math.log(hurwitzZeta(exponent, from))
  return degree => -exponent * Math.log(degree) - norm
}

function exponentOf(tail: Tail): number {
  return greatest(EXPONENT_MIN, EXPONENT_MAX, exponent => likelihood(tail, powerLaw(exponent, tail[0]![0])))
}

function likelihood(tail: Tail, law: Law): number {
  return tail.reduce((sum, [degree, peers]) => sum + peers * law(degree), 0)
}

/** Where a function with one summit has it, by golden sections. */
function greatest(from: number, to: number, of: (at: number) => number): number {
  const RATIO = (Math.sqrt(5) - 1) / 2
  let [low, high] = [from, to]
  let [a, b] = [high - RATIO * (high - low), low + RATIO * (high - low)]
  let [atA, atB] = [of(a), of(b)]
  while (high - low > 1e-6) {
    if (atA > atB) {
      ;[high, b, atB] = [b, a, atA]
      a = high - RATIO * (high - low)
      atA = of(a)
    } else {
      ;[low, a, atA] = [a, b, atB]
      b = low + RATIO * (high - low)
      atB = of(b)
    }
  }
  return (low + high) / 2
}

/** Kolmogorov and Smirnov's, between the tail's distribution and its law's. */
function distance(tail: Tail, exponent: number): number {
  const count = countOf(tail)
  const norm = hurwitzZeta(exponent, tail[0]![0])
  let below = 0
  let most = 0
  for (const [degree, peers] of tail) {
    // Both sides of the step.
    const lawBelow = 1 - hurwitzZeta(exponent, degree) / norm
    const lawTo = 1 - hurwitzZeta(exponent, degree + 1) / norm
    most = Math.max(most, Math.abs(below / count - lawBelow), Math.abs((below + peers) / count - lawTo))
    below += peers
  }
  return most
}

/** p(k) ~ e^(-rate k): of whole numbers the geometric one, whose rate follows from the mean. */
function exponentialOf(tail: Tail): Law {
  const from = tail[0]![0]
  const mean = tail.reduce((sum, [degree, peers]) => sum + degree * peers, 0) / countOf(tail)
  const rate = Math.log1p(1 / (mean - from))
  const norm = Math.log(-Math.expm1(-rate))
  return degree => norm - rate * (degree - from)
}

/** A log-normal rounded to whole numbers and cut at the tail's first one; its two parameters by steps that halve. */
function logNormalOf(tail: Tail): Law {
  const from = tail[0]![0]
  const law = (centre: number, spread: number): Law => {
    const upTo = (degree: number) => normal((Math.log(degree) - centre) / spread)
    const norm = 1 - upTo(from - 0.5)
    return degree =>
      Math.log(Math.max(1e-300, (upTo(degree + 0.5) - upTo(degree - 0.5)) / Math.max(1e-300, norm)))
  }
  let [centre, logSpread, step] = [Math.log(from + 1), 0, 1]
  let best = likelihood(tail, law(centre, Math.exp(logSpread)))
  while (step > 1e-4) {
    const tries = [
      [centre + step, logSpread],
      [centre - step, logSpread],
      [centre, logSpread + step],
      [centre, logSpread - step]
    ] as const
    let moved = false
    for (const [nextCentre, nextSpread] of tries) {
      const next = likelihood(tail, law(nextCentre, Math.exp(nextSpread)))
      if (!(next > best)) continue
      ;[centre, logSpread, best, moved] = [nextCentre, nextSpread, next, true]
    }
    if (!moved) step /= 2
  }
  return law(centre, Math.exp(logSpread))
}

/** Vuong's: the sum of the differences over its spread is a standard normal where both laws are as good. */
function against(tail: Tail, law: Law, other: Law): Against {
  const count = countOf(tail)
  const differences = tail.map(([degree, peers]) => [law(degree) - other(degree), peers] as const)
  const ratio = differences.reduce((sum, [difference, peers]) => sum + difference * peers, 0)
  const mean = ratio / count
  const squares = differences.reduce((sum, [difference, peers]) => sum + peers * (difference - mean) ** 2, 0)
  const spread = Math.sqrt(squares)
  return { ratio, p: spread === 0 ? 1 : 2 * (1 - normal(Math.abs(ratio) / spread)) }
}

/** The standard normal distribution, within 1e-7 (Abramowitz and Stegun, 7.1.26 for the error function). */
function normal(at: number): number {
  const x = Math.abs(at) / Math.SQRT2
  const t = 1 / (1 + 0.3275911 * x)
  const terms = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592]
  const error = 1 - terms.reduce((sum, term) => sum * t + term, 0) * t * Math.exp(-x * x)
  return at < 0 ? (1 - error) / 2 : (1 + error) / 2
}
