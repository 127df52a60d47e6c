/** Disks that take no more: the download pauses with a reason, keeps its state, and goes on when that is mended. */
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, readlink, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BlockWriter } from '../src/block-writer.ts'
import { diskError } from '../src/disk.ts'
import type { Download } from '../src/index.ts'
import type { PartFile } from '../src/part-file.ts'
import { Desk } from './helpers/desk.ts'
import { sharer } from './helpers/peer.ts'
import { randomBytes, TestShare } from './helpers/share.ts'

const MiB = 2 ** 20

let desk: Desk
beforeEach(async () => {
  desk = await Desk.make()
})
afterEach(() => desk.remove())

async function pausedBy(download: Download): Promise<string> {
  for await (const event of download.events()) {
    if (event.event === 'progress' && event.phase === 'paused') return event.reason!
  }
  throw new Error('It did not pause.')
}

const canMount = (() => {
  try {
    const probe = '/tmp/servent-tmpfs-probe'
    execFileSync(
      'sh',
      ['-c', `mkdir -p ${probe} && mount -t tmpfs -o size=64k tmpfs ${probe} && umount ${probe}`],
      {
        stdio: 'ignore'
      }
    )
    return true
  } catch {
    return false
  }
})()

describe.skipIf(!canMount)('on a disk of 8 MiB (a tmpfs, which only root can mount)', () => {
  beforeEach(async () => {
    await mkdir(desk.folder, { recursive: true })
    execFileSync('sh', ['-c', `mount -t tmpfs -o size=8m tmpfs "${desk.folder}"`])
  })
  afterEach(async () => {
    await desk.shut()
    execFileSync('sh', ['-c', `umount -l "${desk.folder}"`])
  })

  test('a file that cannot fit is not begun', async () => {
    const peer = await sharer()
    const { id } = peer.share.add('a.bin', randomBytes(9 * MiB))
    const download = await (await desk.open()).start({ id, name: 'a.bin', providers: [peer.provider] })
    expect(await pausedBy(download)).toBe(
      `${desk.folder} has 8.0 MiB free, and 9.0 MiB are still to come. Free some space there, then resume.`
    )
    expect(await desk.files()).toEqual([])
    await peer.stop()
  })

  test('one that fills up under way pauses; what is verified is kept, and the rest comes when there is room', async () => {
    const share = new TestShare()
    const bytes = randomBytes(6 * MiB)
    const { id } = share.add('a.bin', bytes)
    const filler = join(desk.folder, 'filler')
    let filled = false
    share.beforeRead = async offset => {
      if (offset < 2 * MiB || filled || offset > 4 * MiB) return
      filled = true
      const { bavail, bsize } = await statfs(desk.folder)
      await writeFile(filler, Buffer.alloc(bavail * bsize - 0.5 * MiB))
    }
    const peer = await sharer(share, { maxUploadBytesPerSecond: 24 * MiB })
    const downloads = await desk.open()
    const download = await downloads.start({ id, name: 'a.bin', providers: [peer.provider] })
    const reason = await pausedBy(download)
    expect(reason).toMatch(
      /could not be written or read \(ENOSPC\)\. The disk is full\. Free some space there, then resume\.$/
    )
    expect(download.status().verifiedBytes).toBeGreaterThan(0)
    // The same after a restart: nothing was lost, and nothing is tried meanwhile.
    const again = await desk.open()
    expect(again.list()).toMatchObject([{ phase: 'paused', reason }])
    await again.start({ id, providers: [] })
    expect(await pausedBy(again.get(id)!)).toMatch(/MiB free, and .* MiB are still to come/)
    await rm(filler)
    const reads: number[] = []
    share.beforeRead = offset => void reads.push(offset)
    await again.start({ id, providers: [] })
    const { path } = await again.get(id)!.finished
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
    expect(Math.min(...reads)).toBeGreaterThan(0)
    await peer.stop()
  })
})

describe.skipIf(!canMount)('on a disk of 8 MiB that holds the database too', () => {
  beforeEach(() => {
    execFileSync('sh', ['-c', `mount -t tmpfs -o size=8m tmpfs "${desk.root}"`])
  })
  afterEach(async () => {
    await desk.shut()
    execFileSync('sh', ['-c', `umount -l "${desk.root}"`])
  })

  test('one that fills up to the last byte pauses, and goes on when there is room', async () => {
    const share = new TestShare()
    const bytes = randomBytes(5 * MiB)
    const { id } = share.add('a.bin', bytes)
    const filler = join(desk.root, 'filler')
    let filled = false
    share.beforeRead = async offset => {
      // The last block comes first: it proves the size.
      if (offset < 2 * MiB || filled || offset >= 4 * MiB) return
      filled = true
      const { bavail, bsize } = await statfs(desk.root)
      await writeFile(filler, Buffer.alloc(bavail * bsize))
    }
    const peer = await sharer(share, { maxUploadBytesPerSecond: 24 * MiB })
    const warnings: string[] = []
    const logger = { debug() {}, info() {}, warn: (_: unknown, message: string) => warnings.push(message) }
    const downloads = await desk.open({ logger })
    const download = await downloads.start({ id, name: 'a.bin', providers: [peer.provider] })
    expect(await pausedBy(download)).toMatch(/The disk is full\. Free some space there, then resume\.$/)
    expect(warnings).toContain('a download could not be saved')
    await rm(filler)
    const again = await downloads.start({ id, providers: [] })
    expect(again).toBe(download)
    expect(Buffer.compare(await readFile((await download.finished).path), bytes)).toBe(0)
    await peer.stop()
  })
})

