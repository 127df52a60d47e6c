/** Lookups by several ways: whose answer counts, who is asked whether it is there, and what is not waited for. */
import { type Key, type LinkOrigin, type Peer, SELF } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  LinkNetworks,
  LOOKUP_BUDGET_MS,
  LOOKUP_PATHS_MAX,
  type Lookup,
  NETWORK_PEERS_MAX,
  type RouterSettings,
  routerSettings
} from '../src/machine.ts'
import { foundBy, keyAt, Solo } from './solo.ts'

const KEY = keyAt(5)
const PEERS = [1, 2, 3, 4, 5, 6]
const range = (to: number) => ({ from: keyAt(4), to: keyAt(to) })

const originOf = (network: string, reach: LinkOrigin['reach'] = 'public'): LinkOrigin => ({
  host: `${network}.1`,
  network,
  isRelayed: false,
  reach
})

/** Peers 1 to 6 are the hops, the best first, each from a network of its own where none is said. */
function asking(settings: Partial<RouterSettings> = {}, networks: Partial<Record<number, string>> = {}) {
  const solo = new Solo({ lookupPaths: 3, ...settings })
  const links = new Map<number, number>()
  for (const number of PEERS) {
    const link = 100 + number
    const origin = originOf(networks[number] ?? `net ${number}`)
    solo.give({ type: 'link-up', link, peer: solo.peer(number), inbound: false, origin })
    links.set(number, link)
  }
  solo.routing.hops = PEERS.map(number => ({ peer: solo.peer(number), root: false }))
  solo.effects.take()
  /** Lookups that were sent to a peer. */
  const sentTo = (number: number): Lookup[] =>
    solo.effects.sent(links.get(number)!).filter((message): message is Lookup => message.type === 'lookup')
  /** Whom it was sent to. */
  const asked = () => PEERS.filter(number => sentTo(number).length > 0)
  /** A peer answers for the lookup that it has: that root is at `to`. */
  const says = (number: number, root: number, to: number) => {
    const lookup = sentTo(number).at(-1)!
    solo.give({
      type: 'message',
      link: links.get(number)!,
      message: foundBy(testContact(root), lookup, range(to))
    })
  }
  const pongs = (number: number) => {
    const ping = solo.last('ping')
    solo.give({ type: 'message', link: links.get(number)!, message: { type: 'pong', id: ping.id } })
  }
  return { solo, links, sentTo, asked, says, pongs }
}

