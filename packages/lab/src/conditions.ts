/**
 * What the network of a plan does beside being far, on every backend: how much the line of a peer carries, how often
 * connections break, and who cannot be dialled. The simulator lays it around its model of round trips; real peers have a
 * transport that does it (`packages/lab-real`).
 */
import {
  type Bandwidth,
  type LatencyModel,
  layer,
  type NodeIndex,
  pickSome,
  type Random,
  sidesByShare,
  withConditions
} from '@servent/simulator'
import { PlanError } from './errors.ts'
import { serverCount } from './overlays/napster-servers.ts'
import type { OverlayId, Settings } from './overlays/settings.ts'
import type { Places } from './places.ts'
import type { Plan } from './plan.ts'

/** Bytes a second of a line: a modem's, and more than loopback carries beside what peers compute. */
export const BANDWIDTH_BYTES_MIN = 1_000
export const BANDWIDTH_BYTES_MAX = 1_000_000_000
/** Of one connection: beyond it none would live to be of use. */
export const RESETS_PER_S_MAX = 1
/** A hundred days: no run is as long. */
export const RESET_LIFE_S_MAX = 8_640_000
/** Of all peers: somebody has to be dialled. */
export const FIREWALLED_MAX = 0.95

const BANDWIDTH_FORM =
  '1MB, or 128kB/1MB: bytes a second up and down of each peer, in kB or MB, from 1kB to 1000MB'
const RESETS_FORM = '0.1/m: how often a connection breaks, in a second (s), a minute (m) or an hour (h)'
const BYTES: Readonly<Record<string, number>> = { kB: 1_000, MB: 1_000_000 }
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 }
const US_PER_S = 1_000_000

type Network = Pick<Plan, 'bandwidth' | 'resets' | 'firewalled'>

/**
 * `1MB` or `128kB/1MB`: bytes a second up and down.
 *
 * @throws PlanError  it is none, or a line carries less than `BANDWIDTH_BYTES_MIN` or more than `BANDWIDTH_BYTES_MAX`
 */
export function parseBandwidth(text: string): Bandwidth {
  const lines = text.split('/').map(line => {
    const [, figure, unit] = /^(\d{1,9}(?:\.\d{1,6})?)(kB|MB)$/.exec(line) ?? []
    return Number(figure) * (BYTES[unit ?? ''] ?? Number.NaN)
  })
  const [up = Number.NaN, down = up] = lines
  const isIn = (bytes: number) => bytes >= BANDWIDTH_BYTES_MIN && bytes <= BANDWIDTH_BYTES_MAX
  if (!isIn(up) || !isIn(down) || lines.length > 2)
    throw new PlanError(`bandwidth is ${JSON.stringify(text)}; write ${BANDWIDTH_FORM}.`)
  return { up, down }
}

/**
 * `0.1/m`: how long a connection lives on average, in microseconds.
 *
 * @throws PlanError  it is none, more than `RESETS_PER_S_MAX`, or so rare that a connection lives for more than `RESET_LIFE_S_MAX`
 */
export function parseResets(text: string): number {
  const [, figure, unit] = /^(\d{1,9}(?:\.\d{1,9})?)\/(s|m|h)$/.exec(text) ?? []
  const perS = Number(figure) / (SECONDS[unit ?? ''] ?? Number.NaN)
  if (!(perS <= RESETS_PER_S_MAX && perS * RESET_LIFE_S_MAX >= 1))
    throw new PlanError(
      `resets is ${JSON.stringify(text)}; write ${RESETS_FORM}, ${RESETS_PER_S_MAX}/s at most, and once in a hundred days at least.`
    )
  return Math.round(US_PER_S / perS)
}

/** @throws PlanError  a network that cannot be made, or one in which nobody could be dialled or behind which nobody is */
export function checkConditions(plan: Plan): void {
  const { bandwidth, resets, firewalled, nodes, start, failures, backend } = plan
  if (bandwidth !== null) parseBandwidth(bandwidth)
  if (resets !== null) parseResets(resets)
  if (resets !== null && failures !== null && backend === 'simulator')
    throw new PlanError(
      'resets and failures exclude each other in the simulator: maintenance stands still there, and no link tells anybody of anything.'
    )
  if (firewalled === 0) return
  const behind = Math.round(firewalled * nodes)
  if (behind < 1 || behind >= nodes)
    throw new PlanError(
      `firewalled ${firewalled} of ${nodes} peers is ${behind === 0 ? 'nobody' : 'everybody'}: try another part, or more --nodes.`
    )
  if (start === 'ideal')
    throw new PlanError(
      'firewalled is given, and the network starts with tables as they are where everybody can be dialled (start: ideal): try --start joined.'
    )
}

