/**
 * One owner with many keys against one peer's view, and the law that it cannot break: its credit fits through the cut
 * between its keys and everybody else's, at any time and in the long run. The law is checked for whatever computes
 * credit, so that it can be seen to fail.
 */
import fc from 'fast-check'
import { expect } from 'vitest'
import { Claims } from '../../src/credit/claims.ts'
import {
  LEVEL_MAX,
  LEVEL_OF_EVEN,
  NEWCOMER_GIVEN_BYTES,
  NEWCOMER_LEVEL,
  NEWCOMER_TAKEN_BYTES
} from '../../src/credit/constants.ts'
import { CreditGraph } from '../../src/credit/credit-graph.ts'
import { participationLevel } from '../../src/credit/participation.ts'
import type { Receipt } from '../../src/credit/receipt.ts'
import { ReceiptBook } from '../../src/credit/receipt-book.ts'
import { Accounts, GiB, ME, MiB, TiB, view } from './helpers.ts'

/** Whatever says how peers stand. */
export interface Judge {
  readonly accounts: Accounts
  hear(receipt: Receipt): void
  levelOf(peer: string, nowMs: number): number
  /** Credit behind a peer now. */
  creditOf(peer: string): number
}

export function realJudge(hops = 2): Judge {
  const { accounts, participation } = view({ hops })
  return {
    accounts,
    hear: receipt => participation.hear(receipt),
    levelOf: (peer, nowMs) => participation.levelOf(peer, nowMs),
    creditOf: peer => participation.creditOf(peer)
  }
}

/** A mutant: whoever has receipts has credit. */
export function sumOfReceipts(): Judge {
  const accounts = new Accounts()
  const book = new ReceiptBook(ME, accounts.of)
  const creditOf = (peer: string) => {
    const received = [...book.givenBy(peer)].reduce((sum, { bytes }) => sum + bytes, 0)
    return received + accounts.of(peer).givenBytes
  }
  const levelOf = (peer: string) => participationLevel(creditOf(peer), accounts.of(peer).takenBytes)
  return { accounts, hear: receipt => book.hear(receipt), levelOf, creditOf }
}

/** A mutant: the flow to each peer by itself, as if nobody else used the same edges. */
export function flowByItself(): Judge {
  const accounts = new Accounts()
  const book = new ReceiptBook(ME, accounts.of)
  const graph = new CreditGraph(ME, accounts.of, book)
  const creditOf = (peer: string) => graph.reach(peer, Infinity).bytes
  const levelOf = (peer: string) => participationLevel(creditOf(peer), graph.owes(peer))
  return { accounts, hear: receipt => book.hear(receipt), levelOf, creditOf }
}

/** A mutant: credit is set aside while a peer asks, and nothing of it is ever spent. */
export function nothingSpent(): Judge {
  const accounts = new Accounts()
  const book = new ReceiptBook(ME, accounts.of)
  const graph = new CreditGraph(ME, accounts.of, book)
  const claims = new Claims(graph, peer => ({ ...accounts.of(peer), takenBytes: 0 }))
  const levelOf = (peer: string, nowMs: number) => {
    const owes = graph.owes(peer)
    const wanted = (Math.max(owes, NEWCOMER_TAKEN_BYTES) * LEVEL_MAX) / LEVEL_OF_EVEN
    return participationLevel(claims.claim(peer, wanted, NEWCOMER_GIVEN_BYTES, nowMs), owes)
  }
  return { accounts, hear: receipt => book.hear(receipt), levelOf, creditOf: peer => claims.of(peer) }
}

const KEYS = 8
const HONEST = 4
const key = (index: number) => `key ${index % KEYS}`
const honest = (index: number) => `honest ${index % HONEST}`
const CHUNK_BYTES = 100 * MiB

const bytes = fc.integer({ min: 0, max: 2 * 1024 }).map(mebibytes => mebibytes * MiB)
/** Little enough to be used up in a run. */
const few = fc.integer({ min: 0, max: 400 }).map(mebibytes => mebibytes * MiB)
const edge = fc.record({ giver: fc.nat(99), taker: fc.nat(99), bytes })

