/** How many servers there are, and that a query reaches all of them. */
import { MESH_LINKS_MAX, MESH_TTL_MAX, SERVERS_MAX } from '@servent/napster/machine'
import { expect, it } from 'vitest'
import { serverCount, serverLinks, serversOf } from '../src/overlays/napster-servers.ts'
import { NODES_MAX } from '../src/plan.ts'

it('there is one for each 16,000 users, and never more than a user knows', () => {
  expect([2, 16_000, 16_001, 48_000].map(serversOf)).toEqual([1, 1, 2, 3])
  expect([serverCount(0, 16_001), serverCount(3, 16_001)]).toEqual([2, 3])
  expect(serversOf(NODES_MAX)).toBe(63)
  expect(serversOf(NODES_MAX)).toBeLessThanOrEqual(SERVERS_MAX)
  expect(serversOf(2 * NODES_MAX)).toBe(SERVERS_MAX)
})

it('up to seventeen are linked with all others, and no more links are needed than a server has', () => {
  expect(serverLinks(1)).toEqual([])
  expect(serverLinks(3)).toEqual([
    [0, 1],
    [0, 2],
    [1, 2]
  ])
  for (let count = 1; count <= SERVERS_MAX; count += 1) {
    const links = serverLinks(count)
    if (count <= MESH_LINKS_MAX + 1) expect(links).toHaveLength((count * (count - 1)) / 2)
    const linked = Array.from({ length: count }, (_, server) => new Set([server]))
    for (const [one, other] of links) {
      linked[one]!.add(other)
      linked[other]!.add(one)
    }
    for (const near of linked) {
      expect(near.size - 1).toBeLessThanOrEqual(MESH_LINKS_MAX)
      // So far does a query go.
      const reached = new Set(near)
      for (let step = 1; step < MESH_TTL_MAX; step += 1)
        for (const one of [...reached]) for (const other of linked[one]!) reached.add(other)
      expect(reached.size).toBe(count)
    }
  }
})
