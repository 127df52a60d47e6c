/** `npm run demo`: every overlay finds and fetches a file in a network of a few daemons, and nothing is left behind. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const OVERLAYS = ['napster', 'gnutella', 'fasttrack', 'chord', 'pastry', 'kelips', 'kademlia']
const SECONDS_MAX = 60

it('finds and fetches over every overlay, by two characters too, and tells what a search over all of them cost', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'servent-demo-'))
  const script = join(import.meta.dirname, '../../scripts/demo.mjs')
  const child = spawn(process.execPath, [script, '--json'], {
    env: { PATH: process.env.PATH ?? '', HOME: folder, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    err += text
  })
  const [code] = await once(child, 'close')
  expect(err).toBe('')
  expect(code).toBe(0)
  const result = JSON.parse(out)
  expect(result).toMatchObject({ ok: true, nodes: 4 })
  expect(result.seconds).toBeLessThan(SECONDS_MAX)
  type Row = { overlay: string; ok: boolean; foundByCharacters: number; bytes: number }
  expect(
    (result.overlays as Row[])
      .map(({ overlay, ok, foundByCharacters }) => [overlay, ok, foundByCharacters])
      .sort()
  ).toEqual(OVERLAYS.toSorted().map(overlay => [overlay, true, 4]))
  expect(result.together).toMatchObject({ files: 1, hits: OVERLAYS.length })
  expect(
    (result.together.overlays as { name: string; hits: number }[])
      .map(({ name, hits }) => [name, hits])
      .sort()
  ).toEqual(OVERLAYS.toSorted().map(overlay => [overlay, 1]))
  expect(await readdir(folder)).toEqual([])
  await rm(folder, { recursive: true })
}, 120_000)
