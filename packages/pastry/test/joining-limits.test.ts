/** Bounds on what remote peers control while a Pastry node joins: each at its limit, and one past it. */
import type { Lookup } from '@servent/key-routing/machine'
import { describe, expect, it } from 'vitest'
import { keep, release } from '../src/held-lookups.ts'
import { answerJoin, walk } from '../src/join-walk.ts'
import { probeLeaf } from '../src/leaf-rules.ts'
import { tryJoin } from '../src/life-rules.ts'
import {
  CONTACTS_ASKED_MAX,
  ENTERING_MS_MAX,
  HELD_LOOKUPS_MAX,
  HELD_REQUEST_MS_MAX,
  JOIN_ENTRIES_MAX,
  JOIN_STEPS_MAX,
  LEAF_SET_MAX,
  NEIGHBOURHOOD_MAX,
  type PastryMessage,
  SEED_SAMPLES_MAX,
  SEED_STEPS_MAX
} from '../src/machine.ts'
import { answeredNode, contactOfNumber, keyOfNumber } from './support/answered-node.ts'

const numbers = (from: number, count: number, step = 1) =>
  Array.from({ length: count }, (_, at) => from + step * at)
const contacts = (from: number, count: number) => numbers(from, count).map(contactOfNumber)
const LOOKUP: Lookup = {
  type: 'lookup',
  id: 1,
  origin: contactOfNumber(9),
  key: keyOfNumber(5),
  purpose: 'user',
  replyBy: 'direct',
  hops: 1,
  timeouts: 0,
  budgetMs: 1000,
  root: true,
  silent: []
}

