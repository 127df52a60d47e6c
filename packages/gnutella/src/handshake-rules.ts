/**
 * The handshake of 0.6 (draft 0.6, 2.1): who opened says CONNECT, the other accepts with 200 or refuses, and
 * who opened has the last word. Only the number 200 is judged.
 *
 * A refusal names others to try. The published `X-Try` holds IPv4 addresses and ports, which peers of libp2p
 * do not have; ours is `X-Servent-Try`: contacts parted by commas, each in base64url without padding, its
 * bytes as in GGEP `SVNT.C`. At most `TRY_CONTACTS_MAX` of at most `TRY_CONTACT_BYTES_MAX` bytes. A leaf that calls names
 * its ultrapeers in its first word and in its last, so that a servent without any finds them and does not begin a
 * network of its own, and two that the leaf called at the same time find each other. Of other strangers it is not read:
 * nobody makes a servent call whom he likes by calling it.
 *
 * `X-Servent-Walk: 0.1` says that walkers may be sent here (`random-walk-rules.ts`).
 */
import {
  believable,
  type Contact,
  type Input,
  type Link,
  type LinkEnd,
  type Peer
} from '@servent/overlay/machine'
import { base64url } from 'multiformats/bases/base64'
import { sayBye } from './bye-rules.ts'
import { jitter, noteContact, openMore } from './calling-rules.ts'
import {
  AGENT_CHARACTERS_MAX,
  BYE_PACKET_VERSION,
  GGEP_VERSION,
  HANDSHAKE_MS,
  HANDSHAKES_MAX,
  PONG_CACHING_VERSION,
  SETTLED_MS,
  STATUS_OK,
  TRY_CONTACT_BYTES_MAX,
  TRY_CONTACTS_MAX,
  TTL_MAX
} from './constants.ts'
import { readContact, writeContact } from './extension.ts'
import { mayClaim, noteLost, takeClaimed } from './lost-neighbours.ts'
import type { ConnectMessage, Headers, StatusMessage } from './messages.ts'
import { Neighbour } from './neighbours.ts'
import { PRIORITY_HANDSHAKE } from './priorities.ts'
import { greetWithSearches } from './search-rules.ts'
import type { Fx, GnutellaState } from './state.ts'
import { readTierHeaders, tierHeaders } from './tier-headers.ts'
import { comeToTerms, hasRoomFor, onTierLinkDown, onTierLinkUp, stillFits } from './tier-rules.ts'
import type { GnutellaTypes } from './types.ts'
import { WALK_HEADER, WALK_VERSION } from './walk-wire.ts'

const STATUS_FULL = 503
const TRY_HEADER = 'x-servent-try'
const TRY_HEADER_CHARACTERS_MAX = TRY_CONTACTS_MAX * (Math.ceil((TRY_CONTACT_BYTES_MAX * 4) / 3) + 1)

/** The timer of a link's handshake. */
export function handshakeTimer(link: Link): string {
  return `handshake-${link}`
}

export function onLinkUp(
  state: GnutellaState,
  fx: Fx,
  { link, peer, inbound, origin }: Extract<Input<GnutellaTypes>, { type: 'link-up' }>
): void {
  // Where both sides opened at once, one link stays, and an open of ours may end without a word.
  state.opening.delete(peer)
  if (state.neighbours.handshakes >= HANDSHAKES_MAX && inbound) {
    fx.close(link, 'Too many handshakes at a time.')
    return
  }
  const { nowMs } = state
  const { id } = fx.peers.contact(peer)
  const shares = { relayed: state.relayShare(nowMs), calls: state.callShare(nowMs) }
  const neighbour = new Neighbour({ link, peer, id, inbound, origin, nowMs, ...shares })
  const isFull = state.neighbours.places >= state.places
  neighbour.claims = !inbound && isFull && mayClaim(state, neighbour)
  if (!inbound && isFull && !neighbour.claims) {
    // All places were taken while it was opened. Nothing was said yet.
    state.hosts.postpone(peer, nowMs + SETTLED_MS)
    fx.close(link, 'No place is left for another neighbour.')
    return
  }
  state.neighbours.add(neighbour)
  fx.setTimer(handshakeTimer(link), HANDSHAKE_MS)
  if (inbound) return
  const headers = { ...ownHeaders(state), ...ownUltrapeers(state, fx, peer) }
  fx.send(link, { type: 'connect', headers }, PRIORITY_HANDSHAKE)
}

