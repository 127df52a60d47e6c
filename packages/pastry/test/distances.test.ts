/** How far away a peer is: one round trip of one ping, whatever else had to happen until there was an answer. */
import { Calls } from '@servent/key-routing/machine'
import type { Input, Link } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import { DISTANCE_MS_MAX, type PastryMessage, type PastrySettings } from '../src/machine.ts'
import type { Fx } from '../src/node.ts'
import { considerEntry, measure } from '../src/table-rules.ts'
import type { PastryTypes } from '../src/types.ts'
import { answeredNode } from './support/answered-node.ts'

const PEER = 0x1000
const ROUND_TRIP_MS = 20

/** A node with the calls of a router, and one peer that answers when it is told to. */
function measuring() {
  const { node, fx } = answeredNode({}, [])
  const pings: { readonly link: Link; readonly id: number }[] = []
  const timers: { name: string; dueMs: number }[] = []
  const effects: Fx = {
    ...fx,
    open: () => undefined,
    send(link: Link, message: PastryMessage) {
      if (message.type === 'ping') pings.push({ link, id: message.id })
    },
    setTimer(name: string, ms: number) {
      timers.push({ name, dueMs: node.nowMs + ms })
    }
  }
  const calls = new Calls<PastryTypes>(new Set(['pong']))
  node.router = { calls } as unknown as typeof node.router
  const handle = (input: Input<PastryTypes>, afterMs = 0): void => {
    node.nowMs += afterMs
    calls.handle(input, effects)
  }
  const measured: unknown[] = []
  return {
    node,
    pings,
    measured,
    handle,
    up: (link: Link) =>
      handle({ type: 'link-up', link, peer: PEER, inbound: link > 1 } as Input<PastryTypes>),
    /** The latest ping is answered. */
    answer(afterMs = ROUND_TRIP_MS) {
      const { link, id } = pings.at(-1)!
      handle({ type: 'message', link, message: { type: 'pong', id } } as Input<PastryTypes>, afterMs)
    },
    /** As long as it takes until the ping counts as lost. */
    silence() {
      const { name, dueMs } = timers.at(-1)!
      handle({ type: 'timer', timer: name } as Input<PastryTypes>, dueMs - node.nowMs)
    },
    begin: () => measure(node, PEER, effects, ms => measured.push(ms))
  }
}

it('is the way there and back over a link that is up', () => {
  const { up, begin, answer, measured, node } = measuring()
  up(1)
  begin()
  answer()
  expect(measured).toEqual([ROUND_TRIP_MS])
  expect(node.distances.get(PEER)).toBe(ROUND_TRIP_MS)
})

it('has not in it the time until the link came up', () => {
  const { up, begin, answer, measured, node } = measuring()
  begin()
  node.nowMs += 100
  up(1)
  answer()
  expect(measured).toEqual([ROUND_TRIP_MS])
})

it('has not in it the time on a link that was one of two and went down: the ping was sent again', () => {
  const { up, begin, answer, handle, pings, measured } = measuring()
  up(1)
  begin()
  up(2)
  handle({ type: 'link-down', link: 1, end: { kind: 'duplicate' } } as Input<PastryTypes>, 50)
  expect(pings.map(({ link }) => link)).toEqual([1, 2])
  answer()
  expect(measured).toEqual([ROUND_TRIP_MS])
})

it('has not in it the wait for a ping that was lost: it was asked again', () => {
  const { up, begin, answer, silence, pings, measured } = measuring()
  up(1)
  begin()
  silence()
  expect(pings).toHaveLength(2)
  answer()
  expect(measured).toEqual([ROUND_TRIP_MS])
})

describe('Castro section 4.2: a distance is measured once for both', () => {
  /** A member that measures one candidate for its table, which answers after so long. */
  function measuredOnce(roundTripMs: number, settings: Partial<PastrySettings> = {}, isMember = true) {
    const all = answeredNode(settings, [], (_peer, { type, id }) => {
      if (type !== 'ping') return undefined
      all.node.nowMs += roundTripMs
      return { type: 'pong', id }
    })
    if (!isMember) all.node.mode = 'joining'
    considerEntry(all.node, PEER, all.fx)
    expect(all.node.table.peers()).toEqual([PEER])
    return all.sent.filter(({ message }) => message.type === 'distance')
  }

  it('whoever measured tells the other how far it is, in microseconds', () => {
    expect(measuredOnce(ROUND_TRIP_MS)).toEqual([
      { peer: PEER, message: { type: 'distance', distanceUs: 1000 * ROUND_TRIP_MS } }
    ])
  })

  it('at most DISTANCE_MS_MAX, which is as much as the other believes', () => {
    const toldUs = (roundTripMs: number) =>
      measuredOnce(roundTripMs).map(({ message }) => message.type === 'distance' && message.distanceUs)
    expect(toldUs(DISTANCE_MS_MAX)).toEqual([1000 * DISTANCE_MS_MAX])
    expect(toldUs(DISTANCE_MS_MAX + 1)).toEqual([1000 * DISTANCE_MS_MAX])
  })

  it('a joiner says nothing, nor does who does not go by distances', () => {
    expect(measuredOnce(ROUND_TRIP_MS, {}, false)).toEqual([])
    expect(measuredOnce(ROUND_TRIP_MS, { proximity: 'off' })).toEqual([])
  })
})
