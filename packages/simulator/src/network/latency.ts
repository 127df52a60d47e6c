/**
 * How far nodes are from each other. Each model here is a whole network by itself, and a base that the layers
 * of `conditions.ts` wrap. Figures of users are round trips in milliseconds, as measurements and papers have
 * them; inside, all is whole microseconds, one way.
 */
import { ln } from '../churn/exact-math.ts'
import type { Random } from '../random.ts'
import type { NetworkModel, NodeIndex } from '../types.ts'
import { hashOfPair, unitOf } from './hash.ts'

/** A base: what it adds to a network is the truth that stretch and proximity are measured against. */
export interface LatencyModel extends NetworkModel {
  /** A round trip without anything that changes from message to message; the same both ways. */
  roundTripUs(a: NodeIndex, b: NodeIndex): number
}

/** A network from round trips alone: a message takes half of one. */
export function latencyOf(roundTripUs: (a: NodeIndex, b: NodeIndex) => number): LatencyModel {
  return { roundTripUs, oneWayUs: (from, to) => Math.floor(roundTripUs(from, to) / 2) }
}

/** Every pair alike. */
export function constantLatency(roundTripMs: number): LatencyModel {
  const roundTripUs = Math.floor(roundTripMs * 1000)
  return latencyOf(() => roundTripUs)
}

/** Each pair has a round trip of its own, uniform between two bounds, and keeps it. */
export function uniformLatency(fromMs: number, toMs: number, random: Random): LatencyModel {
  const salt = random.u32()
  return latencyOf((a, b) => Math.floor(1000 * (fromMs + (toMs - fromMs) * unitOf(hashOfPair(salt, a, b)))))
}

/**
 * Every message takes a time of its own, exponential with half of this round trip as its mean: the packets of
 * Chord's simulations (Stoica et al., ToN 2003, section V-A) with 100 ms.
 */
export function exponentialLatency(meanRoundTripMs: number): LatencyModel {
  const meanUs = meanRoundTripMs * 500
  return {
    roundTripUs: () => Math.floor(2 * meanUs),
    oneWayUs: (_from, _to, random) => Math.floor(-meanUs * ln(unitOf(random.u32())))
  }
}
