/**
 * What a network does beside being far: layers around a base, each only where it is asked for. Links are
 * reliable until they go down, so what a datagram network loses shows here as messages that come late and as
 * links that break.
 */
import { ln } from '../churn/exact-math.ts'
import type { Random } from '../random.ts'
import type { Bandwidth, NetworkModel, NodeIndex } from '../types.ts'
import { checkWithin, ModelError } from './errors.ts'
import { hashOf, hashOfPair, isInShare, unitOf } from './hash.ts'
import { layer, withUsable } from './partitions.ts'

/** Access links of one kind, and the share of nodes that have it. */
export interface AccessLinks extends Bandwidth {
  readonly share: number
}

/** Everything is off where it is not set. Shares go from 0 to 1. */
export interface NetworkConditions {
  /** A message takes up to this share longer than the base says, uniformly; 0.1 is up to a tenth more. */
  readonly jitter?: number
  /** The share of messages that are held up as by a lost packet. */
  readonly spikeShare?: number
  /** How long these are held up: exponential, with this mean. Default 1 s. */
  readonly spikeMeanUs?: number
  /** Links break by themselves after a time that is exponential with this mean. */
  readonly linkLifeMeanUs?: number
  /** The share of nodes that can dial but not be dialled, as behind a firewall. */
  readonly undiallableShare?: number
  /** The share of pairs that cannot hear each other, though both hear others: a and b do, b and c do, a and c do not. */
  readonly deafPairShare?: number
  /** Round trips from an `open` until the dialled peer has the link. Default 1.5. */
  readonly dialRoundTrips?: number
  /** Added to each dial: what both sides compute. Default 2 ms. */
  readonly dialSetupUs?: number
  /** Which access links nodes have. What the shares leave of one have links without bound. */
  readonly accessLinks?: readonly AccessLinks[]
}

/** With these two a dial costs what it does in a network that has no `dialUs`. */
const DIAL_ROUND_TRIPS_DEFAULT = 1.5
const DIAL_SETUP_US_DEFAULT = 2_000
const SPIKE_MEAN_US_DEFAULT = 1_000_000
export const JITTER_MAX = 10
export const DIAL_ROUND_TRIPS_MAX = 100
export const ACCESS_LINKS_MAX = 64
/** Of any time here: an hour. */
const CONDITION_US_MAX = 3_600_000_000
/** Of a link's life: a hundred years. */
const LINK_LIFE_US_MAX = 3_153_600_000_000_000

/**
 * @param random  salts of what is fixed for a node or a pair: who cannot be dialled, who has which link
 * @throws ModelError  a share or a time lies outside of its bounds
 */
export function withConditions(
  base: NetworkModel,
  conditions: NetworkConditions,
  random: Random
): NetworkModel {
  checkConditions(conditions)
  // Every salt is drawn whether it is used or not, so that one more condition shifts no other.
  const [undiallable, deaf, access] = [random.u32(), random.u32(), random.u32()]
  let network = base
  if (conditions.jitter !== undefined) network = withJitter(network, conditions.jitter)
  if (conditions.spikeShare !== undefined)
    network = withSpikes(network, conditions.spikeShare, conditions.spikeMeanUs ?? SPIKE_MEAN_US_DEFAULT)
  if (conditions.linkLifeMeanUs !== undefined) network = withLinkLife(network, conditions.linkLifeMeanUs)
  if (conditions.dialRoundTrips !== undefined || conditions.dialSetupUs !== undefined)
    network = withDialCost(
      network,
      conditions.dialRoundTrips ?? DIAL_ROUND_TRIPS_DEFAULT,
      conditions.dialSetupUs ?? DIAL_SETUP_US_DEFAULT
    )
  if (conditions.undiallableShare !== undefined)
    network = withUndiallable(network, conditions.undiallableShare, undiallable)
  if (conditions.deafPairShare !== undefined) network = withDeafPairs(network, conditions.deafPairShare, deaf)
  if (conditions.accessLinks !== undefined) network = withAccessLinks(network, conditions.accessLinks, access)
  return network
}

function withJitter(base: NetworkModel, jitter: number): NetworkModel {
  return layer(base, {
    oneWayUs: (from, to, random) => Math.floor(base.oneWayUs(from, to, random) * (1 + jitter * random.unit()))
  })
}

