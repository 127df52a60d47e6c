/**
 * Leaves and ultrapeers (Singla and Rohrs, Ultrapeers, 3.1 to 3.5): who takes whom, and how one becomes the other.
 *
 * | who comes | to a leaf | to an ultrapeer |
 * |---|---|---|
 * | leaf | refused, and told of its ultrapeers; a leaf that has none, and may, becomes one for it, unless it has some: then it calls those | a leaf, while there are places |
 * | ultrapeer | taken as one of its three; as the only one that came, while it knows others to call | a neighbour; one without leaves may be told to become a leaf |
 * | old servent | refused | a neighbour without a table |
 *
 * What is changed: two leaves never link as old servents did (3.3). One of them becomes an ultrapeer, or neither can
 * be reached.
 */
import { TokenBucket } from '@servent/overlay/machine'
import { sayBye } from './bye-rules.ts'
import { openMore } from './calling-rules.ts'
import { dynamicTimer } from './dynamic-rules.ts'
import { hasFew, isFit, mayRise, mayStepDown } from './election.ts'
import { extendToLeaf, extendToUltrapeer } from './extending-rules.ts'
import { hasLeafPlace } from './leaf-places.ts'
import type { Neighbour } from './neighbours.ts'
import type { Fx, GnutellaState } from './state.ts'
import { renewTables, tellTable, tellTables } from './table-rules.ts'
import {
  DEMOTION_ODDS,
  LONELY_MS,
  PROMOTION_ODDS,
  TABLE_UPDATE_MS,
  TABLE_UPDATES_BURST
} from './tier-constants.ts'

export function startTiers(state: GnutellaState, fx: Fx): void {
  const { tiers, nowMs } = state
  if (tiers.flat) return
  tiers.restedMs = nowMs
  tiers.lonelySinceMs = nowMs
  tiers.busyMs = nowMs
  // Those that begin together must not all become ultrapeers.
  tiers.lonelyMsMax = LONELY_MS + (fx.random() % LONELY_MS)
}

/** Whether a stranger that said what it is may have a place. */
export function hasRoomFor(state: GnutellaState, fx: Fx, neighbour: Neighbour): boolean {
  const { tiers, neighbours } = state
  if (tiers.flat) return state.roomForStranger
  if (tiers.tier === 'leaf' && neighbour.kind === 'leaf' && mayLead(state, neighbour))
    become(state, fx, 'ultrapeer', neighbour)
  if (tiers.tier === 'leaf') return neighbour.kind === 'ultrapeer' && state.roomForStranger
  return neighbour.kind === 'leaf'
    ? hasLeafPlace(neighbours, neighbour, tiers.leafPlaces)
    : state.roomForStranger
}

/** A leaf without ultrapeers that another one without any has just reached: the network is to begin with the two of them. */
function mayLead(state: GnutellaState, { tiered }: Neighbour): boolean {
  const isFirst = state.neighbours.peers.length === 0 && tiered?.namesOthers !== true
  return state.tiers.role === 'auto' && isFirst && isFit(fitness(state))
}

/**
 * What the answer of a peer that was called means: why there can be no link, or nothing. An ultrapeer without leaves
 * that hears that none is needed becomes a leaf (3.5).
 */
export function comeToTerms(state: GnutellaState, fx: Fx, neighbour: Neighbour): string | undefined {
  const { tiers, neighbours } = state
  if (tiers.flat) return undefined
  if (tiers.tier === 'leaf') return neighbour.kind === 'ultrapeer' ? undefined : 'A leaf needs ultrapeers.'
  if (neighbour.kind === 'leaf')
    return hasLeafPlace(neighbours, neighbour, tiers.leafPlaces)
      ? undefined
      : 'There is no place for another leaf.'
  const isGuided =
    tiers.role === 'auto' &&
    neighbour.kind === 'ultrapeer' &&
    neighbour.tiered?.placesFull === false &&
    neighbours.leafPlaces === 0
  if (isGuided) become(state, fx, 'leaf', neighbour)
  return undefined
}

/** Whether what both sides are still fits when the last word of the handshake is said. */
export function stillFits(
  { tiers, neighbours, places }: GnutellaState,
  neighbour: Neighbour,
  changedFrom: Neighbour['kind'] | undefined
): boolean {
  // The user may have taken places away since one was given. A place that is taken is this one's already.
  const { kind } = neighbour
  if (tiers.flat) return neighbours.places <= places
  if (tiers.tier === 'leaf') return kind === 'ultrapeer'
  // The place was given for what a stranger said first. Only who was guided may become another, a leaf (3.5).
  if (changedFrom !== undefined && (changedFrom !== 'ultrapeer' || kind !== 'leaf')) return false
  return kind !== 'leaf' || hasLeafPlace(neighbours, neighbour, tiers.leafPlaces)
}

