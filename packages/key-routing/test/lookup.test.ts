/** What a peer does with a lookup that it has a hand in: its own, and one of others. */
import { type Contact, type Key, type Peer, SELF } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  ATTEMPTS_MAX,
  CALL_TIMEOUT_FIRST_MS,
  HOPS_MAX,
  type KeyRange,
  LOOKUP_BUDGET_MS_MAX,
  OWN_LOOKUPS_MAX,
  RELAYS_MAX,
  RELAYS_PER_PEER_MAX,
  REPLICAS_MAX,
  type RouterSettings,
  type RoutingMessage,
  type RoutingNotice,
  routerSettings,
  SAME_ID_MAX,
  SILENT_MAX,
  STRAIGHT_ANSWERS_MAX,
  TIMEOUTS_MAX,
  TRIES_MAX
} from '../src/machine.ts'
import { foundBy, keyAt, lookupFrom, Solo } from './solo.ts'

const ORIGIN = testContact(50)
const RANGE: KeyRange = { from: keyAt(0), to: keyAt(9) }
const ONCE = { lookupAttempts: 1 }

/** A peer whose best hops are peers 1, 2, 3, all linked: `links[1]` is the link to peer 1. */
function relaying(settings: Partial<RouterSettings> = {}, roots: readonly number[] = []) {
  const solo = new Solo(settings)
  const links = [0, ...[1, 2, 3].map(number => solo.link(number))]
  solo.routing.hops = [1, 2, 3].map(number => ({ peer: solo.peer(number), root: roots.includes(number) }))
  const from = solo.link(40, true)
  solo.effects.take()
  return { solo, links, from }
}

function ack(id: number, origin: Contact = ORIGIN): RoutingMessage {
  return { type: 'hop-ack', origin: origin.id, id }
}

function failedAt(
  id: number,
  reason: 'no-route' | 'budget' | 'not-ready' | 'busy',
  hops = 1
): RoutingMessage {
  return { type: 'lookup-failed', origin: ORIGIN.id, id, reason, hops, timeouts: 0 }
}