/** A stranger's CONNECT. */
export function onConnect(state: GnutellaState, fx: Fx, neighbour: Neighbour, message: ConnectMessage): void {
  if (neighbour.phase !== 'called') {
    outOfStep(state, fx, neighbour)
    return
  }
  readHeaders(state, neighbour, message.headers)
  const banished = state.banished.get(neighbour.name.text) !== undefined
  if (!banished) noteUltrapeers(state, fx, neighbour, message.headers)
  const hasRoom = !banished && hasRoomFor(state, fx, neighbour)
  neighbour.claims = !banished && !hasRoom && mayClaim(state, neighbour)
  if (!hasRoom && !neighbour.claims) {
    refuse(state, fx, neighbour, banished ? 'Come back later' : reasonFor(state))
    return
  }
  state.neighbours.setPhase(neighbour, 'accepted')
  const headers = { ...ownHeaders(state), ...othersToTry(state, fx, neighbour.peer) }
  fx.send(neighbour.link, { type: 'status', status: STATUS_OK, reason: 'OK', headers }, PRIORITY_HANDSHAKE)
}

/** What a leaf names to a servent that has no ultrapeer, as far as the leaf may know where they are. */
function noteUltrapeers(state: GnutellaState, fx: Fx, leaf: Neighbour, headers: Headers): void {
  if (leaf.kind !== 'leaf' || ultrapeersOf(state).length > 0) return
  for (const { id, addresses } of contactsOf(headers[TRY_HEADER])) {
    const believed = believable(addresses, leaf.reach, 'no-names')
    if (believed.length === 0) continue
    noteContact(state, fx, { id, addresses: believed }, leaf.peer)
    leaf.tiered!.namesOthers = true
  }
}

/** The answer to our CONNECT, or the last word after our 200. */
export function onStatus(state: GnutellaState, fx: Fx, neighbour: Neighbour, message: StatusMessage): void {
  const { link, peer, phase } = neighbour
  if (phase !== 'calling' && phase !== 'accepted') {
    outOfStep(state, fx, neighbour)
    return
  }
  if (phase === 'calling')
    for (const contact of contactsOf(message.headers[TRY_HEADER])) noteContact(state, fx, contact, peer)
  if (message.status !== STATUS_OK) {
    // It lives, and does not want its place back.
    state.lost.delete(peer)
    state.count('handshakesFailed')
    fail(state, fx, neighbour, `It answered ${message.status}.`)
    return
  }
  const { kind } = neighbour
  readHeaders(state, neighbour, message.headers)
  // Places for leaves are others.
  if (neighbour.kind === 'leaf') neighbour.claims = false
  const { tier } = state.tiers
  const mismatch = phase === 'calling' ? comeToTerms(state, fx, neighbour) : undefined
  const changedFrom = phase === 'accepted' && neighbour.kind !== kind ? kind : undefined
  const fits = mismatch === undefined && stillFits(state, neighbour, changedFrom)
  if (!fits || !takeClaimed(state, fx, neighbour)) {
    state.count('handshakesFailed')
    fail(state, fx, neighbour, mismatch ?? 'There is no place for it any more.')
    return
  }
  if (phase === 'calling') {
    // Who was guided says so, since its first words were others.
    const guided: Headers = tier === state.tiers.tier ? {} : { 'x-ultrapeer': 'False', guid: state.servent }
    const headers = { ...guided, ...ownUltrapeers(state, fx, peer) }
    fx.send(link, { type: 'status', status: STATUS_OK, reason: 'OK', headers }, PRIORITY_HANDSHAKE)
  }
  if (phase === 'accepted') noteUltrapeers(state, fx, neighbour, message.headers)
  fx.cancelTimer(handshakeTimer(link))
  state.neighbours.setPhase(neighbour, 'up')
  neighbour.upMs = state.nowMs
  neighbour.isBack = state.lost.delete(peer)
  state.ownWanted = Math.max(state.ownWanted, Math.min(state.sought, state.neighbours.ownPlaces))
  // A stranger that came from behind a firewall may not be reached, so it is only known, not proven.
  if (neighbour.inbound) state.hosts.heard(peer, peer, state.nowMs)
  else state.hosts.worked(peer, state.nowMs, fx.wallMs())
  onTierLinkUp(state, fx, neighbour)
  greetWithSearches(state, fx, neighbour)
  // Whom it named is called now, and not with the next upkeep: searches wait.
  if (neighbour.tiered?.namesOthers === true) openMore(state, fx)
}

/** 10 s went by without the handshake's end: whoever dribbles takes no place for long. */
export function onHandshakeTimer(state: GnutellaState, fx: Fx, link: Link): void {
  const neighbour = state.neighbours.get(link)
  if (neighbour === undefined || neighbour.phase === 'up' || neighbour.phase === 'leaving') return
  state.count('handshakesFailed')
  fail(state, fx, neighbour, 'The handshake took too long.')
}

