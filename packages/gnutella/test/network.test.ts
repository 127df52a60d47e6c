/** Several machines together, in virtual time, with an observer that sees every descriptor. */
import { describe, expect, it } from 'vitest'
import { SmallNetwork, watchFloods } from './small-network.ts'

describe('eight servents in a line with two places each', () => {
  it('stay a line, whatever they hear of each other', () => {
    const network = new SmallNetwork()
    const nodes = network.line(8, { neighbours: 2 })
    network.run(120_000)
    expect(nodes.map(node => node.neighbours())).toEqual([
      [2],
      [1, 3],
      [2, 4],
      [3, 5],
      [4, 6],
      [5, 7],
      [6, 8],
      [7]
    ])
    expect(nodes.map(node => node.counter('opens'))).toEqual([0, 1, 1, 1, 1, 1, 1, 1])
  })

  it('find with TTL 7 what is seven links away, and not with TTL 6, in either order', () => {
    const network = new SmallNetwork()
    const wrongs = watchFloods(network)
    const nodes = network.line(8, { neighbours: 2 })
    nodes[7]!.share('Kind of Blue.flac')
    for (const [ttl, found] of [
      [7, 1],
      [6, 0],
      [7, 1],
      [6, 0]
    ] as const) {
      const search = nodes[0]!.search('blue kind', ttl)
      network.run(7_000)
      expect(nodes[0]!.found(search)).toEqual(found === 1 ? ['Kind of Blue.flac over 7'] : [])
    }
    expect(wrongs).toEqual([])
  })

  it('show that each handed the query on once', () => {
    const network = new SmallNetwork()
    const nodes = network.line(8, { neighbours: 2 })
    nodes[0]!.search('anything', 7)
    network.run(1_000)
    const shown = nodes.map(node =>
      node.machine.snapshot().queries.map(({ ttl, hops, from, forwardedTo }) => ({
        ttl,
        hops,
        from: from === null ? null : network.numberOf(from),
        forwardedTo: forwardedTo.map(peer => network.numberOf(peer))
      }))
    )
    expect(shown).toEqual([
      [{ ttl: 7, hops: 0, from: null, forwardedTo: [2] }],
      [{ ttl: 7, hops: 0, from: 1, forwardedTo: [3] }],
      [{ ttl: 6, hops: 1, from: 2, forwardedTo: [4] }],
      [{ ttl: 5, hops: 2, from: 3, forwardedTo: [5] }],
      [{ ttl: 4, hops: 3, from: 4, forwardedTo: [6] }],
      [{ ttl: 3, hops: 4, from: 5, forwardedTo: [7] }],
      [{ ttl: 2, hops: 5, from: 6, forwardedTo: [8] }],
      [{ ttl: 1, hops: 6, from: 7, forwardedTo: [] }]
    ])
    const [first] = nodes[0]!.machine.snapshot().queries
    for (const node of nodes) expect(node.machine.snapshot().queries[0]!.queryId).toBe(first!.queryId)
  })
})
