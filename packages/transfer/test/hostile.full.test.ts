/**
 * Five hundred peers that dribble, flood and hold slots (reliability, promise P4), each in a connection of its own: an
 * honest peer's download goes on at half of its rate at least, and the server's memory stays under its bound. The
 * server is capped, so that what is measured is what it gives to whom, and not how fast this machine is.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Connector } from '../src/index.ts'
import { Desk } from './helpers/desk.ts'
import { tcpConnector } from './helpers/peer.ts'
import { idOf, randomBytes } from './helpers/share.ts'

const MiB = 2 ** 20
const PEERS = 500
const RATE = 2 * MiB
const bytes = randomBytes(96 * MiB + 5)
/** As SECURITY.md says. */
const GROWTH_BYTES_MAX = 192 * MiB

let desk: Desk
const children: ChildProcess[] = []
beforeEach(async () => {
  desk = await Desk.make()
})
afterEach(async () => {
  await desk.remove()
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'close')
  }
})

function start(program: URL, ...args: string[]) {
  const child = spawn(process.execPath, ['--conditions=source', fileURLToPath(program), ...args], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  children.push(child)
  return { pid: child.pid!, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() }
}

async function residentBytes(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)![1]) * 1024
}

const named: Connector = {
  async connect(provider, id, signal) {
    const connection = await tcpConnector.connect(provider, id, signal)
    connection.duplex.write('honest\n')
    return connection
  }
}

test.runIf(process.platform === 'linux')(
  'P4: five hundred hostile peers leave an honest download half of its rate, and the memory its bound',
  async () => {
    const file = join(desk.root, 'shared.bin')
    await writeFile(file, bytes)
    const server = start(new URL('./helpers/hostile-serving.ts', import.meta.url), file, String(RATE))
    const { port } = JSON.parse((await server.lines.next()).value!)
    const id = idOf(bytes)
    const downloads = await desk.open({ connector: named })
    const providers = [{ peerId: 'server', addresses: [`/ip4/127.0.0.1/tcp/${port}`] }]
    const download = await downloads.start({ id, name: 'a.bin', providers })
    /** Bytes a second from now until so much is verified. */
    const rateUntil = async (most: number): Promise<number> => {
      const before = download.status().verifiedBytes
      const beganMs = performance.now()
      for await (const event of download.events())
        if (event.event !== 'progress' || event.verifiedBytes >= most) break
      const after = download.status().verifiedBytes
      return ((after - before) * 1000) / (performance.now() - beganMs)
    }
    await rateUntil(2 * MiB)
    const alone = await rateUntil(10 * MiB)
    const before = await residentBytes(server.pid, 'VmHWM')
    const attackers = start(
      new URL('./helpers/hostile-peers.ts', import.meta.url),
      String(port),
      id.toString(),
      String(PEERS)
    )
    let did = { connected: 0, dribbled: 0, flooded: 0, held: 0, cut: 0 }
    const heard = (async () => {
      for (let line = await attackers.lines.next(); !line.done; line = await attackers.lines.next())
        did = JSON.parse(line.value)
    })()
    await expect.poll(() => did.connected, { timeout: 30_000 }).toBe(PEERS)
    const from = download.status().verifiedBytes
    expect(from).toBeLessThan(64 * MiB)
    const attacked = await rateUntil(bytes.length)
    const peak = await residentBytes(server.pid, 'VmHWM')
    console.log(
      JSON.stringify({ alone, attacked, ratio: attacked / alone, before, growth: peak - before, ...did })
    )
    process.kill(attackers.pid, 'SIGKILL')
    await heard
    const { path } = await download.finished
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
    expect(attacked / alone).toBeGreaterThanOrEqual(0.5)
    expect(peak - before).toBeLessThan(GROWTH_BYTES_MAX)
    // They were at it all the while.
    expect(did.dribbled).toBeGreaterThan(PEERS)
    expect(did.flooded).toBeGreaterThan(PEERS)
    expect(did.held).toBeGreaterThan(PEERS / 4)
    expect(did.cut).toBeGreaterThan(PEERS / 4)
  },
  300_000
)
