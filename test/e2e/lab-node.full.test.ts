/**
 * A study on Node 24 and one worker, and on the Node that the repository brings and two: `results.json` is the same, byte for
 * byte, but for times and the host. Node 24 comes from the package registry; where that cannot be reached the test is
 * skipped.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'

const NODE_24 = `node-${process.platform}-${process.arch}@24.22.3`
const PROGRAM = join(import.meta.dirname, '../../apps/servent/bin/servent.mjs')
const PLAN = `title: Same on every Node
common: { warmup: 20, duration: 60, seeds: 2, nodes: 48 }
parts:
  - name: keys
    overlays: [napster, gnutella, fasttrack, chord, pastry, kelips, kademlia]
    lookups: 60
    searches: 20
  - { name: churn, overlays: [chord, kelips], churn: 'exp:10m', lookups: 60, warmup: 600, duration: 600 }
`
const run = promisify(execFile)

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'servent-lab-node-'))
  await writeFile(join(folder, 'same.yaml'), PLAN)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function resultsOf(node: string, workers: number): Promise<string> {
  const out = `workers-${workers}`
  const args = [PROGRAM, 'lab', 'run', 'same.yaml', '--workers', `${workers}`, '--out', out]
  await run(node, args, { cwd: folder })
  const results = JSON.parse(await readFile(join(folder, out, 'results.json'), 'utf8'))
  expect(results.host.node).toMatch(workers === 1 ? /^v24\./ : process.version)
  return JSON.stringify(results, (key, value) => (key === 'host' || key === 'cost' ? undefined : value))
}

it('is the same on Node 24 with one worker, and on this Node with two', async context => {
  const install = ['install', '--no-save', '--ignore-scripts', '--prefix', folder, NODE_24]
  const isThere = await run('npm', install).then(
    () => true,
    () => false
  )
  if (!isThere) context.skip(`${NODE_24} cannot be had from the package registry.`)
  const node24 = join(folder, 'node_modules', NODE_24.split('@')[0]!, 'bin/node')
  expect(await resultsOf(node24, 1)).toBe(await resultsOf(process.execPath, 2))
}, 300_000)
