/**
 * `bad-disk.test.ts` and its full one: disks that fail (reliability, promises P1 and P2). The n-th call of a whole download fails, a write is
 * torn, and a power cut loses what was not synced. Whatever happens, nothing wrong has the final name, the download
 * goes on and ends right, no block that was synced is fetched again, and the user reads what to do.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Download } from '../../src/index.ts'
import { BadDisk, type Call, KeptDatabase } from './bad-disk.ts'
import { Desk } from './desk.ts'
import { type Peer, sharer } from './peer.ts'
import { randomBytes, TestShare } from './share.ts'

const MiB = 2 ** 20
const bytes = randomBytes(2 * MiB + 77)
const share = new TestShare()
const { id } = share.add('a.bin', bytes)
/** More calls than a download makes: the loops end by themselves long before. */
const CALLS_MAX = 400
/** A call near the end of a download, before its file gets its name. */
const DIE_LATE = 22

let desk: Desk
let peer: Peer
const disks: BadDisk[] = []
/** Blocks that were read to be sent. */
const asked = new Set<number>()

beforeEach(async () => {
  desk = await Desk.make()
  asked.clear()
  share.beforeRead = offset => void asked.add(Math.floor(offset / MiB))
  peer = await sharer(share)
})
afterEach(async () => {
  await desk.shut()
  for (const disk of disks.splice(0)) await disk.dispose()
  await desk.remove()
  await peer.stop()
})

function badDisk(fault?: (call: Call) => string | undefined): BadDisk {
  const disk = new BadDisk(join(desk.root, 'graves'), fault)
  disks.push(disk)
  return disk
}

/** Opens what stands there with this disk, and begins or goes on. Small checkpoints: many calls. */
async function fetchOn(disk: BadDisk): Promise<Download> {
  const limits = { checkpointBytes: MiB, checkpointMs: 60_000 }
  const downloads = await desk.open({ files: disk, limits, resume: false })
  return downloads.start({ id, name: 'a.bin', providers: [peer.provider] })
}

/** `done`, or why it paused or failed. */
async function end(download: Download): Promise<string> {
  for await (const event of download.events()) {
    if (event.event === 'done') return 'done'
    if (event.event === 'failed') return `failed: ${event.reason}`
    if (event.phase === 'paused') return event.reason!
  }
  throw new Error('It came to no end.')
}

async function expectNothingWrong(): Promise<void> {
  for (const name of await desk.files()) {
    if (name.endsWith('.part')) continue
    expect(name).toBe('a.bin')
    expect(Buffer.compare(await readFile(join(desk.folder, name)), bytes)).toBe(0)
  }
}

/** It goes on with a sound disk, ends right, and asks for nothing that was synced. */
async function expectRightEnd(durable: ReadonlySet<number>, isOver: boolean): Promise<void> {
  asked.clear()
  const disk = badDisk()
  expect(await end(await fetchOn(disk))).toBe('done')
  expect(await desk.files()).toEqual(['a.bin'])
  await expectNothingWrong()
  expect([...asked].filter(block => isOver || durable.has(block))).toEqual([])
  await desk.shut()
  await disk.dispose()
}

const SENTENCES: Readonly<Record<string, RegExp>> = {
  EIO: / could not be written or read \(EIO\)\. The disk reports an error of its own\. Check it, then resume: what is verified is kept\.$/,
  ENOSPC:
    / could not be written or read \(ENOSPC\)\. The disk is full\. Free some space there, then resume\.$/
}

function randomFrom(seed: number): () => number {
  const words = new Uint32Array(randomBytes(4 * 65_536, seed).buffer)
  let at = 0
  return () => {
    at += 1
    return words[at % words.length]! / 2 ** 32
  }
}

