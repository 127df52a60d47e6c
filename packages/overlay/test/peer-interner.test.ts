import {
  ADDRESS_BYTES_MAX,
  CONTACT_ADDRESSES_MAX,
  type Contact,
  keyOfPeer,
  NO_PEER,
  PEER_ID_BYTES_MAX,
  PEERS_INTERNED_MAX,
  type Peer,
  PeerInterner,
  SELF
} from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hex } from './trees.ts'

const address = (last: number) => Uint8Array.of(4, 10, 0, 0, last, 6, 0, 1)
const interner = (peersMax?: number) =>
  new PeerInterner(() => testContact(0), peersMax === undefined ? {} : { peersMax })
const ids = (...numbers: number[]): Contact[] => numbers.map(testContact)

describe('handles', () => {
  test('this peer is 0, others have one each, and keep it', () => {
    const peers = interner()
    const [a, b] = ids(1, 2) as [Contact, Contact]
    expect(peers.intern(testContact(0))).toBe(SELF)
    const first = peers.intern(a)
    expect(first).not.toBe(SELF)
    expect(peers.intern(b)).not.toBe(first)
    expect(peers.intern({ id: a.id, addresses: [] })).toBe(first)
    expect(peers.find(a.id)).toBe(first)
    expect(peers.find(testContact(0).id)).toBe(SELF)
    expect(peers.find(testContact(3).id)).toBeUndefined()
    expect(peers.size).toBe(2)
  })

  test('a handle gives the key and the contact', () => {
    const peers = interner()
    const peer = peers.intern(testContact(1))
    expect(hex(peers.key(peer))).toBe(hex(keyOfPeer(testContact(1).id)))
    expect(peers.key(peer)).toBe(peers.key(peer))
    expect(peers.contact(peer).id).toEqual(testContact(1).id)
    expect(hex(peers.key(SELF))).toBe(hex(keyOfPeer(testContact(0).id)))
    expect(peers.contact(SELF)).toEqual(testContact(0))
  })

  test('a handle that nobody has is an error, not somebody', () => {
    const peers = interner()
    for (const peer of [1, 99, NO_PEER, 0.5]) {
      expect(peers.has(peer)).toBe(false)
      expect(() => peers.key(peer)).toThrow(RangeError)
      expect(() => peers.contact(peer)).toThrow(RangeError)
    }
    expect(peers.has(SELF)).toBe(true)
  })

  test("what is interned is the table's own, and no view of what it came in", () => {
    const peers = interner()
    const chunk = Buffer.concat([testContact(1).id, address(1)])
    const contact = { id: chunk.subarray(0, 38), addresses: [chunk.subarray(38)] }
    const peer = peers.intern(contact)
    chunk.fill(0)
    expect(peers.contact(peer).id).toEqual(testContact(1).id)
    expect(peers.contact(peer).addresses).toEqual([address(1)])
    expect(peers.contact(peer).id.buffer).not.toBe(chunk.buffer)
  })

  test("this peer's addresses are asked for each time", () => {
    let addresses = [address(1)]
    const peers = new PeerInterner(() => ({ id: testContact(0).id, addresses }))
    addresses = [address(2)]
    expect(peers.contact(SELF).addresses).toEqual([address(2)])
  })
})

describe('limits', () => {
  test('PEER_ID_BYTES_MAX', () => {
    const peers = interner()
    expect(peers.intern({ id: new Uint8Array(PEER_ID_BYTES_MAX), addresses: [] })).not.toBe(NO_PEER)
    expect(peers.intern({ id: new Uint8Array(PEER_ID_BYTES_MAX + 1), addresses: [] })).toBe(NO_PEER)
    expect(peers.intern({ id: new Uint8Array(), addresses: [] })).toBe(NO_PEER)
  })

  test('CONTACT_ADDRESSES_MAX: of hearsay the older half stays, and new addresses take the other', () => {
    const peers = interner()
    const { id } = testContact(1)
    const numbers = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, index) => address(from + index))
    const peer = peers.intern({ id, addresses: numbers(1, CONTACT_ADDRESSES_MAX) })
    expect(peers.contact(peer).addresses).toEqual(numbers(1, CONTACT_ADDRESSES_MAX))
    peers.intern({ id, addresses: [address(3), address(CONTACT_ADDRESSES_MAX + 1)] })
    const half = CONTACT_ADDRESSES_MAX / 2
    expect(peers.contact(peer).addresses).toEqual([
      ...numbers(1, half),
      ...numbers(half + 2, CONTACT_ADDRESSES_MAX + 1)
    ])
    // One contact is read up to the same bound.
    peers.intern({ id, addresses: numbers(100, 150) })
    expect(peers.contact(peer).addresses).toEqual([
      ...numbers(1, half),
      ...numbers(100 + half, 99 + CONTACT_ADDRESSES_MAX)
    ])
  })

  test('CONTACT_ADDRESSES_MAX: no hearsay pushes out what a peer told itself, and that stands first', () => {
    const peers = interner()
    const { id } = testContact(1)
    const numbers = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, index) => address(from + index))
    const told = (addresses: Uint8Array[]) => peers.contact(peers.internOwn({ id, addresses })).addresses
    const heard = (addresses: Uint8Array[]) => peers.contact(peers.intern({ id, addresses })).addresses
    heard(numbers(50, 51))
    expect(told(numbers(1, 2))).toEqual([...numbers(1, 2), ...numbers(50, 51)])
    expect(heard(numbers(60, 70)).slice(0, 4)).toEqual([...numbers(1, 2), ...numbers(50, 51)])
    expect(heard([])).toHaveLength(CONTACT_ADDRESSES_MAX)
    // What was hearsay is its own word now, and newer ones of its own are told at the end of them.
    expect(told([address(51), address(3)]).slice(0, 4)).toEqual([...numbers(1, 2), address(51), address(3)])
    expect(told(numbers(11, 10 + CONTACT_ADDRESSES_MAX))).toEqual(numbers(11, 10 + CONTACT_ADDRESSES_MAX))
    expect(heard(numbers(80, 90))).toEqual(numbers(11, 10 + CONTACT_ADDRESSES_MAX))
    expect(told([address(99)])).toEqual([...numbers(12, 10 + CONTACT_ADDRESSES_MAX), address(99)])
  })

  test('ADDRESS_BYTES_MAX: a longer address is left out, an empty one too', () => {
    const peers = interner()
    const most = new Uint8Array(ADDRESS_BYTES_MAX)
    const peer = peers.intern({
      id: testContact(1).id,
      addresses: [new Uint8Array(ADDRESS_BYTES_MAX + 1), most, new Uint8Array()]
    })
    expect(peers.contact(peer).addresses).toEqual([most])
  })

  test('PEERS_INTERNED_MAX is the bound where none is given', () => {
    const peers = interner()
    for (let number = 1; number <= PEERS_INTERNED_MAX; number += 1)
      peers.intern({ id: testContact(number).id, addresses: [] })
    expect(peers.size).toBe(PEERS_INTERNED_MAX)
    expect(peers.intern(testContact(PEERS_INTERNED_MAX + 1))).toBe(NO_PEER)
    expect(peers.intern(testContact(1))).not.toBe(NO_PEER)
    expect(peers.intern(testContact(0))).toBe(SELF)
  })
})

