/** Stored plans: what is the same, what has drifted, and how they are renewed. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { OVERLAYS } from '../src/overlays/settings.ts'
import { resolvePlan } from '../src/plan.ts'
import {
  parseStoredPlans,
  readStoredPlans,
  renewStoredPlans,
  type StoredPlan,
  storedPlansFile,
  verify
} from '../src/verify.ts'

const SMALL = { nodes: 16, lookups: 20, warmup: 20, duration: 20, workers: 1 }
const plans: StoredPlan[] = OVERLAYS.map(overlay => ({
  name: `small ${overlay}`,
  plan: { ...SMALL, overlays: [overlay] },
  fingerprint: '0'.repeat(64)
}))

it('tell which one drifted, are renewed on purpose, and notice one number of one protocol', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'servent-lab-'))
  try {
    const file = join(folder, 'plans.json')
    const told: string[] = []
    const first = await verify(plans, {
      onProgress: ({ name, index, plans: count }, progress) => {
        if (progress === undefined) told.push(`${name} ${index} ${count}`)
      }
    })
    expect(told).toEqual(OVERLAYS.map((overlay, index) => `small ${overlay} ${index} ${OVERLAYS.length}`))
    expect(first.map(({ same }) => same)).toEqual(OVERLAYS.map(() => false))

    await renewStoredPlans(file, plans, first)
    const renewed = await readStoredPlans(file)
    expect(renewed.map(({ fingerprint }) => fingerprint)).toEqual(first.map(({ actual }) => actual))

    const changes = {
      napster: { 'napster.servers': 3 },
      gnutella: { 'gnutella.neighbours': 5 },
      fasttrack: { 'fasttrack.ttl': 0, 'fasttrack.ordinaries-per-supernode': 3 },
      chord: { 'chord.stabilise-ms': 10_000 },
      pastry: { 'pastry.heartbeat-ms': 10_000 },
      kelips: { 'kelips.gossip-ms': 1000 },
      kademlia: { 'kademlia.refresh-ms': 60_000 }
    }
    // Beside the one that it is a setting of, another one, which it is nothing to: all of them each time take minutes.
    for (const [at, changed] of OVERLAYS.entries()) {
      const other = OVERLAYS[(at + 1) % OVERLAYS.length]!
      const two = renewed.filter(({ plan }) => [changed, other].includes(plan.overlays![0] as typeof changed))
      const verdicts = await verify(two, { set: changes[changed] })
      expect(new Map(verdicts.map(({ name, same }) => [name, same]))).toEqual(
        new Map([
          [`small ${changed}`, false],
          [`small ${other}`, true]
        ])
      )
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}, 120_000)

it('a setting that no plan takes is refused before anything runs, and so is a plan that is none', async () => {
  const running = () => {
    throw new Error('It runs.')
  }
  const refusal = (stored: readonly StoredPlan[], set = {}) =>
    expect(verify(stored, { set, onProgress: running })).rejects
  await refusal(plans, { 'chrod.successors': 3 }).toMatchObject({
    name: 'PlanError',
    message:
      'chrod.successors is set, and no stored plan runs that overlay: they run napster, gnutella, fasttrack, chord, pastry, kelips, kademlia.'
  })
  await refusal(plans, { 'chord.sucessors': 3 }).toMatchObject({
    name: 'PlanError',
    message: expect.stringContaining('The stored plan "small chord": There is no setting chord.sucessors.')
  })
  const text = [{ name: 'text', plan: { overlays: 'chord' }, fingerprint: '' }] as unknown as StoredPlan[]
  await refusal(text).toMatchObject({
    name: 'PlanError',
    message: expect.stringContaining('The stored plan "text": overlays is "chord"')
  })
})

it('a plan that names no overlays is run with those of the defaults, and takes their settings', async () => {
  const stored = [{ name: 'bare', plan: SMALL, fingerprint: '' }]
  const [bare] = await verify(stored)
  const [changed] = await verify(stored, { set: { 'chord.stabilise-ms': 10_000 } })
  expect(changed!.actual).not.toBe(bare!.actual)
})

it('there is one for each overlay, written as the formatter would', async () => {
  const text = await readFile(storedPlansFile(), 'utf8')
  const stored = parseStoredPlans(text)
  // Gnutella's ways of searching, one each.
  expect(stored.map(({ name }) => name)).toEqual([
    ...OVERLAYS,
    'gnutella, plain flooding',
    'gnutella, expanding ring',
    'gnutella, random walk',
    'gnutella, two tiers',
    'gnutella, routing tables',
    'gnutella, dynamic querying',
    'attack'
  ])
  // Whoever lies does so in each overlay that has roots.
  for (const { name, plan } of stored) expect(plan.overlays).toHaveLength(name === 'attack' ? 4 : 1)
  for (const { fingerprint } of stored) expect(fingerprint).toMatch(/^[0-9a-f]{64}$/)
  const folder = await mkdtemp(join(tmpdir(), 'servent-lab-'))
  try {
    await renewStoredPlans(join(folder, 'same.json'), stored, [])
    expect(await readFile(join(folder, 'same.json'), 'utf8')).toBe(text)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

it('they come out as they were stored: if not, see `servent lab verify`', async () => {
  const stored = await readStoredPlans(storedPlansFile())
  const verdicts = await verify(stored)
  expect(verdicts).toHaveLength(stored.length)
  expect(verdicts.filter(({ same }) => !same)).toEqual([])
  // Half a minute by itself, and one for each overlay and way of searching.
}, 300_000)

it.each(['large-plans.json', 'largest-plans.json'])(
  'those that take minutes are plans, too, and docs/benchmarks.md has their fingerprints: %s',
  async file => {
    const root = new URL('../../../', import.meta.url)
    const stored = await readStoredPlans(fileURLToPath(new URL(`bench/${file}`, root)))
    const figures = await readFile(new URL('docs/benchmarks.md', root), 'utf8')
    expect(stored.length).toBeGreaterThan(0)
    for (const { name, plan, fingerprint } of stored) {
      expect(() => resolvePlan(plan), name).not.toThrow()
      expect(figures, name).toContain(fingerprint.slice(0, 12))
    }
  }
)

it('what is no list of plans is refused', () => {
  for (const text of ['nothing', '{}', '[]', '[{"name":"x"}]'])
    expect(() => parseStoredPlans(text)).toThrow(/^The stored plans are no/)
})
