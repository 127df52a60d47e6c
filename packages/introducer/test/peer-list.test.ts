/** The list: bounds at the limit and one past it, and what must hold whatever comes in whatever order. */
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ANSWER_PEERS_MAX, PEER_LIST_LIMITS, type PeerListLimits } from '../src/limits.ts'
import { listedAddress } from '../src/list-store.ts'
import { type ListedPeer, PeerList } from '../src/peer-list.ts'

const HOUR_MS = 3_600_000
const list = (limits: Partial<PeerListLimits> = {}) => new PeerList({ ...PEER_LIST_LIMITS, ...limits })

/** A source of chance that is always the same. */
function seeded(seed: number) {
  let state = seed >>> 0
  return {
    random: () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return state
    }
  }
}

function peer(
  peerId: string,
  host: string | string[],
  options: Partial<ListedPeer> & { atMs?: number } = {}
) {
  const { atMs = 0, ...given } = options
  const addresses = [host].flat().map(one => {
    const family = one.includes(':') ? 'ip6' : 'ip4'
    return listedAddress(multiaddr(`/${family}/${one}/tcp/6346`), atMs)
  })
  return {
    peerId,
    overlays: [{ name: 'gnutella', role: 'ultrapeer' }],
    addresses,
    firstMs: atMs,
    seenMs: atMs,
    issuedMs: atMs,
    sealed: Uint8Array.of(1),
    ...given
  }
}

const all = (peers: PeerList, nowMs = 0) =>
  peers.sample({ overlays: [], limit: ANSWER_PEERS_MAX }, nowMs, seeded(1)).map(({ peerId }) => peerId)

describe('networks', () => {
  test('two of a /24, and not the third: of another /24 it may come', () => {
    const peers = list()
    expect(peers.put(peer('a', '8.8.8.1'), 0)).toBeUndefined()
    expect(peers.put(peer('b', '8.8.8.2'), 0)).toBeUndefined()
    expect(peers.refusal(peer('c', '8.8.8.3'), 0)).toBe('network-full')
    expect(peers.put(peer('c', '8.8.8.3'), 0)).toBe('network-full')
    expect(peers.put(peer('c', '8.8.9.3'), 0)).toBeUndefined()
    expect(all(peers).sort()).toEqual(['a', 'b', 'c'])
  })

  test('two of a /48', () => {
    const peers = list({ perNetworkMax: 2 })
    expect(peers.put(peer('a', '2600:1:2:1::1'), 0)).toBeUndefined()
    expect(peers.put(peer('b', '2600:1:2:ffff::1'), 0)).toBeUndefined()
    expect(peers.put(peer('c', '2600:1:2:3::1'), 0)).toBe('network-full')
    expect(peers.put(peer('c', '2600:1:3:3::1'), 0)).toBeUndefined()
  })

  test('a peer with both families has a place in both networks, or none', () => {
    const peers = list({ perNetworkMax: 1 })
    expect(peers.put(peer('a', ['8.8.8.1', '2600:1:2::1']), 0)).toBeUndefined()
    expect(peers.put(peer('b', ['8.8.9.1', '2600:1:2::2']), 0)).toBe('network-full')
    expect(peers.put(peer('b', '8.8.9.1'), 0)).toBeUndefined()
  })

  test('who is listed already is renewed where its network is full, and may not move into a full one', () => {
    const peers = list()
    for (const [id, host] of [
      ['a', '8.8.8.1'],
      ['b', '8.8.8.2'],
      ['c', '8.8.9.1']
    ] as const)
      peers.put(peer(id, host), 0)
    expect(peers.put(peer('a', '8.8.8.77'), 0)).toBeUndefined()
    expect(peers.put(peer('c', '8.8.8.3'), 0)).toBe('network-full')
    expect(peers.get('c', 0)?.addresses[0]?.text).toBe('/ip4/8.8.9.1/tcp/6346')
  })

  test('of a private host perPrivateHostMax', () => {
    const peers = list({ perPrivateHostMax: 3 })
    for (const id of ['a', 'b', 'c']) expect(peers.put(peer(id, '192.168.1.5'), 0)).toBeUndefined()
    expect(peers.put(peer('d', '192.168.1.5'), 0)).toBe('network-full')
    expect(peers.put(peer('d', '192.168.1.6'), 0)).toBeUndefined()
  })

  test('always: at most two of each network and peersMax in all, whatever comes and goes in whatever order', () => {
    const host = fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 }), fc.nat(9))
    const step = fc.record({
      id: fc.nat(30),
      host,
      laterMs: fc.nat(20 * 60_000),
      leaves: fc.boolean()
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), steps => {
        const peers = list({ peersMax: 8, perOverlayMax: 7 })
        let nowMs = 0
        for (const {
          id,
          host: [b, c, d],
          laterMs,
          leaves
        } of steps) {
          nowMs += laterMs
          if (leaves) peers.remove(`${id}`)
          else peers.put(peer(`${id}`, `8.${b}.${c}.${d}`, { atMs: nowMs }), nowMs)
          const networks = new Map<string, number>()
          for (const one of all(peers, nowMs)) {
            const { addresses, seenMs } = peers.get(one, nowMs)!
            expect(nowMs - seenMs).toBeLessThan(PEER_LIST_LIMITS.seenMs)
            for (const { network } of addresses) networks.set(network, (networks.get(network) ?? 0) + 1)
          }
          expect(Math.max(0, ...networks.values())).toBeLessThanOrEqual(2)
          expect(peers.size).toBeLessThanOrEqual(7)
        }
      })
    )
  })
})