describe('a lookup that comes in', () => {
  it('is acknowledged, and goes to the best next hop with one step more', () => {
    const { solo, links, from } = relaying()
    const lookup = lookupFrom(ORIGIN, { hops: 3, timeouts: 2, purpose: 'table' })
    expect(solo.message(from, lookup)).toEqual([`${from}: hop-ack`, `${links[1]}: lookup`])
    expect(solo.last('hop-ack')).toEqual(ack(77))
    expect(solo.last('lookup')).toEqual({ ...lookup, hops: 4 })
  })

  it('goes to the next best hop when the best is silent, and the tables hear of it', () => {
    const { solo, links, from } = relaying()
    solo.message(from, lookupFrom(ORIGIN))
    solo.effects.take()
    solo.advance(CALL_TIMEOUT_FIRST_MS)
    expect(solo.said()).toEqual([`${links[2]}: lookup`])
    // A finger that is silent says nothing of whose the key is: it is not named to those who come after.
    expect(solo.last('lookup')).toMatchObject({ hops: 2, timeouts: 1, silent: [], budgetMs: 3000 })
    expect(solo.routing.silent).toEqual([solo.peer(1)])
    solo.down(links[2]!)
    expect(solo.said().at(-1)).toBe(`${links[3]}: lookup`)
    expect(solo.last('lookup')).toMatchObject({ hops: 2, timeouts: 2 })
  })

  it('names root candidates that were silent, the latest where there are too many', () => {
    const { solo, from, links } = relaying({}, [1, 2, 3])
    const before = Array.from({ length: SILENT_MAX }, (_, index) => testContact(100 + index).id)
    solo.message(from, lookupFrom(ORIGIN, { silent: before }))
    expect(solo.last('lookup')).toMatchObject({ root: true, silent: before })
    solo.down(links[1]!)
    expect(solo.last('lookup').silent).toEqual([...before.slice(1), testContact(1).id])
    solo.down(links[2]!)
    expect(solo.last('lookup').silent).toEqual([...before.slice(2), testContact(1).id, testContact(2).id])
  })

  it('does not go to peers that those before found silent', () => {
    const { solo, links, from } = relaying()
    const silent = [testContact(1).id, testContact(2).id]
    expect(solo.message(from, lookupFrom(ORIGIN, { silent }))).toEqual([
      `${from}: hop-ack`,
      `${links[3]}: lookup`
    ])
  })

  it('does not go back to where it came from', () => {
    const { solo, links } = relaying()
    expect(solo.message(links[1]!, lookupFrom(ORIGIN))).toEqual([
      `${links[1]}: hop-ack`,
      `${links[2]}: lookup`
    ])
  })

  it('goes nowhere when nobody is left, and the hop before hears it', () => {
    const { solo, links, from } = relaying()
    solo.message(from, lookupFrom(ORIGIN))
    for (const number of [1, 2]) solo.down(links[number]!)
    solo.effects.take()
    solo.down(links[3]!)
    expect(solo.said()).toEqual([`${from}: lookup-failed`])
    expect(solo.last('lookup-failed')).toMatchObject({ reason: 'no-route', id: 77, hops: 1, timeouts: 3 })
  })

  it('opens a link to a hop that has none', () => {
    const { solo, from } = relaying()
    solo.routing.hops = [{ peer: solo.peer(7), root: true }]
    expect(solo.message(from, lookupFrom(ORIGIN))).toEqual([`${from}: hop-ack`])
    expect(solo.opened).toEqual([solo.peer(7)])
    const link = solo.link(7)
    expect(solo.said().at(-1)).toBe(`${link}: lookup`)
  })

  it('is refused where the tables are not ready, and where its steps or its time are used up', () => {
    const { solo, from } = relaying()
    const refusal = (fields: Parameters<typeof lookupFrom>[1]): string => {
      expect(solo.message(from, lookupFrom(ORIGIN, fields))).toEqual([`${from}: lookup-failed`])
      return solo.last('lookup-failed').reason
    }
    expect(refusal({ hops: HOPS_MAX })).toBe('budget')
    expect(refusal({ budgetMs: 0 })).toBe('budget')
    expect(solo.message(from, lookupFrom(ORIGIN, { hops: HOPS_MAX - 1 })).at(-1)).toMatch('lookup')
    solo.routing.ready = false
    expect(refusal({ id: 78 })).toBe('not-ready')
  })

  it('has at most so many tries here', () => {
    const { solo, from } = relaying({ callTimeoutHighMs: 1 })
    solo.routing.hops = Array.from({ length: TRIES_MAX + 1 }, (_, index) => ({
      peer: solo.peer(100 + index),
      root: false
    }))
    for (let index = 0; index <= TRIES_MAX; index += 1) solo.link(100 + index)
    solo.message(from, lookupFrom(ORIGIN, { budgetMs: 60_000 }))
    solo.advance(TRIES_MAX - 1)
    expect(solo.effects.sent().filter(message => message.type === 'lookup')).toHaveLength(TRIES_MAX)
    solo.advance(1)
    expect(solo.effects.sent().filter(message => message.type === 'lookup')).toHaveLength(TRIES_MAX)
    expect(solo.last('lookup-failed')).toMatchObject({ reason: 'no-route', timeouts: TRIES_MAX })
  })

  it('has a budget that shrinks by the time it spends here, and ends with it', () => {
    const { solo, from } = relaying()
    solo.message(from, lookupFrom(ORIGIN, { budgetMs: 2500 }))
    solo.advance(CALL_TIMEOUT_FIRST_MS)
    expect(solo.last('lookup').budgetMs).toBe(1500)
    solo.advance(CALL_TIMEOUT_FIRST_MS)
    expect(solo.last('lookup').budgetMs).toBe(500)
    solo.effects.take()
    solo.advance(CALL_TIMEOUT_FIRST_MS)
    expect(solo.said()).toEqual([`${from}: lookup-failed`])
    expect(solo.last('lookup-failed').reason).toBe('budget')
  })

  it('has no more budget than this peer allows', () => {
    const { solo, from } = relaying()
    solo.message(from, lookupFrom(ORIGIN, { budgetMs: LOOKUP_BUDGET_MS_MAX + 1 }))
    expect(solo.last('lookup').budgetMs).toBe(LOOKUP_BUDGET_MS_MAX)
  })

  it('counts no more timeouts than fit in a message', () => {
    const { solo, links, from } = relaying()
    solo.message(from, lookupFrom(ORIGIN, { timeouts: TIMEOUTS_MAX - 1 }))
    solo.down(links[1]!)
    solo.down(links[2]!)
    expect(solo.last('lookup').timeouts).toBe(TIMEOUTS_MAX)
  })

  it('that is no longer awaited by its link does no harm', () => {
    const { solo } = relaying()
    expect(solo.message(999, lookupFrom(ORIGIN))).toEqual([])
  })
})

