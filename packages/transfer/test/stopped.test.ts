/**
 * Programs that stand still and clocks that jump: a sharer or a downloader that is stopped (SIGSTOP, a computer that
 * sleeps) for many times every limit goes on afterwards; the wall clock decides nothing here.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '@servent/database'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Connector, type Download, Ledger } from '../src/index.ts'
import { Desk } from './helpers/desk.ts'
import { cut, shareFolder, startFolder } from './helpers/folder.ts'
import type { DownloadOrder, SourceOrder } from './helpers/killable.ts'
import { sharer, tcpConnector } from './helpers/peer.ts'
import { idOf, randomBytes, TestShare } from './helpers/share.ts'

const MiB = 2 ** 20
const PROGRAM = fileURLToPath(new URL('./helpers/killable.ts', import.meta.url))
/** As ten minutes are to the limits of people: stalls of 30 seconds, and 8 rounds of up to 60. */
const SHORT_MS = 100
const STOPPED_MS = 20 * SHORT_MS
const SHORT = {
  connectMs: SHORT_MS,
  answerMs: SHORT_MS,
  stallMs: SHORT_MS,
  rateWindowMs: 2 * SHORT_MS,
  lookFirstMs: SHORT_MS,
  lookMs: SHORT_MS,
  giverPatienceMs: 60_000
}
const bytes = randomBytes(8 * MiB + 5)
const id = idOf(bytes)

let desk: Desk
const children: ChildProcess[] = []
beforeEach(async () => {
  desk = await Desk.make()
  await writeFile(join(desk.root, 'shared.bin'), bytes)
  await writeFile(join(desk.root, 'log'), '')
})
afterEach(async () => {
  vi.useRealTimers()
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'close')
  }
  await desk.remove()
})

