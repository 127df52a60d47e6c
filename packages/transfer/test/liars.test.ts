/**
 * Sources that lie, and what comes of it: the file arrives right from others, the liar is banned by name, and
 * nothing wrong ever stands under the final name (reliability, promise P1).
 */
import { readdir, readFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { ContentId, HASH_BYTES, leafHashes } from '@servent/overlay'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DownloadsInit } from '../src/index.ts'
import { parseRange } from '../src/range.ts'
import { Desk } from './helpers/desk.ts'
import { liar, type Peer, sharer, tampered } from './helpers/peer.ts'
import { randomBytes, sha256, TestShare } from './helpers/share.ts'

const MiB = 2 ** 20
const bytes = randomBytes(12 * MiB + 1000)

let desk: Desk
const share = new TestShare()
const file = share.add('a.bin', bytes)
const peers: Peer[] = []

beforeEach(async () => {
  desk = await Desk.make()
})
afterEach(async () => {
  await desk.remove()
  for (const peer of peers.splice(0)) await peer.stop()
})

function known<T extends Peer>(peer: T): T {
  peers.push(peer)
  return peer
}

/** Fetches from the given peers one after the other, in their order, and gives who was banned for what. */
async function fetchFrom(sources: Peer[], id = file.id, init: Partial<DownloadsInit> = {}) {
  const warnings: { peer: string; reason: string }[] = []
  const logger = {
    debug: () => {},
    info: () => {},
    warn: (details: object) => warnings.push(details as never)
  }
  const downloads = await desk.open({ logger, ...init, limits: { sourcesMax: 1, ...init.limits } })
  const providers = sources.map(({ provider }) => provider)
  const download = await downloads.start({ id, name: 'a.bin', providers })
  const result = await download.finished.catch((error: Error) => error)
  return { result, bans: warnings.filter(({ peer }) => peer !== undefined), download }
}

async function expectRight(): Promise<void> {
  expect(await readdir(desk.folder)).toEqual(['a.bin'])
  expect(Buffer.compare(await readFile(join(desk.folder, 'a.bin')), bytes)).toBe(0)
}

async function expectNothing(): Promise<void> {
  expect((await readdir(desk.folder)).filter(name => !name.endsWith('.part'))).toEqual([])
}

/** Answers as an honest server of so many bytes would, but where `change` says otherwise. */
function answering(
  change: (path: string, response: Parameters<RequestListener>[1]) => boolean,
  size = bytes.length
): RequestListener {
  const body = new Uint8Array(Math.min(size, 64 * MiB))
  body.set(bytes.subarray(0, body.length))
  return async (request, response) => {
    const { url = '', method, headers } = request
    if (change(`${method} ${url}`, response)) return
    const head = { 'X-Servent-Size': size }
    if (url.startsWith('/servent/hashes/')) {
      const { searchParams } = new URL(url, 'http://x')
      const [height, index, count] = ['height', 'index', 'count'].map(name => Number(searchParams.get(name)))
      const reader = (await share.open(file.id))!
      const hashes = await reader
        .hashes(height!, index!, count!)
        .catch(() => Buffer.alloc(count! * HASH_BYTES))
      return void response.writeHead(200, head).end(hashes)
    }
    const range = parseRange(headers.range, size)
    if (method === 'HEAD' || typeof range === 'string') {
      return void response.writeHead(200, { ...head, 'Content-Length': size }).end()
    }
    const { start, end } = range
    response.writeHead(206, {
      'Content-Range': `bytes ${start}-${end - 1}/${size}`,
      'Content-Length': end - start
    })
    response.end(body.subarray(start, end))
  }
}