describe('a lookup that comes again', () => {
  it('is acknowledged and goes no second time, whoever brings it', () => {
    const { solo, links, from } = relaying()
    solo.message(from, lookupFrom(ORIGIN))
    expect(solo.message(from, lookupFrom(ORIGIN))).toEqual([`${from}: hop-ack`])
    expect(solo.message(links[2]!, lookupFrom(ORIGIN, { hops: 5 }))).toEqual([`${links[2]}: hop-ack`])
    expect(solo.router.snapshot().counters).toMatchObject({ relayed: 1, duplicates: 2 })
  })

  it('is another one where its origin or its id is', () => {
    const { solo, links, from } = relaying()
    solo.message(from, lookupFrom(ORIGIN))
    const forwarded = [`${from}: hop-ack`, `${links[1]}: lookup`]
    expect(solo.message(from, lookupFrom(testContact(51)))).toEqual(forwarded)
    expect(solo.message(from, lookupFrom(ORIGIN, { id: 78 }))).toEqual(forwarded)
    // Their answers do not mix.
    const found = foundBy(testContact(1), { origin: testContact(51), id: 77 })
    solo.message(links[1]!, found)
    expect(solo.last('found').origin).toEqual(testContact(51).id)
  })

  it('is refused where it failed here, so that whoever brings it goes elsewhere', () => {
    const { solo, links, from } = relaying()
    solo.routing.hops = []
    solo.message(from, lookupFrom(ORIGIN))
    expect(solo.message(links[2]!, lookupFrom(ORIGIN))).toEqual([`${links[2]}: lookup-failed`])
  })

  it('to its own origin goes no further: whoever brings it goes elsewhere', () => {
    const { solo, links } = relaying(ONCE)
    solo.lookup(keyAt(5))
    const own = solo.last('lookup')
    expect(solo.message(links[3]!, { ...own, hops: 4 })).toEqual([`${links[3]}: lookup-failed`])
  })

  it('to its own origin ends there where all between are found silent', () => {
    const { solo, links } = relaying(ONCE)
    solo.lookup(keyAt(5))
    const own = solo.last('lookup')
    solo.message(links[1]!, ack(own.id, own.origin))
    const dead = testContact(60)
    solo.routing.root = (_key, silent) => (silent(solo.effects.peers.intern(dead)) ? RANGE : undefined)
    expect(solo.message(links[3]!, { ...own, hops: 4, timeouts: 1, root: true, silent: [dead.id] })).toEqual([
      `${links[3]}: hop-ack`
    ])
    expect(solo.results.at(-1)).toMatchObject({
      root: { id: solo.effects.peers.contact(0).id },
      hops: 4,
      timeouts: 1
    })
  })

  it('ends at a peer that handed it on where all between are found silent', () => {
    const { solo, links, from } = relaying({}, [])
    solo.message(from, lookupFrom(ORIGIN, { replyBy: 'path' }))
    solo.message(links[1]!, ack(77))
    const dead = testContact(60)
    solo.routing.root = (_key, silent) => (silent(solo.effects.peers.intern(dead)) ? RANGE : undefined)
    expect(
      solo.message(links[2]!, lookupFrom(ORIGIN, { replyBy: 'path', hops: 5, root: true, silent: [dead.id] }))
    ).toEqual([`${links[2]}: hop-ack`, `${from}: found`])
    expect(solo.last('found')).toMatchObject({ hops: 5 })
  })
})

describe('the hop after this one', () => {
  it('acknowledges late: the lookup went on by another, and that is all', () => {
    const { solo, links, from } = relaying()
    solo.message(from, lookupFrom(ORIGIN))
    solo.advance(CALL_TIMEOUT_FIRST_MS)
    expect(solo.message(links[1]!, ack(77))).toEqual([])
    solo.message(links[2]!, ack(77))
    solo.effects.take()
    solo.advance(10_000)
    expect(solo.said()).toEqual([])
    expect(solo.routing.silent).toEqual([solo.peer(1)])
  })

  it('is measured by its acknowledgement', () => {
    const { solo, links, from } = relaying()
    solo.message(from, lookupFrom(ORIGIN))
    solo.advance(120)
    solo.message(links[1]!, ack(77))
    expect(solo.router.calls.rttMs(solo.peer(1))).toBe(120)
  })

  it('cannot be acknowledged for by another peer', () => {
    const { solo, links, from } = relaying()
    solo.message(from, lookupFrom(ORIGIN))
    solo.message(links[2]!, ack(77))
    solo.message(links[1]!, ack(77, testContact(51)))
    solo.effects.take()
    solo.advance(CALL_TIMEOUT_FIRST_MS)
    expect(solo.said()).toEqual([`${links[2]}: lookup`])
  })

  it.each(['busy', 'not-ready', 'no-route'] as const)(
    'refuses as %s, at once or after a while: the next best has its turn, and nobody is silent',
    reason => {
      const { solo, links, from } = relaying()
      solo.message(from, lookupFrom(ORIGIN))
      expect(solo.message(links[1]!, failedAt(77, reason, 2))).toEqual([`${links[2]}: lookup`])
      solo.message(links[2]!, ack(77))
      solo.advance(500)
      expect(solo.message(links[2]!, failedAt(77, reason, 5))).toEqual([`${links[3]}: lookup`])
      // What was walked in vain counts as well.
      expect(solo.last('lookup')).toMatchObject({ hops: 6, timeouts: 0 })
      expect(solo.routing.silent).toEqual([])
    }
  )

  it('is not taken for the root where one before it lives, but refused', () => {
    const { solo, links, from } = relaying({}, [1, 2, 3])
    solo.message(from, lookupFrom(ORIGIN))
    expect(solo.last('lookup')).toMatchObject({ root: true })
    expect(solo.message(links[1]!, failedAt(77, 'no-route'))).toEqual([`${links[2]}: lookup`])
    expect(solo.last('lookup')).toMatchObject({ root: false })
    solo.down(links[2]!)
    // Nor does it count against anybody that this one is silent.
    expect(solo.last('lookup')).toMatchObject({ root: false, silent: [] })
  })

  it('refuses for want of budget, and so it ends here', () => {
    const { solo, links, from } = relaying()
    solo.message(from, lookupFrom(ORIGIN))
    expect(solo.message(links[1]!, failedAt(77, 'budget'))).toEqual([`${from}: lookup-failed`])
  })

  it('cannot be refused for by another peer', () => {
    const { solo, links, from } = relaying()
    solo.message(from, lookupFrom(ORIGIN))
    expect(solo.message(links[2]!, failedAt(77, 'no-route'))).toEqual([])
    expect(solo.message(links[1]!, failedAt(78, 'no-route'))).toEqual([])
  })
})

