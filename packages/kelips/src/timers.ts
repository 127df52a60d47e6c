/** When rounds come: each after three quarters to five quarters of its period, so that peers do not fall into step. */
import { REPAIR_VALUES_MS } from './constants.ts'
import type { Kelips } from './kelips.ts'
import type { Fx } from './types.ts'

export const GOSSIP_TIMER = 'gossip'
export const MERGE_TIMER = 'merge'
export const SAVE_TIMER = 'save-peers'
export const REPAIR_TIMER = 'repair'

export function jittered(fx: Fx, periodMs: number): number {
  return Math.floor(0.75 * periodMs) + (fx.random() % Math.ceil(periodMs / 2))
}

/** Only members have rounds. */
export function armRounds(kelips: Kelips, fx: Fx): void {
  if (!kelips.maintenance || kelips.mode !== 'member') return
  const { gossipMs, mergeMs } = kelips.settings
  fx.setTimer(GOSSIP_TIMER, jittered(fx, gossipMs))
  if (mergeMs > 0) fx.setTimer(MERGE_TIMER, jittered(fx, mergeMs))
  fx.setTimer(REPAIR_TIMER, jittered(fx, REPAIR_VALUES_MS))
}

export function disarmRounds(fx: Fx): void {
  for (const timer of [GOSSIP_TIMER, MERGE_TIMER, REPAIR_TIMER]) fx.cancelTimer(timer)
}