/** A link of the two tiers came up. */
export function onTierLinkUp(state: GnutellaState, fx: Fx, neighbour: Neighbour): void {
  const { tiers } = state
  if (tiers.flat) return
  if (neighbour.kind === 'ultrapeer') tiers.lonelySinceMs = undefined
  tellTable(state, fx, neighbour)
  if (tiers.tier !== 'ultrapeer') return
  if (neighbour.kind === 'leaf') extendToLeaf(state, fx, neighbour)
  else extendToUltrapeer(state, fx, neighbour)
}

/** A link is gone that was up. */
export function onTierLinkDown(state: GnutellaState, neighbour: Neighbour): void {
  const { tiers, neighbours, nowMs } = state
  if (tiers.flat) return
  const { kind } = neighbour
  tiers.forget(neighbour)
  for (const { askedLeaves } of state.searches.values()) askedLeaves.delete(neighbour)
  if (kind === 'leaf') tiers.stale = true
  else if (neighbours.peers.length === 0) tiers.lonelySinceMs ??= nowMs
}

/** What the tiers do from time to time. */
export function onTierUpkeep(state: GnutellaState, fx: Fx): void {
  const { tiers, neighbours, nowMs } = state
  if (tiers.flat) return
  tiers.proxies.age(nowMs)
  if (!hasFew(neighbours.leaves.length, tiers.leafPlaces)) tiers.busyMs = nowMs
  if (tiers.role === 'auto') elect(state, fx)
  renewTables(state)
  tellTables(state, fx)
}

function elect(state: GnutellaState, fx: Fx): void {
  const { tiers, neighbours, nowMs } = state
  const ultrapeers = neighbours.peers.filter(({ kind }) => kind === 'ultrapeer')
  if (tiers.tier === 'leaf') {
    const verdict = mayRise({
      ...fitness(state),
      restedMs: nowMs - tiers.restedMs,
      lonelyMs: nowMs - (tiers.lonelySinceMs ?? nowMs),
      lonelyMsMax: tiers.lonelyMsMax,
      ultrapeers: ultrapeers.length,
      placesFull: ultrapeers.every(({ tiered }) => tiered?.placesFull === true)
    })
    if (verdict === 'now' || (verdict === 'needed' && isDrawn(fx, PROMOTION_ODDS)))
      become(state, fx, 'ultrapeer')
    return
  }
  const verdict = mayStepDown({
    ...fitness(state),
    leaves: neighbours.leaves.length,
    leafPlaces: tiers.leafPlaces,
    idleMs: nowMs - tiers.busyMs,
    ultrapeers: ultrapeers.length,
    placesElsewhere: ultrapeers.reduce((sum, { tiered }) => sum + (tiered?.leafPlacesLeft ?? 0), 0)
  })
  if (verdict === 'now' || (verdict === 'spare' && isDrawn(fx, DEMOTION_ODDS))) become(state, fx, 'leaf')
}

function fitness({ sharing, tiers }: GnutellaState) {
  const { down, up } = tiers.bandwidth
  return { firewalled: sharing.firewalled, downBytesPerS: down, upBytesPerS: up }
}

function isDrawn(fx: Fx, odds: number): boolean {
  return fx.random() % odds === 0
}

/**
 * Changes the tier. Links were made for the other one: all are ended but that by which the change came, and those on
 * which nothing was said yet. Whoever was called is called again as what this servent is now: nobody failed.
 */
function become(state: GnutellaState, fx: Fx, tier: 'leaf' | 'ultrapeer', except?: Neighbour): void {
  const { tiers, nowMs } = state
  tiers.tier = tier
  state.count(tier === 'ultrapeer' ? 'promotions' : 'demotions')
  startTiers(state, fx)
  if (except?.kind === 'ultrapeer') tiers.lonelySinceMs = undefined
  state.ownWanted = 0
  // They were neighbours of what this servent was.
  state.lost.clear()
  tiers.stale = true
  tiers.renewals = new TokenBucket(TABLE_UPDATES_BURST, 1000 / TABLE_UPDATE_MS, nowMs)
  for (const { number } of tiers.endAll()) fx.cancelTimer(dynamicTimer(number))
  // Own searches begin anew with the links of the new tier.
  for (const search of state.searches.values()) search.isFromAbove = false
  for (const neighbour of [...state.neighbours.all]) {
    if (neighbour === except || neighbour.phase === 'leaving' || neighbour.phase === 'called') continue
    neighbour.outgrown = true
    sayBye(state, fx, neighbour, 203, tier === 'leaf' ? 'I am a leaf now' : 'I am an ultrapeer now')
  }
  for (const neighbour of state.neighbours.up) {
    neighbour.relayed = state.relayShare(nowMs)
    neighbour.calls = state.callShare(nowMs)
  }
  openMore(state, fx)
}