describe('the root', () => {
  function root(settings: Partial<RouterSettings> = {}) {
    const all = relaying(settings)
    all.solo.routing.root = () => RANGE
    all.solo.routing.copies = [all.solo.peer(1), all.solo.peer(2)]
    return all
  }
  const answer = { origin: ORIGIN.id, id: 77, root: testContact(0), from: RANGE.from, to: RANGE.to, hops: 3 }

  it('answers straight to the origin over a link that is up', () => {
    const { solo, from } = root()
    const origin = solo.link(50)
    const said = solo.message(from, lookupFrom(ORIGIN, { hops: 3, timeouts: 1 }))
    expect(said).toEqual([`${from}: hop-ack`, `${origin}: found`])
    expect(solo.last('found')).toMatchObject({
      ...answer,
      type: 'found',
      replicas: [testContact(1), testContact(2)],
      timeouts: 1
    })
  })

  it('needs no acknowledgement where the answer says the same', () => {
    const { solo } = root()
    const origin = solo.link(50)
    expect(solo.message(origin, lookupFrom(ORIGIN))).toEqual([`${origin}: found`])
    const { solo: other, from } = root()
    expect(other.message(from, lookupFrom(ORIGIN, { replyBy: 'path' }))).toEqual([`${from}: found`])
  })

  it('answers back along the path where no link to the origin is up, and dials nobody', () => {
    const { solo, from } = root()
    expect(solo.message(from, lookupFrom(ORIGIN, { hops: 3 }))).toEqual([`${from}: found`])
    expect(solo.last('found')).toMatchObject(answer)
    expect(solo.opened).toEqual([])
  })

  it.each(['closed', 'idle', 'duplicate'] as const)(
    'answers once more, back along the path, where the link to the origin was %s meanwhile',
    kind => {
      const { solo, from } = root()
      const origin = solo.link(50, true)
      solo.message(from, lookupFrom(ORIGIN, { hops: 3 }))
      const found = solo.last('found')
      solo.effects.take()
      solo.down(origin, kind)
      expect(solo.said()).toEqual([`${from}: found`])
      expect(solo.last('found')).toEqual(found)
      expect(solo.opened).toEqual([])
      // Once is enough.
      solo.effects.take()
      solo.down(solo.link(50, true), kind)
      expect(solo.said()).toEqual([])
    }
  )

  it('answers once more over a newer link to the origin', () => {
    const { solo, from } = root()
    const older = solo.link(50, true)
    solo.message(from, lookupFrom(ORIGIN))
    const newer = solo.link(50, true)
    solo.effects.take()
    solo.down(older, 'duplicate')
    expect(solo.said()).toEqual([`${newer}: found`])
  })

  it('does not answer again what was read, nor an origin that is lost', () => {
    const { solo, from } = root()
    const [lost, read] = [solo.link(50, true), solo.link(51, true)]
    solo.message(from, lookupFrom(ORIGIN))
    solo.message(from, lookupFrom(testContact(51)))
    solo.effects.take()
    solo.down(lost, 'reset')
    solo.advance(CALL_TIMEOUT_FIRST_MS)
    solo.down(read, 'closed')
    expect(solo.said()).toEqual([])
  })

  it('keeps the latest answers for a link that was being closed', () => {
    const { solo, from } = root()
    const origin = solo.link(50, true)
    for (let id = 0; id <= STRAIGHT_ANSWERS_MAX; id += 1) solo.message(from, lookupFrom(ORIGIN, { id }))
    solo.effects.take()
    solo.down(origin, 'closed')
    const again = solo.effects.sent().flatMap(message => (message.type === 'found' ? [message.id] : []))
    expect(again).toEqual(Array.from({ length: STRAIGHT_ANSWERS_MAX }, (_, index) => index + 1))
  })

  it('names so many replicas, and none in a lookup of tables', () => {
    const { solo, from } = root({ replicas: REPLICAS_MAX + 1 })
    solo.routing.copies = Array.from({ length: REPLICAS_MAX + 1 }, (_, index) => solo.peer(60 + index))
    solo.message(from, lookupFrom(ORIGIN, { replyBy: 'path' }))
    expect(solo.last('found').replicas).toHaveLength(REPLICAS_MAX)
    solo.message(from, lookupFrom(ORIGIN, { id: 78, replyBy: 'path', purpose: 'table' }))
    expect(solo.last('found').replicas).toEqual([])
  })

  it('may be a peer to which the key fell because those before it are silent', () => {
    const { solo, from } = relaying()
    const nearer = solo.peer(8)
    solo.routing.root = (_key, silent) => (silent(nearer) ? RANGE : undefined)
    expect(solo.message(from, lookupFrom(ORIGIN, { replyBy: 'path' })).at(-1)).toMatch('lookup')
    const handed = lookupFrom(ORIGIN, { id: 78, replyBy: 'path', root: true, silent: [testContact(8).id] })
    expect(solo.message(from, handed)).toEqual([`${from}: found`])
  })

  it('is not a peer on the way to it, whoever was silent before', () => {
    const { solo, from, links } = relaying()
    const nearer = solo.peer(8)
    solo.routing.root = (_key, silent) => (silent(nearer) || silent(solo.peer(1)) ? RANGE : undefined)
    const passing = lookupFrom(ORIGIN, { replyBy: 'path', silent: [testContact(8).id] })
    expect(solo.message(from, passing)).toEqual([`${from}: hop-ack`, `${links[1]}: lookup`])
    // A finger that is silent does not make it the root either.
    solo.down(links[1]!)
    expect(solo.said().at(-1)).toBe(`${links[2]}: lookup`)
  })

  it('may turn out to be this peer when one that it took for the root is silent', () => {
    const { solo, from, links } = relaying({}, [1])
    solo.routing.root = (_key, silent) => (silent(solo.peer(1)) ? RANGE : undefined)
    solo.message(from, lookupFrom(ORIGIN, { replyBy: 'path' }))
    solo.effects.take()
    solo.down(links[1]!)
    expect(solo.said()).toEqual([`${from}: found`])
    expect(solo.last('found')).toMatchObject({ hops: 1, timeouts: 1 })
  })
})

