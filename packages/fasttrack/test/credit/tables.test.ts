/** Every table at its bound and one past it: what makes way, and what never does. */
import { openDatabase } from '@servent/database'
import { describe, expect, test } from 'vitest'
import { Claims } from '../../src/credit/claims.ts'
import {
  ASK_AGAIN_MS,
  ASKING_MAX,
  CLAIMS_MAX,
  COUNTED_PEERS_MAX,
  FLOW_ARCS_MAX,
  LEVEL_KEPT_MS,
  LEVELS_KEPT_MAX,
  MEETINGS_WAITING_MAX,
  OWN_RECEIPTS_MAX,
  PEER_VERIFICATIONS_BURST,
  PEER_VERIFICATIONS_PER_SECOND,
  RECEIPTS_PER_TAKER_MAX,
  REQUESTS_BURST,
  REQUESTS_PER_MINUTE,
  SETTLE_BYTES,
  SETTLE_BYTES_MIN,
  SETTLE_MS,
  SHOWN_PEERS,
  TAKERS_MAX,
  VERIFICATIONS_BURST,
  VERIFICATIONS_PER_SECOND
} from '../../src/credit/constants.ts'
import { CreditGraph } from '../../src/credit/credit-graph.ts'
import { Limiters } from '../../src/credit/limiters.ts'
import { Meetings } from '../../src/credit/meetings.ts'
import { OwnReceipts } from '../../src/credit/own-receipts.ts'
import type { Receipt } from '../../src/credit/receipt.ts'
import { ReceiptBook } from '../../src/credit/receipt-book.ts'
import { ReceiptStore } from '../../src/credit/receipt-store.ts'
import { RunningCount, Settlements } from '../../src/credit/settlement.ts'
import { Accounts, GiB, ME, MiB, view } from './helpers.ts'

const receipt = (giver: string, taker: string, bytes = MiB, sequence = 1): Receipt => ({
  giver,
  taker,
  bytes,
  sequence
})

