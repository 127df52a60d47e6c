/** The path of one lookup, put together from the steps that all peers tell of. */
import type { LookupStep, LookupStyle } from '@servent/key-routing/machine'
import type { NodeIndex } from '@servent/simulator'

interface Sent {
  readonly from: NodeIndex
  readonly to: NodeIndex
  silent: boolean
}

export class LookupPath {
  readonly #sends: Sent[] = []
  #silent = 0

  /** `from` tells of the step. */
  add(step: Pick<LookupStep, 'what'>, from: NodeIndex, to: NodeIndex): void {
    if (step.what === 'sent') this.#sends.push({ from, to, silent: false })
    else if (step.what === 'silent') {
      this.#silent += 1
      const sent = this.#sends.findLast(one => one.from === from && one.to === to)
      if (sent !== undefined) sent.silent = true
    }
  }

  /** Requests to peers that could not be reached or did not answer in time, whoever sent them. */
  get timeouts(): number {
    return this.#silent
  }

  /**
   * Whom the lookup had reached when it was sent to the root: who sent it, or where the origin sends every step,
   * the last that answered it. Undefined where nobody had to send it.
   */
  lastBefore(root: NodeIndex, style: LookupStyle): NodeIndex | undefined {
    const at = this.#sends.findLastIndex(({ to, silent }) => to === root && !silent)
    const last = this.#sends[at]
    if (last === undefined || style !== 'iterative') return last?.from
    return this.#sends.slice(0, at).findLast(({ silent }) => !silent)?.to ?? last.from
  }
}
