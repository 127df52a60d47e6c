/**
 * Links that fail: reset at any byte, stalled, dribbling, or spoiling what passes. Where one honest source can be
 * reached the file arrives, right, and each lost connection costs a block and what is in the buffers, no more.
 */
import { readFile, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Connector, DownloadLimits, DownloadResult } from '../src/index.ts'
import { BadLink, type Weather } from './helpers/bad-link.ts'
import { Desk } from './helpers/desk.ts'
import { sharer, tcpConnector } from './helpers/peer.ts'
import { randomBytes, TestShare } from './helpers/share.ts'

const MiB = 2 ** 20
/** A block on its way when a connection is lost, and what Node and the kernel hold of it. */
const LOST_BYTES_MAX = MiB + MiB / 2
/** Heads of the answers that one connection gives. */
const HEADS_BYTES_MAX = 8_192
const FAIR: Weather = { kind: 'fair', afterBytes: 0 }

const share = new TestShare()
const bytes = randomBytes(5 * MiB + 77)
const { id } = share.add('a.bin', bytes)
/** Of two blocks, so that all kinds of answers are short. */
const short = bytes.subarray(0, MiB + 999)
const { id: shortId } = share.add('short.bin', short)

let desk: Desk
let peer: Awaited<ReturnType<typeof sharer>>
const links: BadLink[] = []
/** Of every connection that a download made. */
const sockets: Socket[] = []

beforeEach(async () => {
  desk = await Desk.make()
  peer = await sharer(share)
})
afterEach(async () => {
  await desk.remove()
  for (const link of links.splice(0)) link.stop()
  await peer.stop()
})

const connector: Connector = {
  async connect(provider, wanted, signal) {
    const connection = await tcpConnector.connect(provider, wanted, signal)
    sockets.push(connection.duplex as Socket)
    return connection
  }
}

async function link(peerId: string, weather: (connection: number) => Weather): Promise<BadLink> {
  const made = await BadLink.before(peer, peerId, weather)
  links.push(made)
  return made
}

async function fetchFrom(
  sources: readonly BadLink[],
  wanted = id,
  limits: Partial<DownloadLimits> = {}
): Promise<DownloadResult & { read: number }> {
  sockets.length = 0
  const downloads = await desk.open({ connector, limits: { roundsMax: 50, ...limits } })
  const download = await downloads.start({
    id: wanted,
    name: 'a.bin',
    providers: sources.map(({ provider }) => provider)
  })
  const result = await download.finished
  const expected = wanted === id ? bytes : short
  expect(Buffer.compare(await readFile(result.path), expected)).toBe(0)
  expect(await desk.files()).toEqual(['a.bin'])
  const read = sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0)
  expect(read).toBeLessThan(expected.length + sockets.length * (LOST_BYTES_MAX + HEADS_BYTES_MAX))
  await downloads.cancel(wanted)
  await rm(result.path)
  return { ...result, read }
}

function randomFrom(seed: number): (below: number) => number {
  const words = new Uint32Array(randomBytes(4 * 4096, seed).buffer)
  let at = 0
  return below => Math.floor((words[at++ % words.length]! / 2 ** 32) * below)
}

test('reset at any byte of the heads and hashes, and at random ones of the blocks: it goes on', async () => {
  const seed = Date.now() % 1_000_000
  console.log(`bytes of the resets: seed ${seed}`)
  const random = randomFrom(seed)
  const offsets: number[] = []
  for (let at = 1 + random(30); at < 1_800; at += 30) offsets.push(at)
  for (let count = 0; count < 15; count += 1) offsets.push(1 + random(short.length))
  for (const afterBytes of offsets) {
    const once = await link('once', connection => (connection === 0 ? { kind: 'reset', afterBytes } : FAIR))
    const { read } = await fetchFrom([once], shortId)
    expect(once.connections, `reset at ${afterBytes}`).toBe(2)
    // What came before the reset comes again at most once.
    expect(read).toBeLessThan(short.length + afterBytes + HEADS_BYTES_MAX)
    once.stop()
  }
}, 120_000)

test('every connection is reset or ended at a random byte: it arrives as long as a block gets through', async () => {
  const seed = Date.now() % 1_000_000
  console.log(`bytes of the resets: seed ${seed}`)
  const random = randomFrom(seed)
  const shaky = await link('shaky', connection => ({
    kind: connection % 2 === 0 ? 'reset' : 'end',
    afterBytes: 1 + random(3 * MiB)
  }))
  await fetchFrom([shaky])
  expect(shaky.connections).toBeGreaterThan(2)
}, 60_000)

test.each(['stall', 'dribble'] as const)(
  'a link that begins to %s is left, at any byte, and comes back',
  async kind => {
    const limits = { stallMs: 150, rateWindowMs: 300, answerMs: 300, proofPatienceMs: 100 }
    for (const afterBytes of [1, 400, 700, MiB / 2, 3 * MiB]) {
      const once = await link('once', connection => (connection === 0 ? { kind, afterBytes } : FAIR))
      await fetchFrom([once], id, limits)
      expect(once.connections, `after ${afterBytes} bytes`).toBe(2)
      once.stop()
    }
  },
  60_000
)

test('in any weather, spoiled bytes among it, the file arrives where one source is honest', async () => {
  const first = Date.now() % 1_000_000
  console.log(`weather: seeds from ${first}`)
  const kinds = ['reset', 'end', 'stall', 'dribble', 'flip', 'insert', 'drop', 'fair'] as const
  // The first one once left a source that was not needed any more connecting for ever.
  for (const seed of [315_893, ...Array.from({ length: 9 }, (_, index) => first + index)]) {
    const random = randomFrom(seed)
    const bad = await Promise.all(
      ['one', 'two', 'three'].map(name =>
        link(name, () => ({
          kind: kinds[random(kinds.length)]!,
          // In a head as often as in a block.
          afterBytes: 1 + random(random(2) === 0 ? 2_000 : bytes.length)
        }))
      )
    )
    const honest = await link('honest', () => FAIR)
    const limits = { stallMs: 150, rateWindowMs: 300, answerMs: 300, proofPatienceMs: 50, runSeconds: 0.2 }
    const sources = random(2) === 0 ? [...bad, honest] : [honest, ...bad]
    await fetchFrom(sources, id, limits).catch(error => {
      throw Object.assign(error as Error, { message: `seed ${seed}: ${(error as Error).message}` })
    })
    for (const made of links.splice(0)) made.stop()
  }
}, 120_000)
