/** What a provider does on the word of others: how often it says that it lives, and what it offers again. */
import type { StoreOutcome } from '@servent/key-routing/machine'
import type { Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  OFFER_TUPLES_MAX,
  PREFIX_BYTES,
  REFRESH_FACTOR_MAX,
  REFRESH_MS_FIRST,
  REFRESH_MS_LEAST,
  REFRESH_MS_MAX,
  REFRESHES_PER_TIMEOUT,
  REOFFER_BURST_BYTES,
  REOFFER_BYTES_PER_S,
  TUPLES_PER_ORIGIN_MAX
} from '../src/constants.ts'
import { setLevel } from '../src/epoch.ts'
import { enter } from '../src/intake.ts'
import type { Offer } from '../src/messages.ts'
import { beginChain } from '../src/own-life.ts'
import { tupleName } from '../src/publish.ts'
import { refreshOrigins } from '../src/refresh.ts'
import { groupByteLength } from '../src/wire-group.ts'
import { type Lone, lifeOf, lone, tupleOf } from './support/lone.ts'

interface Word {
  readonly known: number
  readonly refreshS: number
  /** All `kept`, where it says nothing of it. */
  readonly outcomes?: readonly StoreOutcome[]
}

type Done = (outcome: object, fx: object) => void

/** With so many tuples in the other of two groups, of which it knows two contacts. `says` answers each offer. */
function provider(count: number, says: (offer: Offer, peer: Peer) => Word) {
  const { kelips, fx } = lone({ groups: 2 })
  setLevel(kelips, 1, fx)
  beginChain(kelips, fx)
  const own = (number: number): void => {
    const prefix = new Uint8Array(PREFIX_BYTES)
    new DataView(prefix.buffer).setUint32(4, number)
    const tuple = {
      ...tupleOf(0, 1, { prefix, signature: new Uint8Array(64) }),
      provider: kelips.peers.contact(0)
    }
    kelips.ownTuples.set(tupleName(tuple), tuple)
  }
  for (let number = 0; number < count; number += 1) own(number)
  const numbers = Array.from({ length: 50 }, (_, at) => at + 1)
  const peerOf = (number: number): Peer => kelips.peers.intern(testContact(number))
  const contacts = numbers.filter(number => !kelips.isMember(kelips.peers.key(peerOf(number)))).slice(0, 2)
  for (const number of contacts) enter(kelips, peerOf(number), lifeOf(number))
  const [nearest] = contacts.map(peerOf)
  kelips.contacts.table.setRtt(kelips.contacts.table.find(nearest!), 1)
  const offers: { readonly ms: number; readonly offer: Offer; readonly bytes: number }[] = []
  const held: (() => void)[] = []
  const all = { isHeld: false }
  kelips.calls.request = ((peer: Peer, offer: Offer, _priority: number, done: Done) => {
    offers.push({ ms: kelips.nowMs, offer, bytes: groupByteLength(offer) })
    const outcomes = offer.tuples.map(() => 'kept')
    const answer = (): void => {
      done({ answer: { type: 'offered', id: offer.id, outcomes, ...says(offer, peer) } }, fx)
    }
    if (all.isHeld) held.push(answer)
    else answer()
  }) as never
  return {
    kelips,
    fx,
    held,
    all,
    offers,
    own,
    nearest: nearest!,
    /** Each second. */
    runFor: (seconds: number) => {
      for (let s = 0; s < seconds; s += 1) {
        kelips.nowMs += 1000
        refreshOrigins(kelips, fx)
      }
    },
    /** Of those that were offered again, in their order. */
    offered: () =>
      offers.flatMap(({ offer }) =>
        offer.tuples.map(({ prefix }) => new DataView(prefix.buffer).getUint32(4))
      ),
    lifeSigns: () => offers.filter(({ offer }) => offer.tuples.length === 0).map(({ ms }) => ms)
  }
}

it('it says that it lives no sooner than REFRESH_MS_LEAST, however soon it is asked to', () => {
  const { runFor, lifeSigns } = provider(3, () => ({ known: 3, refreshS: 0 }))
  runFor(200)
  const times = lifeSigns()
  expect(times.length).toBeGreaterThan(3)
  for (const [at, ms] of times.slice(1).entries())
    expect(ms - times[at]!).toBeGreaterThanOrEqual(REFRESH_MS_LEAST)
})

