/** What the user changes while the servent runs. */
import { clamp } from '@servent/overlay/machine'
import { sayBye } from './bye-rules.ts'
import { openMore } from './calling-rules.ts'
import { NEIGHBOURS_MAX } from './constants.ts'
import type { Fx, GnutellaState } from './state.ts'
import type { GnutellaCommand } from './types.ts'

/** Fields of a pong have 32 bits. */
const COUNT_MAX = 2 ** 32 - 1

export function share(state: GnutellaState, said: GnutellaCommand & { readonly type: 'sharing' }): void {
  state.sharing = {
    files: Math.max(0, Math.min(COUNT_MAX, Math.trunc(said.files) || 0)),
    kibibytes: Math.max(0, Math.min(COUNT_MAX, Math.trunc(said.kibibytes) || 0)),
    firewalled: said.firewalled
  }
  state.tiers.bandwidth = { down: said.downBytesPerS, up: said.upBytesPerS }
}

/** More places are looked for; of fewer, the links that came last lose theirs. */
export function resize(state: GnutellaState, fx: Fx, places: number): void {
  state.flatPlaces = clamp(places, 1, NEIGHBOURS_MAX)
  // In the two tiers places are those of the tier.
  if (!state.tiers.flat) return
  state.ownWanted = Math.min(state.ownWanted, state.sought)
  for (const neighbour of state.neighbours.up.slice(state.places)) {
    sayBye(state, fx, neighbour, 503, 'The user left fewer places')
  }
  for (const neighbour of state.neighbours.up) {
    neighbour.relayed = state.relayShare(state.nowMs)
    neighbour.calls = state.callShare(state.nowMs)
  }
  openMore(state, fx)
}