describe('sweeping', () => {
  test('forgets who is not held, and gives their handles again', () => {
    const peers = interner(3)
    const [a, b, c] = ids(1, 2, 3).map(contact => peers.intern(contact)) as [Peer, Peer, Peer]
    expect(peers.intern(testContact(4))).toBe(NO_PEER)
    expect(peers.sweep(hold => hold(b))).toBe(2)
    expect([peers.size, peers.has(a), peers.has(b), peers.has(c)]).toEqual([1, false, true, false])
    expect(peers.find(testContact(1).id)).toBeUndefined()
    const again = ids(4, 5).map(contact => peers.intern(contact))
    expect(again.toSorted()).toEqual([a, c].toSorted())
    expect(peers.intern(testContact(6))).toBe(NO_PEER)
    expect(hex(peers.key(again[0]!))).toBe(hex(keyOfPeer(testContact(4).id)))
  })

  test('holding this peer, nobody, or the same one twice does no harm', () => {
    const peers = interner(3)
    const peer = peers.intern(testContact(1))
    const held = (hold: (peer: Peer) => void) => [SELF, peer, peer, NO_PEER, 77].forEach(hold)
    expect(peers.sweep(held)).toBe(0)
    expect(peers.has(peer)).toBe(true)
  })

  test('it is time for one when the table is nearly full and it pays', () => {
    const peers = interner(16)
    const contacts = ids(...Array.from({ length: 40 }, (_, index) => index + 1))
    for (const contact of contacts.slice(0, 14)) peers.intern(contact)
    expect(peers.crowded).toBe(false)
    peers.intern(contacts[14]!)
    expect(peers.crowded).toBe(true)
    // All are held: it does not pay again before as many newcomers were there.
    const all = (hold: (peer: Peer) => void) => {
      for (const { id } of contacts) hold(peers.find(id) ?? NO_PEER)
    }
    expect(peers.sweep(all)).toBe(0)
    expect(peers.crowded).toBe(false)
    peers.intern(contacts[15]!)
    expect(peers.crowded).toBe(false)
    expect(peers.intern(contacts[16]!)).toBe(NO_PEER)
    expect(peers.crowded).toBe(true)
  })

  test('agrees with a plain map, whatever comes and goes', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.nat(12) },
      { weight: 1, arbitrary: fc.array(fc.nat(12)).map(numbers => new Set(numbers)) }
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), steps => {
        const peers = interner(8)
        const model = new Map<number, Peer>()
        for (const next of steps) {
          if (typeof next === 'number') {
            const peer = peers.intern(testContact(next + 1))
            if (model.has(next)) expect(peer).toBe(model.get(next))
            else if (model.size === 8) expect(peer).toBe(NO_PEER)
            else {
              expect([...model.values(), SELF, NO_PEER]).not.toContain(peer)
              model.set(next, peer)
            }
          } else {
            const kept = [...model].filter(([number]) => next.has(number))
            expect(
              peers.sweep(hold => {
                for (const [, peer] of kept) hold(peer)
              })
            ).toBe(model.size - kept.length)
            for (const number of [...model.keys()]) if (!next.has(number)) model.delete(number)
          }
          expect(peers.size).toBe(model.size)
          for (const [number, peer] of model)
            expect(peers.contact(peer).id).toEqual(testContact(number + 1).id)
        }
      })
    )
  })
})
