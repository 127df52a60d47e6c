/**
 * Requests to other nodes. Who does not answer is asked twice more before it counts as failed (Castro section 4.1: a
 * lost message is not a failed node); how long each answer may take comes from the round trips to that peer.
 */
import { type Heard, type Ping, requestTwice } from '@servent/key-routing/machine'
import { type Peer, SELF } from '@servent/overlay/machine'
import { PROBE_TRIES } from './constants.ts'
import type { NodeRequest, PastryMessage, Sizes } from './messages.ts'
import type { Fx, PastryNode } from './node.ts'

export function request(
  node: PastryNode,
  peer: Peer,
  make: (id: number) => NodeRequest | Ping,
  fx: Fx,
  done: (heard: Heard<PastryMessage>, fx: Fx) => void,
  tries = PROBE_TRIES
): void {
  if (peer === SELF) done('later', fx)
  else requestTwice(node.router.calls, peer, make, fx, done, tries)
}

/** Whether a peer lives; its round trip is measured by the way. */
export function ping(
  node: PastryNode,
  peer: Peer,
  fx: Fx,
  done: (lives: boolean | 'later', fx: Fx) => void,
  tries = PROBE_TRIES
): void {
  request(
    node,
    peer,
    id => ({ type: 'ping', id }),
    fx,
    (heard, fx) => done(heard === 'later' ? 'later' : heard !== undefined, fx),
    tries
  )
}

export function sizesOf({ settings: { leafSet, digitBits } }: PastryNode): Sizes {
  return { leafSet, digitBits }
}

/**
 * Networks of unlike sizes do not mix: such a peer is not asked again for a while, unless somebody chose it. True where
 * it is one.
 */
export function isUnlike(node: PastryNode, peer: Peer, { leafSet, digitBits }: Sizes, fx: Fx): boolean {
  const { unlike, cache, settings } = node
  if (leafSet === settings.leafSet && digitBits === settings.digitBits) {
    if (unlike.delete(peer)) fx.notify({ type: 'match', peer })
    return false
  }
  node.count('mismatches')
  const isNew = !unlike.has(peer)
  node.rememberUnlike(peer)
  if (!cache.bootstrap.isChosen(peer)) cache.bootstrap.remove(peer)
  cache.lost.remove(peer)
  if (isNew) fx.notify({ type: 'mismatch', peer, leafSet, digitBits })
  return true
}
