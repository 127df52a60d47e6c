/** A peer with several places asks for what it has inherited in each of them, though it holds nothing. */
import { expect, it } from 'vitest'
import { type KeyRange, SETTLE_MS } from '../src/machine.ts'
import { Home } from './home.ts'
import { keyAt } from './solo.ts'

it('each range that has grown is compared with a replica, and only those', () => {
  const home = new Home()
  const link = home.link(2)
  home.routing.copies = [home.peer(2)]
  let ranges: KeyRange[] = []
  home.routing.ownRanges = () => ranges
  const asked = (...now: KeyRange[]) => {
    ranges = now
    home.effects.take()
    home.act(() => home.keeper.onTablesChanged(home.effects))
    home.advance(2 * SETTLE_MS)
    const requests = home.effects
      .sent(link)
      .flatMap(message => (message.type === 'digest-request' ? [message] : []))
    for (const { id } of requests)
      home.give({ type: 'message', link, message: { type: 'digest-answer', id, what: 'all', hashes: [] } })
    return requests.map(({ from, to }) => [from[0], to[0]])
  }
  const first = { from: keyAt(10), to: keyAt(20) }
  const second = { from: keyAt(100), to: keyAt(120) }
  expect(asked(first, second)).toEqual([
    [10, 20],
    [100, 120]
  ])
  expect(asked(first, second)).toEqual([])
  // Whoever was before the second place has died.
  expect(asked(first, { ...second, from: keyAt(90) })).toEqual([[90, 120]])
  // That place has left the ring, and is there again.
  expect(asked(first)).toEqual([])
  expect(asked({ ...first, from: keyAt(5) }, { ...second, from: keyAt(90) })).toEqual([
    [5, 20],
    [90, 120]
  ])
})
