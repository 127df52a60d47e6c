/**
 * Links that structured overlays hold before a call needs them: those of one libp2p node share its connections, and all
 * together hold no more than `HELD_SHARE` of them. The rest is for those who come, and for calls.
 */
import type { HostComponents } from '@servent/libp2p-host'
import { HELD_SHARE } from './structured-constants.ts'

type ConnectionManager = HostComponents['connectionManager']

/** How many each overlay of a node would hold. A service stays until its node is gone: it may start again. */
const wantsOf = new WeakMap<ConnectionManager, number[]>()

export class HeldShare {
  readonly #connectionManager: ConnectionManager
  readonly #want: number
  readonly #wants: number[]

  /** Made with the service, so that all that libp2p starts know of each other. */
  constructor(connectionManager: ConnectionManager, want: number) {
    this.#connectionManager = connectionManager
    this.#want = want
    this.#wants = wantsOf.get(connectionManager) ?? []
    this.#wants.push(want)
    wantsOf.set(connectionManager, this.#wants)
  }

  /** Links that this overlay may hold, by all that are there now. */
  get links(): number {
    const places = Math.floor(this.#connectionManager.getMaxConnections() * HELD_SHARE)
    return evenShare(places, this.#wants, this.#want)
  }
}

/** What one of `wants` gets of so many places: all that it wants, or as many as any other that wants more. */
export function evenShare(places: number, wants: readonly number[], want: number): number {
  const ascending = [...wants].sort((a, b) => a - b)
  let left = places
  for (const [at, other] of ascending.entries()) {
    const even = Math.floor(left / (ascending.length - at))
    if (other >= want || other > even) return Math.min(want, even)
    left -= other
  }
  return Math.min(want, left)
}
