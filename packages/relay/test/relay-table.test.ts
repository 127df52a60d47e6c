import { RELAY_LIMITS, type RelayLimits } from '@servent/relay'
import { describe, expect, test } from 'vitest'
import { BUDGETS_MAX } from '../src/limits.ts'
import { type Circuit, RelayTable } from '../src/relay-table.ts'
import { Status } from '../src/wire.ts'

const MIB = 1024 * 1024
const HOUR_MS = 3_600_000

/** The rate of connects has a test of its own. */
function table(limits: Partial<RelayLimits> = {}) {
  return new RelayTable({ ...RELAY_LIMITS, connectsPerHostBurst: 1e6, ...limits }, 0)
}

const isCircuit = (made: Circuit | Status): made is Circuit => typeof made !== 'number'

describe('reservations', () => {
  test('as many as reservationsMax, and of one host reservationsPerHostMax', () => {
    const relay = table({ reservationsMax: 3, reservationsPerHostMax: 2 })
    expect(relay.reserve('a', 'one', 0)).toBe(Status.OK)
    expect(relay.reserve('b', 'one', 0)).toBe(Status.OK)
    expect(relay.reserve('c', 'one', 0)).toBe(Status.RESERVATION_REFUSED)
    expect(relay.reserve('c', 'two', 0)).toBe(Status.OK)
    expect(relay.reserve('d', 'three', 0)).toBe(Status.RESERVATION_REFUSED)
    // Who has a place renews it.
    expect(relay.reserve('a', 'one', 1)).toBe(Status.OK)
    expect(relay.reservations).toBe(3)
  })

  test('ends after an hour, or when its peer leaves', () => {
    const relay = table({ reservationsMax: 1 })
    relay.reserve('a', 'one', 0)
    expect(relay.reserve('b', 'two', HOUR_MS - 1)).toBe(Status.RESERVATION_REFUSED)
    expect(relay.reserve('b', 'two', HOUR_MS)).toBe(Status.OK)
    relay.release('b')
    expect(relay.reserve('c', 'two', HOUR_MS)).toBe(Status.OK)
  })
})

describe('circuits', () => {
  test('lead only to who has a reservation, and to nobody from itself', () => {
    const relay = table()
    expect(relay.connect('a', 'one', 'b', 0)).toBe(Status.NO_RESERVATION)
    relay.reserve('b', 'two', 0)
    expect(relay.connect('b', 'two', 'b', 0)).toBe(Status.NO_RESERVATION)
    expect(isCircuit(relay.connect('a', 'one', 'b', HOUR_MS - 1))).toBe(true)
    expect(relay.connect('a', 'one', 'b', HOUR_MS)).toBe(Status.NO_RESERVATION)
  })

  test.each([
    ['circuitsMax', [1, 2], ['x', 'y']],
    ['circuitsPerPeerMax', [0, 0], ['x', 'y']],
    ['circuitsPerHostMax', [1, 2], ['x', 'x']],
    ['circuitsToPeerMax', [1, 2], ['x', 'y']],
    ['circuitsHostToPeerMax', [1, 2], ['x', 'x']]
  ] as const)('%s: one past it is refused, until one ends', (limit, peers, hosts) => {
    const relay = table({ [limit]: 1 })
    relay.reserve('b', 'far', 0)
    const first = relay.connect(`peer ${peers[0]}`, hosts[0], 'b', 0)
    const second = () => relay.connect(`peer ${peers[1]}`, hosts[1], 'b', 0)
    expect(second()).toBe(Status.RESOURCE_LIMIT_EXCEEDED)
    relay.close(first as Circuit)
    expect(isCircuit(second())).toBe(true)
    expect(relay.circuits).toBe(1)
  })
})

