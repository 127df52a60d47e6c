/**
 * Random networks under an observer that knows the rules of floods; and machines with one fault each, which
 * show that the observer would see it.
 */
import type { Effects, Input, Machine } from '@servent/overlay/machine'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GnutellaMachine } from '../src/machine.ts'
import type { GnutellaMessage } from '../src/messages.ts'
import type { GnutellaTypes } from '../src/types.ts'
import { hit } from './servent.ts'
import { SmallNetwork, type TestNode, watchFloods } from './small-network.ts'

type Spoil = (input: Input<GnutellaTypes>, send: (link: number, message: GnutellaMessage) => void) => void

/** A machine beside which somebody else sends messages. */
class Spoilt implements Machine<GnutellaTypes> {
  readonly #machine: GnutellaMachine
  readonly #spoil: (
    input: Input<GnutellaTypes>,
    send: (link: number, message: GnutellaMessage) => void
  ) => void

  constructor(neighbours: number, spoil: Spoil) {
    this.#machine = new GnutellaMachine({ neighbours })
    this.#spoil = spoil
  }

  handle(input: Input<GnutellaTypes>, effects: Effects<GnutellaTypes>): void {
    this.#machine.handle(input, effects)
    this.#spoil(input, (link, message) => effects.send(link, message, 1))
  }

  heldPeers(): void {}

  snapshot() {
    return this.#machine.snapshot()
  }
}

/** Hands a query on again to every link, when it has come in. */
const twice = () => {
  const links = new Set<number>()
  return new Spoilt(4, (input, send) => {
    if (input.type === 'message' && input.message.type === 'status') links.add(input.link)
    if (input.type !== 'message' || input.message.type !== 'query' || input.message.ttl <= 1) return
    const { message } = input
    for (const link of links)
      if (link !== input.link) send(link, { ...message, ttl: message.ttl - 1, hops: message.hops + 1 })
  })
}

const back = () =>
  new Spoilt(4, (input, send) => {
    if (input.type === 'message' && input.message.type === 'query') send(input.link, input.message)
  })

/** Answers a query to somebody else. */
const gossip = () => {
  let other: number | undefined
  return new Spoilt(4, (input, send) => {
    if (input.type !== 'message') return
    const { link, message } = input
    if (message.type === 'query' && other !== undefined && other !== link) send(other, hit(message.guid))
    if (message.type === 'status') other ??= link
  })
}

/** A network from pairs of numbers: who knows whom before the start. */
function networkOf(
  count: number,
  pairs: readonly (readonly [number, number])[],
  machine?: () => Machine<GnutellaTypes>
) {
  const network = new SmallNetwork()
  const wrongs = watchFloods(network)
  const nodes: TestNode[] = []
  for (let number = 1; number <= count; number += 1) {
    const spoilt = number === 2 ? machine?.() : undefined
    nodes.push(network.add(number, { neighbours: 4 }, spoilt === undefined ? {} : { machine: spoilt }))
  }
  for (const [a, b] of pairs) if (a !== b && a <= count && b <= count) nodes[a - 1]!.contact(b)
  network.run(5_000)
  return { network, nodes, wrongs }
}

const number = fc.integer({ min: 1, max: 12 })

describe('a flood through any network', () => {
  it('passes each link once, never back, and its hits come by the path of the query', () => {
    let hits = 0
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 12 }),
        fc.array(fc.tuple(number, number), { minLength: 4, maxLength: 40 }),
        fc.array(
          fc.record({
            asker: number,
            ttl: fc.integer({ min: 1, max: 7 }),
            afterMs: fc.constantFrom(0, 30, 6_000)
          }),
          { minLength: 1, maxLength: 6 }
        ),
        fc.option(number),
        (count, pairs, searches, killed) => {
          const { network, nodes, wrongs } = networkOf(count, pairs)
          for (const node of nodes) if (node.number % 3 === 0) node.share('blue')
          for (const { asker, ttl, afterMs } of searches) {
            nodes[asker % count]!.search('blue', ttl)
            network.run(afterMs)
          }
          if (killed !== null && nodes[killed] !== undefined) network.kill(nodes[killed])
          network.run(3_000)
          hits += network.sent.filter(({ message }) => message.type === 'query-hit').length
          expect(wrongs).toEqual([])
          for (const node of nodes)
            for (const { forwardedTo } of node.machine.snapshot().queries) {
              expect(new Set(forwardedTo).size).toBe(forwardedTo.length)
            }
        }
      ),
      { numRuns: 300 }
    )
    expect(hits).toBeGreaterThan(50)
  })
})

describe('the observer', () => {
  const ring: [number, number][] = [
    [2, 1],
    [3, 2],
    [4, 3],
    [1, 4],
    [3, 1],
    [4, 2]
  ]
  const wrongsOf = (machine?: () => Machine<GnutellaTypes>) => {
    const { network, nodes, wrongs } = networkOf(4, ring, machine)
    for (const node of nodes) node.share('blue')
    nodes[0]!.search('blue')
    nodes[2]!.search('blue')
    network.run(3_000)
    return wrongs
  }

  it('sees nothing wrong where nothing is', () => {
    expect(wrongsOf()).toEqual([])
  })

  it('sees a machine that hands a query on twice', () => {
    expect(wrongsOf(twice)).toContainEqual(expect.stringMatching(/^2 sent a query to \d twice$/))
  })

  it('sees a machine that sends a query back', () => {
    expect(wrongsOf(back)).toContainEqual(expect.stringMatching(/^2 sent a query back to \d$/))
  })

  it('sees a machine that hands a hit to somebody who is not on its way back', () => {
    expect(wrongsOf(gossip)).toContainEqual(
      expect.stringMatching(/^2 sent a hit to \d, which is not on the way back$/)
    )
  })
})
