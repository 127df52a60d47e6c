/** What hostile peers try, with real keys and over real connections: each gains nothing, and nobody else suffers. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { RECEIPTS_PROTOCOL } from '@servent/fasttrack/credit'
import { systemClock } from '@servent/libp2p-host'
import { describe, expect, test } from 'vitest'
import { SERVER_LIMITS } from '../../../transfer/src/limits.ts'
import { UploadQueue } from '../../../transfer/src/upload-queue.ts'
import {
  ANSWER_BYTES_MAX,
  EXCHANGE_MS,
  PEER_VERIFICATIONS_BURST,
  RECEIPT_AHEAD_MS_MAX,
  RECEIPT_TOLERANCE_BYTES,
  RECEIPTS_ASKED_MAX,
  REQUEST_BYTES_MAX,
  REQUESTS_BURST,
  SERVING_MAX,
  STREAMS_PER_CONNECTION_MAX,
  TAKERS_MAX,
  VERIFICATIONS_BURST
} from '../../src/credit/constants.ts'
import { decodeRequest, encodeAnswer } from '../../src/credit/exchange.ts'
import { openReceipt, peekReceipt, sealReceipt, sealStatement } from '../../src/credit/receipt-sealing.ts'
import { sumOfReceipts } from './crowds.ts'
import { GiB, ME, MiB, TiB, view } from './helpers.ts'
import { type Peer, signedBy, startBare, startPeer, until } from './real-nodes.ts'

const idOf = (key: PrivateKey) => key.publicKey.toString()
const keyPairs = (count: number) =>
  Promise.all(Array.from({ length: count }, () => generateKeyPair('Ed25519')))

/** Who stands where in the queue of transfer when all of them ask, in this order. */
function lineOf(peers: readonly string[], standingOf: (peer: string) => 'giver' | 'newcomer' | 'freeloader') {
  const limits = { ...SERVER_LIMITS, slotsMax: 1, queuePlacesMax: 1000 }
  const queue = new UploadQueue(limits, standingOf)
  queue.ask('somebody who is being served', 'file', 0)
  for (const peer of peers) queue.ask(peer, 'file', 0)
  return queue.waiting(0).map(({ peer }) => peer)
}

describe('a hundred keys of one owner that sign a terabyte for each other', () => {
  const keys = Array.from({ length: 100 }, (_, index) => `key ${index}`)
  const crossSign = (hear: (giver: string, taker: string, bytes: number) => unknown) => {
    for (const giver of keys) for (const taker of keys) if (giver !== taker) hear(giver, taker, TiB)
  }

  test('stand at 10, exactly, each of them', () => {
    const { participation, signed } = view()
    crossSign(signed)
    expect(participation.receipts).toBeGreaterThan(1000)
    for (const key of keys) expect(participation.levelOf(key, 0)).toBe(10)
  })

  test('are served as strangers: a stranger before them stays before, and who gave anything goes first', () => {
    const { accounts, participation, signed } = view()
    crossSign(signed)
    accounts.gave('giver', 100 * MiB)
    const line = lineOf(['stranger', ...keys, 'giver'], peer => participation.standingOf(peer, 0))
    expect(line).toEqual(['giver', 'stranger', ...keys])
    // The same line where credit is the sum of receipts: the check can fail.
    const mutant = sumOfReceipts()
    crossSign((giver, taker, bytes) => mutant.hear({ giver, taker, bytes, sequence: 1 }))
    const cheated = lineOf(['stranger', ...keys], peer =>
      mutant.levelOf(peer, 0) > 10 ? 'giver' : 'newcomer'
    )
    expect(cheated.indexOf('stranger')).toBe(keys.filter(key => mutant.levelOf(key, 0) > 10).length)
    expect(cheated.indexOf('stranger')).toBeGreaterThan(50)
  })

  test('with one real gigabyte between them go first for one gigabyte, and not a hundred times', () => {
    const { accounts, participation, signed } = view()
    crossSign(signed)
    accounts.gave('key 0', GiB)
    const line = lineOf(['stranger', ...keys.slice(1)], peer => participation.standingOf(peer, 0))
    expect(line.indexOf('stranger')).toBe(1)
    expect(keys.reduce((sum, key) => sum + participation.creditOf(key), 0)).toBe(GiB)
  })

  test('and their signatures are all good: it is not for want of keys', async () => {
    const pairs = await keyPairs(100)
    const { participation } = view()
    for (const [index, taker] of pairs.entries()) {
      for (const step of [1, 2, 3]) {
        const giver = pairs[(index + step) % pairs.length]!
        const receipt = { giver: idOf(giver), taker: idOf(taker), bytes: TiB, sequence: 1 }
        expect(participation.hear(await openReceipt(await signedBy(receipt, taker, giver)))).toBe('kept')
      }
    }
    expect(participation.receipts).toBe(300)
    for (const pair of pairs) expect(participation.levelOf(idOf(pair), 0)).toBe(10)
  })
})

