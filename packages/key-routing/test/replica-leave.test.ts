/** What a peer that leaves gives to whom, and when it gives up. */
import { HOST_LIMITS } from '@servent/libp2p-host'
import type { Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  HAND_OVER_LOOKUPS_MAX,
  HEIRS_MAX,
  LEAVE_LOOKUPS_MS,
  LEAVE_PAUSE_MS,
  LEAVE_ROUNDS_MAX,
  LEAVE_SYNC_REQUESTS,
  REPAIR_MS,
  type RoutingMessage,
  STORE_BYTES_MAX,
  SYNCS_AT_ONCE,
  VALUE_BYTES_MAX
} from '../src/machine.ts'
import { Home } from './home.ts'
import { spreadKey } from './record-ring.ts'
import { keyAt } from './solo.ts'

/** One that leaves: `told` counts how often it was said that all is given. */
class Leaver extends Home {
  told = 0

  /** Peers that hold copies, linked and held as an overlay holds its neighbours. */
  neighbours(count: number): number[] {
    const links = Array.from({ length: count }, (_, index) => this.link(index + 2))
    this.routing.copies = links.map((_, index) => this.peer(index + 2))
    for (const peer of this.routing.copies) this.router.calls.hold(peer, 'test')
    return links
  }

  leave(): void {
    this.act(() =>
      this.keeper.handOverAll(() => {
        this.told += 1
      }, this.effects)
    )
  }

  say(link: number, message: RoutingMessage): void {
    this.give({ type: 'message', link, message })
  }

  /** Comparisons that this link was asked for and that were not taken yet. */
  compared(link: number): number[] {
    const asked = this.effects.sent(link).filter(message => message.type === 'digest-request')
    this.effects.take()
    return asked.map(message => (message.type === 'digest-request' ? message.id : 0))
  }

  isBusy(link: number): void {
    const asked = this.compared(link)
    expect(asked).toHaveLength(1)
    for (const id of asked) this.say(link, { type: 'digest-answer', id, what: 'busy', hashes: [] })
  }

  /** What it answers to a link that compares all keys with it. */
  digestFrom(link: number): string | undefined {
    this.effects.take()
    this.say(link, { type: 'digest-request', id: 77, from: keyAt(0), to: keyAt(0), prefix: [], digest: 1 })
    const answer = this.effects.sent(link).find(message => message.type === 'digest-answer')
    return answer?.type === 'digest-answer' ? answer.what : undefined
  }

  /** Until it is given nothing more. Gives how many stores waited for an answer at a time, the most. */
  feed(link: number): number {
    for (let most = 0; ; ) {
      const log = this.effects.sent(link)
      this.effects.take()
      if (log.length === 0) return most
      most = Math.max(most, log.filter(({ type }) => type === 'store').length)
      for (const message of log) {
        if (message.type === 'digest-request')
          this.say(link, { type: 'digest-answer', id: message.id, what: 'all', hashes: [] })
        if (message.type !== 'store') continue
        const { id, records } = message
        const outcomes = records.map(() => 'kept' as const)
        this.say(link, { type: 'stored', id, outcomes, copies: records.map(() => 1) })
      }
    }
  }

  /** The link says that it has nothing, and answers each record that it is given with this. */
  takes(link: number, outcome: 'kept' | 'not-root' | 'full'): void {
    for (const id of this.compared(link))
      this.say(link, { type: 'digest-answer', id, what: 'all', hashes: [] })
    for (const message of this.effects.sent(link)) {
      if (message.type !== 'store') continue
      const { id, records } = message
      const outcomes = records.map(() => outcome)
      this.say(link, { type: 'stored', id, outcomes, copies: records.map(() => 1) })
    }
  }
}

