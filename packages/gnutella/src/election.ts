/**
 * Who becomes an ultrapeer (Singla and Rohrs, Ultrapeers, 3): whoever can be reached, has been there for a while, has
 * the bandwidth, and is needed. Pure: what is known goes in, what to do comes out.
 */
import {
  DEMOTION_MS,
  ELECTION_DOWN_BYTES_PER_S,
  ELECTION_UP_BYTES_PER_S,
  ELECTION_UPTIME_MS,
  LEAF_ULTRAPEERS,
  LEAVES_FEW_PART
} from './tier-constants.ts'

/** What makes a servent fit. */
export interface Fitness {
  readonly firewalled: boolean
  /** Bytes a second, where they are known. */
  readonly downBytesPerS: number | undefined
  readonly upBytesPerS: number | undefined
}

/** Whether others could make use of it as an ultrapeer. */
export function isFit({ firewalled, downBytesPerS, upBytesPerS }: Fitness): boolean {
  if (firewalled) return false
  if (downBytesPerS !== undefined && downBytesPerS < ELECTION_DOWN_BYTES_PER_S) return false
  return upBytesPerS === undefined || upBytesPerS >= ELECTION_UP_BYTES_PER_S
}

export interface LeafView extends Fitness {
  /** Since the start, or since it was an ultrapeer last. */
  readonly restedMs: number
  /** Since it last had a link to an ultrapeer. */
  readonly lonelyMs: number
  /** How long it may be without one, chance in it. */
  readonly lonelyMsMax: number
  readonly ultrapeers: number
  /** Whether all of its ultrapeers say that they have no places for leaves. */
  readonly placesFull: boolean
}

/** `now`: there is no network yet. `needed`: it should, one of many. */
export function mayRise(leaf: LeafView): 'no' | 'needed' | 'now' {
  if (!isFit(leaf)) return 'no'
  if (leaf.ultrapeers === 0) return leaf.lonelyMs >= leaf.lonelyMsMax ? 'now' : 'no'
  if (leaf.restedMs < ELECTION_UPTIME_MS) return 'no'
  return leaf.placesFull || leaf.ultrapeers < LEAF_ULTRAPEERS ? 'needed' : 'no'
}

export interface UltrapeerView extends Fitness {
  readonly leaves: number
  readonly leafPlaces: number
  /** Since it last had as many leaves as are worth it, or since it became an ultrapeer. */
  readonly idleMs: number
  /** Other ultrapeers that it has links to, and places for leaves that they say they have left. */
  readonly ultrapeers: number
  readonly placesElsewhere: number
}

/** `now`: nobody can reach it any more. `spare`: the others could do without it, one of many. */
export function mayStepDown(ultrapeer: UltrapeerView): 'no' | 'spare' | 'now' {
  const { leaves, idleMs, ultrapeers, placesElsewhere } = ultrapeer
  if (ultrapeers === 0) return 'no'
  if (!isFit(ultrapeer)) return 'now'
  // Leaves keep three ultrapeers each, so that the last three stay, however few leaves there are.
  const wouldBeMissed = ultrapeers < LEAF_ULTRAPEERS || placesElsewhere <= leaves
  return idleMs >= DEMOTION_MS && !wouldBeMissed ? 'spare' : 'no'
}

/** Whether an ultrapeer has fewer leaves than are worth its being one. */
export function hasFew(leaves: number, leafPlaces: number): boolean {
  return leaves < Math.max(1, leafPlaces / LEAVES_FEW_PART)
}
