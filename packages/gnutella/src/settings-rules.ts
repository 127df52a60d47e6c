/** What the user changes while the servent runs. */
import { sayBye } from './bye-rules.ts'
import { openMore } from './calling-rules.ts'
import { clamp } from './clamp.ts'
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
  const { tiers } = state
  // In the two tiers they are for other ultrapeers: a leaf keeps three, and places for leaves are apart.
  if (tiers.flat) state.flatPlaces = clamp(places, NEIGHBOURS_MAX)
  else tiers.degree = clamp(places, NEIGHBOURS_MAX)
  if (tiers.tier === 'leaf') return
  state.ownWanted = Math.min(state.ownWanted, state.sought)
  for (const neighbour of state.neighbours.peers.slice(state.places)) {
    sayBye(state, fx, neighbour, 503, 'The user left fewer places')
  }
  for (const neighbour of state.neighbours.up) {
    neighbour.relayed = state.relayShare(state.nowMs)
    neighbour.calls = state.callShare(state.nowMs)
  }
  openMore(state, fx)
}