describe('the book of receipts', () => {
  function book() {
    const accounts = new Accounts()
    const forgotten: string[] = []
    const held = new ReceiptBook(ME, accounts.of, {}, one => forgotten.push(`${one.taker} from ${one.giver}`))
    return { accounts, forgotten, held }
  }

  test('holds the newest of a pair, and no older one takes its place', () => {
    const { held } = book()
    expect(held.hear(receipt('g', 't', 5, 5))).toBe('kept')
    for (const [bytes, sequence] of [
      [5, 5],
      [9, 4],
      [4, 6]
    ] as const) {
      expect(held.hear(receipt('g', 't', bytes, sequence))).toBe('old')
    }
    expect(held.hear(receipt('g', 't', 6, 6))).toBe('kept')
    expect(held.of('t', 'g')).toMatchObject({ bytes: 6, sequence: 6 })
    expect(held.size).toBe(1)
  })

  test('holds none about this peer itself, which knows better', () => {
    const { held } = book()
    expect(held.hear(receipt(ME, 't'))).toBe('own')
    expect(held.hear(receipt('g', ME))).toBe('own')
    expect(held.size).toBe(0)
  })

  test('holds `RECEIPTS_PER_TAKER_MAX` of one taker; one past it, the smallest makes way', () => {
    const { held, forgotten } = book()
    for (let index = 0; index < RECEIPTS_PER_TAKER_MAX; index += 1)
      held.hear(receipt(`g${index}`, 't', 10 + index))
    expect(held.size).toBe(RECEIPTS_PER_TAKER_MAX)
    expect(held.hear(receipt('small', 't', 10))).toBe('full')
    expect(held.hear(receipt('large', 't', 11))).toBe('kept')
    expect(forgotten).toEqual(['t from g0'])
    expect(held.size).toBe(RECEIPTS_PER_TAKER_MAX)
    expect([...held.givenBy('g0')]).toEqual([])
  })

  test('holds `TAKERS_MAX` takers; one past it, who gave this peer least makes way, and of strangers the oldest', () => {
    const { accounts, held, forgotten } = book()
    accounts.gave('t0', 5)
    for (let index = 0; index < TAKERS_MAX; index += 1) held.hear(receipt('g', `t${index}`))
    expect(forgotten).toEqual([])
    expect(held.hear(receipt('g', 'stranger'))).toBe('kept')
    expect(forgotten).toEqual(['t1 from g'])
    for (let index = 0; index < 2 * TAKERS_MAX; index += 1) held.hear(receipt('g', `flood ${index}`))
    expect(held.of('t0', 'g')).toBeDefined()
    expect(held.size).toBe(TAKERS_MAX)
  })

  test('where all takers gave something, a stranger finds no place, and who gave more does', () => {
    const { accounts, held, forgotten } = book()
    for (let index = 0; index < TAKERS_MAX; index += 1) {
      accounts.gave(`t${index}`, 100 + index)
      held.hear(receipt('g', `t${index}`))
    }
    expect(held.hear(receipt('g', 'stranger'))).toBe('full')
    accounts.gave('friend', 200)
    expect(held.hear(receipt('g', 'friend'))).toBe('kept')
    expect(forgotten).toEqual(['t0 from g'])
  })

  test('of takers that gave equally much, the one that was heard of first makes way', () => {
    const { accounts, held, forgotten } = book()
    for (let index = 0; index <= TAKERS_MAX; index += 1) {
      accounts.gave(`t${index}`, 100)
      expect(held.hear(receipt('g', `t${index}`))).toBe('kept')
    }
    expect(forgotten).toEqual(['t0 from g'])
  })

  test('names everybody whom a receipt names', () => {
    const { held } = book()
    held.hear(receipt('g', 't'))
    expect([...held.peers()].sort()).toEqual(['g', 't'])
  })

  test('what was spent on a receipt is spent when it comes back', () => {
    const { held } = book()
    held.hear(receipt('g', 't', 100))
    held.of('t', 'g')!.usedBytes = 60
    for (let index = 0; index < RECEIPTS_PER_TAKER_MAX; index += 1) held.hear(receipt(`g${index}`, 't', 200))
    expect(held.of('t', 'g')).toBeUndefined()
    expect(held.hear(receipt('g', 't', 99, 2))).toBe('old')
    expect(held.hear(receipt('g', 't', 201, 2))).toBe('kept')
    expect(held.of('t', 'g')).toMatchObject({ bytes: 201, usedBytes: 60 })
  })

  test('of as many spent ones as takers, and no more', () => {
    const accounts = new Accounts()
    const held = new ReceiptBook(ME, accounts.of, { takersMax: 2, receiptsPerTakerMax: 1 })
    for (const [index, giver] of ['a', 'b', 'c', 'd'].entries()) {
      held.hear(receipt(giver, 't', 100 + index))
      held.of('t', giver)!.usedBytes = 1
    }
    // a, b and c made way; two of them are remembered.
    held.hear(receipt('a', 't', 200))
    expect(held.of('t', 'a')!.usedBytes).toBe(0)
    held.hear(receipt('c', 't', 201))
    expect(held.of('t', 'c')!.usedBytes).toBe(1)
  })
})

describe('the graph', () => {
  test('looks at `FLOW_ARCS_MAX` edges for one flow', () => {
    const accounts = new Accounts()
    const book = new ReceiptBook(ME, accounts.of, { takersMax: FLOW_ARCS_MAX + 1 })
    const graph = new CreditGraph(ME, accounts.of, book)
    for (let index = 0; index < FLOW_ARCS_MAX; index += 1) {
      accounts.gave(`t${index}`, 1)
      book.hear(receipt('g', `t${index}`))
    }
    expect(graph.reach('g', Infinity).bytes).toBe(FLOW_ARCS_MAX)
    accounts.gave('one more', 1)
    book.hear(receipt('g', 'one more'))
    expect(graph.reach('g', Infinity).bytes).toBe(FLOW_ARCS_MAX)
  })

  test('knows nothing of this peer itself', () => {
    const { participation } = view()
    expect(participation.levelOf(ME, 0)).toBe(10)
    expect(participation.creditOf(ME)).toBe(0)
  })
})

