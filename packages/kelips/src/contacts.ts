/**
 * Contacts (IPTPS section 2): for each foreign group a few of its members, by which a lookup reaches it in one hop.
 * Lives stand in one packed table, and two bytes for each place say in which row.
 */
import type { Key, Peer } from '@servent/overlay/machine'
import { CONTACTS_ALL_MAX } from './constants.ts'
import { groupOf } from './group.ts'
import { type Life, LifeTable } from './life-table.ts'
import { NO_HALVES } from './packed-rows.ts'

export class Contacts {
  readonly table: LifeTable
  readonly #perGroup: number
  readonly #keyOf: (peer: Peer) => Key
  #level = 0
  /** For each group so many places: row plus one; 0 is free. */
  #places = NO_HALVES

  constructor(perGroup: number, freshTold: number, keyOf: (peer: Peer) => Key) {
    this.#perGroup = perGroup
    this.#keyOf = keyOf
    this.table = new LifeTable(CONTACTS_ALL_MAX, freshTold, keyOf)
  }

  get byteLength(): number {
    return this.table.byteLength + this.#places.byteLength
  }

  /** Rows of a group. */
  of(group: number): number[] {
    const rows: number[] = []
    const from = group * this.#perGroup
    for (let at = from; at < from + this.#perGroup; at += 1) {
      const row = (this.#places[at] ?? 0) - 1
      if (row >= 0) rows.push(row)
    }
    return rows
  }

  hasRoom(group: number): boolean {
    return this.table.size < this.table.rowsMax && this.of(group).length < this.#perGroup
  }

  /** False: the group has its contacts. The peer must not be there. */
  add(peer: Peer, life: Life, nowMs: number): number {
    const group = groupOf(this.#keyOf(peer), this.#level)
    if (this.#places.length === 0) this.#places = new Uint16Array(2 ** this.#level * this.#perGroup)
    const from = group * this.#perGroup
    const free = this.#places.indexOf(0, from)
    if (free < 0 || free >= from + this.#perGroup) return -1
    const row = this.table.add(peer, life, nowMs)
    if (row >= 0) this.#places[free] = row + 1
    return row
  }

  remove(row: number): void {
    const last = this.table.size - 1
    this.#places[this.#placeOf(row)] = 0
    if (row !== last) this.#places[this.#placeOf(last)] = row + 1
    this.table.remove(row)
  }

  /** Places for other groups; those that find none there are given back, with those that are of the own group now. */
  relevel(level: number, self: Key): { readonly peer: Peer; readonly life: Life }[] {
    const all = Array.from({ length: this.table.size }, (_, row) => ({
      peer: this.table.peerAt(row),
      life: this.table.lifeAt(row),
      heardMs: this.table.heardMs(row),
      rttMs: this.table.rttMs(row)
    }))
    while (this.table.size > 0) this.table.remove(this.table.size - 1)
    this.#level = level
    this.#places = NO_HALVES
    const own = groupOf(self, level)
    const left: { peer: Peer; life: Life }[] = []
    for (const { peer, life, heardMs, rttMs } of all) {
      const row = groupOf(this.#keyOf(peer), level) === own ? -1 : this.add(peer, life, heardMs)
      if (row < 0) left.push({ peer, life })
      else if (rttMs > 0) this.table.setRtt(row, rttMs)
    }
    return left
  }

  #placeOf(row: number): number {
    const from = groupOf(this.#keyOf(this.table.peerAt(row)), this.#level) * this.#perGroup
    let at = from
    while (this.#places[at] !== row + 1) at += 1
    return at
  }
}
