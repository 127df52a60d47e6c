/** How many heartbeats a peer has had the time for since the last one that is known of it. */
import type { Kelips } from './kelips.ts'
import type { Life } from './life-table.ts'

/**
 * By when it was heard of, and by its own clock, since it may have answered meanwhile without a heartbeat. Its clock is
 * believed as far as that explains: by the time after which nothing is heard of a member that is gone.
 */
export function beatsDue(kelips: Kelips, life: Pick<Life, 'startS' | 'beat'>, heardMs: number): number {
  const beats = (ms: number) => Math.floor(Math.max(0, ms) / kelips.settings.heartbeatMs)
  const heard = beats(kelips.nowMs - heardMs)
  const born = beats(kelips.wallMs - kelips.bornMs(life))
  return Math.max(heard, Math.min(born, heard + beats(kelips.memberTimeoutMs())))
}