describe('claims', () => {
  test('are as many as `CLAIMS_MAX`; one past it, who spent least is forgotten', () => {
    const accounts = new Accounts()
    const graph = new CreditGraph(ME, accounts.of, new ReceiptBook(ME, accounts.of))
    const shrunk: string[] = []
    const claims = new Claims(graph, accounts.of, {}, peer => shrunk.push(peer))
    for (let index = 0; index < CLAIMS_MAX; index += 1) {
      accounts.gave(`p${index}`, 10)
      accounts.took(`p${index}`, index === 5 ? 1 : 2)
      claims.claim(`p${index}`, 10, 1, 0)
    }
    expect(claims.size).toBe(CLAIMS_MAX)
    accounts.gave('one more', 10)
    // All leases are over by then.
    expect(claims.claim('one more', 10, 1, 1e9)).toBe(10)
    expect(claims.size).toBe(CLAIMS_MAX)
    expect(claims.of('p5')).toBe(0)
    expect(claims.of('p4')).toBe(2)
    expect(graph.usedEdge('p5')).toBeUndefined()
    expect(shrunk).toContain('p5')
  })

  test('where nobody has spent anything, the one that asked longest ago makes way', () => {
    const accounts = new Accounts()
    const graph = new CreditGraph(ME, accounts.of, new ReceiptBook(ME, accounts.of))
    const claims = new Claims(graph, accounts.of, { claimsMax: 2 })
    for (const peer of ['a', 'b', 'c']) {
      accounts.gave(peer, 10)
      claims.claim(peer, 10, 1, 0)
    }
    expect(claims.leased()).toEqual(['b', 'c'])
  })

  test('that are too small are not kept, but what was spent of them is', () => {
    const accounts = new Accounts()
    const graph = new CreditGraph(ME, accounts.of, new ReceiptBook(ME, accounts.of))
    const claims = new Claims(graph, accounts.of)
    accounts.gave('a', 10)
    accounts.took('a', 4)
    expect(claims.claim('a', 100, 11, 0)).toBe(0)
    expect(claims.size).toBe(0)
    expect(claims.claim('a', 100, 10, 0)).toBe(10)
    expect(claims.claim('a', 100, 11, 0)).toBe(0)
    expect(claims.of('a')).toBe(4)
  })

  test('are there after a start as they were: what was taken on credit is spent', () => {
    const { accounts, participation, signed } = view()
    accounts.gave('friend', GiB)
    accounts.took('x', 600 * MiB)
    signed('x', 'friend', 10 * GiB)
    signed('y', 'friend', 10 * GiB)
    participation.restore()
    expect(participation.creditOf('x')).toBe(600 * MiB)
    participation.levelOf('y', 0)
    expect(participation.creditOf('y')).toBe(424 * MiB)
  })

  test('after a start are no more than may be, and none of peers without credit', () => {
    const accounts = new Accounts()
    const graph = new CreditGraph(ME, accounts.of, new ReceiptBook(ME, accounts.of))
    const claims = new Claims(graph, accounts.of, { claimsMax: 2 })
    for (const [peer, bytes] of Object.entries({ a: 5, b: 7, c: 7, d: 6 })) {
      accounts.gave(peer, 10)
      accounts.took(peer, bytes)
    }
    accounts.took('poor', 100)
    claims.restore(['poor', 'a', 'c', 'b', 'd'], 8)
    expect(['poor', 'a', 'b', 'c', 'd'].map(peer => claims.of(peer))).toEqual([0, 0, 7, 7, 0])
  })
})

describe('levels', () => {
  test('are kept for `LEVEL_KEPT_MS`, those of `LEVELS_KEPT_MAX` peers', () => {
    const { accounts, participation } = view()
    expect(participation.levelOf('a', 0)).toBe(10)
    accounts.gave('a', GiB)
    expect(participation.levelOf('a', LEVEL_KEPT_MS - 1)).toBe(10)
    for (let index = 1; index < LEVELS_KEPT_MAX; index += 1) participation.levelOf(`p${index}`, 1)
    expect(participation.levelOf('a', 1)).toBe(10)
    participation.levelOf('one more', 1)
    expect(participation.levelOf('a', 1)).toBe(409)
  })

  test('are shown of the latest `SHOWN_PEERS`, and of none without credit', () => {
    const { accounts, participation } = view()
    for (let index = 0; index <= SHOWN_PEERS; index += 1) {
      accounts.gave(`p${index}`, GiB)
      participation.levelOf(`p${index}`, 0)
    }
    participation.levelOf('stranger', 0)
    const shown = participation.active()
    expect(shown.length).toBe(SHOWN_PEERS)
    expect(shown[0]).toEqual({ peer: 'p1', level: 409, band: 'Guru' })
  })

  test('are the three of an upload queue', () => {
    const { accounts, participation } = view()
    accounts.gave('giver', GiB)
    accounts.took('freeloader', GiB)
    const standings = ['giver', 'newcomer', 'freeloader'].map(peer => participation.standingOf(peer, 0))
    expect(standings).toEqual(['giver', 'newcomer', 'freeloader'])
  })
})

