/**
 * The rules in which Chord as published and as corrected by Zave differ, and those by which a node answers for
 * keys. A machine has the correct ones; tests put in others, to see that the checker of invariants finds them.
 */
import type { KeyRange } from '@servent/key-routing/machine'
import type { Key, Peer } from '@servent/overlay/machine'
import type { Fx, Place, Ring } from './ring.ts'
import type { RingRef } from './types.ts'

export interface ChordRules {
  /** Takes a first list from the ring whose root for this place's key is `root`. */
  join(ring: Ring, place: Place, root: RingRef, fx: Fx): void
  /** One round of stabilisation. */
  stabilise(ring: Ring, place: Place, fx: Fx): void
  /** `node` believes itself to be the predecessor. */
  rectify(ring: Ring, place: Place, node: RingRef, fx: Fx): void
  /** `node` may follow nearer than the first successor. `from` told of it: `SELF` where this peer found it. */
  consider(ring: Ring, place: Place, node: RingRef, steps: number, fx: Fx, from?: Peer): void
  /** `tries`: one is enough where something that was asked of it was not answered already. */
  checkPredecessor(ring: Ring, place: Place, fx: Fx, tries?: number): void
  rootOf(ring: Ring, key: Key, silent: (peer: Peer) => boolean, asRoot?: boolean): KeyRange | undefined
  /** Whether the first r + 1 members build their lists at once; else one node is a ring from the start. */
  readonly forming: boolean
}
