/** Leaving in good order: values go to others, and the end of the own chain says farewell, which nobody can forge. */
import { SELF } from '@servent/overlay/machine'
import { CHAIN_LENGTH, PEER_PREFIX_BYTES } from './constants.ts'
import { tellFarewell } from './gossip.ts'
import { handOverValues } from './hand-over.ts'
import { JOIN_TIMER } from './join.ts'
import type { Kelips } from './kelips.ts'
import { farewellOf } from './own-life.ts'
import { savePeers } from './saved-peers.ts'
import { disarmRounds, SAVE_TIMER } from './timers.ts'
import type { Fx } from './types.ts'

export function leave(kelips: Kelips, fx: Fx): void {
  if (kelips.mode === 'idle') return
  if (kelips.settings.saveMs > 0) savePeers(kelips, fx)
  if (kelips.mode === 'member') {
    handOverValues(kelips, fx)
    const value = farewellOf(kelips)
    const peer = kelips.peers.key(SELF).slice(0, PEER_PREFIX_BYTES)
    if (value !== undefined) tellFarewell(kelips, { peer, beat: CHAIN_LENGTH, value }, fx)
  }
  disarmRounds(fx)
  for (const timer of [JOIN_TIMER, SAVE_TIMER]) fx.cancelTimer(timer)
  kelips.left += 1
  kelips.pulling = false
  kelips.introducing.clear()
  kelips.setMode('idle', fx)
}