describe('an answer on its way back', () => {
  it('goes to the hop before, once, from whoever the lookup went to', () => {
    const { solo, links, from } = relaying()
    solo.message(from, lookupFrom(ORIGIN, { replyBy: 'path' }))
    solo.message(links[1]!, ack(77))
    const found = foundBy(testContact(9), { origin: ORIGIN, id: 77 })
    expect(solo.message(links[2]!, found)).toEqual([])
    expect(solo.message(links[1]!, found)).toEqual([`${from}: found`])
    expect(solo.last('found')).toEqual(found)
    expect(solo.message(links[1]!, found)).toEqual([])
  })

  it('stands for an acknowledgement', () => {
    const { solo, links, from } = relaying()
    solo.message(from, lookupFrom(ORIGIN, { replyBy: 'path' }))
    solo.advance(60)
    solo.message(links[1]!, foundBy(testContact(1), { origin: ORIGIN, id: 77 }))
    solo.effects.take()
    solo.advance(20_000)
    expect(solo.said()).toEqual([])
    expect(solo.routing.silent).toEqual([])
    expect(solo.router.calls.rttMs(solo.peer(1))).toBe(60)
  })

  it('is taken from a hop that was thought silent', () => {
    const { solo, links, from } = relaying()
    solo.message(from, lookupFrom(ORIGIN, { replyBy: 'path' }))
    solo.advance(CALL_TIMEOUT_FIRST_MS)
    const found = foundBy(testContact(1), { origin: ORIGIN, id: 77 })
    expect(solo.message(links[1]!, found)).toEqual([`${from}: found`])
  })

  it('is awaited as long as the budget lasts, and no longer counts then', () => {
    const { solo, links, from } = relaying()
    solo.message(from, lookupFrom(ORIGIN, { replyBy: 'path' }))
    solo.message(links[1]!, ack(77))
    const neighbour = solo.router.calls.neighbourAt(from)!
    expect(neighbour.relays).toBe(1)
    solo.advance(4000)
    expect(neighbour.relays).toBe(0)
    expect(solo.router.calls.sizes().calls).toBe(0)
  })
})

