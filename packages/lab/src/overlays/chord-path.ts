/** The path of one lookup, put together from the steps that all peers tell of. */
import type { LookupStep, LookupStyle } from '@servent/key-routing/machine'
import type { NodeIndex } from '@servent/simulator'

interface Sent {
  readonly from: NodeIndex
  readonly to: NodeIndex
}

export class LookupPath {
  #sent = 0
  #silent = 0
  readonly #sends: Sent[] = []

  add(step: LookupStep, from: NodeIndex, to: NodeIndex): void {
    if (step.what === 'sent') {
      this.#sent += 1
      this.#sends.push({ from, to })
    } else if (step.what === 'silent') this.#silent += 1
  }

  /** Who sent it to the root; undefined where nobody had to. */
  lastBefore(root: NodeIndex): NodeIndex | undefined {
    return this.#sends.findLast(({ to }) => to === root)?.from
  }

  /**
   * Every message that was not lost on somebody silent was answered by one: an acknowledgement, a refusal, the
   * answer. A recursive answer takes the way back, beginning as the root's acknowledgement; a semi-recursive one
   * goes straight, which is one more message unless the origin was the hop before; an iterative one is the
   * answer of the last request.
   */
  messages(style: LookupStyle, hops: number): number {
    const replies = style === 'recursive' ? hops - 1 : style === 'semi-recursive' && hops > 1 ? 1 : 0
    return 2 * this.#sent - this.#silent + Math.max(0, replies)
  }
}
