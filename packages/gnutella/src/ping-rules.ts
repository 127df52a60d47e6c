/**
 * Pings and pongs (Rohrs and Falco, "Ping/Pong scheme", LimeWire 2001). A ping is not flooded: it is
 * answered with at most N pongs out of the cache, and it has the cache renewed where that is older than T.
 * Pongs that come later are handed to each link that still wants some of their distance. So no link carries
 * more than a ping and N pongs in T: 23 + 10 * 37 bytes in 3 s, 131 bytes a second, as published.
 *
 * What is changed: a renewal for a neighbour's ping goes no further than that ping would have gone, so that
 * one asker does not wake a whole network.
 */
import { type Contact, sameBytes } from '@servent/overlay/machine'
import { offend } from './bye-rules.ts'
import { noteContact } from './calling-rules.ts'
import { PING_MS_MAX, PING_TTL, PONG_AGE_MS, PONGS_PER_PING, TTL_HARD_MAX, TTL_MAX } from './constants.ts'
import { newGuid } from './guid.ts'
import type { GgepExtension, Guid, PingMessage, PongMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { pongsNeeded } from './pong-cache.ts'
import { priorityOf } from './priorities.ts'
import type { Fx, GnutellaState } from './state.ts'

/** Who a pong speaks of. */
interface Shown {
  readonly contact: Contact
  readonly files: number
  readonly kibibytes: number
  /** Links from here: 0 is this peer. */
  readonly distance: number
  readonly ggep?: readonly GgepExtension[]
}

/** gtk-gnutella and LimeWire: an ultrapeer's pong says its version, and its free places for leaves and ultrapeers. */
const ULTRAPEER_EXTENSION = 'UP'
const ULTRAPEER_VERSION = 1
const BYTE_MAX = 255

export function onPing(state: GnutellaState, fx: Fx, neighbour: Neighbour, ping: PingMessage): void {
  state.count('pingsReceived')
  const { ttl, hops } = ping
  if (ttl === 0 || ttl > TTL_HARD_MAX) {
    state.count('descriptorsBadTtl')
    offend(state, fx, neighbour, 'bad-ttl')
    return
  }
  // "Are you alive": this peer alone answers, firewalled or not.
  if (ttl === 1 && hops <= 1) {
    sendPong(state, fx, neighbour, ping, self(state, fx))
    return
  }
  // Ultrapeers shield their leaves from all other pings.
  if (state.tiers.tier === 'leaf') return
  if (neighbour.lastPing !== undefined && state.nowMs - neighbour.lastPing.atMs < PONG_AGE_MS) {
    state.count('pingsThrottled')
    return
  }
  const reach = Math.min(ttl, Math.max(1, PING_TTL - hops))
  const needed = pongsNeeded(reach, PONGS_PER_PING)
  neighbour.lastPing = { guid: ping.guid, hops, atMs: state.nowMs, needed }
  if (ttl === 2 && hops === 0) {
    answerCrawler(state, fx, neighbour, ping, 0)
    return
  }
  if (neighbour.kind === 'leaf') {
    // It looks for ultrapeers, and the links of this one are as good as pongs, without waking a network.
    answerCrawler(state, fx, neighbour, ping, fx.random())
    return
  }
  answerFromCache(state, fx, neighbour, ping)
  if (reach > 1) renew(state, fx, reach - 1)
}

/** A crawler asks for this peer and its neighbours. Not all may fit: those after `from` go first. */
function answerCrawler(state: GnutellaState, fx: Fx, to: Neighbour, ping: PingMessage, from: number): void {
  sendPong(state, fx, to, ping, self(state, fx))
  to.lastPing!.needed.fill(0)
  const { peers } = state.neighbours
  for (let count = 0; count < peers.length; count += 1) {
    const { peer, link } = peers[(from + count) % peers.length]!
    if (link === to.link) continue
    // A copy: the table's own contact changes when more is heard of the peer.
    const { id, addresses } = fx.peers.contact(peer)
    if (addresses.length > 0) {
      sendPong(state, fx, to, ping, { contact: { id, addresses }, files: 0, kibibytes: 0, distance: 1 })
    }
  }
}

function answerFromCache(state: GnutellaState, fx: Fx, to: Neighbour, ping: PingMessage): void {
  const { needed } = to.lastPing!
  // Only who can be dialled, and takes others, speaks of itself: a pong is an invitation.
  if (!state.sharing.firewalled && state.tiers.tier !== 'leaf') {
    needed[0]! -= 1
    sendPong(state, fx, to, ping, self(state, fx))
  }
  needed[0] = 0
  for (let distance = 1; distance < needed.length; distance += 1) {
    for (const pong of state.pongs.of(distance, to.link, state.nowMs)) {
      if (needed[distance]! <= 0) break
      if (isOf(pong.contact, to)) continue
      needed[distance]! -= 1
      sendPong(state, fx, to, ping, pong)
    }
  }
}

export function onPong(state: GnutellaState, fx: Fx, neighbour: Neighbour, pong: PongMessage): void {
  state.count('pongsReceived')
  const { pinged } = neighbour
  if (pinged === undefined || pinged.guid !== pong.guid || pinged.pongsLeft <= 0) {
    // Nobody asked, or more came than anybody asks for: who pours pongs wants to fill host caches.
    state.count('pongsUnasked')
    return
  }
  pinged.pongsLeft -= 1
  const { contact, files, kibibytes } = pong
  const distance = pong.hops + 1
  if (distance === 1) readPlaces(neighbour, pong)
  if (contact === undefined || distance > PING_TTL || isSelf(fx, contact)) return
  noteContact(state, fx, contact, neighbour.peer)
  const cached = { link: neighbour.link, distance, contact, files, kibibytes, atMs: state.nowMs }
  state.pongs.add(cached)
  for (const other of state.neighbours.up) {
    const { lastPing } = other
    if (other === neighbour || lastPing === undefined || (lastPing.needed[distance] ?? 0) <= 0) continue
    if (state.nowMs - lastPing.atMs > PONG_AGE_MS * PING_TTL || isOf(contact, other)) continue
    lastPing.needed[distance]! -= 1
    sendPong(state, fx, other, lastPing, cached)
  }
}

/** What an ultrapeer's own pong says of its places for leaves. */
function readPlaces({ tiered }: Neighbour, { ggep }: PongMessage): void {
  const [, leafPlaces] = ggep.find(({ id }) => id === ULTRAPEER_EXTENSION)?.data ?? []
  if (tiered === undefined || leafPlaces === undefined) return
  tiered.placesFull = leafPlaces === 0
  tiered.leafPlacesLeft = leafPlaces
}

/** Pings for fresh pongs, each link no more often than T, and old servents, which flood, once a minute. Leaves know nobody. */
export function renew(state: GnutellaState, fx: Fx, ttl: number): void {
  for (const neighbour of state.neighbours.peers) {
    const restMs = neighbour.cachesPongs ? PONG_AGE_MS : PING_MS_MAX
    if (neighbour.pinged !== undefined && state.nowMs - neighbour.pinged.atMs < restMs) continue
    sendPing(state, fx, neighbour, ttl)
  }
}

/** Asks one neighbour whether it is alive. */
export function pingAlive(state: GnutellaState, fx: Fx, neighbour: Neighbour): void {
  neighbour.alivePingMs = state.nowMs
  sendPing(state, fx, neighbour, 1)
}

function sendPing(state: GnutellaState, fx: Fx, neighbour: Neighbour, ttl: number): void {
  const guid = newGuid(fx)
  neighbour.pinged = { guid, atMs: state.nowMs, pongsLeft: PONGS_PER_PING }
  const ping: PingMessage = { type: 'ping', guid, ttl, hops: 0, ggep: [] }
  fx.send(neighbour.link, ping, priorityOf(ping))
}

function sendPong(
  state: GnutellaState,
  fx: Fx,
  to: Neighbour,
  { guid, hops }: { readonly guid: Guid; readonly hops: number },
  { contact, files, kibibytes, distance, ggep = [] }: Shown
): void {
  if (!to.pongs.take(state.nowMs)) return
  state.count('pongsSent')
  const pong: PongMessage = {
    type: 'pong',
    guid,
    // Enough for the way back (draft 0.6: the TTL of a pong is at least the hops of its ping).
    ttl: Math.min(TTL_MAX, hops + 1),
    hops: distance,
    ipv4: 0,
    port: 0,
    files,
    kibibytes,
    contact,
    ggep
  }
  fx.send(to.link, pong, priorityOf(pong))
}

function self(state: GnutellaState, fx: Fx): Shown {
  const { files, kibibytes } = state.sharing
  const own = { contact: fx.peers.contact(0), files, kibibytes, distance: 0 }
  if (state.tiers.tier !== 'ultrapeer') return own
  const { tiers, neighbours, places } = state
  const left = [tiers.leafPlaces - neighbours.leafPlaces, places - neighbours.places]
  const data = Uint8Array.of(ULTRAPEER_VERSION, ...left.map(free => Math.max(0, Math.min(BYTE_MAX, free))))
  return { ...own, ggep: [{ id: ULTRAPEER_EXTENSION, data }] }
}

function isOf(contact: Contact, neighbour: Neighbour): boolean {
  return sameBytes(contact.id, neighbour.name.id)
}

function isSelf(fx: Fx, contact: Contact): boolean {
  return sameBytes(contact.id, fx.peers.contact(0).id)
}
