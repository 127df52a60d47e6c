/**
 * Pongs heard of late, by distance and by the link that brought them, so that a ping is answered without
 * being flooded (Rohrs and Falco, "Ping/Pong scheme").
 */
import { type Contact, type Link, sameBytes } from '@servent/overlay/machine'
import { PING_TTL, PONG_AGE_MS, PONGS_PER_DISTANCE_MAX } from './constants.ts'

export interface CachedPong {
  /** Who brought it: it is never told what it said. */
  readonly link: Link
  /** Links from here to the peer: 1 is a neighbour. */
  readonly distance: number
  readonly contact: Contact
  readonly files: number
  readonly kibibytes: number
  readonly atMs: number
}

export class PongCache {
  /** By distance less one; the newest last. */
  readonly #pongs: CachedPong[][] = Array.from({ length: PING_TTL }, () => [])

  get size(): number {
    return this.#pongs.reduce((total, pongs) => total + pongs.length, 0)
  }

  /** Keeps a pong of a distance from 1 to `PING_TTL`. The oldest of its distance makes room. */
  add(pong: CachedPong): void {
    const pongs = this.#pongs[pong.distance - 1]
    if (pongs === undefined) return
    const same = pongs.findIndex(known => sameBytes(known.contact.id, pong.contact.id))
    if (same >= 0) pongs.splice(same, 1)
    else if (pongs.length >= PONGS_PER_DISTANCE_MAX) pongs.shift()
    pongs.push(pong)
  }

  /** Those of one distance that are fresh and that others than `except` brought, the newest first. */
  *of(distance: number, except: Link, nowMs: number): Generator<CachedPong> {
    const pongs = this.#pongs[distance - 1] ?? []
    for (let index = pongs.length - 1; index >= 0; index -= 1) {
      const pong = pongs[index]!
      if (nowMs - pong.atMs > PONG_AGE_MS) return
      if (pong.link !== except) yield pong
    }
  }

  /** Forgets what is over its age. */
  age(nowMs: number): void {
    for (const pongs of this.#pongs) {
      const fresh = pongs.findIndex(({ atMs }) => nowMs - atMs <= PONG_AGE_MS)
      pongs.splice(0, fresh < 0 ? pongs.length : fresh)
    }
  }
}

/**
 * How many pongs of each distance a ping of this TTL asks for: one of who is asked, and as many as are left of
 * N spread evenly over the distances beyond it, the near ones first.
 */
export function pongsNeeded(ttl: number, wanted: number): number[] {
  const beyond = Math.min(Math.max(ttl, 1), PING_TTL) - 1
  const each = Math.floor((wanted - 1) / beyond)
  const rest = (wanted - 1) % beyond
  return [1, ...Array.from({ length: beyond }, (_, index) => each + (index < rest ? 1 : 0))]
}