describe('how many lookups of others there may be', () => {
  it('so many that are under way from one peer; one past it is refused as busy, and others are served', () => {
    const { solo, from } = relaying()
    for (let id = 0; id < RELAYS_PER_PEER_MAX; id += 1)
      expect(solo.message(from, lookupFrom(ORIGIN, { id }))[0]).toBe(`${from}: hop-ack`)
    expect(solo.message(from, lookupFrom(ORIGIN, { id: 5000 }))).toEqual([`${from}: lookup-failed`])
    expect(solo.last('lookup-failed').reason).toBe('busy')
    const other = solo.link(41, true)
    expect(solo.message(other, lookupFrom(ORIGIN, { id: 5001 }))[0]).toBe(`${other}: hop-ack`)
  })

  it('who comes again has no more of them, and nothing of it is remembered when they are over', () => {
    const { solo, from } = relaying()
    for (let id = 0; id < RELAYS_PER_PEER_MAX; id += 1) solo.message(from, lookupFrom(ORIGIN, { id }))
    solo.down(from)
    const again = solo.link(40, true)
    expect(solo.message(again, lookupFrom(ORIGIN, { id: 5000 }))).toEqual([`${again}: lookup-failed`])
    expect(solo.last('lookup-failed').reason).toBe('busy')
    solo.down(again)
    const { neighbours } = solo.router.calls.sizes()
    solo.advance(20_000)
    // It could not be told.
    solo.unreachable(40)
    expect(solo.router.calls.sizes().neighbours).toBe(neighbours - 1)
    const later = solo.link(40, true)
    expect(solo.message(later, lookupFrom(ORIGIN, { id: 5001 }))[0]).toBe(`${later}: hop-ack`)
  })

  it('one that the next hop took is under way no more', () => {
    const { solo, links, from } = relaying()
    for (let id = 0; id < 2 * RELAYS_PER_PEER_MAX; id += 1) {
      expect(solo.message(from, lookupFrom(ORIGIN, { id }))[0]).toBe(`${from}: hop-ack`)
      solo.message(links[1]!, ack(id))
    }
  })

  it('so many are remembered: the oldest that is over makes room', () => {
    const { solo, links, from } = relaying()
    for (let id = 0; id < RELAYS_MAX; id += 1) {
      solo.message(from, lookupFrom(ORIGIN, { id }))
      solo.message(links[1]!, ack(id))
    }
    expect(solo.router.snapshot().relays).toBe(RELAYS_MAX)
    expect(solo.message(from, lookupFrom(ORIGIN, { id: RELAYS_MAX }))[0]).toBe(`${from}: hop-ack`)
    expect(solo.router.snapshot().relays).toBe(RELAYS_MAX)
    // The first was forgotten, and is a new one now; the second was not.
    expect(solo.message(from, lookupFrom(ORIGIN, { id: 1 }))).toEqual([`${from}: hop-ack`])
    expect(solo.message(from, lookupFrom(ORIGIN, { id: 0 }))).toHaveLength(2)
  })

  it('they are refused where all are under way', () => {
    const { solo } = relaying()
    const peers = RELAYS_MAX / RELAYS_PER_PEER_MAX
    const links = Array.from({ length: peers + 1 }, (_, index) => solo.link(200 + index, true))
    // Each peer's go to a hop of its own, since so many cannot be under way to one.
    for (let id = 0; id < RELAYS_MAX; id += 1) {
      const place = id % peers
      solo.routing.hops = [{ peer: solo.peer(200 + ((place + 1) % peers)), root: false }]
      expect(solo.message(links[place]!, lookupFrom(ORIGIN, { id }))[0]).toMatch('hop-ack')
    }
    expect(solo.message(links[peers]!, lookupFrom(ORIGIN, { id: RELAYS_MAX }))).toEqual([
      `${links[peers]}: lookup-failed`
    ])
    expect(solo.last('lookup-failed').reason).toBe('busy')
  })

  it('so many may have one id; one past it is refused as busy', () => {
    const { solo, from } = relaying()
    for (let number = 0; number < SAME_ID_MAX; number += 1)
      expect(solo.message(from, lookupFrom(testContact(60 + number)))[0]).toBe(`${from}: hop-ack`)
    expect(solo.message(from, lookupFrom(testContact(99)))).toEqual([`${from}: lookup-failed`])
    expect(solo.last('lookup-failed').reason).toBe('busy')
    // All of them are known.
    for (let number = 0; number < SAME_ID_MAX; number += 1)
      expect(solo.message(from, lookupFrom(testContact(60 + number)))).toEqual([`${from}: hop-ack`])
    expect(solo.router.snapshot()).toMatchObject({ relays: SAME_ID_MAX })
  })

  it('they hold every peer that they speak of', () => {
    const { solo, links, from } = relaying()
    solo.message(from, lookupFrom(ORIGIN))
    for (const number of [1, 2]) solo.down(links[number]!)
    solo.message(links[3]!, failedAt(77, 'no-route'))
    for (const link of [links[3]!, from]) solo.down(link)
    const held = new Set<Peer>()
    solo.router.heldPeers(peer => held.add(peer))
    // A handle that nobody holds is given to somebody else, who would be left out in the place of these.
    expect([...held].sort()).toEqual([1, 2, 3, 40].map(number => solo.peer(number)).sort())
  })

  it('they are forgotten with their budget', () => {
    const { solo, from } = relaying()
    for (let id = 0; id < 100; id += 1) solo.message(from, lookupFrom(ORIGIN, { id, budgetMs: 100 }))
    solo.advance(20_000)
    solo.message(from, lookupFrom(ORIGIN, { id: 100 }))
    expect(solo.router.snapshot().relays).toBe(1)
    const held = new Set<Peer>()
    solo.router.heldPeers(peer => held.add(peer))
    expect(held).toContain(solo.peer(40))
  })
})

