/** Expanding ring: wider and wider queries, and no wider than it takes. */
import { describe, expect, it } from 'vitest'
import { RESULTS_ENOUGH, RING_MS_PER_HOP, RING_TTLS, SENDS_PER_INPUT_MAX, TTL_MAX } from '../src/constants.ts'
import type { QueryMessage } from '../src/messages.ts'
import { find, hit, MODERN, Servent } from './servent.ts'
import { SmallNetwork, watchFloods } from './small-network.ts'

const RING = { search: 'expanding-ring' } as const

const queriesOf = (servent: Servent) =>
  servent.sent().filter((message): message is QueryMessage => message.type === 'query')

describe('an expanding ring', () => {
  it('asks with the TTLs of its schedule, each under an id of its own, when the hits of the last had time', () => {
    const servent = new Servent(RING)
    servent.neighbour(1)
    servent.neighbour(2)
    servent.search('blue')
    const rounds: QueryMessage[][] = []
    for (const ttl of RING_TTLS) {
      rounds.push(queriesOf(servent))
      servent.take()
      servent.pass(ttl * RING_MS_PER_HOP - 1)
      expect(queriesOf(servent)).toEqual([])
      servent.pass(1)
    }
    expect(rounds.map(round => round.map(({ ttl }) => ttl))).toEqual(RING_TTLS.map(ttl => [ttl, ttl]))
    const guids = rounds.map(([first, second]) => {
      expect(second!.guid).toBe(first!.guid)
      return first!.guid
    })
    expect(new Set(guids).size).toBe(RING_TTLS.length)
    // The last one is as far as it goes.
    servent.pass(60_000)
    expect(queriesOf(servent)).toEqual([])
  })

  it.each([
    [1, [1]],
    [3, [1, 2, 3]],
    [4, [1, 2, 4]],
    [TTL_MAX, [1, 2, 4, 7]]
  ])('goes no further than the TTL %i of its search', (ttl, expected) => {
    const servent = new Servent(RING)
    servent.neighbour(1)
    servent.search('blue', ttl)
    servent.pass(20_000)
    expect(queriesOf(servent).map(query => query.ttl)).toEqual(expected)
  })

  it('ends with enough results, different ones: a result that came twice counts once', () => {
    const ended = (providers: readonly number[], enough?: number) => {
      const servent = new Servent(RING)
      const link = servent.neighbour(1)
      servent.command({ type: 'search', text: 'blue', urns: [], ...(enough === undefined ? {} : { enough }) })
      const [first] = queriesOf(servent)
      servent.take()
      find(servent, link, first!.guid, providers)
      servent.take()
      servent.pass(20_000)
      return queriesOf(servent).length === 0
    }
    expect(ended([1, 2, 3], 3)).toBe(true)
    expect(ended([1, 2, 2, 1], 3)).toBe(false)
    const most = Array.from({ length: RESULTS_ENOUGH }, (_, provider) => provider)
    expect(ended(most)).toBe(true)
    expect(ended(most.slice(1))).toBe(false)
  })

  it('still takes hits of a ring that a wider one has followed, and none once it has ended', () => {
    const servent = new Servent(RING)
    const link = servent.neighbour(1)
    const search = servent.search('blue')
    const [first] = queriesOf(servent)
    servent.pass(RING_MS_PER_HOP)
    find(servent, link, first!.guid, [1])
    servent.take()
    expect(servent.effects.notices().some(({ type }) => type === 'found')).toBe(false)
    servent.from(link, hit(first!.guid))
    expect(servent.asked()).toHaveLength(1)
    servent.command({ type: 'end-search', search })
    servent.take()
    servent.pass(20_000)
    expect(queriesOf(servent)).toEqual([])
    expect(servent.effects.timers.has(`ring-${search}`)).toBe(false)
  })

  it('greets who comes up meanwhile with the query that is under way', () => {
    const servent = new Servent(RING)
    servent.neighbour(1)
    servent.search('blue')
    servent.pass(RING_MS_PER_HOP)
    const [, second] = queriesOf(servent)
    servent.take()
    const link = servent.link(2)
    servent.from(
      link,
      { type: 'connect', headers: MODERN },
      { type: 'status', status: 200, reason: '', headers: {} }
    )
    expect(queriesOf(servent)).toMatchObject([{ guid: second!.guid, ttl: 2 }])
  })

  it('sends as many queries by one input as it has neighbours, and a forged timer sends none', () => {
    const servent = new Servent({ ...RING, neighbours: 64 })
    for (let peer = 1; peer <= 64; peer += 1) servent.neighbour(peer)
    servent.search('blue')
    expect(servent.sent().length).toBe(64)
    expect(64).toBeLessThanOrEqual(SENDS_PER_INPUT_MAX)
    servent.take()
    for (const timer of ['ring-1', 'ring-x', 'ring-', 'ring']) servent.handle({ type: 'timer', timer })
    expect(servent.sent()).toEqual([])
    const flooding = new Servent()
    flooding.neighbour(1)
    const search = flooding.search('blue')
    flooding.take()
    flooding.handle({ type: 'timer', timer: `ring-${search}` })
    expect(flooding.sent()).toEqual([])
  })

  it('finds near by what is near by, and far what is far, in floods that keep the rules', () => {
    const network = new SmallNetwork()
    const wrongs = watchFloods(network)
    const nodes = network.line(8, { neighbours: 2, ...RING })
    nodes[1]!.share('kind of blue')
    nodes[7]!.share('giant steps')
    const near = nodes[0]!.command({ type: 'search', text: 'blue', urns: [], enough: 1 })
    const far = nodes[0]!.command({ type: 'search', text: 'giant', urns: [], enough: 1 })
    network.run(10_000)
    expect(nodes[0]!.found(near)).toEqual(['kind of blue over 1'])
    expect(nodes[0]!.found(far)).toEqual(['giant steps over 7'])
    const asked = (text: string) =>
      network.sent.flatMap(({ from, message }) =>
        from === 1 && message.type === 'query' && message.text === text ? [message.ttl] : []
      )
    expect(asked('blue')).toEqual([1])
    expect(asked('giant')).toEqual([...RING_TTLS])
    expect(wrongs).toEqual([])
  })
})