describe('a flood', () => {
  test('of receipts moves nobody, and costs a bounded amount of work and memory', () => {
    const { accounts, participation, signed } = view()
    accounts.gave('friend', GiB)
    signed('its friend', 'friend', GiB)
    for (let index = 0; index < 50_000; index += 1) signed(`g${index % 997}`, `t${index}`, TiB)
    expect(participation.receipts).toBe(TAKERS_MAX)
    expect(participation.levelOf('its friend', 0)).toBe(409)
    expect(participation.levelOf('friend', 5_000)).toBe(409)
    expect(participation.levelOf('g1', 0)).toBe(10)
  })
})

/** How the peer stands that has been spoken to, and that it still answers others. */
async function checkStillServes(peer: Peer): Promise<void> {
  const other = await startBare()
  expect(await other.ask(peer, { type: 'ask', count: 1 })).toEqual({ type: 'receipts', sealed: [] })
}

/** A peer that asks, met by one that shows these. */
async function shown(peer: Peer, privateKey: PrivateKey, sealed: readonly Uint8Array[]): Promise<void> {
  const bare = await startBare(privateKey)
  let asked = false
  await bare.libp2p.handle(RECEIPTS_PROTOCOL, async stream => {
    const frames = lpStream(stream, { maxDataLength: REQUEST_BYTES_MAX })
    await frames.read({ signal: AbortSignal.timeout(5_000) })
    await frames.write(encodeAnswer({ type: 'receipts', sealed }), { signal: AbortSignal.timeout(5_000) })
    await stream.close()
    asked = true
  })
  await bare.libp2p.dial(peer.address)
  await until(() => asked)
  // What came is verified one after the other.
  await new Promise(resolve => setTimeout(resolve, 200))
}

