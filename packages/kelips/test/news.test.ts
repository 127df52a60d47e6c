/** News where many announce at once: what the budget holds back is not lost, and goes on until each was told often enough. */
import type { Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { FRESH_TOLD_MAX, GOSSIP_BURST_BYTES, GOSSIP_FOR_ROUNDS_BYTES, NEWS_MS } from '../src/constants.ts'
import { gossipRound, tellNews } from '../src/gossip.ts'
import { enter, keepTuple } from '../src/intake.ts'
import type { Gossip } from '../src/messages.ts'
import { armNews, NEWS_TIMER, noteFarewell } from '../src/news.ts'
import { groupByteLength } from '../src/wire-group.ts'
import { lifeOf, lone, tupleOf } from './support/lone.ts'
import { KelipsNetwork } from './support/network.ts'
import { keyOf, Workload } from './support/workload.ts'

const SECOND_US = 1_000_000

/** With so many members, and a tuple that nobody was told of. */
function withNews(members = 6) {
  const own = lone()
  const { kelips, fx } = own
  const timers: number[] = []
  fx.setTimer = (timer, afterMs) => {
    if (timer === NEWS_TIMER) timers.push(afterMs)
  }
  for (let number = 1; number <= members; number += 1)
    enter(kelips, kelips.peers.intern(testContact(number)) as Peer, lifeOf(number))
  // They are old: nobody need be told of them.
  for (let row = 0; row < kelips.view.size; row += 1) kelips.view.told(row, FRESH_TOLD_MAX)
  expect(keepTuple(kelips, tupleOf(1, 1))).toBe('kept')
  const toldOf = () => own.sent.filter(({ message }) => (message as Gossip).tuples.length > 0).length
  return { ...own, timers, toldOf }
}

describe('what the budget holds back', () => {
  it('is as fresh as it was, and goes when there is room', () => {
    const { kelips, fx, sent } = withNews()
    noteFarewell(kelips, { peer: new Uint8Array(8), beat: 1, value: new Uint8Array(16) })
    expect(kelips.gossipBudget.take(GOSSIP_BURST_BYTES, kelips.nowMs)).toBe(true)
    gossipRound(kelips, fx)
    expect(sent).toEqual([])
    expect(kelips.counters.gossipHeldBack).toBeGreaterThan(0)
    expect([kelips.tuples.toldAt(0), kelips.farewells[0]!.told]).toEqual([0, 0])
    kelips.nowMs += 8000
    gossipRound(kelips, fx)
    const { targets } = kelips.settings
    expect(sent).toHaveLength(targets)
    expect([kelips.tuples.toldAt(0), kelips.farewells[0]!.told]).toEqual([targets, targets])
  })

  it('counts for as many as it went to', () => {
    const { kelips, fx, sent } = withNews()
    let left = 2
    Object.assign(kelips.rules, { mayGo: () => left-- > 0 })
    gossipRound(kelips, fx)
    expect(sent).toHaveLength(2)
    expect(kelips.tuples.toldAt(0)).toBe(2)
  })
})

describe('news', () => {
  it('leave GOSSIP_FOR_ROUNDS_BYTES to rounds, and wait until there is more', () => {
    const { kelips, fx, sent, timers } = withNews()
    const spare = 3
    kelips.gossipBudget.take(GOSSIP_BURST_BYTES - GOSSIP_FOR_ROUNDS_BYTES - spare, kelips.nowMs)
    tellNews(kelips, fx)
    expect(sent).toEqual([])
    expect(kelips.tuples.toldAt(0)).toBe(0)
    // Until what is lacking has come by the rate of gossip, and not one look sooner.
    const [waitMs] = timers
    expect(waitMs).toBeGreaterThan(NEWS_MS)
    kelips.nowMs += waitMs! - 1
    tellNews(kelips, fx)
    expect(sent).toEqual([])
    kelips.nowMs += 1
    tellNews(kelips, fx)
    expect(sent).toHaveLength(kelips.settings.targets)
  })

  it('that are long go to fewer at once, so that what is left to rounds stays theirs', () => {
    const { kelips, fx, sent, timers } = withNews()
    const settings = { ...kelips.settings, targets: 6, tupleRation: 16, memberRation: 16 }
    Object.assign(kelips, { settings })
    for (let key = 2; key <= 40; key += 1)
      expect(keepTuple(kelips, tupleOf((1 + (key % 6)) as Peer, key))).toBe('kept')
    tellNews(kelips, fx)
    const bytes = groupByteLength(sent[0]!.message as Gossip)
    const free = GOSSIP_BURST_BYTES - GOSSIP_FOR_ROUNDS_BYTES
    expect(6 * bytes).toBeGreaterThan(free)
    expect(sent).toHaveLength(Math.floor(free / bytes))
    expect(timers).toHaveLength(1)
    // What rounds need is there still.
    expect(kelips.gossipBudget.take(GOSSIP_FOR_ROUNDS_BYTES, kelips.nowMs)).toBe(true)
  })

  it(`go on until each tuple was told ${FRESH_TOLD_MAX} times, and then no more`, () => {
    const { kelips, fx, toldOf, timers } = withNews()
    armNews(kelips, fx)
    for (let news = 0; news < timers.length; news += 1) tellNews(kelips, fx)
    const { targets } = kelips.settings
    const rounds = Math.ceil(FRESH_TOLD_MAX / targets)
    expect([timers, toldOf()]).toEqual([Array.from({ length: rounds }, () => NEWS_MS), rounds * targets])
  })

  it('of 24 who announce ten tuples each at one moment, one in 500 entries is lacking after 60 s at most, and no member is', () => {
    const network = new KelipsNetwork({ seed: 'news', settings: { groups: 1 } })
    const work = new Workload(network)
    const { simulation } = network
    const nodes = network.startIdeal(24, 0)
    for (const [at, node] of nodes.entries()) {
      const records = Array.from({ length: 10 }, (_, word) =>
        work.record(node, 'word', keyOf(`${at} ${word}`))
      )
      work.give(node, { type: 'publish', records })
    }
    simulation.runFor(60 * SECOND_US)
    const known = nodes.reduce((sum, node) => sum + network.machine(node).state.tuples.size, 0)
    // Told to three each it would be one in twenty, but for what rounds tell.
    expect(1 - known / (24 * 240)).toBeLessThan(1 / 500)
    expect(network.views()).toMatchObject({ missing: 0, dead: 0 })
  })
})