function withSpikes(base: NetworkModel, share: number, meanUs: number): NetworkModel {
  return layer(base, {
    oneWayUs: (from, to, random) => {
      const usualUs = base.oneWayUs(from, to, random)
      return isInShare(random.u32(), share) ? usualUs + exponentialUs(meanUs, random) : usualUs
    }
  })
}

function withLinkLife(base: NetworkModel, meanUs: number): NetworkModel {
  return layer(base, {
    resetAfterUs: (from, to, random) => {
      const otherUs = base.resetAfterUs?.(from, to, random) ?? Infinity
      return Math.min(otherUs, exponentialUs(meanUs, random))
    }
  })
}

function withDialCost(base: NetworkModel, roundTrips: number, setupUs: number): NetworkModel {
  const oneWays = Math.round(2 * roundTrips)
  return layer(base, {
    dialUs: (from, to, random) => {
      if (base.dialUs !== undefined && base.dialUs(from, to, random) === undefined) return undefined
      return dialOverUs(base, oneWays, from, to, random) + setupUs
    }
  })
}

function withUndiallable(base: NetworkModel, share: number, salt: number): NetworkModel {
  return layer(base, {
    dialUs: (from, to, random) => {
      if (isInShare(hashOf(salt, to, 0), share)) return undefined
      if (base.dialUs !== undefined) return base.dialUs(from, to, random)
      return dialOverUs(base, 2 * DIAL_ROUND_TRIPS_DEFAULT, from, to, random) + DIAL_SETUP_US_DEFAULT
    }
  })
}

function withDeafPairs(base: NetworkModel, share: number, salt: number): NetworkModel {
  return withUsable(base, (from, to) => !isInShare(hashOfPair(salt, from, to), share))
}

function withAccessLinks(base: NetworkModel, kinds: readonly AccessLinks[], salt: number): NetworkModel {
  return layer(base, {
    bandwidthBytesPerS: node => {
      const unit = unitOf(hashOf(salt, node, 0))
      let below = 0
      for (const { share, up, down } of kinds) {
        below += share
        if (unit < below) return { up, down }
      }
      return base.bandwidthBytesPerS?.(node)
    }
  })
}

/** A handshake that crosses so many times. */
function dialOverUs(
  base: NetworkModel,
  oneWays: number,
  from: NodeIndex,
  to: NodeIndex,
  random: Random
): number {
  let us = 0
  for (let way = 0; way < oneWays; way += 1) {
    us += way % 2 === 0 ? base.oneWayUs(from, to, random) : base.oneWayUs(to, from, random)
  }
  return us
}

function exponentialUs(meanUs: number, random: Random): number {
  return Math.floor(-meanUs * ln(unitOf(random.u32())))
}

function checkConditions(conditions: NetworkConditions): void {
  checkWithin('jitter', conditions.jitter ?? 0, 0, JITTER_MAX)
  checkWithin('spikeShare', conditions.spikeShare ?? 0, 0, 1)
  checkWithin('spikeMeanUs', conditions.spikeMeanUs ?? 0, 0, CONDITION_US_MAX)
  checkWithin('linkLifeMeanUs', conditions.linkLifeMeanUs ?? 1, 1, LINK_LIFE_US_MAX)
  checkWithin('undiallableShare', conditions.undiallableShare ?? 0, 0, 1)
  checkWithin('deafPairShare', conditions.deafPairShare ?? 0, 0, 1)
  checkWithin('dialRoundTrips', conditions.dialRoundTrips ?? 1, 0.5, DIAL_ROUND_TRIPS_MAX)
  checkWithin('dialSetupUs', conditions.dialSetupUs ?? 0, 0, CONDITION_US_MAX)
  const kinds = conditions.accessLinks ?? []
  if (kinds.length > ACCESS_LINKS_MAX)
    throw new ModelError(`There are at most ${ACCESS_LINKS_MAX} kinds of access links, not ${kinds.length}.`)
  for (const { share, up, down } of kinds) {
    checkWithin('share of access links', share, 0, 1)
    checkWithin('bytes per second of access links', Math.min(up, down), 1, Number.MAX_SAFE_INTEGER)
  }
}
