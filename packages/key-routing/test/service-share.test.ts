/** How many links each overlay of a node may hold, so that all together hold a share of its connections. */
import { expect, test } from 'vitest'
import { evenShare, HeldShare } from '../src/service-share.ts'
import { HELD_SHARE } from '../src/structured-constants.ts'

const nodeWith = (connectionsMax: number) => ({ getMaxConnections: () => connectionsMax }) as never

test('one overlay alone holds HELD_SHARE of the connections, three of one node no more than that together', () => {
  const node = nodeWith(80)
  const first = new HeldShare(node, 128)
  expect(first.links).toBe(80 * HELD_SHARE)
  const all = [first, new HeldShare(node, 32), new HeldShare(node, 64)]
  expect(all.map(({ links }) => links)).toEqual([10, 10, 10])
  // Those of another node have their own.
  expect(new HeldShare(nodeWith(80), 128).links).toBe(30)
})

test('what one does not want is for the others', () => {
  const wants = [128, 32, 64]
  const shares = (places: number) => wants.map(want => evenShare(places, wants, want))
  expect(shares(112)).toEqual([40, 32, 40])
  expect(shares(200)).toEqual([104, 32, 64])
  expect(shares(1000)).toEqual(wants)
  expect(shares(2)).toEqual([0, 0, 0])
})
