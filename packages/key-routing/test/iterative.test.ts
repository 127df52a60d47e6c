/** Iterative lookups: whom the origin asks, in which order, and what it makes of silence. */
import type { Contact, Link } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  ALPHA_MAX,
  CALL_TIMEOUT_FIRST_MS,
  CANDIDATES_MAX,
  HOPS_MAX,
  type KeyRange,
  NEXT_HOPS_MAX,
  type NextHopsAnswer,
  type RouterSettings,
  routerSettings,
  SILENT_MAX
} from '../src/machine.ts'
import { keyAt, Solo } from './solo.ts'

const RANGE: KeyRange = { from: keyAt(0), to: keyAt(9) }
const KEY = keyAt(5)

class Origin extends Solo {
  readonly links = new Map<number, Link>()

  /** `peers` are linked; the first `hops` of them are the hops that the tables name. */
  constructor(peers: number, hops: number, settings: Partial<RouterSettings> = {}) {
    super({ style: 'iterative', lookupAttempts: 1, ...settings })
    for (let number = 1; number <= peers; number += 1) this.links.set(number, this.link(number))
    this.routing.hops = Array.from({ length: hops }, (_, index) => ({
      peer: this.peer(index + 1),
      root: false
    }))
    this.effects.take()
  }

  /** Peers that were asked since the last look, by their numbers. */
  asked(): number[] {
    const numbers = this.effects
      .take()
      .flatMap(effect =>
        effect.type === 'send' && effect.message.type === 'next-hops-request'
          ? [[...this.links].find(([, link]) => link === effect.link)![0]]
          : []
      )
    return numbers
  }

  /** The last request that went to a peer. */
  request(number: number) {
    const sent = this.effects.sent(this.links.get(number)).at(-1)
    if (sent?.type !== 'next-hops-request') throw new Error(`Peer ${number} was not asked.`)
    return sent
  }

  answer(number: number, id: number, fields: Partial<NextHopsAnswer>): void {
    this.give({
      type: 'message',
      link: this.links.get(number)!,
      message: { type: 'next-hops-answer', id, replicas: [], hops: [], ...fields }
    })
  }
}

/** Hops as an answer names them: numbers with `r` are root candidates. */
const hops = (...names: (number | `${number}r`)[]): NextHopsAnswer['hops'] =>
  names.map(name => ({ contact: testContact(Number.parseInt(`${name}`, 10)), root: `${name}`.endsWith('r') }))

