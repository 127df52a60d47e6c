/** Requests: whom they go to, how long they wait, and which links stay. */
import { type NoRoom, SELF } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  BACKOFF_MAX,
  CALL_TIMEOUT_FIRST_MS,
  CALLS_MAX,
  CALLS_PER_PEER_MAX,
  type CallOutcome,
  HOLDERS_MAX,
  LINGER_MS,
  LOOKS_PER_LINGER,
  OPEN_TIMEOUT_MS,
  OWN_LINKS_MAX,
  type RouterSettings,
  type RoutingMessage,
  routerSettings,
  TURNED_AWAY_MAX
} from '../src/machine.ts'
import { Solo } from './solo.ts'

class Asker extends Solo {
  readonly outcomes: string[] = []

  /** Asks a peer with a ping and gives the id. */
  ask(number: number): number {
    const { calls } = this.router
    const id = calls.nextId()
    this.act(() =>
      calls.request(
        this.peer(number),
        { type: 'ping', id },
        2,
        outcome => this.#note(id, outcome),
        this.effects
      )
    )
    return id
  }

  pong(link: number, id: number): void {
    this.give({ type: 'message', link, message: { type: 'pong', id } })
  }

  /** Lets a peer answer after a time, so that its round trip is known. */
  measure(number: number, link: number, tookMs: number): void {
    const id = this.ask(number)
    this.advance(tookMs)
    this.pong(link, id)
  }

  /** How long a request to a silent peer waits. */
  waitMs(number: number): number {
    const before = this.outcomes.length
    this.ask(number)
    let ms = 0
    for (; this.outcomes.length === before && ms < 60_000; ms += 10) this.advance(10)
    return ms
  }

  #note(id: number, outcome: CallOutcome<RoutingMessage>): void {
    this.outcomes.push('answer' in outcome ? `${outcome.answer.type}` : outcome.failed)
    if ('answer' in outcome) expect(outcome.answer).toMatchObject({ id })
  }
}

