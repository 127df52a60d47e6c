/**
 * How the number of groups follows the number of peers. Each peer counts its own group, and all average what they
 * come to, so that they change within a few rounds of each other. Then a group splits into two by one bit more, or
 * two merge by one bit less, and both epochs answer meanwhile: after a split, a peer goes on to keep and answer for
 * the other half's tuples, until those there have had time to hear of everything; after a merge it answers for its
 * own half until it has pulled the other half's tuples, and passes on what is asked of that one.
 */
import { EPOCH_ROUNDS } from './constants.ts'
import { dropTuples } from './expiry.ts'
import { isSameGroup, nextLevel } from './group.ts'
import { enter } from './intake.ts'
import { pullFrom } from './join.ts'
import type { Kelips } from './kelips.ts'
import type { Fx } from './types.ts'

/** Once a round. */
export function watchEpoch(kelips: Kelips, fx: Fx): void {
  if (kelips.epochRounds < EPOCH_ROUNDS) return
  // The old epoch is over: whoever needed the answers of a split has had its time.
  if (kelips.answerLevel < kelips.level) endEpoch(kelips)
  if (kelips.settings.groups !== undefined || kelips.mode !== 'member') return
  const next = nextLevel(kelips.level, kelips.estimate)
  if (next === kelips.level) return
  const isSplit = next > kelips.level
  const { level } = kelips
  setLevel(kelips, next, fx)
  // After a split this peer still answers for the whole, after a merge for its half.
  kelips.answerLevel = level
  kelips.counters[isSplit ? 'splits' : 'merges'] += 1
  if (!isSplit) pullFrom(kelips, 'merge', fx)
}

/** Goes by another number of groups: members and contacts are put where they belong now. */
export function setLevel(kelips: Kelips, level: number, fx: Fx): void {
  if (level === kelips.level) return
  const { view, contacts } = kelips
  kelips.level = level
  kelips.answerLevel = level
  kelips.epochRounds = 0
  // These are numbers of other groups now.
  kelips.reoffers.clear()
  const moved = contacts.relevel(level, kelips.key)
  for (let row = view.size - 1; row >= 0; row -= 1) {
    const peer = view.peerAt(row)
    if (isSameGroup(kelips.peers.key(peer), kelips.key, level)) continue
    moved.push({ peer, life: view.lifeAt(row) })
    view.remove(row)
  }
  for (const { peer, life } of moved) enter(kelips, peer, { contact: kelips.peers.contact(peer), ...life })
  fx.notify({ type: 'level', level })
}

function endEpoch(kelips: Kelips): void {
  kelips.answerLevel = kelips.level
  dropTuples(kelips, row => !kelips.keeps(kelips.tuples.prefixAt(row)))
}