describe('own receipts', () => {
  const bytes = new Uint8Array(1)

  test('are `OWN_RECEIPTS_MAX` in each direction; one past it, the smallest makes way', () => {
    const forgotten: string[] = []
    const own = new OwnReceipts(ME, one => forgotten.push(`${one.giver} ${one.taker}`))
    for (let index = 0; index < OWN_RECEIPTS_MAX; index += 1) {
      own.keep(receipt(ME, `p${index}`, 10 + index), bytes)
      own.keep(receipt(`p${index}`, ME, 10 + index), bytes)
    }
    expect(own.size).toBe(2 * OWN_RECEIPTS_MAX)
    expect(own.keep(receipt(ME, 'more', 99), bytes)).toBe(true)
    expect(own.keep(receipt('less', ME, 1), bytes)).toBe(false)
    expect(forgotten).toEqual(['me p0', 'less me'])
    expect(own.size).toBe(2 * OWN_RECEIPTS_MAX)
  })

  test('are never replaced by older ones', () => {
    const own = new OwnReceipts(ME)
    own.keep(receipt(ME, 'a', 10, 5), bytes)
    expect(own.keep(receipt(ME, 'a', 9, 6), bytes)).toBe(false)
    expect(own.keep(receipt(ME, 'a', 11, 5), bytes)).toBe(false)
    expect(own.asGiverTo('a')).toMatchObject({ bytes: 10 })
    expect(own.asTakerFrom('a')).toBeUndefined()
    own.keep(receipt('a', ME, 4), bytes)
    expect(own.totals()).toEqual({ givenBytes: 10, takenBytes: 4 })
  })

  test('are shown largest first, of both directions, and before them those that are between the two', () => {
    const own = new OwnReceipts(ME)
    for (const [peer, size] of Object.entries({ a: 1, b: 2, c: 3 })) {
      own.keep(receipt(ME, peer, size), bytes)
      own.keep(receipt(peer, ME, 10 * size), bytes)
    }
    const sizes = (count: number, peer = '') => own.best(count, peer).map(one => one.receipt.bytes)
    expect(sizes(2)).toEqual([30, 3])
    expect(sizes(3)).toEqual([30, 20, 3])
    expect(sizes(5)).toEqual([30, 20, 10, 3, 2])
    expect(sizes(50)).toEqual([30, 20, 10, 3, 2, 1])
    expect(sizes(50, 'a')).toEqual([10, 1, 30, 20, 3, 2])
    expect(sizes(4, 'a')).toEqual([10, 1, 30, 3])
    expect(sizes(1, 'a')).toEqual([10])
  })

  test('fill the places that the other direction leaves', () => {
    const own = new OwnReceipts(ME)
    own.keep(receipt(ME, 'a', 1), bytes)
    for (const [index, peer] of ['b', 'c', 'd', 'e'].entries()) own.keep(receipt(peer, ME, 10 + index), bytes)
    expect(own.best(4, '').map(one => one.receipt.bytes)).toEqual([13, 12, 11, 1])
  })
})

