/** Real libp2p nodes over TCP: receipts after bytes were given, what they are worth to others, and a restart. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '@servent/database'
import { RECEIPTS_PROTOCOL, receiptExchange } from '@servent/fasttrack/credit'
import { systemClock } from '@servent/libp2p-host'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ASK_AGAIN_MS, SETTLE_BYTES } from '../../src/credit/constants.ts'
import { GiB, MiB } from './helpers.ts'
import { startPeer, transfer, until } from './real-nodes.ts'

const counters = (peer: Awaited<ReturnType<typeof startPeer>>) => peer.exchange.snapshot().counters

describe('receipts over TCP', () => {
  test('are made after bytes were given, and both sides have them', async () => {
    const [giver, taker] = [await startPeer(), await startPeer()]
    await taker.libp2p.dial(giver.address)
    transfer(giver, taker, 500 * MiB)
    await until(() => counters(taker).settled === 1)
    expect(counters(giver)).toMatchObject({ countersigned: 1, refused: 0 })
    expect(giver.exchange.snapshot().own).toEqual({
      givenBytes: 500 * MiB,
      takenBytes: 0,
      level: 200,
      band: 'High',
      receipts: 1
    })
    expect(taker.exchange.snapshot().own).toMatchObject({ givenBytes: 0, takenBytes: 500 * MiB, level: 5 })
  })

  test('are one for many transfers: the next when there is enough that is new', async () => {
    const [giver, taker] = [await startPeer(), await startPeer()]
    await taker.libp2p.dial(giver.address)
    transfer(giver, taker, 2 * MiB)
    await until(() => counters(taker).settled === 1)
    for (let block = 0; block < 40; block += 1) transfer(giver, taker, MiB)
    transfer(giver, taker, SETTLE_BYTES)
    await until(() => counters(taker).settled === 2)
    expect(counters(giver).countersigned).toBe(2)
    expect(giver.exchange.snapshot().own.givenBytes).toBe(42 * MiB + SETTLE_BYTES)
  })

  test('raise who gave, in the eyes of those whom it never gave anything', async () => {
    const [me, friend, giver] = [await startPeer(), await startPeer(), await startPeer()]
    await friend.libp2p.dial(giver.address)
    transfer(giver, friend, GiB)
    await until(() => counters(friend).settled === 1)
    expect(me.exchange.levelOf(giver.id)).toBe(10)
    // I know the friend by what it gave me, and the giver shows what the friend signed.
    me.accounts.gave(friend.id, 500 * MiB)
    await giver.libp2p.dial(me.address)
    await until(() => counters(me).heard === 1)
    expect(me.exchange.snapshot().receiptsOfOthers).toBe(1)
    await until(() => me.exchange.levelOf(giver.id) === 200)
    expect(me.exchange.standingOf(giver.id)).toBe('giver')
    expect(me.exchange.snapshot().peers).toEqual([{ peer: giver.id, level: 200, band: 'High' }])
  }, 20_000)

  test('are asked for anew when a peer wants to be served, and the last time was long ago', async () => {
    let passedMs = 0
    const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + passedMs }
    const [me, friend, giver] = [await startPeer({ clock }), await startPeer(), await startPeer()]
    // They met when nothing had happened yet.
    await giver.libp2p.dial(me.address)
    expect(me.exchange.standingOf(giver.id)).toBe('newcomer')
    await friend.libp2p.dial(giver.address)
    transfer(giver, friend, GiB)
    await until(() => counters(friend).settled === 1)
    me.accounts.gave(friend.id, 500 * MiB)
    expect(me.exchange.standingOf(giver.id)).toBe('newcomer')
    passedMs = ASK_AGAIN_MS
    expect(me.exchange.standingOf(giver.id)).toBe('newcomer')
    await until(() => me.exchange.standingOf(giver.id) === 'giver')
    expect(me.exchange.levelOf('no peer at all')).toBe(10)
  })

  test('that could not be had at once are had when the two meet again', async () => {
    const [giver, taker] = [await startPeer(), await startPeer()]
    giver.accounts.took(taker.id, 10 * MiB)
    taker.accounts.gave(giver.id, 10 * MiB)
    await taker.libp2p.dial(giver.address)
    await until(() => counters(taker).settled === 1)
  })

  test('of nobody connected are not asked for, and nothing breaks', async () => {
    const [giver, taker] = [await startPeer(), await startPeer()]
    transfer(giver, taker, 10 * MiB)
    taker.accounts.gave('nobody', 10 * MiB)
    taker.exchange.gave('nobody')
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(counters(taker).settled).toBe(0)
  })

  test('a giver that counted much less does not sign', async () => {
    const [giver, taker] = [await startPeer(), await startPeer()]
    await taker.libp2p.dial(giver.address)
    taker.accounts.gave(giver.id, 10 * GiB)
    taker.exchange.gave(giver.id)
    await until(() => counters(giver).refused === 1)
    expect(counters(giver).countersigned).toBe(0)
    expect(counters(taker).settled).toBe(0)
  })
})

describe('a restart', () => {
  test('keeps receipts, counts on, and gives back no credit that was spent', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'servent-receipts-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const path = join(folder, 'servent.db')
    const [friend, giver, me] = [
      await startPeer(),
      await startPeer(),
      await startPeer({ database: openDatabase(path) })
    ]
    const { privateKey, accounts } = me
    await friend.libp2p.dial(giver.address)
    transfer(giver, friend, GiB)
    await until(() => counters(friend).settled === 1)
    await me.libp2p.dial(friend.address)
    transfer(friend, me, 600 * MiB)
    await until(() => counters(me).settled === 1)
    await giver.libp2p.dial(me.address)
    await until(() => counters(me).heard > 0)
    accounts.took(giver.id, 300 * MiB)
    await me.libp2p.stop()

    const again = await startPeer({ privateKey, accounts, database: openDatabase(path) })
    expect(again.id).toBe(me.id)
    expect(again.exchange.snapshot().own).toMatchObject({ takenBytes: 600 * MiB, receipts: 1 })
    expect(again.exchange.snapshot().receiptsOfOthers).toBe(1)
    expect(again.exchange.levelOf(giver.id)).toBe(200)
    // Of 600 MiB that the friend gave, the giver has used 300 up, and the friend took those from the giver.
    again.exchange.levelOf(friend.id)
    expect(again.exchange.snapshot().peers).toEqual([{ peer: friend.id, level: 100, band: 'Medium' }])

    // The ledger forgot the friend; what comes now is counted on top of what both have signed.
    accounts.forget(friend.id)
    await again.libp2p.dial(friend.address)
    again.exchange.gave(friend.id)
    transfer(friend, again, 2 * MiB)
    await until(() => counters(again).settled === 1)
    expect(again.exchange.snapshot().own.takenBytes).toBe(602 * MiB)
    await again.libp2p.stop()
  }, 20_000)

  test.each(['giver', 'taker'] as const)(
    'without its data, the %s has the last receipt back from the other',
    async lost => {
      const [giver, taker] = [await startPeer(), await startPeer()]
      await taker.libp2p.dial(giver.address)
      transfer(giver, taker, GiB)
      await until(() => counters(taker).settled === 1)
      const old = lost === 'giver' ? giver : taker
      const kept = lost === 'giver' ? taker : giver
      await old.libp2p.stop()
      const anew = await startPeer({ privateKey: old.privateKey })
      await anew.libp2p.dial(kept.address)
      await until(() => anew.exchange.snapshot().own.receipts === 1)
      const [giverNow, takerNow] = lost === 'giver' ? [anew, kept] : [kept, anew]
      transfer(giverNow, takerNow, SETTLE_BYTES)
      await until(() => counters(giverNow).countersigned > (lost === 'giver' ? 0 : 1))
      expect(giverNow.exchange.snapshot().own.givenBytes).toBe(GiB + SETTLE_BYTES)
    }
  )

  test('a database that takes nothing ends nothing', async () => {
    const database = openDatabase(':memory:')
    const [giver, taker] = [await startPeer({ database }), await startPeer()]
    await taker.libp2p.dial(giver.address)
    transfer(giver, taker, 10 * MiB)
    await until(() => counters(taker).settled === 1)
    database.close()
    await giver.libp2p.stop()
  })

  test('a stopped exchange answers nobody, and starts again', async () => {
    const [giver, taker] = [await startPeer(), await startPeer()]
    await giver.exchange.stop()
    await taker.libp2p.dial(giver.address)
    await expect(taker.libp2p.dialProtocol(giver.address, RECEIPTS_PROTOCOL)).rejects.toThrow()
    giver.exchange.gave(taker.id)
    await giver.exchange.start()
    transfer(giver, taker, 10 * MiB)
    await until(() => counters(taker).settled === 1)
  })
})

test('the factory makes the service', async () => {
  const { libp2p, privateKey, accounts } = await startPeer()
  const components = (libp2p as unknown as { components: Parameters<ReturnType<typeof receiptExchange>>[0] })
    .components
  const made = receiptExchange({ privateKey, own: accounts.of })(components)
  expect(made.levelOf(libp2p.peerId.toString())).toBe(10)
})
