/** What many keys of one owner come to: no more than one; and what must hold for levels whoever asks. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CLAIM_LEASE_MS, LEVEL_OF_EVEN, NEWCOMER_LEVEL } from '../../src/credit/constants.ts'
import { checkCrowd, flowByItself, nothingSpent, realJudge, servedInTurns, sumOfReceipts } from './crowds.ts'
import { GiB, MiB, TiB, type View, view } from './helpers.ts'

const RUNS = 300

describe('a crowd of keys', () => {
  test('has no more credit than it gave, at any time and in the long run', () => {
    checkCrowd(realJudge, RUNS)
  }, 60_000)

  test.each([
    ['credit is the sum of receipts', sumOfReceipts],
    ['each has the flow to itself', flowByItself],
    ['nothing that was taken is spent', nothingSpent]
  ])(
    'is seen to cheat where %s',
    (_, mutant) => {
      expect(() => checkCrowd(mutant, RUNS)).toThrow()
    },
    60_000
  )

  test('that takes turns at one edge is served as one key would be', () => {
    const one = realJudge()
    const alone = servedInTurns({ ...one, hear: () => {} })
    expect(alone).toBeGreaterThan(0)
    expect(servedInTurns(realJudge())).toBeLessThanOrEqual(alone)
    expect(alone).toBeLessThanOrEqual((LEVEL_OF_EVEN / NEWCOMER_LEVEL) * GiB + 64 * MiB)
    for (const mutant of [sumOfReceipts, flowByItself, nothingSpent]) {
      expect(servedInTurns(mutant())).toBeGreaterThan(alone)
    }
  })

  test('over three and four hops has no more credit than it gave either', () => {
    for (const hops of [3, 4]) checkCrowd(() => realJudge(hops), RUNS / 3)
  }, 60_000)
})

const PEERS = ['a', 'b', 'c', 'd', 'e']
const mebibytes = fc.integer({ min: 0, max: 4096 })
const pasts = fc.record({
  own: fc.array(fc.record({ given: mebibytes, taken: mebibytes }), { minLength: 5, maxLength: 5 }),
  receipts: fc.array(
    fc.record({ giver: fc.constantFrom(...PEERS), taker: fc.constantFrom(...PEERS), bytes: mebibytes }),
    { maxLength: 15 }
  )
})
type Past = typeof pasts extends fc.Arbitrary<infer T> ? T : never

function viewOf({ own, receipts }: Past): View {
  const one = view()
  for (const [index, { given, taken }] of own.entries()) {
    one.accounts.gave(PEERS[index]!, given * MiB)
    one.accounts.took(PEERS[index]!, taken * MiB)
  }
  for (const { giver, taker, bytes } of receipts) {
    if (giver !== taker && bytes > 0) one.signed(giver, taker, bytes * MiB)
  }
  return one
}

describe('levels', () => {
  test('are whole numbers of 0 to 1000', () => {
    fc.assert(
      fc.property(pasts, past => {
        const { participation } = viewOf(past)
        for (const peer of PEERS) {
          const level = participation.levelOf(peer, 0)
          expect(Number.isInteger(level) && level >= 0 && level <= 1000).toBe(true)
        }
      })
    )
  })

  test('never fall with what a peer gave me, nor with what it gave to others', () => {
    fc.assert(
      fc.property(pasts, mebibytes, fc.constantFrom(...PEERS.slice(1)), (past, more, taker) => {
        const before = viewOf(past).participation.levelOf('a', 0)
        const gaveMe = viewOf(past)
        gaveMe.accounts.gave('a', more * MiB)
        expect(gaveMe.participation.levelOf('a', 0)).toBeGreaterThanOrEqual(before)
        const gaveOther = viewOf(past)
        const known = past.receipts.find(one => one.giver === 'a' && one.taker === taker)?.bytes ?? 0
        gaveOther.signed('a', taker, (known + more + 1) * MiB, 2)
        expect(gaveOther.participation.levelOf('a', 0)).toBeGreaterThanOrEqual(before)
      }),
      { numRuns: 300 }
    )
  })

  test('never rise with what a peer took', () => {
    fc.assert(
      fc.property(pasts, mebibytes, (past, more) => {
        const before = viewOf(past).participation.levelOf('a', 0)
        const after = viewOf(past)
        after.accounts.took('a', more * MiB)
        expect(after.participation.levelOf('a', 0)).toBeLessThanOrEqual(before)
      })
    )
  })

  test('of strangers are 10 exactly, whatever strangers sign about them', () => {
    const strangers = ['v', 'w', 'x', 'y', 'z']
    const signatures = fc.array(
      fc.record({
        giver: fc.constantFrom(...strangers),
        taker: fc.constantFrom(...strangers),
        bytes: fc.integer({ min: 1, max: 2 ** 50 })
      }),
      { maxLength: 30 }
    )
    fc.assert(
      fc.property(pasts, signatures, (past, signed) => {
        const one = viewOf(past)
        for (const { giver, taker, bytes } of signed) if (giver !== taker) one.signed(giver, taker, bytes)
        for (const peer of strangers) expect(one.participation.levelOf(peer, 0)).toBe(10)
      })
    )
  })

  test('of others are what they were, whatever a crowd signs for itself', () => {
    fc.assert(
      fc.property(pasts, past => {
        const quiet = viewOf(past).participation
        const loud = viewOf(past)
        for (let index = 0; index < 40; index += 1) {
          loud.signed(`key ${index}`, `key ${(index * 7 + 1) % 41}`, TiB)
          // Credit that it gives away is its own word, and takes nothing from whom it names.
          loud.signed(PEERS[index % 5]!, `key ${index}`, TiB)
        }
        for (const peer of PEERS) expect(loud.participation.levelOf(peer, 0)).toBe(quiet.levelOf(peer, 0))
      })
    )
  })

  test('of a new key are 10 where the old one stood below, and 10 where it stood above', () => {
    const { accounts, participation } = view()
    accounts.took('old and low', 100 * GiB)
    accounts.gave('old and high', 100 * GiB)
    expect(participation.levelOf('old and low', 0)).toBe(0)
    expect(participation.levelOf('old and high', 0)).toBe(1000)
    expect(participation.levelOf('new', 0)).toBe(10)
  })
})

describe('credit that is set aside', () => {
  function familiar(): View {
    const one = view()
    one.accounts.gave('friend', GiB)
    one.signed('x', 'friend', 10 * GiB)
    one.signed('y', 'friend', 10 * GiB)
    return one
  }

  test('stands behind one peer, and comes back when that has not asked for a while', () => {
    const { participation } = familiar()
    expect(participation.levelOf('x', 0)).toBe(409)
    expect(participation.levelOf('y', 0)).toBe(10)
    expect(participation.levelOf('y', CLAIM_LEASE_MS - 1)).toBe(10)
    // What it was told is kept for a few seconds.
    expect(participation.levelOf('y', CLAIM_LEASE_MS + 5_000)).toBe(409)
    expect(participation.levelOf('x', CLAIM_LEASE_MS + 5_000)).toBe(10)
  })

  test('and was used stays spent', () => {
    const { accounts, participation } = familiar()
    participation.levelOf('x', 0)
    accounts.took('x', 600 * MiB)
    participation.levelOf('y', CLAIM_LEASE_MS)
    expect(participation.creditOf('y')).toBe(424 * MiB)
    expect(participation.creditOf('x')).toBe(600 * MiB)
  })

  test('gives way to whoever gave it, as far as it is not spent', () => {
    const { accounts, participation } = familiar()
    participation.levelOf('x', 0)
    accounts.took('x', 300 * MiB)
    participation.levelOf('friend', 1)
    expect(participation.creditOf('friend')).toBe(724 * MiB)
    expect(participation.creditOf('x')).toBe(300 * MiB)
    expect(participation.levelOf('x', 2)).toBe(100)
  })

  test('is no more than leads to the top, so that much credit stands behind many', () => {
    const { accounts, participation } = familiar()
    accounts.gave('friend', 100 * GiB)
    for (const peer of ['x', 'y', 'friend']) {
      expect(participation.levelOf(peer, 0)).toBe(1000)
      expect(participation.creditOf(peer)).toBe(2500 * MiB)
    }
  })
})