describe('a settlement', () => {
  test('is due when there is enough that is new, at once for the first', () => {
    const settlements = new Settlements()
    expect(settlements.isDue('g', SETTLE_BYTES_MIN - 1, undefined, 0)).toBe(false)
    expect(settlements.isDue('g', SETTLE_BYTES_MIN, undefined, 0)).toBe(true)
  })

  test('is due again after so many bytes, or after a while', () => {
    const settlements = new Settlements()
    const last = receipt('g', ME, 10)
    settlements.begin('g', 0)
    settlements.done('g')
    expect(settlements.isDue('g', 10 + SETTLE_BYTES - 1, last, 1)).toBe(false)
    expect(settlements.isDue('g', 10 + SETTLE_BYTES, last, 1)).toBe(true)
    expect(settlements.isDue('g', 10 + SETTLE_BYTES_MIN, last, SETTLE_MS - 1)).toBe(false)
    expect(settlements.isDue('g', 10 + SETTLE_BYTES_MIN, last, SETTLE_MS)).toBe(true)
    expect(settlements.isDue('g', 10, last, SETTLE_MS)).toBe(false)
  })

  test('that failed, or is under way, is not tried again at once, whatever came since', () => {
    const settlements = new Settlements()
    settlements.begin('g', 0)
    expect(settlements.isDue('g', GiB, undefined, SETTLE_MS - 1)).toBe(false)
    expect(settlements.isDue('g', GiB, undefined, SETTLE_MS)).toBe(true)
    settlements.done('nobody')
  })

  test('is remembered of `COUNTED_PEERS_MAX` peers', () => {
    const settlements = new Settlements()
    for (let index = 0; index < COUNTED_PEERS_MAX; index += 1) settlements.begin(`p${index}`, 0)
    expect(settlements.isDue('p0', GiB, undefined, 0)).toBe(false)
    settlements.begin('one more', 0)
    expect(settlements.isDue('p0', GiB, undefined, 0)).toBe(true)
    expect(settlements.isDue('p1', GiB, undefined, 0)).toBe(false)
  })

  test('counts on from the last receipt where the ledger lost something', () => {
    const count = new RunningCount()
    expect(count.of('g', 50, undefined)).toBe(50)
    expect(count.of('g', 60, receipt('g', ME, 50))).toBe(60)
    // The ledger forgot the peer.
    expect(count.of('g', 5, receipt('g', ME, 60))).toBe(60)
    expect(count.of('g', 9, receipt('g', ME, 60))).toBe(64)
    expect(count.of('g', 9, receipt('g', ME, 64))).toBe(64)
  })

  test('counts nothing as lost that a receipt was let say beyond the count', () => {
    const count = new RunningCount()
    expect(count.of('t', 5, receipt(ME, 't', 60))).toBe(60)
    count.signed('t', 80, 60)
    expect(count.of('t', 5, receipt(ME, 't', 80))).toBe(60)
    expect(count.of('t', 15, receipt(ME, 't', 80))).toBe(70)
    count.signed('t', 90, 70)
    expect(count.of('t', 15, receipt(ME, 't', 90))).toBe(70)
  })

  test('counts what was lost of `COUNTED_PEERS_MAX` peers', () => {
    const count = new RunningCount(2)
    for (const peer of ['a', 'b', 'c']) count.of(peer, 5, receipt(peer, ME, 10))
    expect(['a', 'b', 'c'].map(peer => count.of(peer, 6, receipt(peer, ME, 1)))).toEqual([6, 11, 11])
    expect(new RunningCount(COUNTED_PEERS_MAX).of('a', 1, undefined)).toBe(1)
  })
})

describe('meetings', () => {
  test('are asked about once, and again after a while', () => {
    const meetings = new Meetings()
    meetings.met('a', 0)
    meetings.met('a', 0)
    expect(meetings.next(0)).toBe('a')
    expect(meetings.next(0)).toBeUndefined()
    meetings.met('a', ASK_AGAIN_MS - 1)
    expect(meetings.next(ASK_AGAIN_MS)).toBeUndefined()
    meetings.met('a', ASK_AGAIN_MS)
    expect(meetings.next(ASK_AGAIN_MS)).toBe('a')
  })

  test('`ASKING_MAX` are asked at a time, and one past them waits', () => {
    const meetings = new Meetings()
    for (let index = 0; index <= ASKING_MAX; index += 1) meetings.met(`p${index}`, 0)
    for (let index = 0; index < ASKING_MAX; index += 1) expect(meetings.next(0)).toBe(`p${index}`)
    expect(meetings.next(0)).toBeUndefined()
    meetings.asked()
    expect(meetings.next(0)).toBe(`p${ASKING_MAX}`)
  })

  test('`MEETINGS_WAITING_MAX` wait, and one past them is left out', () => {
    const meetings = new Meetings()
    for (let index = 0; index <= MEETINGS_WAITING_MAX; index += 1) meetings.met(`p${index}`, 0)
    expect(meetings.waiting).toBe(MEETINGS_WAITING_MAX)
  })

  test('of `COUNTED_PEERS_MAX` peers it is known when they were asked', () => {
    const meetings = new Meetings()
    const ask = (peer: string) => {
      meetings.met(peer, 0)
      const asked = meetings.next(0)
      if (asked !== undefined) meetings.asked()
      return asked
    }
    for (let index = 0; index < COUNTED_PEERS_MAX; index += 1) ask(`p${index}`)
    expect(ask('p0')).toBeUndefined()
    ask('one more')
    expect(ask('p0')).toBe('p0')
  })
})