describe('a lookup of this peer', () => {
  const outcome = (solo: Solo): unknown => solo.results[0]

  it('of a key that is its own ends at once, with no step', () => {
    const { solo } = relaying()
    solo.routing.root = () => RANGE
    solo.routing.copies = [solo.peer(1)]
    solo.lookup(keyAt(5))
    expect(outcome(solo)).toMatchObject({
      root: testContact(0),
      from: RANGE.from,
      to: RANGE.to,
      replicas: [testContact(1)],
      hops: 0,
      timeouts: 0,
      elapsedMs: 0
    })
    expect(solo.said()).toEqual([])
  })

  it('goes to the best hop, and ends with the answer of the root', () => {
    const { solo, links } = relaying({ lookupBudgetMs: 3000 })
    solo.lookup(keyAt(5), { purpose: 'table' })
    const sent = solo.last('lookup')
    expect(sent).toMatchObject({
      origin: testContact(0),
      purpose: 'table',
      replyBy: 'direct',
      hops: 1,
      timeouts: 0,
      budgetMs: 3000
    })
    solo.message(links[1]!, ack(sent.id, testContact(0)))
    solo.advance(150)
    const stranger = solo.link(9, true)
    solo.message(stranger, foundBy(testContact(9), sent, { hops: 4, timeouts: 1 }))
    expect(outcome(solo)).toMatchObject({ root: testContact(9), hops: 4, timeouts: 1, elapsedMs: 150 })
    // The first answer counts.
    solo.message(links[1]!, foundBy(testContact(1), sent))
    expect(solo.results).toHaveLength(1)
    expect(solo.router.calls.sizes().calls).toBe(0)
  })

  it('is not answered by a stranger who speaks for another, nor for a range without the key', () => {
    const { solo, links } = relaying()
    solo.lookup(keyAt(5))
    const sent = solo.last('lookup')
    const stranger = solo.link(9, true)
    solo.message(stranger, foundBy(testContact(8), sent))
    solo.message(stranger, foundBy(testContact(9), { ...sent, id: sent.id ^ 1 }))
    solo.message(stranger, foundBy(testContact(9), sent, { from: keyAt(5), to: keyAt(6) }))
    expect(solo.results).toEqual([])
    // Back along the path it comes from whom it went to.
    solo.message(links[1]!, foundBy(testContact(8), sent, { from: keyAt(4), to: keyAt(5) }))
    expect(solo.results).toHaveLength(1)
  })

  it('tries one hop after the other, and itself is the root in the end', () => {
    const { solo, links } = relaying(ONCE, [1, 2])
    solo.routing.root = (_key, silent) => (silent(solo.peer(2)) ? RANGE : undefined)
    solo.lookup(keyAt(5))
    solo.down(links[1]!)
    expect(solo.results).toEqual([])
    solo.down(links[2]!)
    expect(outcome(solo)).toMatchObject({ root: testContact(0), hops: 0, timeouts: 2 })
  })

  it('fails at once where tables are not ready', () => {
    const { solo } = relaying()
    solo.routing.ready = false
    solo.lookup(keyAt(5))
    expect(outcome(solo)).toEqual({ failed: 'not-ready', hops: 0, timeouts: 0, elapsedMs: 0 })
  })

  it('fails where nobody is left, after it was tried as often as it may', () => {
    const { solo } = relaying({ ...ONCE, lookupBudgetMs: 9000 })
    solo.routing.hops = []
    solo.lookup(keyAt(5))
    expect(outcome(solo)).toMatchObject({ failed: 'no-route', elapsedMs: 0 })
    const patient = relaying({ lookupAttempts: 3, lookupBudgetMs: 9000 }).solo
    patient.routing.hops = []
    patient.lookup(keyAt(5))
    patient.advance(5999)
    expect(patient.results).toEqual([])
    patient.advance(1)
    expect(outcome(patient)).toMatchObject({ failed: 'no-route', elapsedMs: 6000 })
  })

  it('fails when its budget ends', () => {
    const { solo, links } = relaying({ ...ONCE, lookupBudgetMs: 5000 })
    solo.lookup(keyAt(5))
    solo.message(links[1]!, ack(solo.last('lookup').id, testContact(0)))
    solo.advance(4999)
    expect(solo.results).toEqual([])
    solo.advance(1)
    expect(outcome(solo)).toEqual({ failed: 'budget', hops: 0, timeouts: 0, elapsedMs: 5000 })
    solo.lookup(keyAt(5), { budgetMs: 10 * LOOKUP_BUDGET_MS_MAX })
    expect(solo.last('lookup').budgetMs).toBe(LOOKUP_BUDGET_MS_MAX)
  })

  it('starts anew by another hop when nothing comes back, and counts that', () => {
    const { solo, links } = relaying({ lookupAttempts: 3, lookupBudgetMs: 9000 })
    solo.lookup(keyAt(5))
    const first = solo.last('lookup')
    solo.message(links[1]!, ack(first.id, testContact(0)))
    solo.effects.take()
    solo.advance(3000)
    expect(solo.said()).toEqual([`${links[2]}: lookup`])
    const second = solo.last('lookup')
    expect(second).toMatchObject({ hops: 1, timeouts: 0, budgetMs: 6000 })
    expect(second.id).not.toBe(first.id)
    solo.message(links[2]!, foundBy(testContact(2), second, { hops: 1 }))
    expect(outcome(solo)).toMatchObject({ root: testContact(2), hops: 1, timeouts: 1, elapsedMs: 3000 })
  })

  it('starts anew by one whom it does not take for the root, where nothing came back from the root', () => {
    const { solo, links } = relaying({ lookupAttempts: 3, lookupBudgetMs: 9000 }, [1, 2])
    solo.lookup(keyAt(5))
    const first = solo.last('lookup')
    expect(first).toMatchObject({ root: true })
    solo.message(links[1]!, ack(first.id, testContact(0)))
    solo.advance(3000)
    expect(solo.last('lookup')).toMatchObject({ root: false })
  })

  it('takes a late answer to an earlier attempt, which counts that one alone', () => {
    const { solo, links } = relaying({ lookupAttempts: 3, lookupBudgetMs: 9000 })
    solo.lookup(keyAt(5))
    const first = solo.last('lookup')
    solo.message(links[1]!, ack(first.id, testContact(0)))
    solo.advance(3000)
    solo.message(links[1]!, foundBy(testContact(1), first))
    expect(outcome(solo)).toMatchObject({ root: testContact(1), timeouts: 0 })
    solo.advance(20_000)
    expect(solo.results).toHaveLength(1)
    expect(solo.routing.silent).toEqual([])
  })

  it('starts anew by the same hop where there is no other', () => {
    const { solo, links } = relaying({ lookupAttempts: 2, lookupBudgetMs: 4000 })
    solo.routing.hops = [{ peer: solo.peer(1), root: true }]
    solo.lookup(keyAt(5))
    solo.message(links[1]!, ack(solo.last('lookup').id, testContact(0)))
    solo.effects.take()
    solo.advance(2000)
    expect(solo.said()).toEqual([`${links[1]}: lookup`])
    expect(routerSettings({ lookupAttempts: ATTEMPTS_MAX + 1 }).lookupAttempts).toBe(ATTEMPTS_MAX)
  })

  it('is remembered to its end, whatever else goes by', () => {
    const { solo, links, from } = relaying({ ...ONCE, lookupBudgetMs: 8000 })
    solo.lookup(keyAt(5))
    const own = solo.last('lookup')
    solo.message(links[1]!, ack(own.id, testContact(0)))
    for (let id = 0; id <= RELAYS_MAX; id += 1) {
      solo.message(from, lookupFrom(ORIGIN, { id }))
      solo.message(links[1]!, ack(id))
    }
    solo.advance(4000)
    solo.message(from, lookupFrom(ORIGIN, { id: 99_999 }))
    expect(solo.router.snapshot().relays).toBe(2)
    solo.message(links[1]!, foundBy(testContact(1), own))
    expect(outcome(solo)).toMatchObject({ root: testContact(1) })
  })

  it('asks for an answer along the path where it is recursive', () => {
    const { solo } = relaying({ style: 'recursive' })
    solo.lookup(keyAt(5))
    expect(solo.last('lookup').replyBy).toBe('path')
    solo.lookup(keyAt(5), { style: 'semi-recursive' })
    expect(solo.last('lookup').replyBy).toBe('direct')
  })

  it('is one of so many; one past it is busy', () => {
    const solo = new Solo(ONCE)
    const hop = (key: Key): Peer => solo.peer(1 + (key[1]! % 8))
    for (let number = 1; number <= 8; number += 1) solo.link(number)
    for (let count = 0; count <= OWN_LOOKUPS_MAX; count += 1) {
      const key = keyAt(5)
      key[1] = count
      solo.routing.hops = [{ peer: hop(key), root: false }]
      solo.lookup(key)
      expect(solo.results).toHaveLength(count < OWN_LOOKUPS_MAX ? 0 : 1)
    }
    expect(outcome(solo)).toMatchObject({ failed: 'busy' })
    expect(solo.router.snapshot().lookups).toBe(OWN_LOOKUPS_MAX)
  })
})

