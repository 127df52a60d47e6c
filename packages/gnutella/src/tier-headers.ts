/**
 * What the two tiers say in the handshake (Singla and Rohrs, Ultrapeers, 3; UQR 2.6; DQ 2.5.3.2). A servent that is
 * none of them says and reads nothing of it.
 *
 * `GUID` is gtk-gnutella's: an ultrapeer that knows its leaf's hands on pushes to it that no hit has shown the way. It is
 * anybody's word, so that the leaf whose link came up first with one keeps it while that lives. Of other servents it is
 * not read.
 */
import type { Guid, Headers } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import type { GnutellaState } from './state.ts'
import {
  DEGREE_MAX,
  LEAF_ULTRAPEERS,
  QUERY_ROUTING_VERSION,
  TIER_VERSION,
  ULTRAPEER_TTL_MAX
} from './tier-constants.ts'
import { TierLink } from './tier-link.ts'

/** Of its places for leaves, a part that an ultrapeer has left while it says that no more ultrapeers are needed. */
const PLACES_LEFT_PART = 4

/** What this servent says of itself, as things stand. */
export function tierHeaders(state: GnutellaState): Headers {
  const { tiers } = state
  if (tiers.flat) return {}
  const isUltrapeer = tiers.tier === 'ultrapeer'
  return {
    'x-ultrapeer': isUltrapeer ? 'True' : 'False',
    ...(isUltrapeer ? { 'x-ultrapeer-needed': needsUltrapeers(state) ? 'True' : 'False' } : {}),
    ...(tiers.queryRouting
      ? { 'x-query-routing': QUERY_ROUTING_VERSION, 'x-ultrapeer-query-routing': TIER_VERSION }
      : {}),
    ...(state.style === 'dynamic' ? { 'x-dynamic-querying': TIER_VERSION } : {}),
    'x-ext-probes': TIER_VERSION,
    'x-degree': `${tiers.degree}`,
    'x-max-ttl': `${ULTRAPEER_TTL_MAX}`,
    ...(isUltrapeer ? {} : { guid: state.servent })
  }
}

/**
 * Guidance: enough ultrapeers are there where this one has places for leaves to give away, and a leaf would find the
 * three that it keeps.
 */
export function needsUltrapeers({ tiers, neighbours }: GnutellaState): boolean {
  const placesLeft = tiers.leafPlaces - neighbours.leafPlaces
  return placesLeft * PLACES_LEFT_PART <= tiers.leafPlaces || neighbours.peers.length < LEAF_ULTRAPEERS
}

export function readTierHeaders(state: GnutellaState, neighbour: Neighbour, headers: Headers): void {
  const { tiers, nowMs } = state
  if (tiers.flat) return
  neighbour.tiered ??= new TierLink(nowMs)
  const { tiered } = neighbour
  const isUltrapeer = flag(headers['x-ultrapeer'])
  if (isUltrapeer !== undefined) neighbour.kind = isUltrapeer ? 'ultrapeer' : 'leaf'
  const needed = flag(headers['x-ultrapeer-needed'])
  if (needed !== undefined) tiered.placesFull = needed
  // A leaf's tables are for ultrapeers, and those of ultrapeers for both, by two headers.
  const reads =
    neighbour.kind === 'ultrapeer' && tiers.tier === 'ultrapeer'
      ? 'x-ultrapeer-query-routing'
      : 'x-query-routing'
  if (headers[reads] !== undefined) tiered.readsTables = true
  if (Number(headers['x-query-routing']) >= Number(QUERY_ROUTING_VERSION)) tiered.entryBits = 1
  if (headers['x-dynamic-querying'] !== undefined) tiered.queriesDynamically = true
  if (headers['x-ext-probes'] !== undefined) tiered.extendsProbes = true
  const degree = Number(headers['x-degree'])
  if (Number.isInteger(degree) && degree >= 1) tiered.degree = Math.min(degree, DEGREE_MAX)
  const guid = headers.guid?.toLowerCase()
  if (guid !== undefined && /^[0-9a-f]{32}$/.test(guid)) takeGuid(state, neighbour, guid)
  // Another may have come up with what the first word said.
  else if (tiered.servent !== undefined) takeGuid(state, neighbour, tiered.servent)
}

function takeGuid(state: GnutellaState, neighbour: Neighbour, guid: Guid): void {
  const { kind } = neighbour
  const tiered = neighbour.tiered!
  if (kind !== 'leaf') return
  if (guid !== state.servent && !isHeldByAnother(state, neighbour, guid)) {
    tiered.servent = guid
    return
  }
  state.count('guidsRefused')
  if (tiered.servent === guid) tiered.servent = undefined
}

/** Whether another peer's link, a leaf's that is up, said this GUID first: pushes for it are that peer's. */
export function isHeldByAnother({ neighbours }: GnutellaState, { peer }: Neighbour, guid: Guid): boolean {
  return neighbours.leaves.some(leaf => leaf.tiered?.servent === guid && leaf.peer !== peer)
}

function flag(header: string | undefined): boolean | undefined {
  const text = header?.toLowerCase()
  return text === 'true' ? true : text === 'false' ? false : undefined
}