describe('receipts that a peer shows', () => {
  test('count when they are its own and right, and only once', async () => {
    const me = await startPeer()
    const [giver, taker] = (await keyPairs(2)) as [PrivateKey, PrivateKey]
    const receipt = { giver: idOf(giver), taker: idOf(taker), bytes: GiB, sequence: 2 }
    const older = { ...receipt, bytes: MiB, sequence: 1 }
    await shown(me, giver, [
      await signedBy(receipt, taker, giver),
      await signedBy(receipt, taker, giver),
      await signedBy(older, taker, giver)
    ])
    expect(me.exchange.snapshot()).toMatchObject({ receiptsOfOthers: 1, counters: { heard: 1, leftOut: 2 } })
  })

  test('count for nothing where one side has not signed, or somebody else has', async () => {
    const me = await startPeer()
    const bad = [
      (_: Uint8Array, statement: Uint8Array) => statement,
      (good: Uint8Array) => good.with(-1, good.at(-1)! ^ 1),
      () => new Uint8Array(3)
    ]
    for (const spoil of bad) {
      const [giver, taker, liar] = (await keyPairs(3)) as [PrivateKey, PrivateKey, PrivateKey]
      const receipt = { giver: idOf(giver), taker: idOf(taker), bytes: TiB, sequence: 1 }
      const good = await signedBy(receipt, taker, giver)
      // What is wrong ends the whole answer.
      await shown(me, giver, [spoil(good, await sealStatement(receipt, taker)), good])
      // Of two others: whoever shows it has no part in it.
      await shown(me, liar, [good])
    }
    expect(me.exchange.snapshot()).toMatchObject({ receiptsOfOthers: 0, counters: { heard: 0 } })
    await checkStillServes(me)
  })

  test('about this peer itself raise nobody: it measured that', async () => {
    const me = await startPeer()
    const [giver, liar] = (await keyPairs(2)) as [PrivateKey, PrivateKey]
    const receipt = { giver: idOf(giver), taker: me.id, bytes: TiB, sequence: 1 }
    const good = await signedBy(receipt, me.privateKey, giver)
    await shown(me, giver, [good])
    // Both have signed it, so it is kept; what it is worth here says the ledger.
    expect(me.exchange.snapshot()).toMatchObject({ own: { receipts: 1 }, receiptsOfOthers: 0 })
    expect(me.exchange.levelOf(idOf(giver))).toBe(10)
    const forged = await signedBy({ ...receipt, giver: idOf(liar) }, me.privateKey, liar)
    await shown(me, liar, [forged.with(-1, forged.at(-1)! ^ 1)])
    expect(me.exchange.snapshot()).toMatchObject({ own: { receipts: 1 } })
  })

  test('are all looked at where they fit in one answer', async () => {
    const me = await startPeer()
    const [giver, ...takers] = await keyPairs(RECEIPTS_ASKED_MAX + 1)
    const all = await Promise.all(
      takers.map(taker =>
        signedBy({ giver: idOf(giver!), taker: idOf(taker), bytes: MiB, sequence: 1 }, taker, giver!)
      )
    )
    await shown(me, giver!, all)
    await until(() => me.exchange.snapshot().counters.heard === RECEIPTS_ASKED_MAX)
    expect(me.exchange.snapshot().counters.leftOut).toBe(0)
  })

  test('past what all peers may cost are not looked at', async () => {
    // A clock that stands still: nothing is given back.
    const me = await startPeer({ clock: { ...systemClock, nowMs: () => 0 } })
    const meetings = VERIFICATIONS_BURST / RECEIPTS_ASKED_MAX + 1
    for (let meeting = 0; meeting < meetings; meeting += 1) {
      const [giver, taker] = (await keyPairs(2)) as [PrivateKey, PrivateKey]
      const all = []
      // Each is newer than the one before, so that each would have to be verified.
      for (let sequence = 1; sequence <= RECEIPTS_ASKED_MAX; sequence += 1) {
        const receipt = { giver: idOf(giver), taker: idOf(taker), bytes: MiB + sequence, sequence }
        all.push(await signedBy(receipt, taker, giver))
      }
      await shown(me, giver, all)
    }
    const counted = () => me.exchange.snapshot().counters
    await until(() => counted().heard + counted().leftOut === meetings * RECEIPTS_ASKED_MAX)
    expect(counted().heard).toBe(VERIFICATIONS_BURST)
    // One of them would have a budget of its own left, so it is the budget of all.
    expect(PEER_VERIFICATIONS_BURST).toBeGreaterThan(RECEIPTS_ASKED_MAX)
    await checkStillServes(me)
  }, 30_000)

  test('as many as fit in an answer, and an answer with one more is refused whole', async () => {
    const me = await startPeer()
    const giver = await generateKeyPair('Ed25519')
    const taker = await generateKeyPair('Ed25519')
    const one = await signedBy(
      { giver: idOf(giver), taker: idOf(taker), bytes: MiB, sequence: 1 },
      taker,
      giver
    )
    await shown(
      me,
      giver,
      Array.from({ length: RECEIPTS_ASKED_MAX + 1 }, () => one)
    )
    expect(me.exchange.snapshot()).toMatchObject({ receiptsOfOthers: 0 })
    await checkStillServes(me)
  })
})

