/** Lookups that wait until it is known whether a silent root lives: `KeyRouting.doubted` and `KeyRouter.settled`. */
import type { Key, Link, Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { CALL_TIMEOUT_FIRST_MS, RELAYS_PER_PEER_MAX, type RouterSettings } from '../src/machine.ts'
import { foundBy, keyAt, lookupFrom, Solo } from './solo.ts'

const ORIGIN = testContact(50)
const RANGE = { from: keyAt(0), to: keyAt(9) }

interface Doubting {
  readonly solo: Solo
  /** `links[1]` is the link to peer 1. */
  readonly links: readonly Link[]
  readonly from: Link
  /** Whether the tables were asked as the root, each time that they were. */
  readonly asked: boolean[]
  /** It is known by now whether peer 1 lives. */
  settled(number?: number): string[]
}

/** Tables by which peers 1 and 2 are roots, of which 1 is doubted where it is silent. */
function doubting(settings: Partial<RouterSettings> = {}): Doubting {
  const solo = new Solo(settings)
  const links = [0, ...[1, 2].map(number => solo.link(number))]
  const asked: boolean[] = []
  solo.routing.hops = [1, 2].map(number => ({ peer: solo.peer(number), root: true }))
  solo.routing.doubted = (_key: Key, silent: (peer: Peer) => boolean, asRoot: boolean) => {
    asked.push(asRoot)
    return [1, 2].map(number => solo.peer(number)).find(silent)
  }
  const from = solo.link(40, true)
  solo.effects.take()
  const settled = (number = 1) => {
    solo.effects.take()
    solo.act(() => solo.router.settled(solo.peer(number), solo.effects))
    return solo.said()
  }
  return { solo, links, from, asked, settled }
}

const SILENT = { root: true, silent: [testContact(1).id] }

describe('a lookup whose root was silent to somebody', () => {
  it('is acknowledged and waits; then it goes to that peer, which counts as any other', () => {
    const { solo, links, from, asked, settled } = doubting()
    expect(solo.message(from, lookupFrom(ORIGIN, SILENT))).toEqual([`${from}: hop-ack`])
    expect(asked).toEqual([true])
    expect(settled()).toEqual([`${links[1]}: lookup`])
    expect(solo.last('lookup')).toMatchObject({ root: true, silent: [], hops: 2, timeouts: 0 })
    // Once.
    expect(settled()).toEqual([])
  })

  it('is this peer’s own where the other one turns out to be dead', () => {
    const { solo, from, settled } = doubting()
    solo.message(from, lookupFrom(ORIGIN, SILENT))
    solo.routing.root = () => RANGE
    expect(settled()).toEqual([`${from}: found`])
  })

  it('waits where it was silent to this peer itself, too', () => {
    const { solo, links, from, asked, settled } = doubting()
    expect(solo.message(from, lookupFrom(ORIGIN))).toEqual([`${from}: hop-ack`, `${links[1]}: lookup`])
    // Nobody was silent: there was nothing to ask.
    expect(asked).toEqual([])
    solo.effects.take()
    solo.advance(CALL_TIMEOUT_FIRST_MS)
    expect([solo.said(), asked]).toEqual([[], [false]])
    expect(settled()).toEqual([`${links[1]}: lookup`])
    expect(solo.last('lookup')).toMatchObject({ timeouts: 1, silent: [] })
  })

  it('of this peer itself waits as well', () => {
    const { solo, links, settled } = doubting({ lookupAttempts: 1, lookupBudgetMs: 60_000 })
    solo.lookup(keyAt(5))
    solo.effects.take()
    solo.advance(CALL_TIMEOUT_FIRST_MS)
    expect(solo.said()).toEqual([])
    expect(settled()).toEqual([`${links[1]}: lookup`])
    solo.message(links[1]!, foundBy(testContact(1), solo.last('lookup')))
    expect(solo.results).toMatchObject([{ root: testContact(1) }])
  })

  it('goes to the next where the tables do not doubt it', () => {
    const { solo, links, from } = doubting()
    solo.routing.doubted = () => undefined
    expect(solo.message(from, lookupFrom(ORIGIN, SILENT))).toEqual([
      `${from}: hop-ack`,
      `${links[2]}: lookup`
    ])
    delete solo.routing.doubted
    expect(solo.message(from, lookupFrom(ORIGIN, { ...SILENT, id: 78 }))).toEqual([
      `${from}: hop-ack`,
      `${links[2]}: lookup`
    ])
  })

  it('waits for the one that is named, and for no other', () => {
    const { solo, links, from, settled } = doubting()
    const second = { root: true, silent: [testContact(2).id] }
    solo.message(from, lookupFrom(ORIGIN, SILENT))
    solo.message(from, lookupFrom(ORIGIN, { ...second, id: 78 }))
    solo.message(from, lookupFrom(ORIGIN, { ...SILENT, id: 79 }))
    expect(settled(3)).toEqual([])
    expect(settled(1)).toEqual([`${links[1]}: lookup`, `${links[1]}: lookup`])
    expect(solo.effects.sent().map(message => 'id' in message && message.id)).toEqual([77, 79])
    // Of two that it knows to be silent the first is waited for, and then the other.
    solo.message(
      from,
      lookupFrom(ORIGIN, { root: true, silent: [...SILENT.silent, ...second.silent], id: 80 })
    )
    expect(settled(1)).toEqual([])
    expect(settled(2)).toEqual([`${links[1]}: lookup`, `${links[1]}: lookup`])
  })

  it('waits no longer than its time, and whoever gave it hears so', () => {
    const { solo, from, settled } = doubting()
    solo.message(from, lookupFrom(ORIGIN, { ...SILENT, budgetMs: 700 }))
    solo.effects.take()
    solo.advance(699)
    expect(solo.said()).toEqual([])
    solo.advance(1)
    expect(solo.said()).toEqual([`${from}: lookup-failed`])
    expect(solo.last('lookup-failed')).toMatchObject({ reason: 'budget', id: 77 })
    expect(settled()).toEqual([])
  })

  it('is over when the late one takes it, or answers, after all', () => {
    const { solo, links, from, settled } = doubting()
    for (const id of [77, 78]) solo.message(from, lookupFrom(ORIGIN, { id }))
    solo.advance(CALL_TIMEOUT_FIRST_MS)
    solo.message(links[1]!, { type: 'hop-ack', origin: ORIGIN.id, id: 77 })
    const found = foundBy(testContact(1), { origin: ORIGIN, id: 78 })
    expect(solo.message(links[1]!, found)).toEqual([`${from}: found`])
    expect(settled()).toEqual([])
  })

  it('that comes round as to the root waits, whoever has it by now', () => {
    const { solo, links, from, settled } = doubting()
    solo.message(from, lookupFrom(ORIGIN))
    solo.message(links[1]!, { type: 'hop-ack', origin: ORIGIN.id, id: 77 })
    expect(solo.message(links[2]!, lookupFrom(ORIGIN, { ...SILENT, hops: 4 }))).toEqual([
      `${links[2]}: hop-ack`
    ])
    expect(settled()).toEqual([`${links[1]}: lookup`])
    expect(solo.last('lookup')).toMatchObject({ hops: 5 })
  })
})

describe('a lookup that comes round to a peer which knows of somebody between', () => {
  /** Its tables name peer 3 to whoever takes this peer for the root: nobody before it has heard of that one. */
  function between(): Doubting {
    const all = doubting({ lookupAttempts: 1 })
    const { solo } = all
    solo.routing.doubted = () => undefined
    solo.link(3)
    solo.routing.nextHops = (_key, limit, silent, asRoot) =>
      [{ peer: solo.peer(asRoot ? 3 : 1), root: asRoot === true }]
        .filter(hop => !silent(hop.peer))
        .slice(0, limit)
    return all
  }
  const AS_ROOT = { root: true, hops: 4 }

  it('goes to that one, once, though it went on before', () => {
    const { solo, links, from } = between()
    solo.message(from, lookupFrom(ORIGIN))
    solo.message(links[1]!, { type: 'hop-ack', origin: ORIGIN.id, id: 77 })
    const to = solo.router.calls.linkOf(solo.peer(3))
    expect(solo.message(links[2]!, lookupFrom(ORIGIN, AS_ROOT))).toEqual([
      `${links[2]}: hop-ack`,
      `${to}: lookup`
    ])
    expect(solo.last('lookup')).toMatchObject({ root: true, hops: 5 })
    expect(solo.message(links[2]!, lookupFrom(ORIGIN, AS_ROOT))).toEqual([`${links[2]}: hop-ack`])
  })

  it('does not go back to whom it came from', () => {
    const { solo, from } = between()
    solo.message(from, lookupFrom(ORIGIN))
    const link = solo.router.calls.linkOf(solo.peer(3))!
    expect(solo.message(link, lookupFrom(ORIGIN, AS_ROOT))).toEqual([`${link}: hop-ack`])
  })

  it('of this peer itself is answered by that one', () => {
    const { solo, links } = between()
    solo.lookup(keyAt(5))
    const { id, origin } = solo.last('lookup')
    solo.message(links[1]!, { type: 'hop-ack', origin: origin.id, id })
    solo.message(links[2]!, lookupFrom(origin, { ...AS_ROOT, id }))
    expect(solo.last('lookup')).toMatchObject({ root: true, id })
    solo.message(solo.router.calls.linkOf(solo.peer(3))!, foundBy(testContact(3), { origin, id }))
    expect(solo.results).toMatchObject([{ root: testContact(3) }])
  })
})

describe('how many lookups wait', () => {
  it('as many as are taken on from a peer; one past it is refused, and each goes on once', () => {
    const { solo, from, settled } = doubting()
    for (let id = 1; id <= RELAYS_PER_PEER_MAX; id += 1)
      solo.message(from, lookupFrom(ORIGIN, { ...SILENT, id, budgetMs: 60_000 }))
    expect(solo.router.sizes().relays).toBe(RELAYS_PER_PEER_MAX)
    const past = lookupFrom(ORIGIN, { ...SILENT, id: RELAYS_PER_PEER_MAX + 1 })
    expect(solo.message(from, past)).toEqual([`${from}: lookup-failed`])
    solo.routing.root = () => RANGE
    expect(settled()).toEqual(Array.from({ length: RELAYS_PER_PEER_MAX }, () => `${from}: found`))
    expect(solo.message(from, past)).toEqual([`${from}: found`])
  })
})

describe('a step of somebody else’s lookup', () => {
  it('has the tables find out, and is answered at once with what they know by then', () => {
    const { solo, from, asked } = doubting()
    const request = { type: 'next-hops-request', key: keyAt(5), purpose: 'user', ...SILENT } as const
    expect(solo.message(from, { ...request, id: 1 })).toEqual([`${from}: next-hops-answer`])
    expect(asked).toEqual([true])
    expect(solo.last('next-hops-answer').hops).toMatchObject([{ contact: testContact(2), root: true }])
    solo.message(from, { ...request, id: 2, silent: [] })
    solo.routing.root = () => RANGE
    solo.message(from, { ...request, id: 3 })
    expect(asked).toEqual([true])
  })
})