describe('a peer that leaves', () => {
  it('goes at once where it keeps nothing, or has nobody', () => {
    const empty = new Leaver()
    empty.neighbours(2)
    empty.leave()
    expect(empty.told).toBe(1)
    const alone = new Leaver()
    alone.store(alone.link(1), [alone.record(1)])
    alone.leave()
    for (let round = 1; round < LEAVE_ROUNDS_MAX; round += 1) {
      expect(alone.told).toBe(0)
      alone.advance(LEAVE_PAUSE_MS)
    }
    expect(alone.told).toBe(1)
  })

  it('gives the next root what it lacks, and nothing where it has all', () => {
    const home = new Leaver({ replicas: 0 })
    const [next] = home.neighbours(2) as [number, number]
    home.store(home.link(1), [home.record(1), home.record(1, { subject: keyAt(8) })])
    home.leave()
    home.takes(next, 'kept')
    expect(home.keeper.snapshot().counters.handedOver).toBe(2)
    expect(home.told).toBe(1)
    home.leave()
    for (const id of home.compared(next))
      home.say(next, { type: 'digest-answer', id, what: 'same', hashes: [] })
    expect(home.keeper.snapshot().counters.handedOver).toBe(2)
    expect(home.told).toBe(2)
    expect(home.keeper.snapshot().records).toBe(2)
  })

  it('goes on with the one behind an heir that is gone', () => {
    const home = new Leaver({ replicas: 0 })
    const [next, behind] = home.neighbours(2) as [number, number]
    home.store(home.link(1), [home.record(1)])
    home.leave()
    expect(home.compared(next)).toHaveLength(1)
    home.advance(30_000)
    home.takes(behind, 'kept')
    expect(home.told).toBe(1)
    expect(home.keeper.snapshot().counters.handedOver).toBe(1)
  })

  it(`asks the best heir for two rounds, then ${HEIRS_MAX} of them, in ${LEAVE_ROUNDS_MAX} rounds in all`, () => {
    const home = new Leaver({ replicas: 0 })
    const links = home.neighbours(HEIRS_MAX + 1)
    home.store(home.link(1), [home.record(1)])
    home.leave()
    for (let round = 1; round <= LEAVE_ROUNDS_MAX; round += 1) {
      expect(home.told).toBe(0)
      const asked = links.map(link => {
        const before = home.effects.sent(link).filter(({ type }) => type === 'digest-request').length
        home.takes(link, 'not-root')
        return before
      })
      expect(asked).toEqual(links.map((_, at) => (at < (round <= 2 ? 1 : HEIRS_MAX) ? 1 : 0)))
      if (round < LEAVE_ROUNDS_MAX) home.advance(LEAVE_PAUSE_MS)
    }
    expect(home.told).toBe(1)
    // It keeps what nobody took: it may be asked until it is gone.
    expect(home.keeper.snapshot().records).toBe(1)
  })

  it('asks who is the root of its copies, and gives that one what it lacks', () => {
    const home = new Leaver({ replicas: 0 })
    const [, root] = home.neighbours(2) as [number, number]
    home.store(home.link(1), [home.record(1)])
    home.routing.root = () => undefined
    home.root = { root: testContact(3), from: keyAt(0), to: keyAt(9), replicas: [] }
    home.leave()
    home.takes(root, 'kept')
    expect(home.told).toBe(1)
    expect(home.lookups).toEqual([keyAt(1)])
  })

  it('gives its copies to its heirs where it turns out to be the root, where its lookup fails, and where that one leaves', () => {
    for (const [isCutOff, root, turns] of [
      [false, 0, 1],
      [true, 0, 1],
      [false, 3, 2]
    ] as const) {
      const home = new Leaver({ replicas: 0 })
      const links = home.neighbours(2) as [number, number]
      home.store(home.link(1), [home.record(1)])
      home.routing.root = () => undefined
      home.isCutOff = isCutOff
      const contact = root === 0 ? home.effects.peers.contact(0) : testContact(root)
      home.root = { root: contact, from: keyAt(0), to: keyAt(9), replicas: [] }
      home.leave()
      if (turns === 2) home.isBusy(links[1])
      home.takes(links[0], 'kept')
      expect(home.told).toBe(1)
      expect(home.keeper.snapshot().counters.handedOver).toBe(1)
    }
  })

  it('goes on at once, and not after a pause, with the one behind an heir that is busy', () => {
    const home = new Leaver({ replicas: 0 })
    const links = home.neighbours(HEIRS_MAX)
    home.store(home.link(1), [home.record(1)])
    home.leave()
    for (const link of links.slice(0, -1)) home.isBusy(link)
    home.takes(links.at(-1)!, 'kept')
    expect(home.told).toBe(1)
    expect(home.keeper.snapshot().counters.handedOver).toBe(1)
  })

  it(`looks for roots for ${LEAVE_LOOKUPS_MS} ms in all: then copies go by its own tables`, () => {
    const home = new Leaver({ replicas: 0 })
    const [next] = home.neighbours(1) as [number]
    home.store(home.link(1), [home.record(1)])
    home.routing.root = () => undefined
    home.routing.hops = [{ peer: home.peer(9), root: true }]
    home.leave()
    home.advance(LEAVE_LOOKUPS_MS - 1)
    expect(home.compared(next)).toEqual([])
    home.advance(1)
    home.takes(next, 'not-root')
    // Nor does it look in the next round.
    home.advance(LEAVE_PAUSE_MS)
    home.takes(next, 'kept')
    expect([home.told, home.lookups.length]).toEqual([1, 1])
    // That the lookup ends after all changes nothing.
    home.advance(60_000)
    expect(home.compared(next)).toEqual([])
    expect(home.told).toBe(1)
  })

  it('promises nothing to others from when it begins: what they bring, and ask about, is for another one', () => {
    const home = new Leaver({ replicas: 0 })
    const [next] = home.neighbours(1) as [number]
    const link = home.link(1)
    const [there, checked] = [home.record(1), home.record(8)]
    home.store(link, [there])
    // Its signature is still checked when the peer begins to leave.
    home.store(link, [checked])
    const { id } = home.questions().at(-1)!
    home.leave()
    const asked = home.compared(next)
    expect(home.verified([true], id)).toEqual(['busy'])
    for (const as of ['root', 'replica', 'hand-over'] as const) {
      expect(home.store(link, [there], as)).toEqual(['busy'])
      expect(home.store(link, [home.record(1, { subject: keyAt(8) })], as)).toEqual(['busy'])
    }
    expect(home.digestFrom(link)).toBe('busy')
    expect(home.keeper.snapshot().records).toBe(1)
    home.say(next, { type: 'digest-answer', id: asked[0]!, what: 'same', hashes: [] })
    expect(home.told).toBe(1)
    expect(home.digestFrom(link)).toBe('all')
  })

  it('promises nothing when it has left either, until it is in its network again', () => {
    const home = new Leaver({ replicas: 0 })
    const link = home.link(1)
    home.store(link, [home.record(1)], 'replica')
    home.keeper.left(home.effects)
    // Who was in no network yet, or has fallen out of it, goes on to keep what it is given.
    home.routing.ready = false
    expect(home.store(link, [home.record(1)], 'replica')).toEqual(['busy'])
    expect(home.store(link, [home.record(1)], 'hand-over')).toEqual(['busy'])
    expect(home.digestFrom(link)).toBe('busy')
    home.routing.ready = true
    expect(home.store(link, [home.record(1)], 'replica')).toEqual(['kept'])
    expect(home.digestFrom(link)).toBe('all')
    const newcomer = new Leaver({ replicas: 0 })
    newcomer.routing.ready = false
    expect(newcomer.store(newcomer.link(1), [newcomer.record(1)], 'replica')).toEqual(['kept'])
  })

  it(`gives all at the pace of the answers, ${LEAVE_SYNC_REQUESTS} requests at a time, and beside repair and hand-over`, () => {
    const home = new Leaver({ replicas: 1, repairBytesPerS: 1 })
    const [next] = home.neighbours(1) as [number]
    const link = home.link(1)
    home.routing.copies = []
    home.routing.root = key => ({ from: keyAt(key[0]! - 1), to: keyAt(key[0]!) })
    const records = Array.from({ length: (SYNCS_AT_ONCE + 1) * 40 }, (_, index) =>
      home.record(1, {
        key: keyAt(1 + Math.floor(index / 40)),
        subject: keyAt(index),
        body: new Uint8Array(VALUE_BYTES_MAX),
        expiresMs: home.effects.wall + 1_000_000
      })
    )
    for (const record of records) expect(home.store(link, [record])).toEqual(['kept'])
    home.routing.copies = [home.peer(2)]
    const { root } = home.routing
    home.routing.root = (key, silent) => (key[0] === 1 ? undefined : root(key, silent))
    home.root = { root: testContact(2), from: keyAt(0), to: keyAt(1), replicas: [] }
    home.advance(REPAIR_MS)
    // The heir takes all that it is given, as long as it is given something.
    home.feed(next)
    const { sizes } = home.keeper.snapshot()
    expect([sizes.comparisons, sizes.handOvers]).toEqual([
      [SYNCS_AT_ONCE, SYNCS_AT_ONCE],
      [1, 1 + SYNCS_AT_ONCE]
    ])
    expect(sizes.paced).toEqual([SYNCS_AT_ONCE + 1, SYNCS_AT_ONCE + 1])
    const before = home.keeper.snapshot().counters.handedOver!
    home.leave()
    // What it is the root of, and what it has a copy of.
    expect(home.keeper.snapshot().sizes.handOvers).toEqual([1 + 2, 1 + SYNCS_AT_ONCE])
    const stores = home.feed(next)
    expect(stores).toBeLessThanOrEqual(SYNCS_AT_ONCE * LEAVE_SYNC_REQUESTS)
    expect(stores).toBeGreaterThan(1)
    expect(home.told).toBe(1)
    expect(home.keeper.snapshot().counters.handedOver! - before).toBe(records.length)
    expect(home.keeper.snapshot().sizes.paced).toEqual(sizes.paced)
    // What a queue has no room for is dropped, and its answer waited for in vain.
    const bytes = SYNCS_AT_ONCE * LEAVE_SYNC_REQUESTS * STORE_BYTES_MAX
    expect(bytes).toBeLessThan(HOST_LIMITS.queueBytesMax)
  })

  it('has nothing under way, and no timer, once its overlay has left, and gives all anew when that leaves again', () => {
    const home = new Leaver({ replicas: 0 })
    const [next, behind] = home.neighbours(2) as [number, number]
    home.store(home.link(1), [home.record(1)])
    home.leave()
    const [id] = home.compared(next)
    home.act(() => home.keeper.left(home.effects))
    home.say(next, { type: 'digest-answer', id: id!, what: 'all', hashes: [] })
    home.advance(30_000)
    expect([...home.effects.sent(next), ...home.effects.sent(behind)]).toEqual([])
    expect(home.told).toBe(0)
    // In the pause between two rounds, too.
    home.leave()
    home.takes(next, 'not-root')
    home.act(() => home.keeper.left(home.effects))
    home.store(home.link(5), [home.record(5)])
    home.leave()
    expect(home.compared(next)).toHaveLength(1)
    home.advance(LEAVE_PAUSE_MS)
    expect(home.compared(next)).toEqual([])
  })

  it('holds the heirs of what it gives and of what waits, until it has left', () => {
    const home = new Leaver({ replicas: 0 })
    const links = home.neighbours(SYNCS_AT_ONCE + 2)
    const all = links.map((_, index) => home.peer(index + 2))
    home.routing.replicas = (key, count) => [all[key[0]!]!, all.at(-1)!].slice(0, count)
    for (let number = 0; number <= SYNCS_AT_ONCE; number += 1)
      home.store(home.link(20 + number), [home.record(20 + number, { key: keyAt(number) })])
    const held = (): Set<Peer> => {
      const peers = new Set<Peer>()
      home.keeper.heldPeers(peer => peers.add(peer))
      return peers
    }
    expect(held()).toEqual(new Set())
    home.leave()
    expect(held()).toEqual(new Set(all))
    home.act(() => home.keeper.left(home.effects))
    expect(held()).toEqual(new Set())
  })

  it(`looks up ${HAND_OVER_LOOKUPS_MAX} roots, compares with ${SYNCS_AT_ONCE} at once, and tells all who wait`, () => {
    const home = new Leaver({ replicas: 0 })
    const link = home.link(1)
    const count = HAND_OVER_LOOKUPS_MAX + 1
    for (let number = 0; number < count; number += 1)
      home.store(link, [home.record(1, { key: spreadKey(number) })])
    home.routing.root = () => undefined
    home.root = { root: home.effects.peers.contact(0), from: keyAt(0), to: keyAt(0), replicas: [] }
    home.routing.isPlausibleRange = () => false
    home.leave()
    home.leave()
    home.advance(LEAVE_ROUNDS_MAX * LEAVE_PAUSE_MS)
    expect(home.lookups).toHaveLength(HAND_OVER_LOOKUPS_MAX)
    expect(home.told).toBe(2)
    const many = new Leaver({ replicas: 0 })
    const links = many.neighbours(SYNCS_AT_ONCE + 1)
    const { copies } = many.routing
    many.routing.replicas = key => [copies[key[0]! % copies.length]!]
    for (let number = 0; number <= SYNCS_AT_ONCE; number += 1)
      many.store(many.link(20 + number), [many.record(20 + number, { key: keyAt(number) })])
    many.effects.take()
    many.leave()
    expect(links.filter(other => many.effects.sent(other).length > 0)).toHaveLength(SYNCS_AT_ONCE)
  })
})
