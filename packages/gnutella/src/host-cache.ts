/**
 * Peers that were heard of: those that worked most recently first. Bounded, and no one who tells of hosts
 * fills it. Kept across restarts.
 *
 * What is written down: a byte with the version, the servent's GUID (16 bytes), and for each host eight
 * bytes with the time at which it last worked (milliseconds since 1970, little-endian, 0: never), two with
 * the length of its contact, and the contact as it stands in GGEP.
 */
import {
  ByteReader,
  type ByteSink,
  type Contact,
  CountingSink,
  type Peer,
  StoringSink,
  toHex
} from '@servent/overlay/machine'
import { writeHex } from './bytes.ts'
import {
  GUID_BYTES,
  HOSTS_BYTES_MAX,
  HOSTS_MAX,
  HOSTS_PER_TELLER_MAX,
  HOSTS_SAVED_MAX,
  RETRIES_MAX,
  RETRY_MS,
  RETRY_MS_MAX
} from './constants.ts'
import { readContact, writeContact } from './extension.ts'
import type { Guid } from './messages.ts'

const VERSION = 1
/** Nobody told of it but the host: discovery, or the cache of the last run where it had worked. */
export const DISCOVERED: Peer = -1
/** The cache of the last run, of hosts that never worked: hearsay, whoever told of them. */
export const REMEMBERED: Peer = -2

export interface Host {
  readonly peer: Peer
  /** The neighbour that told of it. */
  teller: Peer
  heardMs: number
  /** Milliseconds since 1970 at which a handshake with it last went well; 0 where none did. */
  workedMs: number
  failures: number
  /** Not tried again before. */
  retryMs: number
}

export class HostCache {
  readonly #hosts = new Map<Peer, Host>()
  readonly #toldBy = new Map<Peer, number>()
  /** Whether there is something to write down. */
  changed = false

  get size(): number {
    return this.#hosts.size
  }

  /** Those that told of hosts. */
  get tellers(): number {
    return this.#toldBy.size
  }

  get(peer: Peer): Host | undefined {
    return this.#hosts.get(peer)
  }

  peers(hold: (peer: Peer) => void): void {
    for (const host of this.#hosts.values()) {
      hold(host.peer)
      if (host.teller >= 0) hold(host.teller)
    }
  }

  /** Writes down that a peer was heard of. `teller` is the neighbour that said so, or `DISCOVERED`. */
  heard(peer: Peer, teller: Peer, nowMs: number): void {
    const known = this.#hosts.get(peer)
    if (known !== undefined) {
      known.heardMs = nowMs
      if (teller === DISCOVERED) this.#setTeller(known, DISCOVERED)
      return
    }
    if (teller !== DISCOVERED && (this.#toldBy.get(teller) ?? 0) >= HOSTS_PER_TELLER_MAX) {
      this.#evict(host => host.teller === teller)
    }
    if (this.#hosts.size >= HOSTS_MAX) this.#evict(() => true)
    this.#hosts.set(peer, {
      peer,
      teller: DISCOVERED,
      heardMs: nowMs,
      workedMs: 0,
      failures: 0,
      retryMs: nowMs
    })
    this.#setTeller(this.#hosts.get(peer)!, teller)
    this.changed = true
  }

  /** A handshake with the peer went well: it is nobody's hearsay any more. */
  worked(peer: Peer, nowMs: number, wallMs: number): void {
    this.heard(peer, DISCOVERED, nowMs)
    const host = this.#hosts.get(peer)!
    host.workedMs = Math.max(1, wallMs)
    host.failures = 0
    host.retryMs = nowMs
    this.changed = true
  }

  /** Takes up what an earlier run wrote down. */
  remember(peer: Peer, nowMs: number, workedMs: number): void {
    this.heard(peer, workedMs > 0 ? DISCOVERED : REMEMBERED, nowMs)
    const host = this.#hosts.get(peer)
    if (host !== undefined) host.workedMs = workedMs
  }