describe('staleness', () => {
  test('who is not heard of for seenMs is forgotten, and not a millisecond before', () => {
    const peers = list()
    peers.put(peer('a', '8.8.8.1'), 0)
    expect(all(peers, HOUR_MS / 2 - 1)).toEqual(['a'])
    expect(all(peers, HOUR_MS / 2)).toEqual([])
    expect(peers.size).toBe(0)
  })

  test('an address that was not proven for provenMs is forgotten, and the peer with its last', () => {
    const peers = list()
    const both = peer('a', ['8.8.8.1', '2600:1:2::1'])
    const addresses = [both.addresses[0]!, { ...both.addresses[1]!, provenMs: 1 }]
    peers.put({ ...both, addresses, seenMs: HOUR_MS }, 0)
    expect(peers.get('a', HOUR_MS)?.addresses.map(({ text }) => text)).toEqual(['/ip6/2600:1:2::1/tcp/6346'])
    expect(peers.get('a', HOUR_MS + 1)).toBeUndefined()
  })
})

describe('a full list', () => {
  const fill = (peers: PeerList, count: number, host: (number: number) => string, atMs = 0) => {
    for (let number = 0; number < count; number += 1)
      expect(peers.put(peer(`${host(number)}`, host(number), { atMs }), atMs)).toBeUndefined()
  }

  test('peersMax, and one more takes the place of the youngest of the most crowded provider', () => {
    const peers = list({ peersMax: 4 })
    fill(peers, 3, number => `8.8.${number}.1`)
    peers.put(peer('alone', '9.9.9.1'), 0)
    expect(peers.put(peer('youngest', '8.8.2.1', { atMs: 5 }), 5)).toBe('full')
    expect(peers.put(peer('new', '7.7.7.1', { atMs: 5 }), 5)).toBeUndefined()
    expect(peers.size).toBe(4)
    expect(all(peers, 5)).toEqual(expect.arrayContaining(['alone', 'new']))
    expect(all(peers, 5).filter(id => id.startsWith('8.8'))).toHaveLength(2)
  })

  test('who keeps what the list holds is told of each that is evicted or stale, once', () => {
    const forgotten: string[] = []
    const peers = new PeerList({ ...PEER_LIST_LIMITS, peersMax: 3 }, id => forgotten.push(id))
    fill(peers, 3, number => `8.8.${number}.1`)
    peers.put(peer('new', '7.7.7.1', { atMs: 1 }), 1)
    expect(forgotten).toEqual(['8.8.0.1'])
    peers.remove('8.8.1.1')
    peers.expire(PEER_LIST_LIMITS.seenMs)
    peers.expire(PEER_LIST_LIMITS.seenMs)
    expect(forgotten).toEqual(['8.8.0.1', '8.8.2.1'])
  })

  test('newcomers of one provider throw nobody else out', () => {
    const peers = list({ peersMax: 20 })
    fill(peers, 10, number => `${number + 11}.1.1.1`)
    for (let number = 0; number < 256; number += 1) peers.put(peer(`s${number}`, `66.6.${number}.1`), 0)
    const names = [...Array(10).keys()].map(number => `${number + 11}.1.1.1`)
    expect(names.every(name => peers.get(name, 0) !== undefined)).toBe(true)
    expect(peers.size).toBe(20)
    // And the crowd gives way to whoever comes from elsewhere.
    expect(peers.put(peer('late', '99.1.1.1'), 0)).toBeUndefined()
  })

  test('who has been there for a day gives its place to nobody', () => {
    const peers = list({ peersMax: 3, provenMs: 100 * HOUR_MS, seenMs: 100 * HOUR_MS })
    fill(peers, 3, number => `8.8.${number}.1`)
    const dayMs = PEER_LIST_LIMITS.establishedMs
    expect(peers.refusal(peer('new', '7.7.7.1', { atMs: dayMs }), dayMs)).toBe('full')
    expect(peers.refusal(peer('new', '7.7.7.1', { atMs: dayMs }), dayMs - 1)).toBeUndefined()
  })

  test('perOverlayMax: a crowd in one overlay leaves the places of another alone', () => {
    const peers = list({ peersMax: 10, perOverlayMax: 2 })
    const chord = [{ name: 'chord', role: 'peer' }]
    fill(peers, 2, number => `${number + 11}.1.1.1`)
    expect(peers.put(peer('third', '13.1.1.1'), 0)).toBe('full')
    expect(peers.put(peer('other', '13.1.1.1', { overlays: chord }), 0)).toBeUndefined()
  })
})