describe('limiters', () => {
  function times(may: () => boolean): number {
    let count = 0
    while (may()) count += 1
    return count
  }

  test('a peer may ask as often at once, and then so many times a minute', () => {
    const limiters = new Limiters(0)
    expect(times(() => limiters.mayAsk('a', 0))).toBe(REQUESTS_BURST)
    expect(limiters.mayAsk('b', 0)).toBe(true)
    expect(limiters.mayAsk('a', 60_000 / REQUESTS_PER_MINUTE - 1)).toBe(false)
    expect(limiters.mayAsk('a', 60_000 / REQUESTS_PER_MINUTE)).toBe(true)
  })

  test('as many signatures of one peer are looked at, and all peers together have a bound too', () => {
    const limiters = new Limiters(0)
    expect(times(() => limiters.mayVerify('a', 0))).toBe(PEER_VERIFICATIONS_BURST)
    expect(limiters.mayVerify('a', 1000 / PEER_VERIFICATIONS_PER_SECOND - 1)).toBe(false)
    let index = 0
    let all = PEER_VERIFICATIONS_BURST
    while (limiters.mayVerify(`p${index}`, 0)) {
      all += 1
      index += 1
    }
    expect(all).toBe(VERIFICATIONS_BURST)
    expect(limiters.mayVerify('z', 1000 / VERIFICATIONS_PER_SECOND)).toBe(true)
    expect(limiters.mayVerify('z', 1000 / VERIFICATIONS_PER_SECOND)).toBe(false)
  })

  test('`COUNTED_PEERS_MAX` peers are counted', () => {
    const limiters = new Limiters(0)
    times(() => limiters.mayAsk('first', 0))
    for (let index = 1; index < COUNTED_PEERS_MAX; index += 1) limiters.mayAsk(`p${index}`, 0)
    expect(limiters.mayAsk('first', 0)).toBe(false)
    for (let index = 0; index < COUNTED_PEERS_MAX; index += 1) limiters.mayAsk(`q${index}`, 0)
    expect(limiters.mayAsk('first', 0)).toBe(true)
  })
})

describe('the store', () => {
  test('gives back what was put, own ones whole, and not what was forgotten', () => {
    const database = openDatabase(':memory:')
    const store = new ReceiptStore(database)
    const sealed = Uint8Array.of(1, 2, 3)
    store.put({ receipt: receipt('a', 'b', 5, 5) })
    store.put({ receipt: receipt(ME, 'b', 6, 6), sealed })
    store.put({ receipt: receipt('a', 'c') })
    store.forget(receipt('a', 'c'))
    expect(new ReceiptStore(database).load()).toEqual([])
    store.write()
    store.put({ receipt: receipt('a', 'b', 2 ** 50, 7) })
    store.write()
    expect(new ReceiptStore(database).load()).toEqual([
      { receipt: receipt('a', 'b', 2 ** 50, 7) },
      { receipt: receipt(ME, 'b', 6, 6), sealed }
    ])
    database.close()
  })

  test('a database that takes nothing loses nothing', () => {
    const database = openDatabase(':memory:')
    const store = new ReceiptStore(database)
    store.put({ receipt: receipt('a', 'b') })
    database.sql.exec('PRAGMA query_only = true')
    expect(() => store.write()).toThrow()
    database.sql.exec('PRAGMA query_only = false')
    store.write()
    expect(store.load()).toHaveLength(1)
    database.close()
  })
})