describe('a lookup by three ways', () => {
  it('begins at three hops at once, each another lookup', () => {
    const { solo, asked, sentTo } = asking()
    solo.lookup(KEY)
    expect(asked()).toEqual([1, 2, 3])
    expect(new Set([1, 2, 3].map(number => sentTo(number)[0]!.id)).size).toBe(3)
  })

  it('takes the nearest root of all that are named, once that one has answered itself', () => {
    const { solo, says, pongs } = asking()
    solo.lookup(KEY)
    says(1, 4, 90)
    says(2, 5, 6)
    expect(solo.results).toEqual([])
    says(3, 6, 70)
    // Nobody has heard of the root itself yet.
    expect(solo.results).toEqual([])
    pongs(5)
    expect(solo.results).toMatchObject([{ root: testContact(5), to: keyAt(6), timeouts: 0 }])
    expect(solo.router.snapshot()).toMatchObject({ lookups: 0, calls: 0 })
  })

  it('passes over a root that is nearer and is not there', () => {
    const { solo, says, pongs, links } = asking()
    solo.lookup(KEY)
    says(1, 9, 6)
    says(2, 9, 6)
    says(3, 4, 20)
    // It is dialled, for it was never met.
    expect(solo.opened).toEqual([solo.peer(9)])
    solo.unreachable(9)
    expect(solo.results).toEqual([])
    pongs(4)
    expect(solo.results).toMatchObject([{ root: testContact(4), timeouts: 1 }])
    expect(solo.routing.silent).toEqual([solo.peer(9)])
    expect(links.size).toBe(6)
  })

  it('takes a root that could not be asked only where none behind it answers', () => {
    const turnedAway = (alive: boolean) => {
      const { solo, says, pongs } = asking()
      solo.lookup(KEY)
      says(1, 9, 6)
      says(2, 4, 20)
      says(3, 4, 20)
      solo.give({ type: 'unreachable', peer: solo.peer(9), reason: 'It is full.', noRoom: 'there' })
      expect(solo.results).toEqual([])
      if (alive) pongs(4)
      else solo.advance(LOOKUP_BUDGET_MS)
      return solo.results
    }
    expect(turnedAway(true)).toMatchObject([{ root: testContact(4) }])
    expect(turnedAway(false)).toMatchObject([{ root: testContact(9) }])
  })

  it('is not ended by a hop that says that the asker is the root itself', () => {
    const { solo, links, sentTo, says, pongs } = asking()
    solo.lookup(KEY)
    const message = foundBy(solo.effects.peers.contact(SELF), sentTo(1).at(-1)!, range(6))
    solo.give({ type: 'message', link: links.get(1)!, message })
    expect(solo.results).toEqual([])
    says(2, 4, 20)
    says(3, 4, 20)
    pongs(4)
    expect(solo.results).toMatchObject([{ root: testContact(4) }])
  })

  it('does not wait for a way that is silent longer than until a lookup starts anew', () => {
    const { solo, says, pongs } = asking({ lookupAttempts: 3 })
    solo.lookup(KEY)
    says(2, 5, 6)
    solo.advance(LOOKUP_BUDGET_MS / 4 - 10)
    expect(solo.results).toEqual([])
    solo.advance(20)
    pongs(5)
    expect(solo.results).toMatchObject([{ root: testContact(5) }])
  })

  it('goes other ways where nothing came of the first ones, and fails with its time', () => {
    const { solo, asked } = asking({ lookupAttempts: 2 })
    solo.lookup(KEY)
    expect(asked()).toEqual([1, 2, 3])
    solo.advance(LOOKUP_BUDGET_MS / 3 + 10)
    expect(asked()).toEqual(PEERS)
    solo.advance(LOOKUP_BUDGET_MS)
    expect(solo.results).toMatchObject([{ failed: 'budget', elapsedMs: LOOKUP_BUDGET_MS }])
    expect(solo.router.snapshot()).toMatchObject({ lookups: 0, calls: 0 })
  })

  it('begins in as many networks as it can', () => {
    const { solo, asked } = asking({}, { 1: 'one', 2: 'one', 3: 'one', 5: 'one' })
    solo.lookup(KEY)
    expect(asked()).toEqual([1, 4, 6])
  })

  it('begins at several hops of one network where there is no other', () => {
    const all = Object.fromEntries(PEERS.map(number => [number, 'one']))
    const { solo, asked } = asking({}, all)
    solo.lookup(KEY)
    expect(asked()).toEqual([1, 2, 3])
  })

  it('has no more ways than there are first hops, and begins with them again', () => {
    const { solo, asked, sentTo } = asking({ lookupAttempts: 2 })
    solo.routing.hops = [1, 2].map(number => ({ peer: solo.peer(number), root: false }))
    solo.lookup(KEY)
    expect(asked()).toEqual([1, 2])
    // They take it on, and then nothing comes.
    for (const number of [1, 2]) {
      const { id, origin } = sentTo(number)[0]!
      solo.give({ type: 'message', link: 100 + number, message: { type: 'hop-ack', id, origin: origin.id } })
    }
    solo.advance(LOOKUP_BUDGET_MS / 3 + 10)
    expect([1, 2].map(number => sentTo(number).length)).toEqual([2, 2])
    solo.routing.hops = []
    solo.lookup(keyAt(7))
    expect(solo.results).toMatchObject([{ failed: 'no-route' }])
  })

  it('is this peer’s own where the tables say so, and nobody is asked', () => {
    const { solo, asked } = asking()
    solo.routing.root = () => ({ from: keyAt(4), to: keyAt(6) })
    solo.lookup(KEY)
    expect(asked()).toEqual([])
    expect(solo.results).toMatchObject([{ root: testContact(0), hops: 0 }])
  })

  it('that nobody waits for any more is given up with all of its ways', () => {
    const { solo, says } = asking()
    const command = solo.command({ type: 'lookup', key: KEY })
    expect(solo.router.sizes()).toMatchObject({ lookups: 3 })
    solo.command({ type: 'give-up', command })
    expect(solo.router.sizes()).toMatchObject({ lookups: 0, calls: 0 })
    says(1, 4, 6)
    expect(solo.effects.notices()).toEqual([])
  })

  it('holds its first hops, so that other ways avoid them', () => {
    const { solo } = asking()
    solo.lookup(KEY)
    const held = new Set<Peer>()
    solo.router.heldPeers(peer => held.add(peer))
    for (const number of [1, 2, 3]) expect(held.has(solo.peer(number))).toBe(true)
  })
})

