/** Handles of peers that nobody holds are given again, and what is remembered by them must not be of somebody else. */
import { testContact } from '@servent/overlay/testing'
import { expect, it } from 'vitest'
import { Home } from './home.ts'

it('a replica with the handle of one that was asked for copies before is asked all the same', () => {
  const home = new Home()
  const { peers } = home.effects
  const own = home.link(1)
  const gone = home.link(2)
  const busy = home.link(3)
  home.routing.copies = [home.peer(2), home.peer(3)]
  home.store(own, [home.record(1)])
  const handle = home.peer(2)
  home.down(gone)
  peers.sweep(hold => home.router.heldPeers(hold))
  expect(peers.find(testContact(2).id)).toBeUndefined()
  expect(home.peer(4)).toBe(handle)
  const next = home.link(4)
  home.routing.copies = [home.peer(4), home.peer(3)]
  home.down(busy)
  expect(home.effects.sent(next).map(({ type }) => type)).toEqual(['store'])
})