async function start(order: SourceOrder | DownloadOrder) {
  const child = spawn(process.execPath, ['--conditions=source', PROGRAM], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  children.push(child)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  expect((await lines.next()).value).toBe('warm')
  child.stdin.end(`${JSON.stringify(order)}\n`)
  return { child, lines }
}

/** A process of its own that shares the file. */
async function source(name: string, bytesPerSecond: number, more: { pieces?: number } = {}) {
  const socket = join(desk.root, name)
  const log = join(desk.root, 'log')
  const started = await start({
    role: 'source',
    socket,
    file: join(desk.root, 'shared.bin'),
    log,
    bytesPerSecond,
    ...more
  })
  expect((await started.lines.next()).value).toBe('listens')
  return { ...started, provider: { peerId: name, addresses: [socket] } }
}

const bySocket: Connector = {
  async connect(provider, _id, signal) {
    const socket = connect(provider.addresses[0]!)
    socket.on('error', () => {})
    await once(socket, 'connect', { signal })
    socket.write('1\n')
    return { duplex: socket, peerId: provider.peerId, relayed: false }
  }
}

/** Waits until so much is verified. */
async function verified(download: Download, atLeast: number): Promise<void> {
  for await (const event of download.events())
    if (event.event !== 'progress' || event.verifiedBytes >= atLeast) return
}

async function expectRight(path: string): Promise<void> {
  expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
  expect(await desk.files()).toEqual(['a.bin'])
}

describe.skipIf(process.platform === 'win32')('stopped and let go on', () => {
  test('the only sharer: it is asked again and again, and the rest comes when it wakes', async () => {
    const sharing = await source('sharer', 6 * MiB)
    const downloads = await desk.open({ connector: bySocket, limits: SHORT })
    const download = await downloads.start({ id, name: 'a.bin', providers: [sharing.provider] })
    await verified(download, 2 * MiB)
    sharing.child.kill('SIGSTOP')
    // It says so, while it waits.
    for await (const event of download.events())
      if (event.event === 'progress' && event.reason !== undefined) {
        expect(event.reason).toMatch(/^sharer: (It gave nothing for|It does not answer|It could not be)/)
        break
      }
    const { verifiedBytes } = download.status()
    await sleep(STOPPED_MS)
    expect(['locating', 'fetching']).toContain(download.status().phase)
    sharing.child.kill('SIGCONT')
    await expectRight((await download.finished).path)
    expect(verifiedBytes).toBeGreaterThanOrEqual(2 * MiB)
  }, 60_000)

  test('the only sharer of a folder of small files: none of them is given up, and the rest comes', async () => {
    const pieces = 60
    const files = cut(bytes, pieces)
    const sharing = await source('sharer', 6 * MiB, { pieces })
    const downloads = await desk.open({ connector: bySocket, limits: SHORT })
    const download = await startFolder(downloads, shareFolder(new TestShare(), files), sharing)
    await verified(download, 2 * MiB)
    sharing.child.kill('SIGSTOP')
    // Many times as long as four files took to be given up.
    await sleep(2 * STOPPED_MS)
    const { phase, filesDone } = download.status()
    expect(['locating', 'fetching']).toContain(phase)
    expect(filesDone).toBeLessThan(pieces)
    sharing.child.kill('SIGCONT')
    const { path } = await download.finished
    for (const [name, content] of Object.entries(files))
      expect(Buffer.compare(await readFile(join(path, name)), content)).toBe(0)
  }, 60_000)

  test('one sharer of two: the other brings the file meanwhile', async () => {
    const [one, other] = await Promise.all([source('one', 3 * MiB), source('other', 3 * MiB)])
    const downloads = await desk.open({ connector: bySocket, limits: SHORT })
    const providers = [one.provider, other.provider]
    const download = await downloads.start({ id, name: 'a.bin', providers })
    await verified(download, 2 * MiB)
    one.child.kill('SIGSTOP')
    await expectRight((await download.finished).path)
    expect(download.status().banned).toEqual([])
  }, 60_000)

  test('the downloader: its sources let go of it, and it asks them again when it wakes', async () => {
    const sharing = await source('sharer', 6 * MiB)
    const order = { role: 'download', root: desk.root, sockets: [sharing.provider.addresses[0]!] } as const
    const { child, lines } = await start({ ...order, id: id.toString(), life: 1, limits: SHORT })
    const log = join(desk.root, 'log')
    await expect.poll(async () => (await readFile(log)).length, { timeout: 20_000 }).toBeGreaterThan(8)
    child.kill('SIGSTOP')
    await sleep(STOPPED_MS)
    child.kill('SIGCONT')
    const { path } = JSON.parse((await lines.next()).value!)
    await expectRight(path)
  }, 60_000)
})

const DAY_MS = 86_400_000

test.each([262_000, -262_000, DAY_MS, -DAY_MS])(
  'the wall clock jumps by %i ms: nothing waits for it',
  async ms => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const database = openDatabase(join(desk.root, 'ledger.db'))
    const ledger = new Ledger(database)
    const peer = await sharer(undefined, { maxUploadBytesPerSecond: 8 * MiB, ledger })
    peer.share.add('a.bin', bytes)
    // The first connections fail, so that there are waits that a clock could spoil.
    let connections = 0
    const connector: Connector = {
      async connect(provider, wanted, signal) {
        connections += 1
        if (connections <= 3) throw new Error('The network is not there yet.')
        return tcpConnector.connect(provider, wanted, signal)
      }
    }
    const downloads = await desk.open({ ledger, connector, limits: { retryMs: 200, retryMsMax: 400 } })
    const download = await downloads.start({ id, name: 'a.bin', providers: [peer.provider] })
    await expect.poll(() => connections, { timeout: 10_000 }).toBeGreaterThan(0)
    vi.setSystemTime(Date.now() + ms)
    await verified(download, 2 * MiB)
    vi.setSystemTime(Date.now() + ms)
    const { path, seconds } = await download.finished
    await expectRight(path)
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThan(60)
    // Who gave is known as before, and after a restart under the other clock.
    expect(ledger.of('honest').givenBytes).toBe(bytes.length)
    ledger.close()
    vi.setSystemTime(Date.now() - 3 * ms)
    expect(new Ledger(database).of('honest').givenBytes).toBe(bytes.length)
    database.close()
    await peer.stop()
  },
  60_000
)