/**
 * Peers that nobody can dial, and that dial others. Drawn from the seed by places, the same in each overlay: of the plan's
 * as many as its part says, and each further one with the chance of any peer.
 */
export class Firewalls {
  readonly #places: Places
  readonly #behind: ReadonlySet<number>
  /** Of the places of the plan; further ones come as the network grows. */
  readonly #planned: number
  readonly #furtherBehind: (place: number) => number
  /** Whom the last newcomer was told of. */
  #newcomer: NodeIndex | undefined
  readonly #told = new Set<NodeIndex>()

  /** Who comes first can be dialled: else nobody else could come. */
  constructor({ firewalled }: Pick<Plan, 'firewalled'>, places: Places, random: Random) {
    this.#places = places
    this.#planned = places.count
    this.#furtherBehind = sidesByShare(firewalled, random.fork('further').u32())
    const others = Array.from({ length: places.count - 1 }, (_, place) => place + 1)
    const count = Math.min(Math.round(firewalled * places.count), others.length)
    this.#behind = new Set(pickSome(others, count, random))
  }

  /** An operator's servers never are. */
  isBehind(node: NodeIndex): boolean {
    if (!this.#places.had(node)) return false
    const place = this.#places.placeOf(node)
    return place < this.#planned ? this.#behind.has(place) : this.#furtherBehind(place) === 1
  }

  /**
   * Whom a newcomer is told of where chance named this one: who cannot be dialled is no introduction, so it is the next
   * member by place who can, and of whom it was not told yet. While no member can, it is told of one other who can; of
   * nobody where there is none. All contacts of a newcomer are named before those of the next.
   */
  introduced(
    drawn: NodeIndex,
    newcomer: NodeIndex,
    isMember: (node: NodeIndex) => boolean
  ): NodeIndex | undefined {
    if (this.#behind.size === 0) return drawn
    if (newcomer !== this.#newcomer) this.#told.clear()
    this.#newcomer = newcomer
    const isFit = (node: NodeIndex) => !this.isBehind(node) && node !== newcomer && !this.#told.has(node)
    const told = isFit(drawn) ? drawn : this.#instead(drawn, isFit, isMember)
    if (told !== undefined) this.#told.add(told)
    return told
  }

  #instead(
    drawn: NodeIndex,
    isFit: (node: NodeIndex) => boolean,
    isMember: (node: NodeIndex) => boolean
  ): NodeIndex | undefined {
    const places = this.#places
    const next = (fit: (node: NodeIndex) => boolean) =>
      places.choose(places.placeOf(drawn) / places.count, fit)
    return next(node => isFit(node) && isMember(node)) ?? (this.#told.size === 0 ? next(isFit) : undefined)
  }
}

/** How many nodes an operator has beside the peers. */
export function operatorsNodes(
  overlay: OverlayId,
  settings: Settings,
  { nodes }: Pick<Plan, 'nodes'>
): number {
  return overlay === 'napster' ? serverCount(settings.servers as number, nodes) : 0
}

/**
 * The simulator's network with all this in it; the same one where the plan asks for nothing of it. Whoever has no place
 * as it is added to the simulation, an operator's server, has a line without a bound.
 */
export function conditioned(
  network: LatencyModel,
  { bandwidth, resets, firewalled }: Network,
  { random, firewalls, places }: { random: Random; firewalls: Firewalls; places: Places }
): LatencyModel {
  if (bandwidth === null && resets === null && firewalled === 0) return network
  const broken = withConditions(
    network,
    {
      ...(resets !== null && { linkLifeMeanUs: parseResets(resets) }),
      ...(firewalled > 0 && { dialRoundTrips: DIAL_ROUND_TRIPS })
    },
    random
  )
  const line = bandwidth === null ? undefined : parseBandwidth(bandwidth)
  const { dialUs } = broken
  return {
    ...layer(broken, {
      ...(line && { bandwidthBytesPerS: node => (places.had(node) ? line : undefined) }),
      ...(firewalled > 0 && {
        dialUs: (from, to, chance) => (firewalls.isBehind(to) ? undefined : dialUs!(from, to, chance))
      })
    }),
    roundTripUs: network.roundTripUs.bind(network)
  }
}

/** As a dial takes in a network that says nothing of dials. */
const DIAL_ROUND_TRIPS = 1.5
