/** A download's memory does not grow with the file: 2 GiB take no more than 64 MiB take, give or take 64 MiB. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { Desk } from './helpers/desk.ts'
import { sharer } from './helpers/peer.ts'
import { randomBytes, TestShare } from './helpers/share.ts'

const MiB = 2 ** 20
const PROGRAM = fileURLToPath(new URL('./helpers/downloader.ts', import.meta.url))

/** The most that a process of its own held in memory while it fetched so many MiB. */
async function mostMemory(mebibytes: number): Promise<number> {
  const desk = await Desk.make()
  const share = new TestShare()
  const { id, size } = share.addRepeated('large', randomBytes(MiB), mebibytes)
  const peer = await sharer(share)
  const port = peer.provider.addresses[0]!.split('/').at(-1)!
  try {
    const args = ['--conditions=source', PROGRAM, desk.root, port, id.toString()]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines: string[] = []
    for await (const line of createInterface({ input: child.stdout })) lines.push(line)
    const { bytes, rssBytesMax } = JSON.parse(lines.at(-1)!)
    expect(bytes).toBe(size)
    return rssBytesMax
  } finally {
    await peer.stop()
    await desk.remove()
  }
}

test('P4: memory grows by less than 64 MiB, whatever the size', async () => {
  const small = await mostMemory(64)
  const large = await mostMemory(2048)
  console.log(
    `64 MiB: ${Math.round(small / MiB)} MiB resident at most; 2 GiB: ${Math.round(large / MiB)} MiB`
  )
  expect(large - small).toBeLessThan(64 * MiB)
}, 300_000)
