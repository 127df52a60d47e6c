/**
 * How often this servent lets itself be told to call somebody. A Push can name any peer and any address, so
 * whoever sends many of them to many servents would have them all knock at one door. Calls are counted by
 * the peer that is to be called, by each address that would be dialled, and in all: by the share of the
 * neighbour that handed the Push on, and past it by what is for whoever comes.
 */
import { AgingMap, type Contact, TokenBucket, toHex } from '@servent/overlay/machine'
import {
  CALL_TARGET_MS,
  CALL_TARGETS_MAX,
  CALLS_BURST,
  CALLS_PER_SECOND,
  CALLS_PER_TARGET_BURST,
  CALLS_PER_TARGET_PER_SECOND
} from './constants.ts'

/** Codes of the first part of a multiaddr, and bytes of its address. */
const HOST_BYTES: ReadonlyMap<number, number> = new Map([
  [4, 4], // ip4
  [41, 16] // ip6
])

export class CallLimits {
  readonly #targets = new AgingMap<TokenBucket>(CALL_TARGETS_MAX, CALL_TARGET_MS)
  /** The half that is for whoever comes. */
  readonly #spare = new TokenBucket(CALLS_BURST / 2, CALLS_PER_SECOND / 2, 0)

  /** Whether the peer may be called now, for a neighbour of this share; it counts as having been. */
  take(contact: Contact, share: TokenBucket, nowMs: number): boolean {
    const targets = [`peer ${toHex(contact.id)}`, ...new Set(contact.addresses.map(hostOf))]
    const buckets = targets.map(target => this.#bucket(target, nowMs))
    if (!buckets.every(bucket => bucket.waitMs(1, nowMs) === 0)) return false
    if (!share.take(1, nowMs) && !this.#spare.take(1, nowMs)) return false
    for (const bucket of buckets) bucket.charge(1, nowMs)
    return true
  }

  get size(): number {
    return this.#targets.size
  }

  age(nowMs: number): void {
    this.#targets.age(nowMs)
  }

  #bucket(target: string, nowMs: number): TokenBucket {
    const known = this.#targets.get(target)
    const bucket = known ?? new TokenBucket(CALLS_PER_TARGET_BURST, CALLS_PER_TARGET_PER_SECOND, nowMs)
    this.#targets.set(target, bucket, nowMs)
    return bucket
  }
}

/** The host that an address names: other ports of it are no other door. Of what is no IP, the whole address. */
function hostOf(address: Uint8Array): string {
  const bytes = HOST_BYTES.get(address[0] ?? -1)
  return `host ${toHex(bytes === undefined ? address : address.subarray(0, 1 + bytes))}`
}