export function onLinkDown(state: GnutellaState, fx: Fx, link: Link, end: LinkEnd): void {
  const neighbour = state.neighbours.get(link)
  if (neighbour === undefined) return
  fx.cancelTimer(handshakeTimer(link))
  if (end.kind === 'reset' || end.kind === 'idle') noteLost(state, fx, neighbour)
  state.neighbours.delete(link)
  state.answering.forget(link)
  if (neighbour.upMs !== undefined) onTierLinkDown(state, neighbour)
  const { peer, upMs, inbound, outgrown } = neighbour
  // A second link to the same peer stays; nothing was lost, and nobody failed.
  if (end.kind === 'duplicate') return
  const settled = upMs !== undefined && state.nowMs - upMs >= SETTLED_MS
  if (!settled && !inbound && !outgrown) state.hosts.failed(peer, state.nowMs, jitter(fx))
  openMore(state, fx)
}

function fail(state: GnutellaState, fx: Fx, neighbour: Neighbour, reason: string): void {
  state.neighbours.setPhase(neighbour, 'leaving')
  fx.cancelTimer(handshakeTimer(neighbour.link))
  fx.close(neighbour.link, reason)
}

function refuse(state: GnutellaState, fx: Fx, neighbour: Neighbour, reason: string): void {
  state.count('handshakesRefused')
  const headers = {
    'user-agent': state.agent,
    ...tierHeaders(state),
    ...othersToTry(state, fx, neighbour.peer)
  }
  fx.send(neighbour.link, { type: 'status', status: STATUS_FULL, reason, headers }, PRIORITY_HANDSHAKE)
  fail(state, fx, neighbour, 'Refused with 503.')
}

/** A part of the handshake where none can be. After it is over the stream cannot be trusted (Bye 501). */
export function outOfStep(state: GnutellaState, fx: Fx, neighbour: Neighbour): void {
  state.count('descriptorsOutOfPlace')
  if (neighbour.phase === 'up') sayBye(state, fx, neighbour, 501, 'The stream is out of step')
  else if (neighbour.phase !== 'leaving') fail(state, fx, neighbour, 'The handshake is out of step.')
}

function ownHeaders(state: GnutellaState): Headers {
  return {
    'user-agent': state.agent,
    'x-max-ttl': `${TTL_MAX}`,
    ggep: GGEP_VERSION,
    'pong-caching': PONG_CACHING_VERSION,
    'bye-packet': BYE_PACKET_VERSION,
    ...tierHeaders(state),
    [WALK_HEADER]: WALK_VERSION
  }
}

function reasonFor({ tiers }: GnutellaState): string {
  return tiers.tier === 'leaf' ? 'I am a shielded leaf node' : 'No place is left'
}

function readHeaders(state: GnutellaState, neighbour: Neighbour, headers: Headers): void {
  readTierHeaders(state, neighbour, headers)
  neighbour.agent = (headers['user-agent'] ?? neighbour.agent).slice(0, AGENT_CHARACTERS_MAX)
  neighbour.hearsBye ||= headers['bye-packet'] !== undefined
  neighbour.cachesPongs ||= headers['pong-caching'] !== undefined
  neighbour.walks ||= headers[WALK_HEADER] !== undefined
  const maxTtl = Number(headers['x-max-ttl'])
  if (Number.isInteger(maxTtl) && maxTtl >= 1 && maxTtl < TTL_MAX) neighbour.maxTtl = maxTtl
}

function ultrapeersOf({ neighbours }: GnutellaState): Neighbour[] {
  return neighbours.peers.filter(({ kind }) => kind === 'ultrapeer')
}

/** What a leaf says where it calls. */
function ownUltrapeers(state: GnutellaState, fx: Fx, except: Peer): Headers {
  return state.tiers.tier === 'leaf' ? toTry(fx, ultrapeersOf(state), except) : {}
}

function othersToTry(state: GnutellaState, fx: Fx, except: Peer): Headers {
  // Ultrapeers first, for the two tiers. Hosts that worked come first; a neighbour that came by itself may be behind a firewall.
  return toTry(fx, [...ultrapeersOf(state), ...state.hosts.best(2 * TRY_CONTACTS_MAX)], except)
}

function toTry(fx: Fx, candidates: readonly { readonly peer: Peer }[], except: Peer): Headers {
  const texts: string[] = []
  for (const peer of new Set(candidates.map(({ peer }) => peer))) {
    if (peer === except || texts.length === TRY_CONTACTS_MAX) continue
    const contact = fx.peers.contact(peer)
    if (contact.addresses.length === 0) continue
    const bytes = writeContact(contact)
    if (bytes.length <= TRY_CONTACT_BYTES_MAX) texts.push(base64url.baseEncode(bytes))
  }
  return texts.length === 0 ? {} : { [TRY_HEADER]: texts.join(',') }
}

/** What cannot be read is passed over. */
export function contactsOf(header: string | undefined): Contact[] {
  if (header === undefined || header.length > TRY_HEADER_CHARACTERS_MAX) return []
  const contacts: Contact[] = []
  for (const text of header.split(',').slice(0, TRY_CONTACTS_MAX)) {
    try {
      contacts.push(readContact(base64url.baseDecode(text.trim())))
    } catch {}
  }
  return contacts
}