it('by one way an answer counts as it always did: nobody is asked whether the root is there', () => {
  const { solo, says, asked } = asking({ lookupPaths: 1 })
  solo.lookup(KEY)
  expect(asked()).toEqual([1])
  says(1, 9, 6)
  expect(solo.results).toMatchObject([{ root: testContact(9) }])
  expect(solo.opened).toEqual([])
})

it('without answer checks the tables are not asked about a root', () => {
  const judged: Key[] = []
  for (const answerChecks of ['on', 'off'] as const) {
    const { solo, says } = asking({ lookupPaths: 1, lookupAttempts: 1, answerChecks })
    solo.routing.believeRoot = (_root, key) => {
      judged.push(key)
      return 'impossible'
    }
    solo.lookup(KEY)
    says(1, 9, 6)
    expect(solo.results).toMatchObject([
      answerChecks === 'on' ? { failed: 'no-route' } : { root: testContact(9) }
    ])
  }
  expect(judged).toEqual([KEY])
})

it('LOOKUP_PATHS_MAX, NETWORK_PEERS_MAX: more is taken for that, and less for the least', () => {
  const clamped = (lookupPaths: number, peersPerNetwork: number) =>
    routerSettings({ lookupPaths, peersPerNetwork })
  const least = { lookupPaths: 1, peersPerNetwork: 0 }
  const most = { lookupPaths: LOOKUP_PATHS_MAX, peersPerNetwork: NETWORK_PEERS_MAX }
  expect(clamped(0, -1)).toMatchObject(least)
  expect(clamped(LOOKUP_PATHS_MAX, NETWORK_PEERS_MAX)).toMatchObject(most)
  expect(clamped(LOOKUP_PATHS_MAX + 1, NETWORK_PEERS_MAX + 1)).toMatchObject(most)
})

describe('networks of links', () => {
  function linked() {
    const { solo } = asking({ peersPerNetwork: 2 }, { 1: 'a', 2: 'a', 3: 'a', 4: 'b' })
    const all = (...numbers: number[]) => numbers.map(number => solo.peer(number))
    return {
      solo,
      all,
      isCrowded: (one: number, ...others: number[]) => solo.router.isCrowded(solo.peer(one), all(...others))
    }
  }

  it('two others of a network are the most, and whoever is there already does not count', () => {
    const { isCrowded } = linked()
    expect(isCrowded(1, 2)).toBe(false)
    expect(isCrowded(1, 2, 3)).toBe(true)
    expect(isCrowded(1, 1, 2)).toBe(false)
    expect(isCrowded(4, 1, 2, 3)).toBe(false)
  })

  it('whose link is down is from nowhere', () => {
    const { solo, isCrowded } = linked()
    solo.down(103)
    expect(isCrowded(1, 2, 3)).toBe(false)
    expect(isCrowded(3, 1, 2)).toBe(false)
  })

  it('peers of a private network or of one machine are not counted', () => {
    const calls = { linkOf: (peer: Peer) => peer } as never
    for (const reach of ['private', 'loopback', 'public'] as const) {
      const networks = new LinkNetworks(calls)
      for (const link of [1, 2])
        networks.see({ type: 'link-up', link, peer: link, inbound: true, origin: originOf('a', reach) })
      expect(networks.isCrowded(1, [2], 1)).toBe(reach === 'public')
      expect(networks.isCrowded(1, [2], 0)).toBe(false)
    }
  })
})
