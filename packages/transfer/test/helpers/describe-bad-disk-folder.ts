/**
 * `bad-disk-folder.test.ts` and its full one: a folder on a disk that fails at the n-th call, or forgets at a power cut what was not synced, for every n: nothing
 * wrong has a final name, it goes on and ends right, and no file stands twice.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Download } from '../../src/index.ts'
import { BadDisk, type Call, KeptDatabase } from './bad-disk.ts'
import { Desk } from './desk.ts'
import { type FolderFiles, shareFolder, startFolder, tree } from './folder.ts'
import { type Peer, sharer } from './peer.ts'
import { randomBytes, TestShare } from './share.ts'

const twice = randomBytes(20_000, 1)
const FILES: FolderFiles = { 'a.bin': twice, 'below/b.bin': twice, 'c.txt': randomBytes(100, 2) }
const share = new TestShare()
const id = shareFolder(share, FILES)
/** More calls than this folder makes. */
const CALLS_MAX = 1000

/** Each so-many-th call fails in turn. */
export function describeFolderOnBadDisk(step: number): void {
  let desk: Desk
  let peer: Peer
  beforeEach(async () => {
    desk = await Desk.make()
    peer = await sharer(share)
  })
  afterEach(async () => {
    await desk.remove()
    await peer.stop()
  })

  const badDisk = (fault?: (call: Call) => 'EIO' | 'crash' | 'tear' | undefined) =>
    new BadDisk(join(desk.root, 'graves'), fault)

  async function fetchOn(disk: BadDisk): Promise<Download> {
    return startFolder(await desk.open({ files: disk, resume: false }), id, peer)
  }

  async function end(download: Download): Promise<string> {
    for await (const event of download.events()) {
      if (event.event === 'done') return 'done'
      if (event.event === 'failed') return `failed: ${event.reason}`
      if (event.phase === 'paused') return event.reason!
    }
    throw new Error('It came to no end.')
  }

  async function expectNothingWrong(): Promise<string[]> {
    const found = (await tree(desk.folder)).filter(name => !name.endsWith('.part'))
    for (const name of found) {
      const right = FILES[name.slice('Music/'.length)]
      expect(right, name).toBeDefined()
      expect(Buffer.compare(await readFile(join(desk.folder, name)), right!), name).toBe(0)
    }
    return found
  }

  async function expectRightEnd(what: string): Promise<void> {
    const disk = badDisk()
    expect(await end(await fetchOn(disk)), what).toBe('done')
    expect(await expectNothingWrong(), what).toHaveLength(Object.keys(FILES).length)
    expect(await tree(desk.folder), what).toHaveLength(Object.keys(FILES).length)
    await desk.shut()
    await disk.dispose()
  }

  test(`EIO at every ${step}. call: it pauses with a reason and goes on`, async () => {
    let paused = 0
    let n = 1
    for (let isHit = true; isHit && n < CALLS_MAX; n += step) {
      await desk.clear()
      const disk = badDisk(({ index }) => (index === n ? 'EIO' : undefined))
      const outcome = await fetchOn(disk).then(end, (error: Error) => error.message)
      isHit = disk.isHit
      const what = `call ${n}: ${JSON.stringify(disk.calls[n - 1])}`
      if (outcome !== 'done') {
        expect(outcome, what).toContain(' could not be written or read (EIO). ')
        paused += 1
      }
      await expectNothingWrong()
      await desk.shut()
      await disk.dispose()
      await expectRightEnd(what)
    }
    console.log(`a folder: ${n - step} calls, ${paused} of them paused it`)
    expect(paused).toBeGreaterThan(50 / step)
    expect(n).toBeLessThan(CALLS_MAX)
  }, 240_000)

  test(`a power cut at every ${step}. call: of what was not synced a random part is lost`, async () => {
    const seed = Date.now() % 1_000_000
    console.log(`what is lost: seed ${seed}`)
    const words = new Uint32Array(randomBytes(4 * 65_536, seed).buffer)
    let at = 0
    const random = () => {
      at += 1
      return words[at % words.length]! / 2 ** 32
    }
    let n = 1
    for (let isHit = true; isHit && n < CALLS_MAX; n += step) {
      await desk.clear()
      const disk = badDisk(({ index, name }) =>
        index === n ? (name === 'file.write' ? 'tear' : 'crash') : undefined
      )
      const database = new KeptDatabase(desk.root)
      disk.onCrash = () => database.keep()
      await fetchOn(disk).then(end, () => {})
      await desk.shut()
      await disk.crash(random)
      isHit = disk.isHit
      if (isHit) await database.restore()
      const what = `call ${n}: ${JSON.stringify(disk.calls[n - 1])}`
      await expectNothingWrong()
      await expectRightEnd(what)
    }
    expect(n).toBeGreaterThan(50)
    expect(n).toBeLessThan(CALLS_MAX)
  }, 240_000)
}