  /** It could not be reached, refused, or went away at once: it is tried again later, each time twice as late. */
  failed(peer: Peer, nowMs: number, jitter: number): void {
    const host = this.#hosts.get(peer)
    if (host === undefined) return
    host.failures += 1
    // Those that discovery told of may be all that there is, so they are tried for ever.
    if (host.failures >= RETRIES_MAX && host.workedMs === 0 && host.teller !== DISCOVERED) {
      this.#forget(host)
      return
    }
    const waitMs = Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** Math.min(host.failures - 1, 10))
    host.retryMs = nowMs + waitMs * (0.75 + jitter / 2)
  }

  /** Not before this time. */
  postpone(peer: Peer, untilMs: number): void {
    const host = this.#hosts.get(peer)
    if (host !== undefined) host.retryMs = Math.max(host.retryMs, untilMs)
  }

  /** Hosts other than some, counted up to a most. */
  countOthers(than: ReadonlySet<Peer>, most: number): number {
    let count = 0
    for (const peer of this.#hosts.keys()) {
      if (count >= most) break
      if (!than.has(peer)) count += 1
    }
    return count
  }

  /** Whom to try next: who worked most recently, then who was heard of last. */
  next(nowMs: number, isTaken: (peer: Peer) => boolean): Peer | undefined {
    let best: Host | undefined
    for (const host of this.#hosts.values()) {
      if (host.retryMs > nowMs || isTaken(host.peer)) continue
      if (best === undefined || inOrder(host, best) < 0) best = host
    }
    return best?.peer
  }

  /** The best ones, for the next start and for those that are refused. */
  best(count: number): Host[] {
    return Array.from(this.#hosts.values()).sort(inOrder).slice(0, count)
  }

  #setTeller(host: Host, teller: Peer): void {
    if (host.teller !== DISCOVERED) {
      const left = this.#toldBy.get(host.teller)! - 1
      if (left === 0) this.#toldBy.delete(host.teller)
      else this.#toldBy.set(host.teller, left)
    }
    host.teller = teller
    if (teller !== DISCOVERED) this.#toldBy.set(teller, (this.#toldBy.get(teller) ?? 0) + 1)
  }

  /** Forgets the worst host of some. */
  #evict(which: (host: Host) => boolean): void {
    let worst: Host | undefined
    for (const host of this.#hosts.values()) {
      if (which(host) && (worst === undefined || inOrderOfLoss(host, worst) < 0)) worst = host
    }
    if (worst !== undefined) this.#forget(worst)
  }

  #forget(host: Host): void {
    this.#setTeller(host, DISCOVERED)
    this.#hosts.delete(host.peer)
    this.changed = true
  }
}

/** Less than 0 where the first is to be tried before the second. */
function inOrder(a: Host, b: Host): number {
  return b.workedMs - a.workedMs || b.heardMs - a.heardMs
}

/** Less than 0 where the first is to be forgotten before the second: hearsay, then what fails, then what is old. */
function inOrderOfLoss(a: Host, b: Host): number {
  const hearsay = Number(a.teller === DISCOVERED) - Number(b.teller === DISCOVERED)
  return hearsay || b.failures - a.failures || -inOrder(a, b)
}

export interface SavedHosts {
  readonly servent: Guid
  readonly hosts: readonly { readonly contact: Contact; readonly workedMs: number }[]
}

export function encodeHosts(saved: SavedHosts): Uint8Array {
  const hosts = saved.hosts
    .slice(0, HOSTS_SAVED_MAX)
    .map(({ contact, workedMs }) => ({ contact: writeContact(contact), workedMs }))
  const write = (sink: ByteSink) => {
    sink.u8(VERSION)
    writeHex(sink, saved.servent)
    for (const { contact, workedMs } of hosts) {
      sink.u32(workedMs % 2 ** 32)
      sink.u32(Math.floor(workedMs / 2 ** 32))
      sink.u16(contact.length)
      sink.raw(contact)
    }
  }
  const counted = new CountingSink()
  write(counted)
  const stored = new StoringSink(counted.length)
  write(stored)
  return stored.stored
}

/** Nothing where the bytes are of another version or broken: then the cache begins empty. */
export function decodeHosts(bytes: Uint8Array): SavedHosts | undefined {
  if (bytes.length > 1 + GUID_BYTES + HOSTS_BYTES_MAX) return undefined
  try {
    const reader = new ByteReader(bytes)
    if (reader.u8() !== VERSION) return undefined
    const servent = toHex(reader.take(GUID_BYTES))
    const hosts: { contact: Contact; workedMs: number }[] = []
    while (reader.left > 0 && hosts.length < HOSTS_SAVED_MAX) {
      const workedMs = Math.min(Number.MAX_SAFE_INTEGER, reader.u32() + reader.u32() * 2 ** 32)
      hosts.push({ workedMs, contact: readContact(reader.take(reader.u16())) })
    }
    return { servent, hosts }
  } catch {
    return undefined
  }
}