describe('an iterative lookup', () => {
  it('asks the best hop, then the best that it names, until one is the root', () => {
    const origin = new Origin(4, 2)
    origin.lookup(KEY, { purpose: 'table' })
    const first = origin.request(1)
    expect(first).toMatchObject({ key: KEY, purpose: 'table', root: false, silent: [] })
    expect(origin.asked()).toEqual([1])
    origin.advance(100)
    origin.answer(1, first.id, { hops: hops('3r', 2) })
    const second = origin.request(3)
    expect(second).toMatchObject({ root: true })
    expect(origin.asked()).toEqual([3])
    origin.advance(100)
    origin.answer(3, second.id, { range: RANGE, replicas: [testContact(4)] })
    expect(origin.results).toMatchObject([
      {
        root: testContact(3),
        from: RANGE.from,
        to: RANGE.to,
        replicas: [testContact(4)],
        hops: 2,
        timeouts: 0,
        elapsedMs: 200
      }
    ])
    expect(origin.router.calls.rttMs(origin.peer(1))).toBe(100)
  })

  it('goes on with the next best when one is silent, and names root candidates that were', () => {
    const origin = new Origin(5, 1)
    origin.lookup(KEY)
    origin.answer(1, origin.request(1).id, { hops: hops('2r', '3r', 4) })
    origin.asked()
    origin.advance(CALL_TIMEOUT_FIRST_MS)
    expect(origin.request(3)).toMatchObject({ root: true, silent: [testContact(2).id] })
    expect(origin.asked()).toEqual([3])
    origin.down(origin.links.get(3)!)
    expect(origin.request(4).silent).toEqual([testContact(2).id, testContact(3).id])
    origin.answer(4, origin.request(4).id, { range: RANGE })
    expect(origin.results).toMatchObject([{ root: testContact(4), hops: 2, timeouts: 2 }])
    expect(origin.routing.silent).toEqual([origin.peer(2), origin.peer(3)])
  })

  it('falls back on hops of earlier answers, and asks nobody twice', () => {
    const origin = new Origin(5, 2)
    origin.lookup(KEY)
    origin.answer(1, origin.request(1).id, { hops: hops(3, 4) })
    origin.answer(3, origin.request(3).id, { hops: hops(1, 3, 4) })
    origin.answer(4, origin.request(4).id, { hops: [] })
    expect(origin.asked()).toEqual([1, 3, 4, 2])
    origin.effects.take()
    origin.answer(2, origin.router.calls.nextId() - 1, { hops: hops(4) })
    expect(origin.results).toMatchObject([{ failed: 'no-route', hops: 4 }])
  })

  it('asks again whoever named as many as it may, when all of those are silent', () => {
    const names = Array.from({ length: NEXT_HOPS_MAX }, (_, index) => `${index + 2}r` as const)
    const origin = new Origin(NEXT_HOPS_MAX + 2, 1, { callTimeoutHighMs: 50, callTimeoutFirstMs: 50 })
    origin.lookup(KEY)
    origin.answer(1, origin.request(1).id, { hops: hops(...names) })
    origin.asked()
    origin.advance(50 * NEXT_HOPS_MAX)
    const again = origin.request(1)
    expect(again.silent).toEqual(names.map(name => testContact(Number.parseInt(name, 10)).id))
    expect(origin.asked().at(-1)).toBe(1)
    origin.answer(1, again.id, { hops: hops(`${NEXT_HOPS_MAX + 2}r`) })
    expect(origin.asked()).toEqual([NEXT_HOPS_MAX + 2])
    expect(names.length).toBeLessThanOrEqual(SILENT_MAX)
  })

  it('asks nobody again who was told of all that are silent, for it would say the same', () => {
    const origin = new Origin(NEXT_HOPS_MAX + 1, 1)
    const others = Array.from({ length: NEXT_HOPS_MAX }, (_, index) => index + 2)
    origin.lookup(KEY)
    origin.answer(1, origin.request(1).id, { hops: hops(...others) })
    for (const number of others) origin.answer(number, origin.request(number).id, {})
    expect(origin.results).toMatchObject([{ failed: 'no-route', hops: NEXT_HOPS_MAX + 1, timeouts: 0 }])
    expect(origin.asked()).toEqual([1, ...others])
  })

  /** Peer 2 is silent, and peer 3 knows that, and is the root once 2 is dead. */
  function inDoubt(named: 'by tables' | 'by peer 1'): { origin: Origin; asked: number[] } {
    const origin = new Origin(5, 0, { lookupAttempts: 2, lookupBudgetMs: 8000 })
    const numbers = named === 'by tables' ? [2, 3, 4] : [1, 5]
    origin.routing.hops = numbers.map(number => ({
      peer: origin.peer(number),
      root: named === 'by tables' && number < 4
    }))
    origin.lookup(KEY)
    if (named === 'by peer 1') origin.answer(1, origin.request(1).id, { hops: hops('2r', '3r', 4) })
    origin.down(origin.links.get(2)!)
    const { id, root, silent } = origin.request(3)
    expect([root, silent]).toEqual([true, [testContact(2).id]])
    origin.answer(3, id, { hops: hops('3r') })
    const asked = origin.asked()
    origin.links.set(2, origin.link(2))
    return { origin, asked }
  }

  it('asks nobody else while a root finds out whether the silent one before it is dead, and comes again', () => {
    const { origin, asked } = inDoubt('by tables')
    expect(asked).toEqual([2, 3])
    origin.advance(3999)
    expect([origin.asked(), origin.results]).toEqual([[], []])
    origin.advance(1)
    expect(origin.asked()).toEqual([2])
  })

  it('comes by another way, so that whoever made that root up holds up one attempt alone', () => {
    const { origin, asked } = inDoubt('by peer 1')
    expect(asked).toEqual([1, 2, 3])
    origin.advance(4000)
    expect(origin.asked()).toEqual([5])
  })

  it('is the root itself when those before it are silent', () => {
    const origin = new Origin(1, 1)
    origin.routing.hops = [{ peer: origin.peer(1), root: true }]
    origin.routing.root = (_key, silent) => (silent(origin.peer(1)) ? RANGE : undefined)
    origin.lookup(KEY)
    origin.down(origin.links.get(1)!)
    expect(origin.results).toMatchObject([{ root: testContact(0), hops: 0, timeouts: 1 }])
  })

  it('is the root itself when all are silent whom an answer names before it, and not sooner', () => {
    const origin = new Origin(4, 1)
    origin.routing.root = (_key, silent) => (silent(origin.peer(2)) ? RANGE : undefined)
    origin.lookup(KEY)
    const { id } = origin.request(1)
    origin.answer(1, id, { hops: hops('2r', '3r', '0r', '4r') })
    origin.down(origin.links.get(2)!)
    expect(origin.results).toEqual([])
    expect(origin.asked().at(-1)).toBe(3)
    origin.down(origin.links.get(3)!)
    expect(origin.results).toMatchObject([{ root: testContact(0), hops: 1, timeouts: 2 }])
  })

  it('takes nobody for the root behind one that lives and is not, nor itself', () => {
    const origin = new Origin(4, 1)
    origin.routing.root = (_key, silent) => (silent(origin.peer(3)) ? RANGE : undefined)
    origin.lookup(KEY)
    origin.answer(1, origin.request(1).id, { hops: hops('2r', '3r', '0r', '4r') })
    origin.answer(2, origin.request(2).id, {})
    expect(origin.request(3)).toMatchObject({ root: false })
    origin.down(origin.links.get(3)!)
    expect(origin.results).toEqual([])
    expect(origin.request(4)).toMatchObject({ root: false, silent: [] })
  })

  it('is not the root because a peer on the way was silent', () => {
    const origin = new Origin(2, 2)
    origin.routing.root = (_key, silent) => (silent(origin.peer(1)) ? RANGE : undefined)
    origin.lookup(KEY)
    origin.down(origin.links.get(1)!)
    expect(origin.results).toEqual([])
    expect(origin.request(2)).toMatchObject({ silent: [] })
  })

  it('does not believe a root whose range is without the key', () => {
    const origin = new Origin(2, 1)
    origin.lookup(KEY)
    origin.answer(1, origin.request(1).id, { range: { from: keyAt(6), to: keyAt(8) }, hops: hops(2) })
    expect(origin.results).toEqual([])
    expect(origin.asked()).toEqual([1, 2])
  })

  it('takes an answer of another kind for none', () => {
    const origin = new Origin(2, 2)
    origin.lookup(KEY)
    const { id } = origin.request(1)
    origin.give({ type: 'message', link: origin.links.get(1)!, message: { type: 'pong', id } })
    expect(origin.asked()).toEqual([1, 2])
  })

  it('does not count late answers, and hears nothing after its end', () => {
    const origin = new Origin(2, 2)
    origin.lookup(KEY)
    const { id } = origin.request(1)
    origin.advance(CALL_TIMEOUT_FIRST_MS)
    origin.answer(1, id, { range: RANGE })
    expect(origin.results).toEqual([])
    const second = origin.request(2)
    origin.answer(2, second.id, { range: RANGE })
    origin.answer(2, second.id, { range: RANGE })
    expect(origin.results).toHaveLength(1)
  })

  it('asks alpha peers at a time where it may, and the first root counts', () => {
    const origin = new Origin(6, 3, { alpha: 2 })
    origin.lookup(KEY)
    const first = origin.request(1)
    const second = origin.request(2)
    expect(origin.asked()).toEqual([1, 2])
    origin.answer(2, second.id, { hops: hops(5) })
    expect(origin.asked()).toEqual([5])
    origin.answer(1, first.id, { range: RANGE })
    expect(origin.results).toMatchObject([{ root: testContact(1) }])
    origin.advance(60_000)
    expect(origin.asked()).toEqual([])
    // What is heard of a peer afterwards still is.
    expect(origin.routing.silent).toEqual([origin.peer(5)])
    expect(routerSettings({ alpha: ALPHA_MAX + 1 }).alpha).toBe(ALPHA_MAX)
  })

  it('starts anew where it found no way, and not while it is on one', () => {
    const origin = new Origin(2, 0, { lookupAttempts: 2, lookupBudgetMs: 8000 })
    origin.lookup(KEY)
    origin.advance(3999)
    origin.routing.hops = [{ peer: origin.peer(1), root: false }]
    expect(origin.asked()).toEqual([])
    origin.advance(1)
    origin.answer(1, origin.request(1).id, { range: RANGE })
    expect(origin.results).toMatchObject([{ root: testContact(1), elapsedMs: 4000 }])
    const slow = new Origin(2, 2, { lookupAttempts: 3, lookupBudgetMs: 3000, callTimeoutFirstMs: 2500 })
    slow.lookup(KEY)
    slow.advance(2499)
    expect(slow.asked()).toEqual([1])
    slow.advance(501)
    expect(slow.asked()).toEqual([2])
    expect(slow.results).toMatchObject([{ failed: 'budget', timeouts: 1, elapsedMs: 3000 }])
  })

  it('starts anew at once where what came to nothing took longer than its part of the time', () => {
    const origin = new Origin(1, 1, { lookupAttempts: 2, lookupBudgetMs: 1.5 * CALL_TIMEOUT_FIRST_MS })
    origin.lookup(KEY)
    origin.advance(CALL_TIMEOUT_FIRST_MS)
    expect(origin.asked()).toEqual([1])
    origin.advance(10)
    expect([origin.asked(), origin.results]).toEqual([[1], []])
  })

  it('has so many steps, and knows so many peers', () => {
    const origin = new Origin(HOPS_MAX + 1, 1)
    origin.lookup(KEY)
    for (let step = 1; step <= HOPS_MAX; step += 1) {
      expect(origin.results).toEqual([])
      origin.answer(step, origin.request(step).id, { hops: hops(step + 1) })
    }
    expect(origin.results).toMatchObject([{ failed: 'budget', hops: HOPS_MAX }])
  })

  it('knows so many peers that it has not asked: the worst are forgotten', () => {
    const steps = 60
    const origin = new Origin(steps + 1, 1)
    origin.lookup(KEY)
    let stranger = 1000
    for (let step = 1; step <= steps; step += 1) {
      const names = Array.from({ length: NEXT_HOPS_MAX - 2 }, () => {
        stranger += 1
        return stranger
      })
      origin.answer(step, origin.request(step).id, { hops: hops(step + 1, ...names) })
    }
    const held = new Set<number>()
    origin.router.heldPeers(peer => held.add(peer))
    const waiting = Array.from({ length: stranger - 1000 }, (_, index) => origin.peer(1001 + index)).filter(
      peer => held.has(peer)
    )
    expect(stranger - 1000).toBeGreaterThan(CANDIDATES_MAX)
    // The best of them is being asked.
    expect(waiting).toHaveLength(CANDIDATES_MAX - 1)
    expect(waiting.at(-1)).toBe(origin.peer(stranger))
  })

  it('takes no more hops from one answer than it may hold', () => {
    const crowd = new Origin(1, 1)
    crowd.lookup(KEY)
    crowd.answer(1, crowd.request(1).id, {
      hops: hops(...Array.from({ length: NEXT_HOPS_MAX + 1 }, (_, index) => index + 100))
    })
    const held = new Set<number>()
    crowd.router.heldPeers(peer => held.add(peer))
    expect(held).toContain(crowd.peer(99 + NEXT_HOPS_MAX))
    expect(held).not.toContain(crowd.peer(100 + NEXT_HOPS_MAX))
  })

  it('tells its steps', () => {
    const origin = new Origin(2, 1, { traceLookups: true })
    origin.lookup(KEY)
    origin.answer(1, origin.request(1).id, { hops: hops('2r') })
    origin.answer(2, origin.request(2).id, { range: RANGE })
    expect(
      origin.effects.notices().map(step => (step.type === 'lookup-step' ? `${step.what} ${step.peer}` : ''))
    ).toEqual(['sent 1', 'acknowledged 1', 'sent 2', 'acknowledged 2', 'arrived 2'])
  })
})

