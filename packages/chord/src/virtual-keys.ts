/**
 * Keys of places beyond a peer's first, each a hash, kept for as long as they are asked for (ToN section
 * IV-B, virtual nodes).
 */
import { compareKeys, type Key, type Peer } from '@servent/overlay/machine'
import { VIRTUAL_KEYS_MAX, VIRTUAL_NODES_MAX } from './constants.ts'
import { keyOfPlace, NOBODY, refOf } from './ring-key.ts'
import type { RingRef } from './types.ts'

interface Known {
  readonly peerKey: Key
  readonly key: Key
}

export class VirtualKeys {
  /** Made when the first is asked for: most networks have none. */
  #known: Map<RingRef, Known> | undefined

  get size(): number {
    return this.#known?.size ?? 0
  }

  /** The key of a place with an index over 0. */
  of(peerKey: Key, ref: RingRef): Key {
    this.#known ??= new Map()
    const known = this.#known.get(ref)
    // A handle may have been given again, to another peer.
    if (known !== undefined && compareKeys(known.peerKey, peerKey) === 0) return known.key
    if (this.#known.size >= VIRTUAL_KEYS_MAX) this.#known.clear()
    const key = keyOfPlace(peerKey, ref % VIRTUAL_NODES_MAX)
    this.#known.set(ref, { peerKey, key })
    return key
  }

  /** Which place of a peer has this key. */
  find(peerKey: Key, peer: Peer, key: Key): RingRef {
    if (compareKeys(peerKey, key) === 0) return refOf(peer, 0)
    for (let index = 1; index < VIRTUAL_NODES_MAX; index += 1) {
      const ref = refOf(peer, index)
      if (compareKeys(this.of(peerKey, ref), key) === 0) return ref
    }
    return NOBODY
  }
}