describe('a statement', () => {
  async function met() {
    const giver = await startPeer()
    const taker = await startBare()
    await taker.libp2p.dial(giver.address)
    return { giver, taker }
  }
  const now = () => Date.now()

  test('is signed up to what the giver counted and a little, and not one byte past it', async () => {
    const { giver, taker } = await met()
    giver.accounts.took(taker.id, GiB)
    const state = async (bytes: number, sequence: number) => {
      const receipt = { giver: giver.id, taker: taker.id, bytes, sequence }
      const statement = await sealStatement(receipt, taker.privateKey)
      return taker.ask(giver, { type: 'settle', statement })
    }
    const most = GiB + RECEIPT_TOLERANCE_BYTES
    expect(await state(most + 1, now())).toEqual({ type: 'refused' })
    const answer = await state(most, now())
    if (answer.type !== 'receipt') throw new Error(answer.type)
    expect(peekReceipt(answer.sealed)).toMatchObject({ bytes: most })
    // The tolerance is used up until the giver has counted more.
    expect(await state(most + 1, now() + 1)).toEqual({ type: 'refused' })
    giver.accounts.took(taker.id, MiB)
    expect((await state(most + MiB, now() + 2)).type).toBe('receipt')
    expect(await state(most + MiB + 1, now() + 3)).toEqual({ type: 'refused' })
  })

  test('is signed once: neither again, nor with less, nor from a time to come', async () => {
    const { giver, taker } = await met()
    giver.accounts.took(taker.id, GiB)
    const sequence = now()
    const state = async (bytes: number, at: number) => {
      const receipt = { giver: giver.id, taker: taker.id, bytes, sequence: at }
      const statement = await sealStatement(receipt, taker.privateKey)
      return (await taker.ask(giver, { type: 'settle', statement })).type
    }
    expect(await state(MiB, now() + RECEIPT_AHEAD_MS_MAX + 60_000)).toBe('refused')
    expect(await state(2 * MiB, sequence)).toBe('receipt')
    expect(await state(2 * MiB, sequence)).toBe('refused')
    expect(await state(MiB, sequence + 1)).toBe('refused')
    expect(await state(2 * MiB, sequence + 1)).toBe('receipt')
    expect(giver.exchange.snapshot().own).toMatchObject({ givenBytes: 2 * MiB, receipts: 1 })
  })

  test('of others, and about others, is not signed', async () => {
    const { giver, taker } = await met()
    const other = await generateKeyPair('Ed25519')
    giver.accounts.took(idOf(other), GiB)
    giver.accounts.took(taker.id, GiB)
    const ofOther = await sealStatement(
      { giver: giver.id, taker: idOf(other), bytes: MiB, sequence: 1 },
      other
    )
    expect(await taker.ask(giver, { type: 'settle', statement: ofOther })).toEqual({ type: 'refused' })
    const aboutOther = await sealStatement(
      { giver: idOf(other), taker: taker.id, bytes: MiB, sequence: 1 },
      taker.privateKey
    )
    expect(await taker.ask(giver, { type: 'settle', statement: aboutOther })).toEqual({ type: 'refused' })
    const forged = ofOther.slice()
    forged[forged.length - 1]! ^= 1
    await expect(taker.ask(giver, { type: 'settle', statement: forged })).rejects.toThrow()
    expect(giver.exchange.snapshot().counters).toMatchObject({ countersigned: 0, refused: 3 })
  })

  test.each([
    ['refuses', async () => encodeAnswer({ type: 'refused' })],
    ['shows what was not asked for', async () => encodeAnswer({ type: 'receipts', sealed: [] })],
    [
      'signs another receipt of the same two',
      async (giver: PrivateKey, taker: PrivateKey) => {
        const receipt = { giver: idOf(giver), taker: idOf(taker), bytes: 1, sequence: 1 }
        return encodeAnswer({ type: 'receipt', sealed: await signedBy(receipt, taker, giver) })
      }
    ]
  ])('is no receipt where the giver %s', async (_, answer) => {
    const taker = await startPeer()
    const giver = await startBare()
    let answered = 0
    await giver.libp2p.handle(RECEIPTS_PROTOCOL, async stream => {
      const frames = lpStream(stream, { maxDataLength: REQUEST_BYTES_MAX })
      const { type } = decodeRequest((await frames.read({ signal: AbortSignal.timeout(5_000) })).subarray())
      const refusal = encodeAnswer({ type: 'refused' })
      const frame = type === 'ask' ? refusal : await answer(giver.privateKey, taker.privateKey)
      await frames.write(frame, { signal: AbortSignal.timeout(5_000) })
      await stream.close()
      answered += 1
    })
    taker.accounts.gave(giver.id, GiB)
    await giver.libp2p.dial(taker.address)
    await until(() => answered === 2)
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(taker.exchange.snapshot()).toMatchObject({ own: { receipts: 0 }, counters: { settled: 0 } })
  })
})

