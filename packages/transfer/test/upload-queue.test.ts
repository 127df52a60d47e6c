/** Gnutella's active queue in virtual time: who is served, who waits, who loses a place. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Standing } from '../src/ledger.ts'
import { SERVER_LIMITS } from '../src/limits.ts'
import { type Slot, UploadQueue } from '../src/upload-queue.ts'

const limits = {
  ...SERVER_LIMITS,
  slotsMax: 2,
  slotsPerPeerMax: 1,
  slotLingerMs: 1_000,
  queuePlacesMax: 4,
  queuePlacesPerPeerMax: 2,
  queuePollMinMs: 5_000,
  queuePollMaxMs: 60_000
}

function granted(queue: UploadQueue, peer: string, file: string, nowMs: number): Slot {
  const answer = queue.ask(peer, file, nowMs)
  if (answer.type !== 'granted') throw new Error(`${peer} was ${answer.type}`)
  return answer.slot
}

describe('slots', () => {
  test('as many as there are, and one past them waits', () => {
    const queue = new UploadQueue(limits)
    granted(queue, 'a', 'x', 0)
    granted(queue, 'b', 'x', 0)
    expect(queue.ask('c', 'x', 0)).toEqual({ type: 'queued', position: 1, length: 1 })
    expect(queue.activeCount).toBe(2)
  })

  test('one peer has no more than its share, though others are free', () => {
    const queue = new UploadQueue(limits)
    granted(queue, 'a', 'x', 0)
    expect(queue.ask('a', 'y', 0)).toEqual({ type: 'queued', position: 1, length: 1 })
    // It does not stand before a peer that can be served.
    granted(queue, 'b', 'x', 1)
  })

  test('a slot waits for its peer’s next request on the same file, and then goes to others', () => {
    const queue = new UploadQueue(limits)
    granted(queue, 'a', 'x', 0)
    const slot = granted(queue, 'b', 'x', 0)
    queue.release(slot, true, 10_000)
    expect(queue.ask('c', 'x', 10_001).type).toBe('queued')
    const again = granted(queue, 'b', 'x', 10_999)
    queue.release(again, true, 20_000)
    granted(queue, 'c', 'x', 21_000)
  })

  test('a peer goes on from file to file in its slot, and while others wait for no longer than slotTurnMs', () => {
    const queue = new UploadQueue(limits)
    const { slotTurnMs } = limits
    granted(queue, 'a', 'x', 0)
    let slot = granted(queue, 'b', 'x', 0)
    queue.release(slot, true, 500)
    slot = granted(queue, 'b', 'y', 1_000)
    expect(queue.ask('c', 'x', slotTurnMs - 1_000).type).toBe('queued')
    queue.release(slot, true, slotTurnMs - 500)
    slot = granted(queue, 'b', 'z', slotTurnMs - 1)
    queue.release(slot, true, slotTurnMs - 1)
    expect(queue.ask('b', 'w', slotTurnMs).type).toBe('queued')
    granted(queue, 'c', 'x', slotTurnMs + 5_000)
  })

  test('where nobody waits a peer goes on as long as it likes', () => {
    const queue = new UploadQueue(limits)
    for (let file = 0; file < 10; file += 1) {
      const nowMs = file * limits.slotTurnMs
      queue.release(granted(queue, 'a', `${file}`, nowMs), true, nowMs)
    }
    // Its place for a file is not kept beside the slot that it got for it.
    expect(queue.waiting(10 * limits.slotTurnMs)).toEqual([])
  })

  test('a broken upload leaves its slot at once', () => {
    const queue = new UploadQueue(limits)
    granted(queue, 'a', 'x', 0)
    queue.release(granted(queue, 'b', 'x', 0), false, 1)
    granted(queue, 'c', 'x', 2)
  })
})

describe('places', () => {
  function full() {
    const queue = new UploadQueue(limits)
    const slots = [granted(queue, 'a', 'x', 0), granted(queue, 'b', 'x', 0)] as const
    return { queue, slots }
  }

  test('first come, first served', () => {
    const { queue, slots } = full()
    queue.ask('c', 'x', 0)
    queue.ask('d', 'x', 1)
    queue.release(slots[0], false, 6_000)
    expect(queue.ask('d', 'x', 6_001)).toMatchObject({ type: 'queued', position: 2 })
    granted(queue, 'c', 'x', 6_002)
    queue.release(slots[1], false, 12_000)
    granted(queue, 'd', 'x', 12_000)
  })

  test('whoever is new waits behind those who wait, though a slot is free', () => {
    const { queue, slots } = full()
    queue.ask('c', 'x', 0)
    queue.release(slots[0], false, 1_000)
    expect(queue.ask('d', 'x', 1_001)).toEqual({ type: 'queued', position: 2, length: 2 })
  })

  test('asking exactly at the shortest time keeps the place, a millisecond sooner loses it', () => {
    const { queue } = full()
    for (const peer of ['c', 'd']) queue.ask(peer, 'x', 0)
    expect(queue.ask('c', 'x', 5_000)).toMatchObject({ position: 1 })
    expect(queue.ask('c', 'x', 9_999)).toMatchObject({ position: 2 })
  })

  test('asking exactly at the longest time keeps the place, a millisecond later it is another’s', () => {
    const { queue } = full()
    for (const peer of ['c', 'd']) queue.ask(peer, 'x', 0)
    queue.ask('d', 'x', 30_000)
    expect(queue.ask('c', 'x', 60_000)).toMatchObject({ position: 1 })
    expect(queue.ask('c', 'x', 120_001)).toMatchObject({ position: 1, length: 1 })
  })

  test('as many places as there are, and one past them is told that all is full', () => {
    const { queue } = full()
    for (const peer of ['c', 'd', 'e', 'f']) expect(queue.ask(peer, 'x', 0).type).toBe('queued')
    expect(queue.ask('g', 'x', 0)).toEqual({ type: 'full' })
  })

  test('one peer has two, and its third is refused', () => {
    const { queue } = full()
    expect(queue.ask('c', '1', 0)).toMatchObject({ position: 1 })
    expect(queue.ask('c', '2', 0)).toMatchObject({ position: 2 })
    expect(queue.ask('c', '3', 0)).toEqual({ type: 'full' })
  })

  test('peers take turns: a second place comes after the first places of others', () => {
    const { queue } = full()
    queue.ask('c', '1', 0)
    queue.ask('c', '2', 0)
    queue.ask('d', '1', 1)
    expect(queue.waiting(2)).toMatchObject([
      { peer: 'c', file: '1' },
      { peer: 'd', file: '1' },
      { peer: 'c', file: '2' }
    ])
  })
})

describe('who gave goes first', () => {
  const standings: Record<string, Standing> = { g: 'giver', h: 'giver', n: 'newcomer', f: 'freeloader' }
  function full(change = {}) {
    const queue = new UploadQueue(
      { ...limits, queuePromoteMs: 600_000, ...change },
      peer => standings[peer] ?? 'newcomer'
    )
    const slots = [granted(queue, 'a', 'x', 0), granted(queue, 'b', 'x', 0)] as const
    return { queue, slots }
  }
  const peers = (queue: UploadQueue, nowMs: number) => queue.waiting(nowMs).map(({ peer }) => peer)

  test('givers, then newcomers, then freeloaders, whoever came first', () => {
    const { queue, slots } = full()
    for (const peer of ['f', 'n', 'g', 'h']) queue.ask(peer, 'x', 0)
    expect(peers(queue, 0)).toEqual(['g', 'h', 'n', 'f'])
    queue.release(slots[0], false, 6_000)
    expect(queue.ask('f', 'x', 6_000)).toMatchObject({ type: 'queued', position: 4 })
    granted(queue, 'g', 'x', 6_000)
  })

  test('whoever waited long enough moves up a level, and a millisecond sooner does not', () => {
    const { queue } = full({ queuePollMaxMs: 10_000_000 })
    queue.ask('f', 'x', 0)
    queue.ask('n', 'x', 1)
    expect(peers(queue, 599_999)).toEqual(['n', 'f'])
    expect(peers(queue, 600_000)).toEqual(['f', 'n'])
    queue.ask('g', 'x', 600_000)
    expect(peers(queue, 600_000)).toEqual(['g', 'f', 'n'])
    expect(peers(queue, 600_001)).toEqual(['n', 'g', 'f'])
    expect(peers(queue, 1_200_000)).toEqual(['f', 'n', 'g'])
  })

  test('a queue full of strangers has a place for a giver, and the last of them loses his', () => {
    const { queue } = full()
    for (const peer of ['n', 'o', 'p', 'f']) queue.ask(peer, 'x', 0)
    expect(queue.ask('q', 'x', 1)).toMatchObject({ type: 'queued', position: 4 })
    expect(peers(queue, 1)).toEqual(['n', 'o', 'p', 'q'])
    expect(queue.ask('r', 'x', 1)).toEqual({ type: 'full' })
    expect(queue.ask('g', 'x', 1)).toMatchObject({ type: 'queued', position: 1, length: 4 })
    expect(peers(queue, 1)).toEqual(['g', 'n', 'o', 'p'])
  })

  test('a place is the peer’s and not its connection’s: asked for again after a break, it is kept', () => {
    const { queue, slots } = full()
    queue.ask('n', 'x', 0)
    queue.ask('o', 'x', 0)
    queue.release(slots[0], false, 30_000)
    granted(queue, 'n', 'x', 30_000)
  })
})

describe('participation levels', () => {
  const standingOf = (level: number): Standing =>
    level === 10 ? 'newcomer' : level > 10 ? 'giver' : 'freeloader'
  /** The peer `g200` is at level 200; one without a number is a newcomer, at 10. */
  const levelOf = (peer: string) => Number(/\d+/.exec(peer)?.[0] ?? 10)
  function full(change = {}, level: readonly [((peer: string) => number)?] = [levelOf]) {
    const queue = new UploadQueue(
      { ...limits, queuePromoteMs: 600_000, queuePollMaxMs: 10_000_000, queuePlacesMax: 8, ...change },
      peer => standingOf(levelOf(peer)),
      ...level
    )
    const slots = [granted(queue, 'a', 'x', 0), granted(queue, 'b', 'x', 0)] as const
    return { queue, slots }
  }
  const order = (queue: UploadQueue, nowMs: number) =>
    queue.waiting(nowMs).map(({ peer, file }) => (file === 'x' ? peer : `${peer}/${file}`))

  test('within a standing the higher goes first, whoever came first', () => {
    const { queue, slots } = full()
    for (const peer of ['f3', 'n', 'f9', 'g200', 'g1000', 'g11']) queue.ask(peer, 'x', 0)
    expect(order(queue, 0)).toEqual(['g1000', 'g200', 'g11', 'n', 'f9', 'f3'])
    queue.release(slots[0], false, 6_000)
    expect(queue.ask('g200', 'x', 6_000)).toMatchObject({ type: 'queued', position: 2, length: 6 })
    granted(queue, 'g1000', 'x', 6_000)
  })

  test('of one level they stand in the order of arrival, however often it is asked for', () => {
    const { queue } = full()
    for (const peer of ['c200', 'g11', 'a200', 'n', 'b200', 'm']) queue.ask(peer, 'x', 0)
    for (let look = 0; look < 3; look += 1)
      expect(order(queue, look)).toEqual(['c200', 'a200', 'b200', 'g11', 'n', 'm'])
  })

  test('where all are at one level, and where none is known, the order is that of standings', () => {
    for (const level of [[], [() => 10]] as const) {
      const { queue } = full({ queuePlacesPerPeerMax: 2 }, level)
      for (const file of ['x', 'y']) for (const peer of ['f3', 'n', 'g11', 'g500']) queue.ask(peer, file, 0)
      expect(order(queue, 0)).toEqual(['g11', 'g500', 'g11/y', 'g500/y', 'n', 'n/y', 'f3', 'f3/y'])
    }
  })

  test('a higher level goes before turns, and those of one level take turns', () => {
    const { queue } = full()
    for (const file of ['x', 'y']) for (const peer of ['c200', 'd200', 'g500']) queue.ask(peer, file, 0)
    expect(order(queue, 0)).toEqual(['g500', 'g500/y', 'c200', 'd200', 'c200/y', 'd200/y'])
  })

  test('whoever waited as long once more with the givers goes before every level, so nobody waits for ever', () => {
    const { queue } = full()
    queue.ask('f1', 'x', 0)
    queue.ask('n', 'x', 0)
    queue.ask('g11', 'x', 1)
    queue.ask('g1000', 'x', 600_000)
    expect(order(queue, 600_000)).toEqual(['g1000', 'g11', 'n', 'f1'])
    expect(order(queue, 600_001)).toEqual(['g11', 'g1000', 'n', 'f1'])
    expect(order(queue, 1_199_999)).toEqual(['g11', 'g1000', 'n', 'f1'])
    expect(order(queue, 1_200_000)).toEqual(['n', 'g11', 'g1000', 'f1'])
    queue.ask('h1000', 'x', 1_800_000)
    // In the order of arrival: what once kept them apart does not count any more.
    expect(order(queue, 1_800_000)).toEqual(['f1', 'n', 'g11', 'g1000', 'h1000'])
  })

  test('a full queue has a place for a higher level, and none for the same', () => {
    const { queue } = full({ queuePlacesMax: 2 })
    for (const peer of ['g300', 'g200']) queue.ask(peer, 'x', 0)
    expect(queue.ask('h200', 'x', 1)).toEqual({ type: 'full' })
    expect(queue.ask('g201', 'x', 1)).toMatchObject({ type: 'queued', position: 2, length: 2 })
    expect(order(queue, 1)).toEqual(['g300', 'g201'])
    // A crowd of newcomers is at one level, so that none of them drives another out.
    const { queue: strangers } = full({ queuePlacesMax: 2 })
    for (const peer of ['n', 'o']) strangers.ask(peer, 'x', 0)
    expect(strangers.ask('p', 'x', 1)).toEqual({ type: 'full' })
  })

  test('whatever levels come, the higher goes first and equals keep the order of arrival', () => {
    const peers = fc.uniqueArray(
      fc.record({ name: fc.constantFrom(...'abcdefgh'), level: fc.constantFrom(0, 9, 10, 11, 200, 1000) }),
      { selector: ({ name }) => name, maxLength: 8 }
    )
    fc.assert(
      fc.property(peers, crowd => {
        const { queue } = full({ slotsMax: 2 })
        for (const { name, level } of crowd) queue.ask(`${name}${level}`, 'z', 0)
        const expected = crowd
          .toSorted((a, b) => b.level - a.level)
          .map(({ name, level }) => `${name}${level}`)
        expect(queue.waiting(0).map(({ peer }) => peer)).toEqual(expected)
      })
    )
  })
})

test('whatever happens, slots and places keep their bounds', () => {
  const step = fc.record({
    peer: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    file: fc.constantFrom('1', '2', '3'),
    afterMs: fc.constantFrom(0, 1, 999, 1_000, 5_000, 60_001),
    release: fc.boolean()
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const queue = new UploadQueue(limits)
      const slots: Slot[] = []
      let nowMs = 0
      for (const { peer, file, afterMs, release } of steps) {
        nowMs += afterMs
        if (release && slots.length > 0) queue.release(slots.shift()!, afterMs % 2 === 0, nowMs)
        const answer = queue.ask(peer, file, nowMs)
        if (answer.type === 'granted') slots.push(answer.slot)
        const waiting = queue.waiting(nowMs)
        expect(slots.length).toBeLessThanOrEqual(limits.slotsMax)
        expect(waiting.length).toBeLessThanOrEqual(limits.queuePlacesMax)
        for (const of of ['a', 'b', 'c', 'd', 'e']) {
          expect(slots.filter(slot => slot.peer === of).length).toBeLessThanOrEqual(1)
          expect(waiting.filter(place => place.peer === of).length).toBeLessThanOrEqual(2)
        }
      }
    })
  )
})
