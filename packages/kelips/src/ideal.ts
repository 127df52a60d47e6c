/**
 * Tables of a network as an observer who knows everybody builds them: what every peer's come to once nothing has
 * changed for long. Simulations start from them, and tests hold what a network did against them.
 */
import { compareKeys, type Key, xorDistance } from '@servent/overlay/machine'
import { setLevel } from './epoch.ts'
import { groupOf, levelFor } from './group.ts'
import { becomeMember, JOIN_TIMER } from './join.ts'
import type { Kelips } from './kelips.ts'
import type { Fx, KelipsCommand, KnownLife } from './types.ts'

/** Numbers of peers, as the observer has them in its list: from 0. */
export interface IdealTables {
  readonly members: readonly number[]
  readonly contacts: readonly number[]
}

/** Whom contacts are chosen from, and by what. */
export interface IdealChoice {
  /** Members of each group that are looked at. */
  readonly samples: number
  /** A whole number in [0, n). */
  below(n: number): number
  /** Between two peers, in any unit; left out: the first ones are as good as others. */
  rtt?(from: number, to: number): number
}

/** All peers of a network, by their groups. */
export class IdealGroups {
  readonly level: number
  readonly groups: readonly (readonly number[])[]
  readonly #keys: readonly Key[]

  /** `level` where it is fixed; else as many groups as the peers come to choose. */
  constructor(keys: readonly Key[], level = levelFor(Math.log2(Math.max(1, keys.length)))) {
    this.level = level
    this.#keys = keys
    const groups: number[][] = Array.from({ length: 2 ** level }, () => [])
    for (const [peer, key] of keys.entries()) groups[groupOf(key, level)]!.push(peer)
    this.groups = groups
  }

  /** The peer that is nearest to a key: what a lookup finds. */
  nearest(key: Key): number {
    const group = this.groups[groupOf(key, this.level)]!
    const all = group.length > 0 ? group : this.#keys.map((_, peer) => peer)
    const distance = (peer: number): Uint8Array => xorDistance(key, this.#keys[peer]!)
    return all.reduce((best, peer) => (compareKeys(distance(peer), distance(best)) < 0 ? peer : best))
  }

  tables(peer: number, contacts: number, choice: IdealChoice): IdealTables {
    const own = groupOf(this.#keys[peer]!, this.level)
    return {
      members: this.groups[own]!.filter(other => other !== peer),
      contacts: this.groups.flatMap((members, group) =>
        group === own ? [] : chosen(peer, members, contacts, choice)
      )
    }
  }
}

function chosen(peer: number, members: readonly number[], count: number, choice: IdealChoice): number[] {
  if (members.length <= count) return [...members]
  const wanted = Math.min(members.length, Math.max(count, choice.samples))
  const all: number[] = []
  while (all.length < wanted) {
    const sample = members[choice.below(members.length)]!
    if (!all.includes(sample)) all.push(sample)
  }
  const { rtt } = choice
  if (rtt !== undefined) all.sort((a, b) => rtt(peer, a) - rtt(peer, b) || a - b)
  return all.slice(0, count)
}

/** Takes tables as they are, as far as there is room. Nothing in them is news. */
export function adoptTables(
  kelips: Kelips,
  { level, members, contacts }: KelipsCommand & { type: 'adopt' },
  fx: Fx
): void {
  setLevel(kelips, level, fx)
  const { view, nowMs } = kelips
  const take = ({ peer, life, rttMs }: KnownLife, isMember: boolean): void => {
    const table = isMember ? view : kelips.contacts.table
    if (kelips.knows(peer)) return
    const row = isMember ? view.add(peer, life, nowMs) : kelips.contacts.add(peer, life, nowMs)
    if (row < 0) return
    table.told(row, Number.MAX_SAFE_INTEGER)
    if (rttMs !== undefined) table.setRtt(row, rttMs)
  }
  view.reserve(members.length)
  kelips.contacts.table.reserve(contacts.length)
  for (const known of members) take(known, true)
  for (const known of contacts) take(known, false)
  kelips.estimate = kelips.localEstimate
  kelips.metMs ??= kelips.nowMs
  fx.cancelTimer(JOIN_TIMER)
  becomeMember(kelips, fx)
}