describe('P1: one bad block', () => {
  test.each([0, 5, 11, 12])('in block %i: its giver is banned by name, and another gives it', async bad => {
    const evil = new TestShare()
    const wrong = bytes.slice()
    wrong[bad * MiB + 99]! ^= 1
    const reader = evil.open.bind(evil)
    evil.add('a.bin', bytes)
    evil.open = async id => {
      const open = (await reader(id))!
      return { ...open, read: async (offset, length) => wrong.subarray(offset, offset + length) }
    }
    const bad_ = known(await sharer(evil, {}, 'liar'))
    const good = known(await sharer(share))
    const { result, bans } = await fetchFrom([bad_, good])
    expect(result).toMatchObject({ bytes: bytes.length })
    expect(bans).toMatchObject([
      { peer: 'liar', reason: `Its bytes of block ${bad} do not hash to what the file's tree says.` }
    ])
    await expectRight()
    // What was right of it is not fetched again: the waste is one block, and what was under way behind it.
    await good.stop()
    expect(good.sentBytes).toBeLessThan(bytes.length - (bad === 12 ? 0 : bad) * MiB + MiB)
  })

  test('from the only source: it fails, says who and why, and stays banned after a restart', async () => {
    const only = known(
      await tampered(share, (chunk, offset) => (offset > 6 * MiB ? Buffer.alloc(chunk.length) : chunk))
    )
    const { result } = await fetchFrom([only])
    expect(result).toMatchObject({ name: 'VerificationError' })
    expect((result as Error).message).toMatch(
      /^Nobody is left who gives the right bytes; nothing wrong was kept\. liar: /
    )
    await expectNothing()
    const before = only.connections
    const again = await desk.open()
    const download = await again.start({ id: file.id, providers: [only.provider] })
    await expect(download.finished).rejects.toMatchObject({ name: 'VerificationError' })
    expect(only.connections).toBe(before)
    // Somebody honest turns up: what was right of the liar's bytes still counts.
    const good = known(await sharer(share))
    const { finished } = await again.start({ id: file.id, providers: [good.provider] })
    await finished
    await expectRight()
    await good.stop()
    expect(good.sentBytes).toBeLessThan(9 * MiB)
  })
})

describe('lies about the head', () => {
  test.each([
    ['a size of one block less', 12 * MiB, /Its hashes are not those of the file/],
    ['a size that is one byte less', bytes.length - 1, /Its bytes of block 12 do not hash/],
    ['a size that is one byte more', bytes.length + 1, /Its bytes of block 12 do not hash/],
    ['a size with more blocks', 13 * MiB + 1, /Its bytes of block 13 do not hash/],
    ['a size with a lower tree', 8 * MiB, /Its hashes are not those of the file/],
    ['a size with a higher tree', 40 * MiB, /Its hashes are not those of the file/],
    ['a size of one block of the layer', MiB, /Its bytes of block 0 do not hash/],
    ['the size of a twin of 64 bytes', 64, /how the two halves of a tree pose as a file/],
    ['a size of one leaf', 16_384, /how the two halves of a tree pose as a file/],
    ['a size of one leaf and a byte', 16_385, /Its bytes of block 0 do not hash/],
    ['no bytes at all', 0, /how the two halves of a tree pose as a file/],
    ['a size at the bound', 2 ** 42, /It ends 288 bytes before the end/],
    ['a size beyond all bounds', 2 ** 42 + 1, /4398046511104 bytes/]
  ])('%s', async (_what, size, reason) => {
    const evil = known(await liar(answering(() => false, size)))
    const good = known(await sharer(share))
    const { result, bans } = await fetchFrom([evil, good])
    expect(result).toMatchObject({ bytes: bytes.length, sources: 1 })
    expect(bans).toMatchObject([{ peer: 'liar' }])
    expect(bans[0]!.reason).toMatch(reason)
    await expectRight()
  })

  test('a size in the request that is a lie is only shown until a source proves another', async () => {
    const good = known(await sharer(share))
    const downloads = await desk.open()
    const download = await downloads.start({
      id: file.id,
      size: 77,
      name: 'a.bin',
      providers: [good.provider]
    })
    expect(download.status()).toMatchObject({ size: 77 })
    expect(await download.finished).toMatchObject({ bytes: bytes.length })
    await expectRight()
  })

  test('the 64-byte twin of a file: the two halves of its tree do not pass as the file', async () => {
    const real = randomBytes(20_000, 7)
    const twin = leafHashes(real, sha256)
    expect(twin).toHaveLength(2 * HASH_BYTES)
    const id = ContentId.fromRoot(sha256(twin), real.length)
    expect(new TestShare().add('real', real).id.equals(id)).toBe(true)
    const evil = known(
      await liar((_request, response) => {
        response.writeHead(200, { 'X-Servent-Size': 64, 'Content-Length': 64 })
        response.end(twin)
      })
    )
    const { result } = await fetchFrom([evil], id)
    expect(result).toMatchObject({ name: 'VerificationError' })
    expect((result as Error).message).toMatch(/A tree id names more than 16384 bytes/)
    await expectNothing()
  })
})

