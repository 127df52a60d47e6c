/**
 * A synthetic wide-area network: round-trip times as between hosts all over the world, for any number of
 * nodes, in a few bytes a node.
 *
 * A node lies in one of a few regions of a plane whose unit is the millisecond, and above the plane by a
 * height, its last mile: the model of network coordinates of Vivaldi (Dabek, Cox, Kaashoek, Morris, SIGCOMM
 * 2004, section 5.4). The distance of a pair deviates from the plane's by a factor of its own, since routes
 * are not straight lines; a few pairs take a long detour. Coordinates alone would obey the triangle
 * inequality, which the Internet does not.
 *
 * The numbers were fitted to the round-trip times between 490 PlanetLab hosts of NetLatency-Data (R. Zhu, B.
 * Liu, D. Niu, Z. Li, H. V. Zhao, "Network latency estimation for personal devices", IEEE/ACM Transactions on
 * Networking 2017): median 135 ms, mean 146.8 ms, 5.9 % of triangles broken. The regions are the fit's, and
 * stand for no continents.
 */
import { exp, ln } from '../churn/exact-math.ts'
import type { Random } from '../random.ts'
import type { NodeIndex } from '../types.ts'
import { hashOf, hashOfPair, unitOf } from './hash.ts'
import { type LatencyModel, latencyOf } from './latency.ts'

interface Region {
  /** Of all nodes. The shares sum to one. */
  readonly share: number
  readonly xMs: number
  readonly yMs: number
  /** Standard deviation of a node's place around the centre, along each axis. */
  readonly spreadMs: number
}

interface Shape {
  readonly regions: readonly Region[]
  /** Heights are exponential. */
  readonly meanHeightMs: number
  /** Scale of the log-logistic distribution of the factor by which a pair deviates. */
  readonly deviation: number
}

const PLANETLAB: Shape = {
  regions: [
    { share: 0.37, xMs: -45, yMs: 18, spreadMs: 29 },
    { share: 0.18, xMs: 110, yMs: -47, spreadMs: 10 },
    { share: 0.24, xMs: -15, yMs: 58, spreadMs: 28 },
    { share: 0.15, xMs: 107, yMs: 126, spreadMs: 78 },
    { share: 0.06, xMs: -66, yMs: -262, spreadMs: 30 }
  ],
  meanHeightMs: 0.5,
  deviation: 0.032
}

/** The shortest and the longest round trip that were measured; the model stays between them. */
const ROUND_TRIP_US_MIN = 86
const ROUND_TRIP_US_MAX = 2_984_000
/** Steps of the table of deviations. The last one is not in the table: its pairs take detours. */
const DEVIATION_STEPS = 256
const STEP_BITS = 24
const STEP_SIZE = 2 ** STEP_BITS
const NODES_AT_FIRST = 1024

/** Draws its salt from `random`: each seed gives another network of the same kind. */
export function wideArea(random: Random, shape: Shape = PLANETLAB): LatencyModel {
  const salt = random.u32()
  const places = new Places(salt, shape)
  const deviations = deviationTable(shape.deviation)

  const deviationOf = (hash: number): number => {
    const step = hash >>> STEP_BITS
    const within = hash & (STEP_SIZE - 1)
    // A detour by a factor of f or more is taken by one in 256 f^2: the root of a Pareto distribution.
    if (step === DEVIATION_STEPS - 1) return Math.sqrt(STEP_SIZE / (STEP_SIZE - within))
    const from = deviations[step]!
    return from + (deviations[step + 1]! - from) * (within / STEP_SIZE)
  }

  return latencyOf((a: NodeIndex, b: NodeIndex) => {
    const distanceMs = places.distanceMs(a, b) * deviationOf(hashOfPair(salt, a, b))
    const roundTripUs = Math.floor((distanceMs + places.heightMs(a) + places.heightMs(b)) * 1000)
    return Math.min(ROUND_TRIP_US_MAX, Math.max(ROUND_TRIP_US_MIN, roundTripUs))
  })
}

/** Quantiles of the log-logistic distribution with median 1: (u / (1 - u))^scale. */
function deviationTable(scale: number): Float64Array {
  const table = new Float64Array(DEVIATION_STEPS)
  for (let step = 0; step < DEVIATION_STEPS; step += 1) {
    // The lowest quantile is 0, which no pair has: the middle of the first half step stands for it.
    const quantile = step === 0 ? 0.25 / DEVIATION_STEPS : step / DEVIATION_STEPS
    table[step] = exp(scale * (ln(quantile) - ln(1 - quantile)))
  }
  return table
}

/** Where nodes are: computed when a node is first asked for, and kept, since each message asks again. */
class Places {
  readonly #salt: number
  readonly #shape: Shape
  #known = 0
  #x = new Float32Array(NODES_AT_FIRST)
  #y = new Float32Array(NODES_AT_FIRST)
  #height = new Float32Array(NODES_AT_FIRST)

  constructor(salt: number, shape: Shape) {
    this.#salt = salt
    this.#shape = shape
  }

  distanceMs(a: NodeIndex, b: NodeIndex): number {
    if (a >= this.#known) this.#learn(a)
    if (b >= this.#known) this.#learn(b)
    const x = this.#x[a]! - this.#x[b]!
    const y = this.#y[a]! - this.#y[b]!
    return Math.sqrt(x * x + y * y)
  }

  /** Of a node that has been asked for. */
  heightMs(node: NodeIndex): number {
    return this.#height[node]!
  }

  #learn(upTo: NodeIndex): void {
    if (upTo >= this.#x.length) {
      const room = Math.max(upTo + 1, 2 * this.#x.length)
      this.#x = copyWithRoom(this.#x, room)
      this.#y = copyWithRoom(this.#y, room)
      this.#height = copyWithRoom(this.#height, room)
    }
    for (let node = this.#known; node <= upTo; node += 1) {
      const region = this.#regionOf(unitOf(hashOf(this.#salt, node, 0)))
      this.#x[node] =
        region.xMs + region.spreadMs * bellOf(hashOf(this.#salt, node, 1), hashOf(this.#salt, node, 2))
      this.#y[node] =
        region.yMs + region.spreadMs * bellOf(hashOf(this.#salt, node, 3), hashOf(this.#salt, node, 4))
      this.#height[node] = -this.#shape.meanHeightMs * ln(unitOf(hashOf(this.#salt, node, 5)))
    }
    this.#known = upTo + 1
  }

  #regionOf(unit: number): Region {
    let below = 0
    for (const region of this.#shape.regions) {
      below += region.share
      if (unit < below) return region
    }
    return this.#shape.regions.at(-1)!
  }
}

/** Nearly normal with deviation 1, of two hashes: the sum of four uniform numbers of 16 bits, set right. */
function bellOf(one: number, other: number): number {
  const sum = (one >>> 16) + (one & 0xffff) + (other >>> 16) + (other & 0xffff)
  return (sum / 65536 - 2) * 1.7320508075688772
}

function copyWithRoom(values: Float32Array<ArrayBuffer>, room: number): Float32Array<ArrayBuffer> {
  const copy = new Float32Array(room)
  copy.set(values)
  return copy
}
