/** Whom an overlay remembers beside its tables, and what of it is saved for the next start. */
import { PeerInterner, SELF } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import {
  BOOTSTRAP_PEERS_MAX,
  decodePeers,
  encodePeers,
  LOST_PEERS_MAX,
  PeerCache,
  PeerMemory,
  SAVED_PEERS_MAX
} from '../src/machine.ts'

const contactOf = (number: number) => ({
  id: Uint8Array.of(1, number),
  addresses: [Uint8Array.of(4, 1, 2, 3)]
})
const contacts = (count: number) => Array.from({ length: count }, (_, at) => contactOf(at + 1))

/** A host's table in which the peer of a number has the handle of that number. */
function tableOf(count: number): PeerInterner {
  const table = new PeerInterner(() => contactOf(0))
  for (const contact of contacts(count)) table.intern(contact)
  return table
}

describe('what is remembered', () => {
  it('BOOTSTRAP_PEERS_MAX: strangers push each other out, and none whom somebody chose', () => {
    const memory = new PeerMemory(BOOTSTRAP_PEERS_MAX)
    memory.add(1, true)
    for (let peer = 2; peer < 100; peer += 1) memory.add(peer)
    expect(memory.peers.length).toBe(BOOTSTRAP_PEERS_MAX)
    expect(memory.peers).toContain(1)
    expect([memory.isChosen(1), memory.isChosen(99)]).toEqual([true, false])
    for (let peer = 100; peer < 200; peer += 1) memory.add(peer, true)
    expect(memory.peers.length).toBe(BOOTSTRAP_PEERS_MAX)
  })

  it('comes round and round, and what is removed does not', () => {
    const memory = new PeerMemory(LOST_PEERS_MAX)
    expect(memory.next()).toBeUndefined()
    for (const peer of [1, 2, 3]) memory.add(peer)
    memory.remove(2)
    expect(new Set([memory.next(), memory.next(), memory.next(), memory.next()])).toEqual(new Set([1, 3]))
  })
})

describe('the peer cache', () => {
  it('SAVED_PEERS_MAX: of more only so many are read; what was cut gives what is whole', () => {
    const many = contacts(SAVED_PEERS_MAX + 1)
    expect(decodePeers(encodePeers(many.slice(0, SAVED_PEERS_MAX)))).toEqual(many.slice(0, SAVED_PEERS_MAX))
    expect(decodePeers(encodePeers(many)).length).toBe(SAVED_PEERS_MAX)
    const whole = encodePeers(many.slice(0, 2))
    for (let length = 0; length < whole.length; length += 1)
      expect(decodePeers(whole.slice(0, length)).length).toBeLessThan(2)
  })

  it('SAVED_PEERS_MAX: of more than can be kept the first are saved, each once, and never this peer', () => {
    const table = tableOf(SAVED_PEERS_MAX + 1)
    const cache = new PeerCache()
    cache.bootstrap.add(3)
    const known = Array.from({ length: SAVED_PEERS_MAX + 1 }, (_, at) => at + 1)
    const ids = decodePeers(cache.encode([SELF, ...known, 1], true, table)!).map(({ id }) => id)
    const kept = [3, ...known.filter(peer => peer !== 3)].slice(0, SAVED_PEERS_MAX)
    expect(ids).toEqual(kept.map(peer => table.contact(peer).id))
  })

  it('is loaded where contacts that come push nobody out, and the rest as contacts', () => {
    const table = tableOf(SAVED_PEERS_MAX)
    const cache = new PeerCache()
    cache.load(encodePeers(contacts(SAVED_PEERS_MAX)), table)
    const all = Array.from({ length: SAVED_PEERS_MAX }, (_, at) => at + 1)
    expect(cache.lost.peers).toEqual(all.slice(0, LOST_PEERS_MAX))
    expect(cache.bootstrap.peers).toEqual(all.slice(LOST_PEERS_MAX))
    const held: number[] = []
    cache.heldPeers(peer => held.push(peer))
    expect(held.sort((a, b) => a - b)).toEqual(all)
  })

  it('gives of both memories by turns, and of one alone where the other is empty', () => {
    const cache = new PeerCache()
    expect(cache.next()).toBeUndefined()
    for (const peer of [1, 2]) cache.lost.add(peer)
    expect([cache.next(), cache.next()].toSorted()).toEqual([1, 2])
    for (const peer of [3, 4, 5]) cache.bootstrap.add(peer)
    const four = Array.from({ length: 4 }, () => cache.next()!)
    expect(four.filter(peer => peer < 3).toSorted()).toEqual([1, 2])
    expect(new Set(four).size).toBe(4)
  })

  it('of a better time is not written over by a peer that is out of its network', () => {
    const table = tableOf(5)
    const cache = new PeerCache()
    expect(cache.encode([1, 2, 3], true, table)).toBeDefined()
    expect(cache.encode([1, 2], false, table)).toBeUndefined()
    expect(cache.encode([1, 2, 4], false, table)).toBeDefined()
    expect(cache.encode([1], true, table)).toBeDefined()
    expect(cache.encode([2], false, table)).toBeDefined()
  })
})
