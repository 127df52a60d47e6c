/**
 * Repair of values, once a minute. Of homenodes that are left the nearest to the key places what is missing. What this
 * peer is said to have and has not, since it has restarted, it takes back, so that others see what is missing.
 */
import { nameOf } from '@servent/key-routing/machine'
import { SELF } from '@servent/overlay/machine'
import { PREFIX_BYTES, REPAIRS_PER_ROUND, SIGN_MAX } from './constants.ts'
import { anyMember } from './gossip.ts'
import type { Kelips } from './kelips.ts'
import type { PeerTuple } from './messages.ts'
import { nearestMembers } from './nearest.ts'
import { say } from './publish.ts'
import type { Fx } from './types.ts'
import { homesOf, isTold, sendValue, tellOf } from './values.ts'

/** A few values, each round of repair. */
export function repairValues(kelips: Kelips, fx: Fx): void {
  const { values, settings } = kelips
  values.sweep(kelips.nowMs, kelips.wallMs)
  withdrawLost(kelips, fx)
  let left = REPAIRS_PER_ROUND
  for (const slot of values.slots.values()) {
    if (left === 0) return
    const record = [...slot.held.values()][0]?.record
    if (!kelips.keeps(slot.key) || record === undefined) continue
    if (!isTold(kelips, record)) {
      left -= 1
      tellOf(kelips, record, fx)
    }
    const homes = homesOf(kelips, slot.key)
    const most = Math.min(settings.replicas, kelips.view.size + 1)
    if (homes.length >= most) continue
    const [first] = nearestMembers(kelips, slot.key, kelips.view.size + 1).filter(
      peer => peer === SELF || homes.includes(peer)
    )
    if (first !== SELF) continue
    left -= 1
    const next = anyMember(kelips, fx, homes)
    if (next !== undefined) sendValue(kelips, next, record, 'replica', () => undefined, fx)
  }
}

/**
 * Own tuples, which others had kept, of values that were in the memory of the run before. A tuple has only the first
 * bytes of its key, so the value cannot be asked for.
 */
function withdrawLost(kelips: Kelips, fx: Fx): void {
  const { tuples, origins, values, wallMs } = kelips
  if (origins.tuplesOf(SELF) === 0) return
  const held = new Set<string>()
  for (const { key } of values.slots.values()) held.add(nameOf(key.slice(0, PREFIX_BYTES)))
  const lost: PeerTuple[] = []
  for (let row = 0; row < tuples.size && lost.length < SIGN_MAX; row += 1) {
    if (tuples.originAt(row) !== SELF || tuples.isWithdrawn(row) || tuples.expiresMs(row) <= wallMs) continue
    const tuple = kelips.tupleAt(row)
    if (tuple.kind === 'value' && !held.has(nameOf(tuple.prefix))) lost.push(tuple)
  }
  withdraw(kelips, lost, fx)
}

/** Takes own tuples back, for as long as they would be valid. */
function withdraw(kelips: Kelips, own: readonly PeerTuple[], fx: Fx): void {
  const withdrawals = own.map(tuple => ({
    ...tuple,
    sequence: Math.min(Number.MAX_SAFE_INTEGER, tuple.sequence + 1),
    withdrawn: true
  }))
  say(kelips, withdrawals, () => undefined, fx)
}