test('one host asks for connectsPerHostBurst at once, then connectsPerHostPerMinute, and others ask none the less', () => {
  const relay = table({ connectsPerHostBurst: 2, connectsPerHostPerMinute: 6 })
  relay.reserve('b', 'far', 0)
  const ask = (host: string, nowMs: number) => {
    const made = relay.connect('a', host, 'b', nowMs)
    if (isCircuit(made)) relay.close(made)
    return isCircuit(made)
  }
  expect([ask('one', 0), ask('one', 0), ask('one', 0), ask('two', 0)]).toEqual([true, true, false, true])
  expect([ask('one', 9_999), ask('one', 10_000), ask('one', 10_000)]).toEqual([false, true, false])
})

describe('budgets', () => {
  test('a peer has its burst at once, then its rate, over all its circuits together', () => {
    const relay = table({ peerBurstBytes: 10 * MIB, peerBytesPerSecond: MIB })
    relay.reserve('b', 'two', 0)
    const [one, two] = [relay.connect('a', 'one', 'b', 0), relay.connect('a', 'one', 'b', 0)] as [
      Circuit,
      Circuit
    ]
    expect(relay.spend(one, 6 * MIB, 0)).toBe(0)
    expect(relay.spend(two, 4 * MIB, 0)).toBe(0)
    expect(relay.spend(one, MIB, 0)).toBe(1_000)
    expect(relay.spend(two, MIB, 1_000)).toBe(1_000)
    // Another circuit after these is no way out.
    relay.close(one)
    const again = relay.connect('a', 'one', 'b', 1_000) as Circuit
    expect(relay.spend(again, MIB, 2_000)).toBe(1_000)
  })

  test('a new PeerId of the same host is no new budget', () => {
    const relay = table({
      ...{ peerBurstBytes: 4 * MIB, peerBytesPerSecond: MIB },
      ...{ hostBurstBytes: 8 * MIB, hostBytesPerSecond: MIB }
    })
    relay.reserve('b', 'two', 0)
    const waits = ['a', 'c', 'd'].map(from =>
      relay.spend(relay.connect(from, 'one', 'b', 0) as Circuit, 4 * MIB, 0)
    )
    expect(waits).toEqual([0, 0, 4_000])
    expect(relay.spend(relay.connect('e', 'three', 'b', 0) as Circuit, 4 * MIB, 0)).toBe(0)
  })

  test('who is called pays nothing, and who calls little is not held up by who calls much', () => {
    const relay = table({ peerBurstBytes: MIB, peerBytesPerSecond: MIB })
    for (const peer of ['b', 'c']) relay.reserve(peer, peer, 0)
    const much = relay.connect('much', 'one', 'b', 0) as Circuit
    const little = relay.connect('little', 'two', 'b', 0) as Circuit
    const called = relay.connect('b', 'b', 'c', 0) as Circuit
    expect(relay.spend(much, 100 * MIB, 0)).toBe(99_000)
    expect(relay.spend(little, MIB, 0)).toBe(0)
    expect(relay.spend(called, MIB, 0)).toBe(0)
  })

  test('all together are held to bytesPerSecond, each chunk in its turn', () => {
    const relay = table({ bytesPerSecond: MIB })
    relay.reserve('b', 'two', 0)
    const circuits = ['a', 'c', 'd', 'e'].map(from => relay.connect(from, from, 'b', 0) as Circuit)
    const waits = circuits.map(circuit => relay.spend(circuit, MIB, 0))
    expect(waits).toEqual([0, 1_000, 2_000, 3_000])
  })

  test('BUDGETS_MAX are remembered, the latest: a forgotten one is full again', () => {
    const relay = table({ peerBurstBytes: MIB, peerBytesPerSecond: 1, hostBurstBytes: 1e12 })
    relay.reserve('b', 'two', 0)
    const once = (from: string) => {
      const circuit = relay.connect(from, 'one', 'b', 0) as Circuit
      const waitMs = relay.spend(circuit, MIB, 0)
      relay.close(circuit)
      return waitMs
    }
    once('first')
    for (let peer = 2; peer <= BUDGETS_MAX; peer += 1) once(`peer ${peer}`)
    expect(once('first')).toBeGreaterThan(0)
    once('one more')
    expect(once('peer 2')).toBe(0)
  })
})
