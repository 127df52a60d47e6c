/**
 * Merging of rings. A partition leaves two rings, each whole, and nothing in Chord brings them together. So
 * every node asks one remembered peer each merge round (ToN section IV-E.4 names the idea: ask random peers to
 * find oneself) for the root of the node's own key: what that peer's ring answers is the node that the foreign
 * ring would put behind this one. A nearer one is taken in like any candidate, if it lives, and the successor
 * that it displaces is passed on to it, and so on along both rings.
 *
 * How long it takes: `mergeBoundMs`.
 */
import type { Peer } from '@servent/overlay/machine'
import type { Fx, Ring } from './ring.ts'
import { forgetUnlike } from './ring-calls.ts'
import { NOBODY, peerOfRef } from './ring-key.ts'
import { lookupVia } from './ring-lookup.ts'
import type { ChordSettings } from './types.ts'

/** One probe, by the peers that were named and those that were lost in turn. */
export function probeForeign(ring: Ring, fx: Fx): void {
  const [place] = ring.members
  const via = nextRemembered(ring)
  if (ring.probing || place === undefined || via === undefined) return
  ring.probing = true
  lookupVia(ring, via, place.key, fx, (root, fx) => {
    ring.probing = false
    if (!place.member || root === NOBODY || place.successors[0] === root) return
    // A ring that does not mix with this one.
    if (ring.unlike.peers.includes(peerOfRef(root))) {
      forgetUnlike(ring, via)
      return
    }
    ring.rules.consider(ring, place, root, 0, fx)
  })
}

function nextRemembered(ring: Ring): Peer | undefined {
  ring.probes += 1
  const [first, second] = ring.probes % 2 === 0 ? [ring.bootstrap, ring.lost] : [ring.lost, ring.bootstrap]
  return first.next() ?? second.next()
}

/**
 * An upper bound on the time from the end of a partition until every first successor is right, where every node
 * of one side remembers at least one living peer of the other: all of the `remembered` peers come up within so
 * many rounds of one and a half `mergeMs`, twice that where both memories take turns; a lookup there takes its
 * steps; then lists fill from their heads, one entry a round of one and a half `stabiliseMs`.
 */
export function mergeBoundMs(
  settings: Pick<ChordSettings, 'mergeMs' | 'stabiliseMs' | 'successors'>,
  remembered: number,
  lookupMs: number
): number {
  const { mergeMs, stabiliseMs, successors } = settings
  return 2 * remembered * 1.5 * mergeMs + lookupMs + (successors + 1) * 1.5 * stabiliseMs
}