/** Each so-many-th call fails in turn. */
export function describeBadDisk(step: number): void {
  describe.each([
    ['EIO', 'once'],
    ['EIO', 'from then on'],
    ['ENOSPC', 'from then on']
  ] as const)('%s at a call, %s', (code, manner) => {
    test('P1: it pauses with a reason, goes on where it was, and nothing wrong has the final name', async () => {
      const said: string[] = []
      let n = 1
      for (let isHit = true; isHit && n < CALLS_MAX; n += step) {
        await desk.clear()
        const disk = badDisk(({ index, name }) => {
          // A full disk gives what it has, and lets go of it.
          if (code === 'ENOSPC' && !/write|open$|mkdir|link$/.test(name)) return undefined
          return index === n || (manner !== 'once' && index > n) ? code : undefined
        })
        let outcome: string
        try {
          outcome = await end(await fetchOn(disk))
        } catch (error) {
          outcome = (error as Error).message
        }
        isHit = disk.isHit
        const call = disk.calls[n - 1]
        if (outcome !== 'done')
          expect(outcome, `call ${n}: ${JSON.stringify(call)}`).toMatch(SENTENCES[code]!)
        said.push(outcome)
        await expectNothingWrong()
        await desk.shut()
        await disk.dispose()
        await expectRightEnd(disk.durable, outcome === 'done')
      }
      // Most calls matter, and the last run is one without a fault.
      console.log(
        `${code} ${manner}: ${n - step} calls, ${said.filter(text => text !== 'done').length} of them paused it`
      )
      expect(said.filter(text => text !== 'done').length).toBeGreaterThan(15 / step)
      expect(said.at(-1)).toBe('done')
    }, 120_000)
  })

  describe('a process that dies', () => {
    /** Dies at the n-th call, in its midst where that is a write; gives what was durable then, and the calls. */
    async function dieAt(n: number, random?: () => number, isLying = false) {
      await desk.clear()
      const disk = badDisk(({ index, name }) =>
        index === n ? (name === 'file.write' ? 'tear' : 'crash') : undefined
      )
      disk.isLying = isLying
      const database = new KeptDatabase(desk.root)
      disk.onCrash = () => database.keep()
      await fetchOn(disk).then(end, () => {})
      await desk.shut()
      if (random === undefined) await disk.dispose()
      else await disk.crash(random)
      // It syncs each row (synchronous = FULL).
      if (disk.isHit) await database.restore()
      await expectNothingWrong()
      return disk
    }

    test('in the midst of a write: half of it stands there', async () => {
      let n = 1
      for (let isHit = true; isHit && n < CALLS_MAX; n += step) {
        const disk = await dieAt(n)
        isHit = disk.isHit
        await expectRightEnd(disk.durable, !isHit)
      }
      expect(n).toBeGreaterThan(30)
    }, 120_000)

    test('P2: by a power cut: of what was not synced a random part is lost', async () => {
      const seed = Date.now() % 1_000_000
      console.log(`what is lost: seed ${seed}`)
      const random = randomFrom(seed)
      let n = 1
      let kept = 0
      for (let isHit = true; isHit && n < CALLS_MAX; n += step) {
        const disk = await dieAt(n, random)
        isHit = disk.isHit
        kept += disk.durable.size
        await expectRightEnd(disk.durable, !isHit)
      }
      expect(n).toBeGreaterThan(30)
      expect(kept).toBeGreaterThan(0)
    }, 120_000)

    test('and the disk fails at a call of the next run, while it hashes what stands there', async () => {
      let n = 1
      for (let isHit = true; isHit && n < CALLS_MAX; n += step) {
        // Two blocks of three are durable by then, and the last is not marked.
        const { durable } = await dieAt(DIE_LATE)
        expect(durable.size).toBeGreaterThan(0)
        const disk = badDisk(({ index }) => (index === n ? 'EIO' : undefined))
        asked.clear()
        const outcome = await end(await fetchOn(disk))
        isHit = disk.isHit
        const call = JSON.stringify(disk.calls[n - 1])
        if (outcome !== 'done') expect(outcome, `call ${n}: ${call}`).toMatch(SENTENCES.EIO!)
        expect(
          [...asked].filter(block => durable.has(block)),
          `call ${n}: ${call}`
        ).toEqual([])
        await expectNothingWrong()
        await desk.shut()
        await expectRightEnd(new Set([...durable, ...disk.durable]), outcome === 'done')
      }
      expect(n).toBeGreaterThan(20)
    }, 120_000)

    test('the checker of power cuts finds a disk that lies about syncing', async () => {
      const random = () => 0.9
      const found: number[] = []
      for (let n = 1; n < DIE_LATE + 4 && found.length === 0; n += 1) {
        const disk = await dieAt(n, random, true)
        await expectRightEnd(disk.durable, false).catch(() => found.push(n))
        await desk.shut()
      }
      expect(found).toHaveLength(1)
    }, 60_000)
  })

  test('a sharer whose disk fails at the n-th read, for every n: the rest comes at the next try', async () => {
    let n = 1
    for (let isHit = true; isHit; n += 1) {
      await desk.clear()
      isHit = false
      let reads = 0
      share.beforeRead = () => {
        reads += 1
        if (reads !== n) return
        isHit = true
        throw Object.assign(new Error('EIO: made to fail'), { code: 'EIO' })
      }
      const disk = badDisk()
      expect(await end(await fetchOn(disk))).toBe('done')
      await expectNothingWrong()
      await desk.shut()
      await disk.dispose()
    }
    expect(n).toBeGreaterThan(4)
  }, 60_000)
}
