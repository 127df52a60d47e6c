/**
 * Before this peer leaves: each of its values goes to somebody who has it not, by its tuples, and where that one refuses
 * it to another. A few are under way at a time, so that no heir has more to check than it takes.
 */
import type { StoredRecord } from '@servent/key-routing/machine'
import type { Key, Peer } from '@servent/overlay/machine'
import { HAND_OVERS_AT_ONCE, INSERT_TRIES } from './constants.ts'
import { anyMember } from './gossip.ts'
import { homesOf } from './homes.ts'
import type { Kelips } from './kelips.ts'
import { contactsFor } from './nearest.ts'
import type { Fx } from './types.ts'
import { mayOthersTake, sendValue } from './values.ts'

interface Bequest {
  readonly record: StoredRecord
  /** Held, so that no other peer has one of these handles. */
  readonly tried: Peer[]
  readonly release: () => void
}

export function handOverValues(kelips: Kelips, fx: Fx): void {
  const waiting: Bequest[] = []
  for (const slot of kelips.values.slots.values()) {
    const record = [...slot.held.values()][0]?.record
    if (record === undefined) continue
    const tried: Peer[] = []
    waiting.push({ record, tried, release: kelips.hold(tried) })
  }
  // In the order in which they are kept.
  new HandingOver(kelips, waiting.reverse()).run(fx)
}

class HandingOver {
  readonly #kelips: Kelips
  readonly #waiting: Bequest[]
  /** Of the membership that ends. */
  readonly #chain: Kelips['chain']
  #running = 0
  #isFilling = false

  constructor(kelips: Kelips, waiting: Bequest[]) {
    this.#kelips = kelips
    this.#waiting = waiting
    this.#chain = kelips.chain
  }

  /** A request may come to nothing at once. */
  run(fx: Fx): void {
    if (this.#isFilling) return
    this.#isFilling = true
    while (this.#running < HAND_OVERS_AT_ONCE) {
      const bequest = this.#waiting.pop()
      if (bequest === undefined) break
      this.#give(bequest, fx)
    }
    this.#isFilling = false
  }

  #give(bequest: Bequest, fx: Fx): void {
    const { record, tried, release } = bequest
    const kelips = this.#kelips
    // Whoever has come back in the meantime keeps its values.
    const isOver = tried.length >= INSERT_TRIES || kelips.chain !== this.#chain
    const peer = isOver ? undefined : heirOf(kelips, record.key, tried, fx)
    if (peer === undefined) {
      release()
      return
    }
    tried.push(peer)
    this.#running += 1
    sendValue(
      kelips,
      peer,
      record,
      'hand-over',
      (outcome, later) => {
        this.#running -= 1
        if (mayOthersTake(outcome)) this.#waiting.push(bequest)
        else release()
        this.run(later)
      },
      fx
    )
  }
}

/** A member of the key's group, which since a split may be another one than this peer's. */
function heirOf(kelips: Kelips, key: Key, tried: readonly Peer[], fx: Fx): Peer | undefined {
  const isElsewhere = !kelips.isMember(key)
  const contact = isElsewhere ? contactsFor(kelips, key).find(peer => !tried.includes(peer)) : undefined
  if (contact !== undefined || (isElsewhere && !kelips.keeps(key))) return contact
  return anyMember(kelips, fx, [...homesOf(kelips, key), ...tried])
}
