import { RELAY_LIMITS, type RelayLimits } from '@servent/relay'
import { describe, expect, test } from 'vitest'
import { BUDGETS_MAX } from '../src/limits.ts'
import { type Circuit, RelayTable } from '../src/relay-table.ts'
import { Status } from '../src/wire.ts'

const MIB = 1024 * 1024
const HOUR_MS = 3_600_000

function table(limits: Partial<RelayLimits> = {}) {
  return new RelayTable({ ...RELAY_LIMITS, ...limits }, 0)
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
    ['circuitsToPeerMax', [1, 2], ['x', 'y']]
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

  test('a forgotten budget is full again, and who is connected is not forgotten: BUDGETS_MAX', () => {
    const relay = table({ peerBurstBytes: MIB, peerBytesPerSecond: 1, circuitsMax: 2, circuitsToPeerMax: 2 })
    relay.reserve('b', 'two', 0)
    const held = relay.connect('held', 'one', 'b', 0) as Circuit
    relay.spend(held, MIB, 0)
    const once = (from: string) => {
      const circuit = relay.connect(from, 'one', 'b', 0) as Circuit
      const waitMs = relay.spend(circuit, MIB, 0)
      relay.close(circuit)
      return waitMs
    }
    once('first')
    for (let peer = 2; peer < BUDGETS_MAX; peer += 1) once(`peer ${peer}`)
    expect(once('first')).toBeGreaterThan(0)
    once('one more')
    expect(once('peer 2')).toBe(0)
    expect(relay.spend(held, 1, 0)).toBeGreaterThan(0)
  })
})
