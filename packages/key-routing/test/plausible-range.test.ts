/** A hop that claims more keys for somebody than that one can have: it gets the key that was looked up, no more. */
import { betweenRightClosed, clockwiseDistance } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { SETTLE_MS, type StoredRecord } from '../src/machine.ts'
import { Home } from './home.ts'
import { keyAt } from './solo.ts'

/** A home that is no root, and whose lookups all end at peer 2, which has the whole ring. */
function misled(isPlausible: boolean | undefined) {
  const home = new Home()
  const link = home.link(1)
  const root = home.link(2)
  home.router.calls.hold(home.peer(2), 'test')
  const records = [1, 2, 3].map(first => home.record(1, { key: keyAt(first) }))
  home.store(link, records)
  home.routing.root = () => undefined
  home.root = { root: testContact(2), from: keyAt(7), to: keyAt(7), replicas: [] }
  const asked: unknown[] = []
  if (isPlausible !== undefined)
    home.routing.isPlausibleRange = (peer, { from, to }) => {
      asked.push([peer, from, to])
      return isPlausible
    }
  return { home, root, records, asked }
}

describe('a range that nobody can have', () => {
  it.each([
    [false, 3],
    [true, 1],
    [undefined, 1]
  ])('is not remembered for other keys: plausible %s, %i lookups', (isPlausible, lookups) => {
    const { home, asked, records } = misled(isPlausible)
    home.command({ type: 'publish', records: records.slice(0, 1) })
    home.command({ type: 'publish', records: records.slice(1, 2) })
    home.command({ type: 'publish', records: records.slice(2) })
    expect(home.lookups).toHaveLength(lookups)
    // The key itself is remembered.
    home.command({ type: 'publish', records })
    expect(home.lookups).toHaveLength(lookups)
    if (isPlausible !== undefined) expect(asked[0]).toEqual([home.peer(2), keyAt(7), keyAt(7)])
  })

  it.each([
    [false, 1],
    [true, 3]
  ])('is handed the one key that was looked up: plausible %s, %i records', (isPlausible, given) => {
    const { home, root } = misled(isPlausible)
    home.act(() => home.keeper.onTablesChanged(home.effects))
    home.effects.take()
    home.advance(SETTLE_MS)
    const { id, from, to } = home.last('digest-request')
    home.give({
      type: 'message',
      link: root,
      message: { type: 'digest-answer', id, what: 'all', hashes: [] }
    })
    const store = home.last('store')
    expect([store.as, store.records.length]).toEqual(['hand-over', given])
    const isAsked = ({ key }: StoredRecord) => betweenRightClosed(key, from, to)
    expect(store.records.every(isAsked)).toBe(true)
    if (isPlausible) return
    expect(to).toEqual(store.records[0]!.key)
    expect(clockwiseDistance(from, to)).toEqual(Uint8Array.from([...new Uint8Array(31), 1]))
  })
})
