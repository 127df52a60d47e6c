/**
 * Answers that went straight to the origin of a lookup. To the origin that link may be one of those that nobody needs,
 * and where it was being closed just then, the answer was not read: it goes again then, back along the path, whose
 * links were used a moment ago. Nobody else would see that it is lost before the lookup's time is over.
 */
import { compareClockwise, type Key, type Link, type Peer, type PeerTable } from '@servent/overlay/machine'
import { PRIORITY_LOOKUP, STRAIGHT_ANSWERS_MAX } from './constants.ts'
import type { LookupDeps, LookupFound } from './lookup-types.ts'
import type { Found } from './messages.ts'
import type { KeyRouting } from './routing.ts'
import type { RoutingEffects } from './types.ts'

/** Negative where the root of `a` is nearer to the key: of several answers the nearest is the truest, since a root is. */
export function compareAnswers(
  routing: KeyRouting,
  key: Key,
  a: LookupFound,
  b: LookupFound,
  peers: PeerTable
): number {
  return (
    routing.compareRoots?.(key, peers.intern(a.root), peers.intern(b.root)) ??
    compareClockwise(key, a.to, b.to)
  )
}

interface Straight {
  readonly link: Link
  readonly origin: Peer
  /** Who gave the lookup to this peer. */
  readonly from: Peer
  readonly found: Found
  readonly sentMs: number
}

export class StraightAnswers {
  readonly #deps: LookupDeps
  /** The latest last. Few machines of a large simulation have any. */
  #sent: Straight[] | undefined

  constructor(deps: LookupDeps) {
    this.#deps = deps
  }

  sent(link: Link, origin: Peer, from: Peer, found: Found, effects: RoutingEffects): void {
    const sentMs = effects.nowMs()
    this.#sent = this.#fresh(sentMs).slice(1 - STRAIGHT_ANSWERS_MAX)
    this.#sent.push({ link, origin, from, found, sentMs })
  }

  /** The other side closed a link: what was sent since it did so was not read. */
  closed(link: Link, effects: RoutingEffects): void {
    if (this.#sent === undefined) return
    const { calls } = this.#deps
    const fresh = this.#fresh(effects.nowMs())
    this.#sent = fresh.filter(answer => answer.link !== link)
    for (const { link: by, origin, from, found } of fresh)
      if (by === link)
        calls.tell(calls.linkOf(origin) === undefined ? from : origin, found, PRIORITY_LOOKUP, effects)
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const { origin, from } of this.#sent ?? []) {
      hold(origin)
      hold(from)
    }
  }

  /** Those whose link may have been closed before they came: that is known after a round trip. */
  #fresh(nowMs: number): Straight[] {
    const sinceMs = nowMs - this.#deps.settings.callTimeoutFirstMs
    return (this.#sent ?? []).filter(({ sentMs }) => sentMs > sinceMs)
  }
}
