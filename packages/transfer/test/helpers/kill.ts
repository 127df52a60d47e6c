/** Kills a downloading process again and again, and watches what it asks for when it comes back. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { Sidecar } from '../../src/sidecar.ts'
import { Desk } from './desk.ts'
import { sharer } from './peer.ts'
import { randomBytes, TestShare } from './share.ts'

const MiB = 2 ** 20
const PROGRAM = fileURLToPath(new URL('./downloader.ts', import.meta.url))

export interface KillPlan {
  readonly kills: number
  readonly bytes: number
  readonly bytesPerSecond: number
  /** Longest time between a start and its kill. */
  readonly delayMsMax: number
}

export async function killAgainAndAgain(plan: KillPlan): Promise<void> {
  const seed = Date.now() % 1_000_000
  console.log(`moments of the kills: seed ${seed}`)
  const moments = new Uint32Array(randomBytes(plan.kills * 4, seed).buffer)
  const desk = await Desk.make()
  const share = new TestShare()
  const bytes = randomBytes(plan.bytes)
  const { id } = share.add('a.bin', bytes)
  const asked = new Set<number>()
  share.beforeRead = offset => void asked.add(Math.floor(offset / MiB))
  const peer = await sharer(share, { maxUploadBytesPerSecond: plan.bytesPerSecond })
  const port = peer.provider.addresses[0]!.split('/').at(-1)!
  const start = async (): Promise<{ child: ChildProcess; lines: AsyncIterator<string> }> => {
    const args = ['--conditions=source', PROGRAM, desk.root, port, id.toString(), '{"checkpointMs":50}']
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    expect((await lines.next()).value).toBe('open')
    return { child, lines }
  }
  try {
    let resumed = 0
    for (const moment of moments) {
      const durable = await marked(desk, id)
      asked.clear()
      const { child } = await start()
      await new Promise(resolve => setTimeout(resolve, (moment / 2 ** 32) * plan.delayMsMax))
      child.kill('SIGKILL')
      await once(child, 'close')
      // Nothing that was durable is asked for again, and nothing wrong has the final name.
      expect([...asked].filter(block => durable.has(block))).toEqual([])
      if (durable.size > 0) resumed += 1
      await expectNoWrongFile(desk, bytes)
    }
    asked.clear()
    const { child, lines } = await start()
    const closed = once(child, 'close')
    const { path } = JSON.parse((await lines.next()).value!)
    expect(await closed).toEqual([0, null])
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
    expect(await desk.files()).toEqual(['a.bin'])
    expect(resumed).toBeGreaterThan(plan.kills / 3)
  } finally {
    await peer.stop()
    await desk.remove()
  }
}

/** Blocks that the sidecar marks. */
async function marked(desk: Desk, id: Sidecar['id']): Promise<Set<number>> {
  const name = (await readdir(desk.folder).catch(() => [])).find(name => name.endsWith('.tree.part'))
  const sidecar = name === undefined ? undefined : await Sidecar.open(join(desk.folder, name), id)
  await sidecar?.close()
  const blocks = new Set<number>()
  for (let block = 0; block < (sidecar?.blocks.count ?? 0); block += 1) {
    if (sidecar?.blocks.has(block)) blocks.add(block)
  }
  return blocks
}

async function expectNoWrongFile(desk: Desk, bytes: Uint8Array): Promise<void> {
  for (const name of await readdir(desk.folder)) {
    if (name.endsWith('.part')) continue
    expect(name).toBe('a.bin')
    expect(Buffer.compare(await readFile(join(desk.folder, name)), bytes)).toBe(0)
  }
}
