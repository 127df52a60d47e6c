/**
 * kill -9 of the downloader fifty times at random moments: the file arrives, right; blocks that were verified
 * are not fetched again; and no wrong file ever stands under the final name.
 */
import { randomBytes, randomInt } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Daemon } from './harness.ts'

const KILLS = 50
const MiB = 1024 * 1024
const SIZE = 512 * MiB + 4321
/** So slow that fifty lives do not suffice for the file. */
const RATE = 7 * MiB
const LIFE_MS_MAX = 1800
/** Until a daemon that has just started fetches, on a machine that does much else. */
const BEGIN_MS_MAX = 10_000

/** Bytes that this daemon has sent by HTTP since it started. */
async function sentBy(daemon: Daemon): Promise<number> {
  const metrics = await (await daemon.api('/metrics')).text()
  return Number(/^libp2p_data_transfer_bytes_total\{[^}]*"\/http\/1\.1 sent"\} (\d+)/m.exec(metrics)?.[1])
}

/** Waits until it sends more than before. */
async function sends(daemon: Daemon, before: number): Promise<void> {
  for (const untilMs = performance.now() + BEGIN_MS_MAX; performance.now() < untilMs; await sleep(20))
    if ((await sentBy(daemon)) > before) return
}

it('a download survives fifty kills', async () => {
  await using sharer = await Daemon.start()
  const content = randomBytes(SIZE)
  const folder = join(sharer.home, 'shared')
  await mkdir(folder)
  await writeFile(join(folder, 'big.bin'), content)
  const { ticket } = await sharer.json(['share', join(folder, 'big.bin')])
  const isRight = async (path: string) => (await readFile(path)).equals(content)

  const flags = ['--max-download-rate', String(RATE)]
  await using first = await Daemon.start({ flags })
  const output = join(first.home, 'arrived.bin')
  let daemon = first
  let sentToTheDead = 0
  for (let kill = 0; kill < KILLS; kill += 1) {
    const getting = daemon.run(['--json', 'get', ticket, '--output', output])
    await sends(sharer, sentToTheDead)
    await sleep(randomInt(LIFE_MS_MAX))
    await daemon.end('SIGKILL')
    await getting
    if (existsSync(output)) expect(await isRight(output)).toBe(true)
    sentToTheDead = await sentBy(sharer)
    daemon = await Daemon.start({ home: first.home, flags: kill + 1 < KILLS ? flags : [] })
  }
  const done = await daemon.json(['get', ticket, '--output', output])
  await daemon.end()
  expect(done).toMatchObject({ event: 'done', path: output, bytes: SIZE })
  expect(await isRight(output)).toBe(true)

  const sent = await sentBy(sharer)
  console.log(
    `${KILLS} kills; sent ${(sent / SIZE).toFixed(2)} times the file, ${(sentToTheDead / SIZE).toFixed(2)} before the last`
  )
  // What was on its way at each death, windows and socket buffers full, is sent again; starting over would send it all.
  expect(sentToTheDead).toBeGreaterThan(SIZE / 8)
  expect(sent).toBeGreaterThanOrEqual(SIZE)
  expect(sent - SIZE).toBeLessThan(sentToTheDead * 0.85)
}, 600_000)