describe('commands', () => {
  it('look up a key, and tell what came of it', () => {
    const { solo, links } = relaying(ONCE)
    const first = solo.command({ type: 'lookup', key: keyAt(5) })
    const sent = solo.last('lookup')
    solo.message(links[1]!, foundBy(testContact(1), sent, { replicas: [testContact(2)] }))
    expect(solo.effects.notices()).toEqual([
      {
        type: 'looked-up',
        command: first,
        root: testContact(1),
        replicas: [testContact(2)],
        hops: 1,
        timeouts: 0,
        elapsedMs: 0
      }
    ])
    solo.effects.take()
    solo.routing.hops = []
    const second = solo.command({ type: 'lookup', key: keyAt(5), style: 'iterative' })
    expect(solo.effects.notices()).toEqual([
      { type: 'lookup-failed', command: second, reason: 'no-route', hops: 0, timeouts: 0, elapsedMs: 0 }
    ])
  })

  it('are given up, and nothing more is told', () => {
    const { solo } = relaying(ONCE)
    const command = solo.command({ type: 'lookup', key: keyAt(5) })
    solo.command({ type: 'give-up', command })
    solo.advance(60_000)
    expect(solo.effects.notices()).toEqual([])
    expect(solo.router.snapshot().lookups).toBe(0)
    // Commands that are not of lookups are for others.
    expect(solo.give({ type: 'command', id: 9, command: { type: 'give-up', command: 3 } })).toBe(false)
  })
})

describe('steps are told where it is wanted', () => {
  const steps = (solo: Solo): string[] =>
    solo.effects
      .notices()
      .filter((notice: RoutingNotice) => notice.type === 'lookup-step')
      .map(step => `${step.what} ${step.peer}${step.root ? ' root' : ''} after ${step.hops}`)

  it('at a hop', () => {
    const { solo, links, from } = relaying({ traceLookups: true }, [2])
    solo.message(from, lookupFrom(ORIGIN, { hops: 2 }))
    solo.down(links[1]!)
    solo.give({ type: 'message', link: links[2]!, message: ack(77) })
    expect(steps(solo)).toEqual([
      'sent 1 after 2',
      'silent 1 after 2',
      'sent 2 root after 2',
      'acknowledged 2 root after 2'
    ])
    expect(solo.effects.notices()[0]).toMatchObject({
      origin: Buffer.from(ORIGIN.id).toString('hex'),
      id: 77,
      key: keyAt(5),
      purpose: 'user'
    })
  })

  it('at the root, and where it ends in nothing', () => {
    const { solo, from } = relaying({ traceLookups: true })
    solo.routing.root = key => (key[0] === 5 ? RANGE : undefined)
    solo.message(from, lookupFrom(ORIGIN))
    expect(steps(solo)).toEqual([`arrived ${SELF} after 1`])
    solo.routing.hops = []
    solo.message(from, lookupFrom(ORIGIN, { id: 78, key: keyAt(6) }))
    expect(steps(solo)).toEqual([`failed ${SELF} after 1`])
  })

  it('and not where it is not', () => {
    const { solo, from } = relaying()
    solo.message(from, lookupFrom(ORIGIN))
    expect(steps(solo)).toEqual([])
  })
})
