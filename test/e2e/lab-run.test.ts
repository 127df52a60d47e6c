/** A study whose program is killed in the middle: run again, it ends with the same results. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'

const PROGRAM = join(import.meta.dirname, '../../apps/servent/bin/servent.mjs')
const PLAN = `title: Killed
common: { warmup: 20, duration: 60, seeds: 4 }
parts:
  - { name: keys, overlays: [chord, pastry], nodes: [30, 60], lookups: 100 }
`
const RUNS = 16

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'servent-lab-'))
  await writeFile(join(folder, 'killed.yaml'), PLAN)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const run = (out: string) =>
  spawn(process.execPath, [PROGRAM, 'lab', 'run', 'killed.yaml', '--workers', '2', '--out', out], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit']
  })

async function ended(child: ReturnType<typeof run>): Promise<string> {
  let text = ''
  child.stdout!.on('data', piece => {
    text += piece
  })
  const [code] = await once(child, 'close')
  expect(code).toBe(0)
  return text
}

const keptIn = async (out: string) =>
  (await readdir(join(folder, out, 'runs')).catch(() => [])).filter(name => name.endsWith('.run')).length

/** Byte by byte, but for times and the host. */
async function resultsIn(out: string): Promise<string> {
  const text = await readFile(join(folder, out, 'results.json'), 'utf8')
  const untimed = JSON.stringify(
    JSON.parse(text),
    (key, value) => (key === 'cost' || key === 'host' ? undefined : value),
    2
  )
  // What was left out is all that there was of times.
  expect(untimed.length).toBeGreaterThan(text.length / 2)
  expect(untimed).toContain('"figures"')
  return untimed
}

it('is the same as one that was left alone', async () => {
  const alone = await ended(run('alone'))
  const child = run('killed')
  while ((await keptIn('killed')) < 3) {
    expect(child.exitCode).toBeNull()
    await sleep(5)
  }
  child.kill('SIGKILL')
  await once(child, 'close')
  expect(await keptIn('killed')).toBeLessThan(RUNS)
  expect(await readdir(join(folder, 'killed'))).not.toContain('results.json')
  expect(await ended(run('killed'))).toBe(alone)
  const fingerprint = (out: string) => readFile(join(folder, out, 'fingerprint.txt'), 'utf8')
  expect(await fingerprint('killed')).toBe(await fingerprint('alone'))
  expect(await resultsIn('killed')).toBe(await resultsIn('alone'))
  expect(await keptIn('killed')).toBe(RUNS)
}, 120_000)
