/** What a holder believes of another holder: not that a record is refused, nor whose the keys are, nor what comes. */
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { LEASE_REPAIRS, REPAIR_MS, SETTLE_MS, type StoreOutcome } from '../src/machine.ts'
import { fingerprintOf } from '../src/records-digest.ts'
import { Home } from './home.ts'
import { keyAt } from './solo.ts'

/** Until the next digest is asked for; gives its id. */
function compared(home: Home, link: number): number {
  for (let waited = 0; waited < 2 * REPAIR_MS; waited += 100) {
    home.effects.take()
    home.advance(100)
    const asked = home.effects.sent(link).find(message => message.type === 'digest-request')
    if (asked?.type === 'digest-request') return asked.id
  }
  throw new Error('Nothing was compared.')
}

describe('a root that refuses what is handed over', () => {
  const handOver = (expiresAfterMs: number, outcome: StoreOutcome) => {
    const home = new Home()
    const link = home.link(1)
    const root = home.link(2)
    home.router.calls.hold(home.peer(2), 'test')
    home.store(link, [home.record(1, { expiresMs: home.effects.wall + expiresAfterMs })])
    home.routing.root = () => undefined
    home.root = { root: testContact(2), from: keyAt(0), to: keyAt(9), replicas: [] }
    home.act(() => home.keeper.onTablesChanged(home.effects))
    for (let round = 0; round < 3; round += 1) {
      const id = compared(home, root)
      home.effects.take()
      home.give({
        type: 'message',
        link: root,
        message: { type: 'digest-answer', id, what: 'all', hashes: [] }
      })
      const store = home.effects.sent(root).find(message => message.type === 'store')
      if (store?.type !== 'store') break
      home.give({
        type: 'message',
        link: root,
        message: { type: 'stored', id: store.id, outcomes: [outcome], copies: [0] }
      })
      if (home.keeper.snapshot().records === 0) break
    }
    return home.keeper.snapshot().counters.dropped
  }

  it('does not make it go while it is valid by the own clock', () => {
    expect(handOver(10 * REPAIR_MS, 'refused')).toBe(0)
    expect(handOver(10 * REPAIR_MS, 'kept')).toBe(1)
  })
})

describe('a digest of what is held here', () => {
  it.each([
    [2, 'a stranger', true],
    [3, 'the root', false]
  ])('of peer %i, %s, lets the lease run out: %s', (asker, _, runsOut) => {
    const home = new Home()
    const link = home.link(1)
    home.routing.root = () => undefined
    home.store(link, [home.record(1, { expiresMs: home.effects.wall + 10 * REPAIR_MS })], 'replica')
    home.routing.hops = [{ peer: home.peer(3), root: true }]
    home.isCutOff = true
    home.act(() => home.keeper.onTablesChanged(home.effects))
    home.advance(REPAIR_MS)
    home.lookups.length = 0
    const other = home.link(asker, true)
    const held = [...home.keeper.records()]
    expect(held).toHaveLength(1)
    for (let waited = 0; waited < LEASE_REPAIRS + 2; waited += 1) {
      const message = { id: 7, from: keyAt(0), to: keyAt(0), prefix: [], digest: 1 }
      home.give({ type: 'message', link: other, message: { type: 'digest-request', ...message } })
      home.advance(REPAIR_MS)
    }
    expect(home.lookups.length > 0).toBe(runsOut)
  })
})

describe('records that come on request', () => {
  it('are those that were asked for, each once', () => {
    const home = new Home()
    const link = home.link(1)
    const replica = home.link(2)
    home.router.calls.hold(home.peer(2), 'test')
    home.routing.copies = [home.peer(2)]
    home.store(link, [home.record(1)])
    const expiresMs = home.effects.wall + 10 * REPAIR_MS
    const wanted = home.record(2, { subject: keyAt(3), expiresMs })
    const other = home.record(2, { subject: keyAt(4), expiresMs })
    home.act(() => home.keeper.onTablesChanged(home.effects))
    home.advance(2 * SETTLE_MS)
    const { id } = home.last('digest-request')
    const own = [...home.keeper.records()].map(fingerprintOf)
    const hashes = [...own, fingerprintOf(wanted)].sort((a, b) => a - b)
    home.give({
      type: 'message',
      link: replica,
      message: { type: 'digest-answer', id, what: 'all', hashes }
    })
    const pull = home.last('pull')
    expect(pull.fingerprints).toEqual([fingerprintOf(wanted)])
    const records = [other, wanted, wanted]
    home.give({
      type: 'message',
      link: replica,
      message: { type: 'page', id: pull.id, records, total: 3 }
    })
    expect([...home.keeper.records()]).toContainEqual(wanted)
    expect([...home.keeper.records()]).not.toContainEqual(other)
    expect(home.keeper.snapshot().counters.pulled).toBe(1)
  })
})