it('nor later than REFRESH_FACTOR_MAX times as its own group would have it, however late it is asked to', () => {
  const { kelips, runFor, lifeSigns } = provider(3, () => ({ known: 3, refreshS: REFRESH_MS_MAX / 1000 }))
  const ownMs = kelips.originTimeoutMs() / REFRESHES_PER_TIMEOUT
  runFor(20 * (ownMs / 1000))
  const [first, ...later] = lifeSigns()
  expect(later.length).toBeGreaterThan(5)
  for (const [at, ms] of later.entries())
    expect(ms - [first!, ...later][at]!).toBe(REFRESH_FACTOR_MAX * ownMs)
})

describe('what a group has lost', () => {
  it('is offered again, all of it, and once to who has no more then than before', () => {
    const { runFor, offered } = provider(100, () => ({ known: 7, refreshS: 1 }))
    runFor(600)
    expect(offered()).toEqual(Array.from({ length: 100 }, (_, at) => at))
  })

  it('is offered to it again when it had all meanwhile, or has more than before', () => {
    let known = 0
    const { runFor, offered } = provider(10, ({ tuples }) => {
      if (tuples.length > 0) known = tuples.length
      return { known, refreshS: 1 }
    })
    runFor(200)
    expect(offered()).toHaveLength(10)
    known = 0
    runFor(200)
    expect(offered()).toHaveLength(20)
  })

  it('is offered to it again when it has lost it again, before it has said that it had it', () => {
    let known = 0
    const { runFor, offered } = provider(10, ({ tuples }) => {
      if (tuples.length > 0) known = tuples.length
      return { known, refreshS: 300 }
    })
    runFor(100)
    expect(known).toBe(10)
    known = 0
    runFor(300)
    expect(known).toBe(10)
    expect(offered()).toHaveLength(20)
  })

  it('and was not kept is offered by the next sign of life, and what is never kept does not stop the rest', () => {
    for (const outcome of ['busy', 'refused', 'not-root'] as const) {
      const kept = new Set<number>()
      let isReady = false
      const { runFor, lifeSigns, offered } = provider(150, ({ tuples }) => {
        const numbers = tuples.map(({ prefix }) => new DataView(prefix.buffer).getUint32(4))
        // Never the first one, and nothing at all at first.
        const isKept = numbers.map(number => isReady && number > 0)
        for (const [at, number] of numbers.entries()) if (isKept[at]) kept.add(number)
        return { known: kept.size, refreshS: 1, outcomes: isKept.map(is => (is ? 'kept' : outcome)) }
      })
      runFor(100)
      expect(offered()).toHaveLength(OFFER_TUPLES_MAX * lifeSigns().length)
      isReady = true
      runFor(100)
      expect(kept.size).toBe(149)
      const before = offered().length
      const signs = lifeSigns().length
      runFor(100)
      expect(offered().slice(before)).toEqual(Array.from({ length: lifeSigns().length - signs }, () => 0))
      // What it keeps never does not stop the others when they are lost.
      kept.clear()
      runFor(100)
      expect(kept.size).toBe(149)
    }
  })

  it('is offered to another one that lacks it', () => {
    const { runFor, offered, kelips, nearest } = provider(10, () => ({ known: 0, refreshS: 1 }))
    runFor(200)
    kelips.bury(nearest)
    runFor(200)
    expect(offered()).toHaveLength(20)
  })

  it('is offered once to each of two that have no more then, however they take turns', () => {
    for (const ofOther of [90, 100]) {
      const { runFor, offered, kelips, nearest } = provider(100, (_, peer) => ({
        known: peer === nearest ? 90 : ofOther,
        refreshS: 1
      }))
      const { table } = kelips.contacts
      for (let turn = 0; turn < 20; turn += 1) {
        for (let row = 0; row < table.size; row += 1) table.setRtt(row, (row + turn) % 2 === 0 ? 10 : 20)
        runFor(40)
      }
      expect(offered()).toHaveLength(ofOther === 90 ? 200 : 100)
    }
  })

  it('is no more than TUPLES_PER_ORIGIN_MAX, which is what a group keeps', () => {
    const { runFor, offered } = provider(TUPLES_PER_ORIGIN_MAX + 50, () => ({
      known: TUPLES_PER_ORIGIN_MAX,
      refreshS: 1
    }))
    runFor(200)
    expect(offered()).toEqual([])
  })

  it('takes REOFFER_BYTES_PER_S, and goes on where it stopped', () => {
    // As a liar would, who has one more each time.
    let known = 0
    const { runFor, offered, offers } = provider(4000, () => {
      known += 1
      return { known: known % 3000, refreshS: 1 }
    })
    runFor(120)
    const first = offered()
    expect(first.length).toBeLessThan(4000)
    const seconds = 1200
    runFor(seconds)
    const all = offered()
    expect(new Set(all).size).toBe(4000)
    expect(all.slice(0, 4000)).toEqual(Array.from({ length: 4000 }, (_, at) => at))
    const bytes = offers
      .filter(({ offer }) => offer.tuples.length > 0)
      .reduce((sum, one) => sum + one.bytes, 0)
    expect(bytes).toBeLessThan(1.05 * (REOFFER_BURST_BYTES + (seconds + 120) * REOFFER_BYTES_PER_S))
    expect(bytes).toBeGreaterThan(0.8 * (REOFFER_BURST_BYTES + seconds * REOFFER_BYTES_PER_S))
  })

  it('waits for the budget, and not for a sign of life that is due later', () => {
    const kept = new Set<number>()
    const { runFor, offers } = provider(4000, ({ tuples }) => {
      for (const { prefix } of tuples) kept.add(new DataView(prefix.buffer).getUint32(4))
      return { known: kept.size, refreshS: 7200 }
    })
    runFor(300)
    expect(kept.size).toBe(4000)
    runFor(3600)
    const times = offers.filter(({ offer }) => offer.tuples.length > 0).map(({ ms }) => ms)
    expect(times.at(-1)! - times[0]!).toBeLessThan(300_000)
    const signs = offers.filter(({ offer }) => offer.tuples.length === 0)
    for (const [at, { ms }] of signs.slice(1).entries())
      expect(ms - signs[at]!.ms).toBeGreaterThanOrEqual(REFRESH_MS_LEAST)
  })

  it('is forgotten, with whom it was offered to, when groups are others or there is nothing to offer', () => {
    const held = ({ kelips }: Pick<Lone, 'kelips'>) => {
      const peers: Peer[] = []
      for (const { known } of kelips.reoffers.values()) peers.push(...known.keys())
      return peers
    }
    const own = provider(10, () => ({ known: 3, refreshS: 1 }))
    own.runFor(100)
    expect(held(own)).toEqual([own.nearest])
    own.kelips.ownTuples.clear()
    own.runFor(1)
    expect(held(own)).toEqual([])

    const other = provider(200, () => ({ known: 0, refreshS: 1 }))
    other.runFor(REFRESH_MS_FIRST / 1000)
    other.all.isHeld = true
    other.runFor(REFRESH_MS_FIRST / 1000)
    for (const answer of other.held.splice(0)) answer()
    expect(held(other)).toEqual([other.nearest])
    setLevel(other.kelips, 2, other.fx)
    expect(held(other)).toEqual([])
    const before = other.offered().length
    for (const answer of other.held.splice(0)) answer()
    expect(other.offered()).toHaveLength(before)
  })

  it('goes in one offer at a time, however long each takes', () => {
    const { runFor, held, all, offers } = provider(200, () => ({ known: 0, refreshS: 1 }))
    runFor(REFRESH_MS_FIRST / 1000)
    all.isHeld = true
    runFor(5 * (REFRESH_MS_FIRST / 1000))
    for (const answer of held.splice(0)) answer()
    runFor(REFRESH_MS_FIRST / 1000)
    for (const answer of held.splice(0)) answer()
    const reoffers = offers.filter(({ offer }) => offer.tuples.length > 0).length
    expect(reoffers).toBeLessThanOrEqual(2)
  })
})
