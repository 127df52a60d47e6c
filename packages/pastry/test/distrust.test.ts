/** What a node does not take on the word of others, or of too many in one place, where it is told so. */
import { describe, expect, it } from 'vitest'
import { adoptTables } from '../src/ideal.ts'
import type { PastrySettings } from '../src/machine.ts'
import { considerEntry, onDistance } from '../src/table-rules.ts'
import { answeredNode } from './support/answered-node.ts'

/** Both belong into one slot of the first row. */
const [NEAR, OTHER] = [0x1000, 0x1100]
const NEXT_SLOT = 0x2000

describe('a distance that another tells', () => {
  const told = (distances: PastrySettings['distances']) => {
    const all = answeredNode({ distances }, [])
    onDistance(all.node, NEAR, 1, all.fx)
    return all
  }

  it('counts at once where the word of others does', () => {
    const { node, count } = told('told')
    expect(node.table.peers()).toEqual([NEAR])
    expect(count('ping')).toBe(0)
  })

  it('is measured where it does not, and whoever was measured is not measured again for it', () => {
    const { node, fx, count } = told('own')
    expect(node.table.peers()).toEqual([])
    expect(count('ping')).toBe(1)
    node.rememberDistance(OTHER, 30)
    onDistance(node, OTHER, 1, fx)
    expect(count('ping')).toBe(1)
  })

  it('does not take the place of an entry that is nearer by what this node measured', () => {
    for (const distances of ['told', 'own'] as const) {
      const { node, fx } = answeredNode({ distances }, [], (_peer, { id }) => ({ type: 'pong', id }))
      node.table.set(node.slotOf(OTHER), OTHER, 0.5)
      onDistance(node, NEAR, 1, fx)
      // It says that it is a thousandth of a millisecond away, and a round trip takes one.
      expect(node.table.peers()).toEqual([distances === 'told' ? NEAR : OTHER])
    }
  })
})

describe('peers of one network', () => {
  /** All others are of one network, of which a table takes in this many. */
  function crowding(most: number) {
    const all = answeredNode({ proximity: 'off' }, [])
    const { node } = all
    node.router = {
      ...node.router,
      settings: { ...node.router.settings, peersPerNetwork: most },
      isCrowded: (peer: number, others: Iterable<number>) =>
        [...others].filter(other => other !== peer).length >= most
    } as unknown as typeof node.router
    const enter = (...peers: readonly number[]) => {
      for (const peer of peers) {
        node.heard.set(peer, 0)
        considerEntry(node, peer, all.fx)
      }
    }
    return { ...all, enter }
  }

  it('are so many in the table, and in the neighbourhood set', () => {
    const { node, enter } = crowding(2)
    enter(NEAR, NEXT_SLOT, 0x3000)
    expect(node.table.peers()).toEqual([NEAR, NEXT_SLOT])
    expect(node.neighbourhood.peers.length).toBeLessThanOrEqual(2)
  })

  it('have room again when one has gone', () => {
    const { node, enter } = crowding(2)
    enter(NEAR, NEXT_SLOT)
    node.table.remove(NEAR)
    enter(0x3000)
    expect(node.table.peers()).toEqual([NEXT_SLOT, 0x3000])
  })

  it('are so many of the tables that an observer gives', () => {
    const { node, fx } = crowding(1)
    const entries = [NEAR, NEXT_SLOT].map(peer => ({ peer, distanceMs: 1 }))
    adoptTables(node, { leaves: [], entries, neighbours: [] }, fx)
    expect(node.table.peers()).toEqual([NEAR])
  })

  it('are any number in the leaf set, which must have whoever is nearest', () => {
    const { node, fx } = crowding(1)
    adoptTables(node, { leaves: [1, 2, 0xfff0, 0xfff1], entries: [], neighbours: [] }, fx)
    expect(node.leaves.members.length).toBe(4)
  })
})