describe('lies about ranges', () => {
  const lie = (head: Record<string, string | number>, body: Buffer, status = 206) =>
    answering((path, response) => {
      if (!path.startsWith('GET /ipfs/')) return false
      response.writeHead(status, head).end(body)
      return true
    })
  const last = bytes.length - 1
  const start = 12 * MiB
  const right = { 'Content-Range': `bytes ${start}-${last}/${bytes.length}` }
  const tail = Buffer.from(bytes.subarray(start))

  test.each([
    [
      'another range',
      { 'Content-Range': `bytes 0-999/${bytes.length}` },
      tail,
      /asked for bytes .* gives "bytes 0-999/
    ],
    [
      'another size',
      { 'Content-Range': `bytes ${start}-${last}/${bytes.length + 1}` },
      tail,
      /asked for bytes/
    ],
    ['no Content-Range', {}, tail, /gives "no Content-Range"/],
    ['nonsense', { 'Content-Range': 'bytes 9-1/2' }, tail, /gives "bytes 9-1\/2"/],
    [
      'more than asked, as declared',
      { ...right, 'Content-Length': 2000 },
      Buffer.concat([tail, tail]),
      /asked for 1000 bytes and sends 2000/
    ],
    [
      'more than asked, undeclared',
      { ...right, 'Transfer-Encoding': 'chunked' },
      Buffer.concat([tail, tail]),
      /sends more than the 1000 bytes/
    ],
    [
      'less than asked, as declared',
      { ...right, 'Content-Length': 999 },
      tail.subarray(1),
      /asked for 1000 bytes and sends 999/
    ],
    ['compressed bytes', { ...right, 'Content-Encoding': 'gzip' }, tail, /compresses/]
  ])('%s', async (_what, head, body, reason) => {
    const evil = known(await liar(lie(head, body)))
    const good = known(await sharer(share))
    const { bans } = await fetchFrom([evil, good])
    expect(bans).toMatchObject([{ peer: 'liar' }])
    expect(bans[0]!.reason).toMatch(reason)
    await expectRight()
  })

  test('the whole file for a range', async () => {
    const evil = known(await liar(lie({ 'Content-Length': bytes.length }, Buffer.from(bytes), 200)))
    const { bans } = await fetchFrom([evil, known(await sharer(share))])
    expect(bans[0]!.reason).toBe('It answers 200 to a range that lies in the file.')
    await expectRight()
  })

  test('bytes behind an answer that nobody asked for', async () => {
    const evil = known(
      await tampered(share, chunk =>
        chunk.includes('HTTP/1.1 206') ? Buffer.concat([chunk, Buffer.alloc(9)]) : chunk
      )
    )
    await fetchFrom([evil, known(await sharer(share))])
    await expectRight()
  })
})

describe('lies about hashes', () => {
  test('wrong hashes are seen before a block is fetched', async () => {
    const evil = known(
      await liar(
        answering((path, response) => {
          if (!path.startsWith('GET /servent/hashes/')) return false
          response.writeHead(200).end(Buffer.alloc(16 * HASH_BYTES, 7))
          return true
        })
      )
    )
    const { bans } = await fetchFrom([evil, known(await sharer(share))])
    expect(bans).toMatchObject([{ peer: 'liar', reason: 'Its hashes are not those of the file.' }])
    await expectRight()
  })
})

