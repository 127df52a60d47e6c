/**
 * Settings of structured overlays that weigh cost against latency, each with the values that are tried: periods of
 * upkeep, the sizes of tables, and whom a lookup asks. Where Li et al. (INFOCOM 2005) name a range the values span it:
 * Chord's successor lists of 8 to 32 and timers of 18 s to minutes, Kademlia's parallelism of 1 to 8 and upkeep from
 * minutes to none, Kelips's rounds of 18 s (as p2psim's) and longer.
 */

export const GRID_OVERLAYS = ['chord', 'pastry', 'kelips', 'kademlia'] as const
export type GridOverlay = (typeof GRID_OVERLAYS)[number]

export type Settings = Readonly<Record<string, string | number>>
/** Choices of which a point takes one. */
type Axis = readonly Settings[]

/** A day: longer than any run, so never. */
const NEVER_MS = 86_400_000

const axis = (name: string, ...values: readonly (string | number)[]): Axis =>
  values.map(value => ({ [name]: value }))

/** The first axis is the one that a few points already go all along. */
const AXES: Readonly<Record<GridOverlay, readonly Axis[]>> = {
  chord: [
    axis('stabilise-ms', 18_000, 72_000, 144_000, 288_000),
    axis('fix-fingers-ms', 18_000, 72_000, 288_000),
    axis('successors', 16, 8, 32),
    axis('style', 'semi-recursive', 'iterative', 'recursive')
  ],
  pastry: [
    [
      { 'heartbeat-ms': 30_000, 'leaf-exchange-ms': 60_000 },
      { 'heartbeat-ms': 30_000, 'leaf-exchange-ms': 300_000 },
      { 'heartbeat-ms': 120_000, 'leaf-exchange-ms': 300_000 },
      { 'heartbeat-ms': 300_000, 'leaf-exchange-ms': 1_200_000 }
    ],
    axis('digit-bits', 4, 2, 1),
    axis('leaf-set', 16, 8, 32),
    [
      { 'row-ms': 1_200_000, 'neighbourhood-ms': 1_200_000 },
      { 'row-ms': 300_000, 'neighbourhood-ms': 300_000 },
      { 'row-ms': 3_600_000, 'neighbourhood-ms': 3_600_000 }
    ],
    // Probes tuned by the failures that a peer sees; and as good as none.
    axis('table-probe-ms', 0, 600_000, 3_600_000)
  ],
  kelips: [
    // As in the paper, where a heartbeat goes with each round; news at once would send as often as they come.
    [
      { 'gossip-ms': 18_000, 'heartbeat-ms': 36_000 },
      { 'gossip-ms': 36_000, 'heartbeat-ms': 72_000 },
      { 'gossip-ms': 72_000, 'heartbeat-ms': 144_000 },
      { 'gossip-ms': 9_000, 'heartbeat-ms': 18_000 }
    ],
    axis('contacts', 2, 8, 4),
    axis('member-ration', 6, 16, 3),
    axis('news', 'by-round', 'at-once'),
    [
      { targets: 3, 'contact-targets': 1 },
      { targets: 1, 'contact-targets': 1 }
    ]
  ],
  kademlia: [
    [
      { alpha: 1, paths: 1 },
      { alpha: 2, paths: 1 },
      { alpha: 4, paths: 1 },
      { alpha: 8, paths: 1 },
      { alpha: 2, paths: 4 }
    ],
    [
      { 'refresh-ms': NEVER_MS, 'self-lookup-ms': NEVER_MS },
      { 'refresh-ms': 1_200_000, 'self-lookup-ms': 1_200_000 },
      { 'refresh-ms': 300_000, 'self-lookup-ms': 300_000 }
    ],
    axis('k', 8, 20, 32),
    // Three round trips, as Li et al. wait, and as long for a link; and as kad-dht, longer than a lookup has.
    [
      { 'answer-ms': 200, 'dial-ms': 1000 },
      { 'answer-ms': 5000, 'dial-ms': 6000 }
    ]
  ]
}

/** Of every point: the four seconds of Li et al., and no search for rings that nothing ever parts. */
const ALWAYS: Readonly<Record<GridOverlay, Settings>> = {
  chord: { 'lookup-budget-ms': 4000, 'merge-ms': 0 },
  pastry: { 'lookup-budget-ms': 4000, 'merge-ms': 0 },
  kelips: { 'lookup-budget-ms': 4000, 'merge-ms': 0 },
  kademlia: { 'lookup-budget-ms': 4000 }
}

/** Of Halton's sequence, one for each axis: the first has the shortest strides. */
const PRIMES = [2, 3, 5, 7, 11] as const

/** All points that an overlay's grid has, and one more: the settings that peers have by default. */
export function gridSize(overlay: GridOverlay): number {
  return 1 + AXES[overlay].reduce((product, { length }) => product * length, 1)
}

/**
 * The first `count` points of a grid, each as what a plan sets beyond the overlay's defaults. The first are the defaults
 * themselves. The others come in the order of Halton's sequence, so that a few are spread over the whole grid, and more
 * of them are the same ones and others between.
 */
export function gridPoints(overlay: GridOverlay, count: number): Settings[] {
  const axes = AXES[overlay]
  const wanted = Math.min(count, gridSize(overlay))
  const points = new Map<string, Settings>([['', {}]])
  for (let index = 0; points.size < wanted; index += 1) {
    const chosen = axes.map((axis, at) => axis[Math.floor(radicalInverse(index, PRIMES[at]!) * axis.length)]!)
    const point = Object.assign({}, ...chosen) as Settings
    points.set(JSON.stringify(point), point)
  }
  return [...points.values()]
}

/** What a plan sets for a point: the point's own, and what every point has. */
export function planSettings(overlay: GridOverlay, point: Settings): Settings {
  return Object.fromEntries(
    Object.entries({ ...ALWAYS[overlay], ...point }).map(([key, value]) => [`${overlay}.${key}`, value])
  )
}

/** The digits of a number behind the point, in the opposite order: van der Corput's sequence, in [0, 1). */
function radicalInverse(index: number, base: number): number {
  let inverse = 0
  let part = 1
  for (let rest = index; rest > 0; rest = Math.floor(rest / base)) {
    part /= base
    inverse += (rest % base) * part
  }
  return inverse
}