describe('samples', () => {
  const many = () => {
    const peers = list()
    for (let number = 0; number < 30; number += 1) peers.put(peer(`x${number}`, `8.8.${number}.1`), 0)
    for (let number = 0; number < 15; number += 1) peers.put(peer(`y${number}`, `${number + 20}.1.1.1`), 0)
    return peers
  }

  test('ANSWER_PEERS_MAX at most, and one of each provider before a second of any', () => {
    const found = many().sample({ overlays: [], limit: ANSWER_PEERS_MAX + 1 }, 0, seeded(7))
    expect(found).toHaveLength(ANSWER_PEERS_MAX)
    expect(found.slice(0, 16).filter(({ peerId }) => peerId.startsWith('x'))).toHaveLength(1)
    expect(new Set(found).size).toBe(ANSWER_PEERS_MAX)
    expect(many().sample({ overlays: [], limit: 3 }, 0, seeded(7))).toHaveLength(3)
  })

  test('by chance: other numbers give others, the same give the same', () => {
    const names = (seed: number) =>
      many()
        .sample({ overlays: [], limit: 8 }, 0, seeded(seed))
        .map(({ peerId }) => peerId)
    expect(names(1)).toEqual(names(1))
    expect(names(1)).not.toEqual(names(2))
  })

  test('of the overlays and the role that are asked for', () => {
    const peers = list()
    const both = [
      { name: 'gnutella', role: 'leaf' },
      { name: 'chord', role: 'peer' }
    ]
    peers.put(peer('up', '11.1.1.1'), 0)
    peers.put(peer('leaf', '12.1.1.1', { overlays: both }), 0)
    const names = (overlays: string[], role?: string) =>
      peers
        .sample({ overlays, role, limit: 9 }, 0, seeded(1))
        .map(({ peerId }) => peerId)
        .sort()
    expect(names([])).toEqual(['leaf', 'up'])
    expect(names(['gnutella'])).toEqual(['leaf', 'up'])
    expect(names(['gnutella'], 'ultrapeer')).toEqual(['up'])
    expect(names(['chord'])).toEqual(['leaf'])
    // A role is one in an overlay that was asked for.
    expect(names(['chord'], 'leaf')).toEqual([])
    expect(names(['pastry'])).toEqual([])
  })
})