describe('a request', () => {
  it('goes out on the link that is up, and its answer comes to who asked', () => {
    const solo = new Asker()
    const link = solo.link(1)
    const id = solo.ask(1)
    expect(solo.effects.log.at(-2)).toEqual({
      type: 'send',
      link,
      message: { type: 'ping', id },
      priority: 2
    })
    solo.advance(80)
    solo.pong(link, id)
    expect(solo.outcomes).toEqual(['pong'])
    expect(solo.router.calls.rttMs(solo.peer(1))).toBe(80)
    solo.pong(link, id)
    expect(solo.outcomes).toEqual(['pong'])
  })

  it('opens a link where there is none, and goes out when it is up', () => {
    const solo = new Asker()
    solo.ask(1)
    solo.ask(1)
    expect(solo.opened).toEqual([solo.peer(1)])
    expect(solo.said()).toEqual([])
    const link = solo.link(1)
    expect(solo.said()).toEqual([`${link}: ping`, `${link}: ping`])
  })

  it('fails when its link cannot be opened, at once or in all the time there is', () => {
    const solo = new Asker()
    solo.ask(1)
    solo.unreachable(1)
    expect(solo.outcomes).toEqual(['unreachable'])
    solo.ask(2)
    solo.advance(OPEN_TIMEOUT_MS - 1)
    expect(solo.outcomes).toHaveLength(1)
    solo.advance(1)
    expect(solo.outcomes).toEqual(['unreachable', 'unreachable'])
    // A link that comes up later finds nothing to say.
    solo.link(2)
    expect(solo.said()).toEqual([])
  })

  it('to this peer itself comes to nothing', () => {
    const solo = new Asker()
    solo.ask(0)
    expect(solo.peer(0)).toBe(SELF)
    expect(solo.outcomes).toEqual(['unreachable'])
    expect(solo.opened).toEqual([])
  })

  it('fails with its link, but goes out again where that was one of two', () => {
    const solo = new Asker()
    const first = solo.link(1)
    solo.ask(1)
    solo.down(first)
    expect(solo.outcomes).toEqual(['link-down'])
    const second = solo.link(1)
    const id = solo.ask(1)
    solo.effects.take()
    solo.down(second, 'duplicate')
    expect(solo.outcomes).toHaveLength(1)
    const third = solo.link(1, true)
    expect(solo.said()).toEqual([`${third}: ping`])
    solo.pong(third, id)
    expect(solo.outcomes).toEqual(['link-down', 'pong'])
  })

  it('moves to the link that stays, also when that came up first', () => {
    const solo = new Asker()
    const first = solo.link(1)
    solo.ask(1)
    const second = solo.link(1, true)
    solo.effects.take()
    solo.down(first, 'duplicate')
    expect(solo.said()).toEqual([`${second}: ping`])
    expect(solo.heard).toEqual(['linked 1', 'linked 1 inbound'])
    expect(solo.router.calls.linkOf(solo.peer(1))).toBe(second)
  })

  it('is answered by the peer that it was sent to, and by nobody else', () => {
    const solo = new Asker()
    const link = solo.link(1)
    const other = solo.link(2)
    const id = solo.ask(1)
    solo.pong(other, id)
    solo.pong(99, id)
    expect(solo.outcomes).toEqual([])
    solo.pong(link, id)
    expect(solo.outcomes).toEqual(['pong'])
  })

  it('is not answered before it was sent', () => {
    const solo = new Asker()
    const link = solo.link(1)
    solo.advance(LINGER_MS)
    expect(solo.closed).toEqual([link])
    // The link is on its way out, and the request waits for another.
    const id = solo.ask(1)
    solo.pong(link, id)
    expect(solo.outcomes).toEqual([])
  })

  it('has an id that an earlier run did not have, and that no other request has', () => {
    const ids = [1, 2].map(seed => {
      const solo = new Asker()
      for (let draw = 0; draw < seed; draw += 1) solo.effects.random()
      solo.give({ type: 'start', saved: new Map() })
      return solo.router.calls.nextId()
    })
    expect(ids[0]).not.toBe(ids[1])
    const solo = new Asker()
    solo.link(1)
    const id = solo.ask(1)
    solo.act(() =>
      solo.router.calls.request(
        solo.peer(1),
        { type: 'ping', id },
        2,
        outcome => solo.outcomes.push('failed' in outcome ? outcome.failed : 'answered'),
        solo.effects
      )
    )
    expect(solo.outcomes).toEqual(['busy'])
  })
})

