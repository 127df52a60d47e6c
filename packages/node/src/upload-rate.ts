/** What this node says of its upload rate where supernodes are chosen. */

/** kbit/s under which FastTrack makes nobody a supernode; a test compares. */
export const SUPERNODE_KBPS = 256

const kbps = (bytesPerS: number): number => Math.max(1, Math.trunc((bytesPerS * 8) / 1000))

/**
 * kbit/s: what the user allows is known. Where that is no bound, the most that was seen to be sent at a time, for a line has
 * that at least. Few takers, or slow ones, say nothing of a line: 0, which is not known, where it is less than a supernode needs.
 *
 * @param sendingBytesPerS  to all others together, now; asked with each question
 */
export function uploadRate(capBytesPerS: number, sendingBytesPerS: () => number): () => number {
  let mostBytesPerS = 0
  return () => {
    if (capBytesPerS > 0) return kbps(capBytesPerS)
    mostBytesPerS = Math.max(mostBytesPerS, sendingBytesPerS())
    const most = kbps(mostBytesPerS)
    return most < SUPERNODE_KBPS ? 0 : most
  }
}
