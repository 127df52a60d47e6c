/**
 * One link for each pair of peers and protocol: what to do with an inbound stream from a peer to which there
 * is a link already, or one on its way.
 *
 * When both open at once, the stream that the lower PeerId opened stays. An honest peer never opens a second
 * stream while it holds one, so a second stream means one of three things, told apart here: both opened at
 * once; the peer lost its end (it restarted, its network changed) and the old connection is dead though
 * nobody has noticed; or the peer is not honest.
 */

/**
 * `accept`: it is the link, and an `open` of this peer's own is called off. `replace`: the link that is up goes
 * down and this one takes its place. `refuse`: it is reset. `hold`: it waits, unread, for what becomes of the
 * other one; it is promoted when that one goes down or its time is over.
 */
export type Verdict = 'accept' | 'replace' | 'refuse' | 'hold'

export interface Standing {
  /** This peer's id is the lower one. */
  readonly selfIsLower: boolean
  readonly up?: {
    readonly inbound: boolean
    /** It runs on the connection that the new stream came by. */
    readonly sameConnection: boolean
    /** It came up less than a grace time ago. */
    readonly isYoung: boolean
  }
  /** `dialing`: the remote peer cannot have seen this peer's own stream yet. `negotiating`: it may have. */
  readonly opening?: 'dialing' | 'negotiating'
}

export function judgeInbound({ selfIsLower, up, opening }: Standing): Verdict {
  if (up === undefined) {
    // The remote peer drops its stream as soon as it sees the one that the lower id opened.
    return opening === 'negotiating' && selfIsLower ? 'hold' : 'accept'
  }
  if (!up.inbound && !selfIsLower) return 'replace'
  // Streams of one connection come in order: its end of the old one would have been told before this.
  if (up.sameConnection) return 'refuse'
  // Both at once, where the remote peer drops this one soon; or the old connection is dead.
  if (!up.inbound) return 'hold'
  // The peer came back. Not again and again: a link is not replaced before a grace time has passed.
  return up.isYoung ? 'hold' : 'replace'
}

/** Orders PeerIds by the bytes of their multihash, the shorter first where one starts with the other. */
export function comparePeerIds(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index += 1) {
    if (a[index] !== b[index]) return a[index]! - b[index]!
  }
  return a.length - b.length
}
