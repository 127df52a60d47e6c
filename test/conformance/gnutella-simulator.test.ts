/** The line of five of `gnutella.test.ts` on the simulator: the same messages in the same order, the same hits. */
import { readFileSync } from 'node:fs'
import type { GnutellaTypes } from '@servent/gnutella/machine'
import { peerIdText } from '@servent/overlay'
import { expect, test } from 'vitest'
import { describeGnutella } from './describe-gnutella.ts'
import { gnutellaLine } from './gnutella-on-simulator.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const
const SECOND_US = 1_000_000

interface Run {
  readonly hits: readonly (readonly [name: string, hops: number])[]
  /** Queries and hits that arrived, in their order. */
  readonly arrived: readonly string[]
  readonly traceHash: string
  readonly forwarded: readonly number[]
}

function lineOfFive(ttl: number, seed = 'line'): Run {
  const hits: (readonly [string, number])[] = []
  const arrivals: [number, GnutellaTypes['message']][] = []
  const simulation = gnutellaLine({
    seed,
    nodes: NAMES.length,
    file: { name: 'Lecture notes on overlays.txt', size: 26 },
    onNotice: (_, notice) => {
      if (notice.type === 'found') hits.push([notice.files[0]!.record.name, notice.hops])
    },
    onMessage: (node, message) => {
      if (message.type === 'query' || message.type === 'query-hit') arrivals.push([node, message])
    }
  })
  for (let node = 0; node < NAMES.length; node += 1)
    expect(simulation.machine(node).snapshot()).toMatchObject({
      neighbours: { length: node === 0 || node === NAMES.length - 1 ? 1 : 2 }
    })
  simulation.command(0, { type: 'search', text: 'overlays lecture', urns: [], ttl })
  simulation.runFor(SECOND_US)
  const names = new Map(NAMES.map((name, node) => [peerIdText(simulation.contactOf(node).id), name]))
  const describe = describeGnutella(names, new Map())
  return {
    hits,
    arrived: arrivals.map(([node, message]) => `${NAMES[node]} ${describe('message', message)}`),
    traceHash: simulation.traceHash,
    forwarded: NAMES.map((_, node) => {
      const { queries } = simulation.machine(node).snapshot() as GnutellaTypes['snapshot']
      return queries.at(-1)?.forwardedTo.length ?? 0
    })
  }
}

/** What arrived on fakes, as it was written down. */
function arrivedOnFakes(): string[] {
  const text = readFileSync(new URL('../scenarios/gnutella-line-of-five.txt', import.meta.url), 'utf8')
  return [...text.matchAll(/^ *\d+ ([a-e]) message link=\d+ message=(.*)$/gm)].map(
    ([, node, message]) => `${node} ${message}`
  )
}

test('the same messages arrive in the same order as on fakes, and the same hit comes back', () => {
  const { hits, arrived, forwarded } = lineOfFive(7)
  expect(hits).toEqual([['Lecture notes on overlays.txt', 4]])
  expect(arrived).toHaveLength(8)
  expect(arrived).toEqual(arrivedOnFakes())
  expect(forwarded).toEqual([1, 1, 1, 1, 0])
})

test.each([
  [4, 1],
  [3, 0]
])('with a TTL of %i the search finds %i files four links away', (ttl, files) => {
  expect(lineOfFive(ttl).hits).toHaveLength(files)
})

test('a seed tells all of a run', () => {
  expect(lineOfFive(7).traceHash).toBe(lineOfFive(7).traceHash)
  expect(lineOfFive(7, 'another').traceHash).not.toBe(lineOfFive(7).traceHash)
})