describe('the time that a request waits', () => {
  const waits = (rttMs: number | undefined, settings: Partial<RouterSettings> = {}): number => {
    const solo = new Asker(settings)
    const link = solo.link(1)
    if (rttMs !== undefined) for (let times = 0; times < 30; times += 1) solo.measure(1, link, rttMs)
    return solo.waitMs(1)
  }

  it('is a second before the round trip is known, then three round trips', () => {
    expect(waits(undefined)).toBe(CALL_TIMEOUT_FIRST_MS)
    expect(waits(100)).toBe(300)
    expect(waits(400)).toBe(1200)
  })

  it('has a least and a most', () => {
    expect(waits(10)).toBe(200)
    expect(waits(10, { callTimeoutLowMs: 50 })).toBe(50)
    expect(waits(900, { callTimeoutHighMs: 2000 })).toBe(2000)
  })

  it('is longer for a peer whose round trips vary (RFC 6298)', () => {
    const solo = new Asker({ callTimeoutLowMs: 400 })
    const link = solo.link(1)
    for (let times = 0; times < 30; times += 1) solo.measure(1, link, times % 2 === 0 ? 20 : 380)
    expect(solo.waitMs(1)).toBeGreaterThan(700)
  })

  it('doubles while the peer stays silent, three times, until it answers', () => {
    const solo = new Asker()
    const link = solo.link(1)
    for (let times = 0; times < 30; times += 1) solo.measure(1, link, 100)
    const doubled = Array.from(
      { length: BACKOFF_MAX + 2 },
      (_, times) => 300 * 2 ** Math.min(times, BACKOFF_MAX)
    )
    expect(doubled.map(() => solo.waitMs(1))).toEqual(doubled)
    solo.measure(1, link, 100)
    expect(solo.waitMs(1)).toBe(300)
  })

  it('is longer by what its answer may take, and then it measures nothing', () => {
    const solo = new Asker()
    const link = solo.link(1)
    solo.measure(1, link, 100)
    const { calls } = solo.router
    const ask = (): number => {
      const id = calls.nextId()
      const done = (outcome: CallOutcome<RoutingMessage>): void =>
        void solo.outcomes.push('failed' in outcome ? outcome.failed : outcome.answer.type)
      solo.act(() => calls.request(solo.peer(1), { type: 'ping', id }, 2, done, solo.effects, 5000))
      return id
    }
    const id = ask()
    solo.advance(5000)
    solo.pong(link, id)
    expect(calls.rttMs(solo.peer(1))).toBe(100)
    ask()
    solo.advance(5299)
    expect(solo.outcomes).toEqual(['pong', 'pong'])
    solo.advance(1)
    expect(solo.outcomes).toEqual(['pong', 'pong', 'silent'])
  })

  it('is watched by one timer for all', () => {
    const solo = new Asker()
    solo.link(1)
    solo.link(2)
    const { timers } = solo
    for (let times = 0; times < 10; times += 1) solo.ask(1 + (times % 2))
    expect(solo.timers).toBe(timers + 1)
    solo.advance(CALL_TIMEOUT_FIRST_MS)
    expect(solo.outcomes).toEqual(Array(10).fill('silent'))
    expect(solo.router.calls.sizes().calls).toBe(0)
  })
})

describe('bounds', () => {
  it('one peer has so many requests under way, and one past it is busy', () => {
    const solo = new Asker()
    solo.link(1)
    for (let count = 0; count < CALLS_PER_PEER_MAX; count += 1) solo.ask(1)
    expect(solo.outcomes).toEqual([])
    solo.ask(1)
    expect(solo.outcomes).toEqual(['busy'])
    expect(solo.routing.silent).toEqual([])
  })

  it('all peers have so many, and one past it is busy', () => {
    const solo = new Asker()
    const peers = CALLS_MAX / CALLS_PER_PEER_MAX
    for (let number = 1; number <= peers + 1; number += 1) solo.link(number)
    for (let count = 0; count < CALLS_MAX; count += 1) solo.ask(1 + (count % peers))
    expect(solo.outcomes).toEqual([])
    expect(solo.router.calls.sizes().calls).toBe(CALLS_MAX)
    solo.ask(peers + 1)
    expect(solo.outcomes).toEqual(['busy'])
  })

  it('so many names hold peers, and one past it is a fault of the overlay', () => {
    const { calls } = new Solo().router
    for (let count = 0; count < HOLDERS_MAX; count += 1) calls.hold(1, `table ${count}`)
    expect(() => calls.hold(1, 'one past')).toThrow(RangeError)
  })

  it('settings are cut to their ranges', () => {
    expect(routerSettings({ ownLinks: OWN_LINKS_MAX }).ownLinks).toBe(OWN_LINKS_MAX)
    expect(routerSettings({ ownLinks: OWN_LINKS_MAX + 1 }).ownLinks).toBe(OWN_LINKS_MAX)
    expect(routerSettings({ ownLinks: Number.NaN, alpha: 0.5 })).toMatchObject({ ownLinks: 1, alpha: 1 })
  })
})