describe('a database that takes no more', () => {
  async function begun(verified: number) {
    const bytes = randomBytes(6 * MiB)
    const peer = await sharer(new TestShare(), { maxUploadBytesPerSecond: 16 * MiB })
    const { id } = peer.share.add('a.bin', bytes)
    const downloads = await desk.open()
    const download = await downloads.start({ id, name: 'a.bin', providers: [peer.provider] })
    for await (const event of download.events()) {
      if (event.event === 'progress' && event.verifiedBytes >= verified) break
    }
    return { peer, bytes, id, downloads, download }
  }

  test('pauses what it must remember, and lets it go on when it takes rows again', async () => {
    const { peer, bytes, id, downloads, download } = await begun(MiB)
    desk.refuseWrites(true)
    expect(await pausedBy(download)).toMatch(
      /^The database .* could not be written \(.*\)\. Free some space there or mend the disk, then resume\.$/
    )
    expect(await desk.files()).toHaveLength(2)
    desk.refuseWrites(false)
    await downloads.start({ id, providers: [] })
    expect(Buffer.compare(await readFile((await download.finished).path), bytes)).toBe(0)
    await peer.stop()
  })

  test('has the newest row once it takes rows again, at the latest when the node stops', async () => {
    const { peer, id, downloads, download } = await begun(2 * MiB)
    desk.refuseWrites(true)
    await downloads.pause(id)
    const { verifiedBytes, phase } = download.status()
    expect(phase).toBe('paused')
    desk.refuseWrites(false)
    expect((await desk.open()).list()).toMatchObject([{ phase: 'paused', verifiedBytes }])
    await peer.stop()
  })

  test('leaves no handle of a paused download open', async () => {
    const { peer, download } = await begun(MiB)
    desk.refuseWrites(true)
    await pausedBy(download)
    if (process.platform === 'linux') {
      const open = await readdir('/proc/self/fd')
      const paths = await Promise.all(open.map(fd => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
      expect(paths.filter(path => path.startsWith(desk.folder))).toEqual([])
    }
    await peer.stop()
  })
})

test.skipIf(canMount)('what a full disk does needs root, to mount a small one', () => {})

test.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
  'a folder that may not be written pauses (root may write anywhere)',
  async () => {
    const peer = await sharer()
    const { id } = peer.share.add('a.bin', randomBytes(9))
    const downloads = await desk.open()
    await chmod(desk.folder, 0o500)
    const download = await downloads.start({ id, name: 'a.bin', providers: [peer.provider] })
    expect(await pausedBy(download)).toMatch(/\(EACCES\)\. This folder may not be written\./)
    await chmod(desk.folder, 0o700)
    await downloads.start({ id, providers: [] })
    await download.finished
    await peer.stop()
  }
)

test('a folder that is gone pauses, and its download goes on when it is back', async () => {
  const peer = await sharer()
  const { id } = peer.share.add('a.bin', randomBytes(9))
  const output = join(desk.root, 'stick')
  await mkdir(output)
  const downloads = await desk.open()
  const download = await downloads.start({ id, name: 'a.bin', providers: [], output })
  await downloads.pause(id)
  await rm(output, { recursive: true })
  await downloads.start({ id, providers: [peer.provider] })
  expect(await pausedBy(download)).toMatch(/\(ENOENT\)\. It is not there any more\./)
  await mkdir(output)
  await downloads.start({ id, providers: [] })
  await download.finished
  await peer.stop()
})

test.each([
  ['ENOSPC', /The disk is full\. Free some space there, then resume\./],
  ['EIO', /The disk reports an error of its own\. Check it, then resume: what is verified is kept\./],
  ['EROFS', /The disk can only be read\./],
  ['EACCES', /This folder may not be written\./],
  ['ELOOP', /A symbolic link stands in its place/],
  ['EWEIRD', /The system says "oops"\./]
])('%s is said in a sentence with what to try', (code, sentence) => {
  const { name, message } = diskError('/downloads/a', Object.assign(new Error('oops'), { code }))
  expect(name).toBe('DiskError')
  expect(message).toMatch(`/downloads/a could not be written or read (${code}).`)
  expect(message).toMatch(sentence)
})

/** As SQLite tests it: the n-th call fails, for every n, and nothing that was not durable is ever marked. */
test('whichever write or sync fails, what is marked was synced after it was written', async () => {
  const blocks = 6
  for (let failing = 0; failing <= 2 * blocks; failing += 1) {
    let calls = 0
    const written = new Set<number>()
    const durable = new Set<number>()
    const marked = new Set<number>()
    const call = async () => {
      calls += 1
      await new Promise(resolve => setImmediate(resolve))
      if (calls > failing) throw Object.assign(new Error('no space'), { name: 'DiskError' })
    }
    const part = {
      blockBytes: () => MiB,
      write: async (block: number) => {
        await call()
        written.add(block)
      },
      commit: async (done: number[]) => {
        if (done.length === 0) return
        const now = [...written]
        await call()
        for (const block of now) durable.add(block)
        for (const block of done) marked.add(block)
      }
    }
    const limits = { blocksInMemoryMax: 2, checkpointBytes: 2 * MiB, checkpointMs: 1000 }
    const writer = new BlockWriter(part as unknown as PartFile, limits)
    let error: Error | undefined
    try {
      for (let block = 0; block < blocks; block += 1) writer.write(block, await writer.buffer())
      await writer.flush()
    } catch (thrown) {
      error = thrown as Error
    }
    await writer.flush().catch(() => {})
    expect([...marked].filter(block => !durable.has(block))).toEqual([])
    expect(error === undefined).toBe(marked.size === blocks)
  }
})