describe('a step of somebody else', () => {
  const ask = (solo: Solo, link: Link, silent: readonly Contact[] = [], root = false): NextHopsAnswer => {
    solo.message(link, {
      type: 'next-hops-request',
      id: 3,
      key: KEY,
      purpose: 'user',
      root,
      silent: silent.map(({ id }) => id)
    })
    return solo.last('next-hops-answer')
  }

  it('is answered with the best hops, without those that are silent', () => {
    const solo = new Solo()
    const link = solo.link(20, true)
    solo.routing.hops = Array.from({ length: NEXT_HOPS_MAX + 2 }, (_, index) => ({
      peer: solo.peer(index + 1),
      root: index === 0
    }))
    const answer = ask(solo, link)
    expect(answer.id).toBe(3)
    expect(answer.range).toBeUndefined()
    expect(answer.hops).toHaveLength(NEXT_HOPS_MAX)
    expect(answer.hops[0]).toMatchObject({ contact: testContact(1), root: true })
    expect(ask(solo, link, [testContact(1)]).hops[0]).toMatchObject({ contact: testContact(2) })
  })

  it('is answered with the range where this peer is the root', () => {
    const solo = new Solo()
    const link = solo.link(20, true)
    solo.routing.root = () => RANGE
    solo.routing.copies = [solo.peer(4)]
    expect(ask(solo, link)).toMatchObject({ range: RANGE, replicas: [testContact(4)], hops: [] })
  })

  it('is answered with a range that fell to this peer only where it was taken for the root', () => {
    const solo = new Solo()
    const link = solo.link(20, true)
    const dead = testContact(1)
    solo.routing.root = (_key, silent) => (silent(solo.effects.peers.intern(dead)) ? RANGE : undefined)
    expect(ask(solo, link, [dead], true).range).toEqual(RANGE)
    expect(ask(solo, link, [dead]).range).toBeUndefined()
  })

  it('is answered with nothing where tables are not ready, and not on a link that never was', () => {
    const solo = new Solo()
    const link = solo.link(20, true)
    solo.routing.root = () => RANGE
    solo.routing.hops = [{ peer: solo.peer(1), root: true }]
    solo.routing.ready = false
    expect(ask(solo, link)).toEqual({ type: 'next-hops-answer', id: 3, replicas: [], hops: [] })
    expect(
      solo.message(77, {
        type: 'next-hops-request',
        id: 1,
        key: KEY,
        purpose: 'user',
        root: false,
        silent: []
      })
    ).toEqual([])
  })
})