describe('joining', () => {
  it('HELD_LOOKUPS_MAX lookups are kept; one more is refused; all are delivered, with what is left of their time', () => {
    const { node, fx, count, delivered } = answeredNode({}, [])
    const kept = numbers(1, HELD_LOOKUPS_MAX + 1).map(id => keep(node, 7, { ...LOOKUP, id }, fx))
    expect(kept.filter(is => is)).toHaveLength(HELD_LOOKUPS_MAX)
    expect(kept.at(-1)).toBe(false)
    // Acknowledged, so that nobody goes elsewhere with them.
    expect(count('hop-ack')).toBe(HELD_LOOKUPS_MAX)
    expect(keep(node, 7, { type: 'ping', id: 1 }, fx)).toBe(false)
    node.nowMs = 400
    release(node, fx)
    expect(delivered).toHaveLength(HELD_LOOKUPS_MAX)
    expect(delivered[0]).toEqual({ ...LOOKUP, budgetMs: 600 })
    expect(node.held).toEqual([])
  })

  it('of those that are kept, whose time is over makes room: lookups say it, others have HELD_REQUEST_MS_MAX', () => {
    const { node, fx } = answeredNode({}, [])
    const request = {
      type: 'next-hops-request',
      key: LOOKUP.key,
      purpose: 'user',
      root: false,
      silent: []
    } as const
    const fill = (keepOne: (id: number) => boolean) => {
      for (const id of numbers(1, HELD_LOOKUPS_MAX)) expect(keepOne(id)).toBe(true)
    }
    fill(id => keep(node, 7, { ...LOOKUP, id }, fx))
    node.nowMs = LOOKUP.budgetMs - 1
    expect(keep(node, 7, LOOKUP, fx)).toBe(false)
    node.nowMs = LOOKUP.budgetMs
    fill(id => keep(node, 7, { ...request, id }, fx))
    node.nowMs += HELD_REQUEST_MS_MAX - 1
    expect(keep(node, 7, LOOKUP, fx)).toBe(false)
    node.nowMs += 1
    expect(keep(node, 7, LOOKUP, fx)).toBe(true)
    expect(node.held).toHaveLength(1)
  })

  it('whoever is told of within ENTERING_MS_MAX is waited for; one who is told of later is not', () => {
    const { node, fx, waiting } = answeredNode({}, [])
    const [root, inTime, late] = [1, 2, 3]
    node.mode = 'joining'
    node.entering = true
    probeLeaf(node, root!, fx)
    node.nowMs = ENTERING_MS_MAX - 1
    probeLeaf(node, inTime!, fx)
    node.nowMs = ENTERING_MS_MAX
    probeLeaf(node, late!, fx)
    const state = { standing: 'member', leafSet: 16, digitBits: 4, leaves: [], failed: [] } as const
    const answer = (of: number) =>
      waiting
        .find(({ peer }) => peer === of)!
        .end({ type: 'leaf-probe-answer', id: 1, ...state, probePeriodMs: 0 })
    answer(root!)
    expect(node.mode).toBe('joining')
    answer(inTime!)
    expect([node.mode, node.probing.has(late!)]).toEqual(['member', true])
  })

  it('JOIN_STEPS_MAX steps lead to the own place, and no more', () => {
    let next = 100
    const { node, fx, count } = answeredNode({}, [], (_peer, message) => {
      next += 1
      return joinAnswer(message.id, { hops: [contactOfNumber(next)] })
    })
    let root: unknown = 'none yet'
    walk(node, [100], fx, found => {
      root = found.root
    })
    expect([root, count('join-request')]).toEqual([undefined, JOIN_STEPS_MAX])
  })

  it('a way that an earlier membership went is not gone on with', () => {
    const { node, fx, count, waiting } = answeredNode({}, [])
    let ends = 0
    walk(node, [100, 101], fx, () => {
      ends += 1
    })
    node.term += 1
    waiting[0]!.end(joinAnswer(1, { hops: [contactOfNumber(102)] }))
    expect([count('join-request'), ends, node.inHand.size]).toEqual([1, 0, 0])
  })

  it('JOIN_ENTRIES_MAX entries and NEIGHBOURHOOD_MAX neighbours are taken of an answer, and as many entries given', () => {
    const { node, fx } = answeredNode({}, [], (_peer, message) =>
      joinAnswer(message.id, {
        root: true,
        entries: contacts(0x100, JOIN_ENTRIES_MAX + 1),
        neighbours: contacts(0x200, NEIGHBOURHOOD_MAX + 1),
        leaves: contacts(0x300, LEAF_SET_MAX + 1)
      })
    )
    let found: number[] = []
    walk(node, [100], fx, ({ entries, neighbours, leaves }) => {
      found = [entries.length, neighbours.length, leaves.length]
    })
    expect(found).toEqual([JOIN_ENTRIES_MAX, NEIGHBOURHOOD_MAX, LEAF_SET_MAX])
    const full = answeredNode({}, [])
    for (const peer of [
      ...numbers(0x1000, 15, 0x1000),
      ...numbers(0x100, 15, 0x100),
      ...numbers(0x10, 15, 0x10)
    ])
      full.node.table.set(full.node.slotOf(peer), peer, 1)
    const request = { type: 'join-request', id: 1, row: 0, neighbours: false, silent: [] } as const
    expect(answerJoin(full.node, 2, request).entries).toHaveLength(JOIN_ENTRIES_MAX)
  })

  it('CONTACTS_ASKED_MAX contacts are measured, and SEED_SAMPLES_MAX peers in SEED_STEPS_MAX steps towards a near one', () => {
    let first = 0x1000
    let atMs = 100_000
    const { node, fx, sent, count } = answeredNode({}, [], (_peer, message) => {
      // Each is nearer than the one before it, so that it goes on and on.
      if (message.type === 'ping') {
        node.nowMs += atMs
        atMs -= 100
        return { type: 'pong', id: message.id }
      }
      if (message.type !== 'neighbours-request') return 'wait'
      first += 0x100
      return { type: 'neighbours', id: message.id, neighbours: contacts(first, SEED_SAMPLES_MAX + 1) }
    })
    node.mode = 'joining'
    for (const peer of numbers(1, CONTACTS_ASKED_MAX + 2)) node.cache.bootstrap.add(peer)
    for (const peer of numbers(0x5000, 3)) node.cache.lost.add(peer)
    tryJoin(node, fx)
    const before = sent.findIndex(({ message }) => message.type === 'neighbours-request')
    expect(sent.slice(0, before).filter(({ message }) => message.type === 'ping')).toHaveLength(
      CONTACTS_ASKED_MAX
    )
    expect(count('neighbours-request')).toBe(SEED_STEPS_MAX + 1)
    expect(count('ping')).toBe(CONTACTS_ASKED_MAX + SEED_STEPS_MAX * SEED_SAMPLES_MAX)
  })
})

function joinAnswer(
  id: number,
  own: Partial<Extract<PastryMessage, { type: 'join-answer' }>>
): PastryMessage {
  return {
    type: 'join-answer',
    id,
    standing: 'member',
    leafSet: 16,
    digitBits: 4,
    root: false,
    entries: [],
    neighbours: [],
    leaves: [],
    hops: [],
    ...own
  }
}