describe('requests', () => {
  test('that are too long are cut when their length has come, and what is no request as well', async () => {
    const me = await startPeer()
    const bare = await startBare()
    const stream = await bare.stream(me)
    // A varint of 2 GiB, and nothing after it.
    stream.send(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x08))
    await until(() => stream.status !== 'open')
    await expect(bare.send(me, new Uint8Array(REQUEST_BYTES_MAX + 1))).rejects.toThrow()
    await expect(bare.send(me, new Uint8Array(REQUEST_BYTES_MAX).fill(0x81))).rejects.toThrow()
    await expect(bare.send(me, encodeAnswer({ type: 'refused' }))).rejects.toThrow()
    await until(() => me.exchange.snapshot().counters.refused === 4)
    await checkStillServes(me)
  })

  test('of one peer are answered as many times at once, and one past it is cut', async () => {
    const me = await startPeer()
    const bare = await startBare()
    for (let index = 0; index < REQUESTS_BURST; index += 1) await bare.ask(me, { type: 'ask', count: 1 })
    await expect(bare.ask(me, { type: 'ask', count: 1 })).rejects.toThrow()
    await checkStillServes(me)
  })

  test('of one connection are so many streams, and one past them is cut', async () => {
    const me = await startPeer()
    const bare = await startBare()
    const streams: (Stream | undefined)[] = []
    for (let index = 0; index <= STREAMS_PER_CONNECTION_MAX; index += 1)
      streams.push(await bare.stream(me).catch(() => undefined))
    await until(
      () => streams.filter(stream => stream?.status === 'open').length === STREAMS_PER_CONNECTION_MAX
    )
    await checkStillServes(me)
  })

  test('`SERVING_MAX` that stall are borne for `EXCHANGE_MS`, one past them is cut, and then all are served again', async () => {
    const me = await startPeer()
    const bares = await Promise.all(
      Array.from({ length: SERVING_MAX / STREAMS_PER_CONNECTION_MAX }, () => startBare())
    )
    const startedMs = performance.now()
    const streams: (Stream | undefined)[] = []
    for (const bare of bares) {
      for (let index = 0; index < STREAMS_PER_CONNECTION_MAX; index += 1) streams.push(await bare.stream(me))
    }
    await new Promise(resolve => setTimeout(resolve, 100))
    expect(streams.filter(stream => stream?.status === 'open').length).toBe(SERVING_MAX)
    const other = await startBare()
    await expect(other.ask(me, { type: 'ask', count: 1 })).rejects.toThrow()
    await until(() => streams.every(stream => stream?.status !== 'open'))
    expect(performance.now() - startedMs).toBeGreaterThan(EXCHANGE_MS - 100)
    await checkStillServes(me)
  }, 30_000)

  test('an answer that is too long is not read', async () => {
    const me = await startPeer()
    const bare = await startBare()
    let reset = false
    await bare.libp2p.handle(RECEIPTS_PROTOCOL, async stream => {
      stream.addEventListener('close', () => {
        reset = true
      })
      const frames = lpStream(stream)
      await frames.write(new Uint8Array(ANSWER_BYTES_MAX + 1), { signal: AbortSignal.timeout(5_000) })
    })
    await bare.libp2p.dial(me.address)
    await until(() => reset)
    await checkStillServes(me)
  })
})

describe('self-dealing', () => {
  test('nobody signs as both sides, and this peer has no level of its own making', async () => {
    const key = await generateKeyPair('Ed25519')
    const self = { giver: idOf(key), taker: idOf(key), bytes: TiB, sequence: 1 }
    await expect(sealStatement(self, key)).rejects.toThrow('are one peer')
    const other = await generateKeyPair('Ed25519')
    const statement = await sealStatement({ ...self, giver: idOf(other) }, key)
    await expect(sealReceipt(statement, key)).rejects.toThrow('The giver of the receipt is')
    const { participation, signed } = view()
    expect(signed(ME, 'other', TiB)).toBe('own')
    expect(participation.levelOf(ME, 0)).toBe(10)
  })
})