describe('links', () => {
  it('that this peer opened and nobody holds are closed when they were not used for a while', () => {
    const solo = new Asker()
    const own = solo.link(1)
    solo.link(2, true)
    solo.act(() => solo.router.calls.hold(solo.peer(3), 'table'))
    const held = solo.link(3)
    solo.advance(LINGER_MS - 1000)
    expect(solo.closed).toEqual([])
    // What comes in is use as well: the other side may hold it.
    solo.message(own, { type: 'ping', id: 1 })
    solo.advance(LINGER_MS - 1)
    expect(solo.closed).toEqual([])
    solo.advance(1 + LINGER_MS / LOOKS_PER_LINGER)
    expect(solo.closed).toEqual([own])
    solo.act(() => solo.router.calls.release(solo.peer(3), 'table', solo.effects))
    solo.advance(LINGER_MS - 1)
    expect(solo.closed).toEqual([own])
    solo.advance(1 + LINGER_MS / LOOKS_PER_LINGER)
    expect(solo.closed).toEqual([own, held])
  })

  it('are held by each table alone', () => {
    const solo = new Solo()
    const { calls } = solo.router
    const link = solo.link(1)
    calls.hold(solo.peer(1), 'fingers')
    calls.hold(solo.peer(1), 'successors')
    solo.act(() => calls.release(solo.peer(1), 'fingers', solo.effects))
    solo.advance(2 * LINGER_MS)
    expect(solo.closed).toEqual([])
    solo.act(() => calls.release(solo.peer(1), 'successors', solo.effects))
    solo.advance(LINGER_MS)
    expect(solo.closed).toEqual([link])
  })

  it('that are being closed are opened again for what is to be said', () => {
    const solo = new Asker()
    const link = solo.link(1)
    solo.advance(LINGER_MS)
    expect(solo.closed).toEqual([link])
    expect(solo.router.calls.linkOf(solo.peer(1))).toBeUndefined()
    solo.ask(1)
    expect(solo.opened).toEqual([])
    solo.down(link, 'local')
    expect(solo.opened).toEqual([solo.peer(1)])
    const again = solo.link(1)
    expect(solo.said()).toEqual([`${again}: ping`])
  })

  it('of this peer have so many places: the longest unused makes room, those that a table holds last', () => {
    const solo = new Asker({ ownLinks: 3 })
    const { calls } = solo.router
    calls.hold(solo.peer(1), 'table')
    const held = solo.link(1)
    solo.advance(1)
    const second = solo.link(2)
    solo.advance(1)
    const third = solo.link(3)
    solo.advance(1)
    // An inbound link takes none of these places.
    solo.link(4, true)
    expect(calls.sizes().own).toBe(3)
    solo.measure(2, second, 10)
    solo.ask(5)
    expect(solo.closed).toEqual([third])
    expect(solo.opened).toEqual([solo.peer(5)])
    solo.ask(6)
    expect(solo.closed).toEqual([third, second])
    solo.ask(7)
    expect(solo.closed).toEqual([third, second, held])
    solo.ask(8)
    expect(solo.outcomes).toEqual(['pong', 'busy'])
    expect(solo.opened).toEqual([solo.peer(5), solo.peer(6), solo.peer(7)])
    expect(calls.sizes().own).toBe(3)
    // The table has its peer still, and a call opens the link again when there is a place.
    solo.down(held, 'local')
    solo.unreachable(5)
    solo.ask(1)
    expect(solo.opened.at(-1)).toBe(solo.peer(1))
  })

  it('are told to the overlay after requests on them have gone or failed', () => {
    const solo = new Asker()
    const link = solo.link(1)
    solo.ask(1)
    solo.down(link, 'reset')
    solo.act(() => expect(solo.router.calls.open(solo.peer(2), solo.effects)).toBe(true))
    solo.unreachable(2)
    expect(solo.outcomes).toEqual(['link-down'])
    expect(solo.heard).toEqual(['linked 1', 'unlinked 1: reset', 'unreachable 2'])
    expect(solo.router.calls.open(SELF, solo.effects)).toBe(false)
  })

  it.each(['closed', 'idle'] as const)(
    'that the other side ends in good order say nothing of it: %s',
    kind => {
      const solo = new Asker()
      solo.ask(1)
      solo.down(solo.link(1), kind)
      // It may not have read what was sent, so that is sent again over a new link; a third one is not tried.
      expect(solo.outcomes).toEqual([])
      expect(solo.opened).toEqual([solo.peer(1), solo.peer(1)])
      solo.down(solo.link(1), kind)
      expect(solo.outcomes).toEqual(['link-down'])
      expect(solo.opened).toHaveLength(2)
    }
  )

  it('to peers of a table are opened again when the other side had no use for them', () => {
    const solo = new Asker()
    solo.act(() => solo.router.calls.hold(solo.peer(1), 'table'))
    solo.down(solo.link(1, true), 'closed')
    expect(solo.opened).toEqual([solo.peer(1)])
    solo.down(solo.link(2, true), 'closed')
    expect(solo.opened).toEqual([solo.peer(1)])
    // One that broke is the overlay's matter.
    solo.down(solo.link(1), 'reset')
    expect(solo.opened).toEqual([solo.peer(1)])
  })

  it('to peers of a table are opened once before a call needs them, for the other side may have had no room', () => {
    const solo = new Asker()
    solo.act(() => solo.router.calls.hold(solo.peer(1), 'table'))
    solo.down(solo.link(1), 'closed')
    expect(solo.opened).toEqual([solo.peer(1)])
    solo.down(solo.link(1), 'closed')
    expect(solo.opened).toEqual([solo.peer(1)])
    solo.ask(1)
    expect(solo.opened).toEqual([solo.peer(1), solo.peer(1)])
    const link = solo.link(1)
    solo.measure(1, link, 20)
    solo.down(link, 'closed')
    expect(solo.opened).toEqual([solo.peer(1), solo.peer(1), solo.peer(1)])
  })

  it('that gave way for want of room here wait for a call; what was under way on them goes again', () => {
    const solo = new Asker()
    solo.act(() => solo.router.calls.hold(solo.peer(1), 'table'))
    const link = solo.link(1)
    solo.down(link, 'room')
    expect(solo.opened).toEqual([])
    expect(solo.heard).toEqual(['linked 1', 'unlinked 1: room'])
    solo.ask(2)
    solo.down(solo.link(2), 'room')
    expect([solo.opened, solo.outcomes]).toEqual([[solo.peer(2), solo.peer(2)], []])
  })

  it('beyond those that this peer holds by itself are not opened before a call needs them', () => {
    expect(routerSettings({ ownLinks: 8, heldLinks: 9 }).heldLinks).toBe(8)
    const solo = new Asker({ ownLinks: 8, heldLinks: 1 })
    for (const number of [1, 2, 3]) solo.act(() => solo.router.calls.hold(solo.peer(number), 'table'))
    const [first, second] = [solo.link(1, true), solo.link(2, true)]
    solo.down(first, 'closed')
    expect(solo.router.calls.holdsEnough).toBe(true)
    solo.down(second, 'closed')
    expect(solo.opened).toEqual([solo.peer(1)])
  })

  it('are enough when as many of its own are up or being opened as it should hold, whoever opened others', () => {
    const solo = new Asker({ ownLinks: 8, heldLinks: 2 })
    solo.link(1, true)
    solo.ask(2)
    expect(solo.router.calls.holdsEnough).toBe(false)
    solo.ask(3)
    expect(solo.router.calls.holdsEnough).toBe(true)
    // What was asked on it does not go again.
    solo.down(solo.link(3), 'reset')
    expect(solo.router.calls.holdsEnough).toBe(false)
  })

  it('for which a peer has no room leave it alive, TURNED_AWAY_MAX times in a row, and one more is one too many', () => {
    const solo = new Asker()
    const turnedAway = () => {
      solo.ask(1)
      solo.give({ type: 'unreachable', peer: solo.peer(1), reason: 'full', noRoom: 'there' })
    }
    solo.act(() => solo.router.calls.hold(solo.peer(1), 'table'))
    for (let count = 0; count < TURNED_AWAY_MAX; count += 1) turnedAway()
    expect(solo.outcomes).toEqual(Array(TURNED_AWAY_MAX).fill('busy'))
    expect(solo.heard).toEqual([])
    turnedAway()
    expect(solo.outcomes.at(-1)).toBe('unreachable')
    expect(solo.heard).toEqual(['unreachable 1'])
    // Then it counts anew, and so it does when a link came up.
    for (let count = 0; count < TURNED_AWAY_MAX; count += 1) turnedAway()
    solo.down(solo.link(1))
    turnedAway()
    expect(solo.heard.filter(words => words.startsWith('unreachable'))).toHaveLength(1)
  })

  it('for which this peer itself has no room say nothing of the other side, however many in a row', () => {
    const solo = new Asker()
    solo.act(() => solo.router.calls.hold(solo.peer(1), 'table'))
    const comesToNothing = (noRoom: NoRoom) => {
      solo.ask(1)
      solo.give({ type: 'unreachable', peer: solo.peer(1), reason: 'full', noRoom })
    }
    for (let count = 0; count <= TURNED_AWAY_MAX; count += 1) comesToNothing('here')
    // Nor do they count among those that it turned away.
    for (let count = 0; count < TURNED_AWAY_MAX; count += 1) {
      comesToNothing('there')
      comesToNothing('here')
    }
    expect(new Set(solo.outcomes)).toEqual(new Set(['busy']))
    expect(solo.heard).toEqual([])
    comesToNothing('there')
    expect([solo.outcomes.at(-1), solo.heard]).toEqual(['unreachable', ['unreachable 1']])
    // Nobody need be known for this peer to have no room.
    solo.give({ type: 'unreachable', peer: solo.peer(2), reason: 'full', noRoom: 'here' })
    expect(solo.heard).toHaveLength(1)
  })

  it('leave nothing behind', () => {
    const solo = new Asker()
    const link = solo.link(1)
    solo.measure(1, link, 20)
    solo.down(link)
    solo.ask(2)
    solo.unreachable(2)
    expect(solo.router.calls.sizes()).toEqual({ calls: 0, neighbours: 0, links: 0, own: 0 })
    expect(solo.router.calls.rttMs(solo.peer(1))).toBeUndefined()
  })

  it('keep the round trip of a peer that a table holds', () => {
    const solo = new Asker()
    const link = solo.link(1)
    solo.router.calls.hold(solo.peer(1), 'table')
    solo.measure(1, link, 20)
    solo.down(link)
    expect(solo.router.calls.rttMs(solo.peer(1))).toBe(20)
    const held: number[] = []
    solo.router.heldPeers(peer => held.push(peer))
    expect(held).toEqual([solo.peer(1)])
  })
})

describe('what wants no answer', () => {
  it('goes out now, or when there is a link, and is lost where there is none', () => {
    const solo = new Solo()
    const { calls } = solo.router
    const told = { type: 'hop-ack', origin: testContact(9).id, id: 3 } as const
    const link = solo.link(1)
    solo.act(() => calls.tell(solo.peer(1), told, 2, solo.effects))
    expect(solo.said()).toEqual([`${link}: hop-ack`])
    solo.act(() => calls.tell(solo.peer(2), told, 2, solo.effects))
    const second = solo.link(2)
    expect(solo.said()).toEqual([`${link}: hop-ack`, `${second}: hop-ack`])
    solo.act(() => calls.tell(solo.peer(3), told, 2, solo.effects))
    solo.unreachable(3)
    expect(calls.sizes().calls).toBe(0)
  })
})

describe('a ping', () => {
  it('is answered', () => {
    const solo = new Solo()
    const link = solo.link(1)
    expect(solo.message(link, { type: 'ping', id: 8 })).toEqual([`${link}: pong`])
    expect(solo.last('pong')).toEqual({ type: 'pong', id: 8 })
    expect(solo.message(99, { type: 'ping', id: 8 })).toEqual([])
  })
})