/** Everything that can be so before and while the keys ask. */
const worlds = fc.record({
  /** What honest peers gave this one, and each other. */
  honestGave: fc.array(bytes, { minLength: HONEST, maxLength: HONEST }),
  amongHonest: fc.array(edge, { maxLength: 6 }),
  /** The cut: what the keys really gave, to this peer and to honest ones. */
  keysGave: fc.array(fc.record({ giver: fc.nat(99), bytes: few }), { maxLength: 2 }),
  keysGaveHonest: fc.array(fc.record({ giver: fc.nat(99), taker: fc.nat(99), bytes: few }), { maxLength: 3 }),
  /** What they sign for each other, as much as they like. */
  amongKeys: fc.array(fc.record({ giver: fc.nat(99), taker: fc.nat(99) }), { maxLength: 40 }),
  /** Who asks, how often in a row, and how long until the next. */
  asks: fc.array(
    fc.record({
      who: fc.nat(99),
      others: fc.integer({ min: 0, max: KEYS - 1 }),
      times: fc.constantFrom(1, 100, 100),
      afterMs: fc.constantFrom(5_000, 700_000, 700_000)
    }),
    { minLength: 1, maxLength: 40, size: 'max' }
  )
})

/**
 * @throws  an assertion: the keys together have more credit than they gave, or were served more before
 * strangers than one key could have been
 */
export function checkCrowd(judgeOf: () => Judge, numRuns: number): void {
  fc.assert(
    fc.property(worlds, world => {
      const judge = judgeOf()
      const { accounts } = judge
      const hear = (giver: string, taker: string, bytes: number, sequence: number) => {
        if (giver !== taker && bytes > 0) judge.hear({ giver, taker, bytes, sequence })
      }
      for (const [index, bytes] of world.honestGave.entries()) accounts.gave(honest(index), bytes)
      for (const { giver, taker, bytes } of world.amongHonest) hear(honest(giver), honest(taker), bytes, 1)
      let cutBytes = 0
      for (const { giver, bytes } of world.keysGave) {
        accounts.gave(key(giver), bytes)
        cutBytes += bytes
      }
      // One receipt stands for a pair, so the pair's real bytes add up in it.
      const real = new Map<string, { giver: string; taker: string; bytes: number }>()
      for (const { giver, taker, bytes } of world.keysGaveHonest) {
        const pair = { giver: key(giver), taker: honest(taker) }
        const name = `${pair.giver} ${pair.taker}`
        real.set(name, { ...pair, bytes: (real.get(name)?.bytes ?? 0) + bytes })
        cutBytes += bytes
      }
      for (const { giver, taker, bytes } of real.values()) hear(giver, taker, bytes, 1)
      for (const { giver, taker } of world.amongKeys) hear(key(giver), key(taker), TiB, 1)

      let nowMs = 0
      let firstBytes = 0
      for (const { who, others, times, afterMs } of world.asks) {
        // Some keys ask, and the first of them takes as long as it stands above strangers.
        for (let index = 0; index <= others; index += 1) judge.levelOf(key(who + index), nowMs)
        for (let time = 0; time < times; time += 1) {
          if (judge.levelOf(key(who), nowMs) <= NEWCOMER_LEVEL) break
          accounts.took(key(who), CHUNK_BYTES)
          firstBytes += CHUNK_BYTES
          nowMs += 5_000
        }
        let credit = 0
        for (let index = 0; index < KEYS; index += 1) credit += judge.creditOf(key(index))
        expect(credit, 'credit of all keys').toBeLessThanOrEqual(cutBytes)
        nowMs += afterMs
      }
      const leverage = LEVEL_OF_EVEN / NEWCOMER_LEVEL
      expect(firstBytes, 'served before strangers').toBeLessThanOrEqual(
        leverage * cutBytes + KEYS * CHUNK_BYTES
      )
    }),
    { numRuns, seed: 1 }
  )
}

const TURN_BYTES = 64 * MiB

/** One edge of a gigabyte, and a hundred keys behind it that take turns for days: served before strangers, in bytes. */
export function servedInTurns(judge: Judge): number {
  judge.accounts.gave('key 0', GiB)
  for (let index = 1; index < 100; index += 1) {
    judge.hear({ giver: `key ${index}`, taker: 'key 0', bytes: TiB, sequence: 1 })
  }
  let firstBytes = 0
  for (let turn = 0; turn < 200; turn += 1) {
    for (let time = 0; time < 200; time += 1) {
      const nowMs = turn * 3_600_000 + time * 5_000
      const peer = `key ${turn % 100}`
      if (judge.levelOf(peer, nowMs) <= NEWCOMER_LEVEL) break
      judge.accounts.took(peer, TURN_BYTES)
      firstBytes += TURN_BYTES
    }
  }
  return firstBytes
}