describe('broken rather than lying: tried again, not banned', () => {
  test('an answer that is cut, again and again, brings what it brings', async () => {
    let left = 3 * MiB
    const cut = known(
      await liar(
        answering((path, response) => {
          const range = /^GET \/ipfs/.test(path) ? response.req.headers.range : undefined
          const [, from, to] = /bytes=(\d+)-(\d+)/.exec(range ?? '') ?? []
          if (from === undefined || Number(to) - Number(from) < left) return false
          response.writeHead(206, {
            'Content-Range': `bytes ${from}-${to}/${bytes.length}`,
            'Content-Length': Number(to) - Number(from) + 1
          })
          response.write(bytes.subarray(Number(from), Number(from) + left), () => response.destroy())
          left += 1234
          return true
        })
      )
    )
    const { result, bans } = await fetchFrom([cut])
    expect(result).toMatchObject({ bytes: bytes.length })
    expect(bans).toEqual([])
    expect(cut.connections).toBeGreaterThan(3)
    await expectRight()
  })

  test('one that gives nothing is left for another', async () => {
    const mute = known(await liar(answering(path => path.startsWith('GET /ipfs'))))
    const { bans, result } = await fetchFrom([mute, known(await sharer(share))], file.id, {
      limits: { answerMs: 100, connectMs: 100 }
    })
    expect(bans).toEqual([])
    expect(result).toMatchObject({ sources: 1 })
    await expectRight()
  })

  test('one that stalls in the middle is left for another', async () => {
    const stalling = known(
      await liar(
        answering((path, response) => {
          if (!path.startsWith('GET /ipfs') || /bytes=12/.test(response.req.headers.range!)) return false
          response.writeHead(206, {
            'Content-Range': `bytes 0-${12 * MiB - 1}/${bytes.length}`,
            'Content-Length': 12 * MiB
          })
          response.write(bytes.subarray(0, MiB + 5))
          return true
        })
      )
    )
    const { result } = await fetchFrom([stalling, known(await sharer(share))], file.id, {
      limits: { stallMs: 100 }
    })
    expect(result).toMatchObject({ sources: 2 })
    await expectRight()
  })

  test('one that dribbles is left for another', async () => {
    const dribbling = known(
      await liar(
        answering((path, response) => {
          if (!path.startsWith('GET /ipfs')) return false
          response.writeHead(206, {
            'Content-Range': `bytes ${12 * MiB}-${bytes.length - 1}/${bytes.length}`,
            'Content-Length': 1000
          })
          const timer = setInterval(() => response.write('x'), 20)
          response.once('close', () => clearInterval(timer))
          return true
        })
      )
    )
    const limits = { stallMs: 1000, rateWindowMs: 200, rateBytesPerSecondMin: 512 }
    const { result, bans } = await fetchFrom([dribbling, known(await sharer(share))], file.id, { limits })
    expect(bans).toEqual([])
    expect(result).toMatchObject({ sources: 1 })
    await expectRight()
  })

  test('one that does not have the file is not asked twice; nobody else, and it gives up', async () => {
    const empty = known(await sharer(new TestShare(), {}, 'empty'))
    const { result } = await fetchFrom([empty])
    expect(result).toMatchObject({ name: 'NoSourceError' })
    expect((result as Error).message).toBe(
      'Nobody who has this file could be reached. empty: It does not have the file any more. What was fetched is kept: try again later.'
    )
    expect(empty.connections).toBe(1)
  })

  test('nobody at all: searched for a few times, then given up', async () => {
    const { result } = await fetchFrom([])
    expect(result).toMatchObject({ name: 'NoSourceError' })
    expect((result as Error).message).toMatch(/^Nobody who has this file was found\. Try again later/)
    expect(desk.searches).toBe(3)
  })

  test('headers of an answer past their bound', async () => {
    const long = known(
      await liar((_request, response) => {
        response.writeHead(200, { 'X-Long': 'x'.repeat(9000) }).end()
      })
    )
    const { bans } = await fetchFrom([long, known(await sharer(share))])
    expect(bans[0]!.reason).toMatch(/does not speak HTTP as it should/)
    await expectRight()
  })
})
