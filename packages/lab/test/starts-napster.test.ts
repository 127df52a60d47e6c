/** Napster's two starts held against each other: users whom an observer linked with servers, and those who came and went. */
import { expect, it } from 'vitest'
import { mean } from '../src/statistics.ts'
import { TwoStarts } from './two-starts.ts'

const NODES = 240
const SERVERS = 4

it('users who were put down and users who came and went are at servers alike, and find all by the same steps', () => {
  const { ideal, joined } = new TwoStarts({
    plan: {
      overlays: ['napster'],
      nodes: NODES,
      lookups: 200,
      searches: 100,
      duration: 300,
      set: { 'napster.servers': SERVERS }
    },
    warmup: { ideal: 30, joined: 3600 },
    seeds: [1, 2, 3]
  })
  for (const { nodes, roles, lookups, searches } of [...ideal, ...joined]) {
    expect(nodes.atStart).toEqual({ live: NODES, members: NODES })
    expect(roles!.homeless).toBe(0)
    expect(roles!.counts).toEqual({ supernodesLost: 0 })
    expect([...roles!.supernodes].every(count => count === SERVERS)).toBe(true)
    // The dead were logged out long ago.
    expect(mean(roles!.users)).toBe(NODES / SERVERS)
    // A user chooses by chance: of 60 to each more than 28 too many or too few come once in 10,000 times.
    for (const users of roles!.users) expect(Math.abs(users - NODES / SERVERS)).toBeLessThan(28)
    expect(lookups.correct).toBe(200)
    expect(searches).toMatchObject({ failed: 0, right: searches!.wanted, found: searches!.wanted })
  }
  const ratio = (of: (run: (typeof ideal)[number]) => number) => mean(ideal.map(of)) / mean(joined.map(of))
  expect(Math.abs(ratio(({ lookups }) => mean(lookups.hops)) - 1)).toBeLessThan(0.05)
  expect(Math.abs(ratio(({ lookups }) => mean(lookups.messages)) - 1)).toBeLessThan(0.05)
  expect(Math.abs(ratio(({ searches }) => mean(searches!.messages)) - 1)).toBeLessThan(0.05)
  expect(Math.abs(ratio(({ nodes }) => mean(nodes.stateEntries)) - 1)).toBeLessThan(0.05)
}, 60_000)
