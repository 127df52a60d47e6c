/** Stored plans: what is the same, what has drifted, and how they are renewed. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { OVERLAYS } from '../src/overlays/settings.ts'
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
      onPlan: (name, index, count) => told.push(`${name} ${index} ${count}`)
    })
    expect(told).toEqual(['small gnutella 0 2', 'small chord 1 2'])
    expect(first.map(({ same }) => same)).toEqual([false, false])

    await renewStoredPlans(file, plans, first)
    const renewed = await readStoredPlans(file)
    expect(renewed.map(({ fingerprint }) => fingerprint)).toEqual(first.map(({ actual }) => actual))

    const changed = await verify(renewed, { set: { 'chord.stabilise-ms': 10_000 } })
    expect(changed.map(({ name, same }) => [name, same])).toEqual([
      ['small gnutella', true],
      ['small chord', false]
    ])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

it('there is one for each overlay, written as the formatter would', async () => {
  const text = await readFile(storedPlansFile(), 'utf8')
  const stored = parseStoredPlans(text)
  expect(stored.map(({ plan }) => plan.overlays)).toEqual(OVERLAYS.map(overlay => [overlay]))
  for (const { fingerprint } of stored) expect(fingerprint).toMatch(/^[0-9a-f]{64}$/)
  const folder = await mkdtemp(join(tmpdir(), 'servent-lab-'))
  try {
    await renewStoredPlans(join(folder, 'same.json'), stored, [])
    expect(await readFile(join(folder, 'same.json'), 'utf8')).toBe(text)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

it('one of them comes out as it was stored: if not, see `servent lab verify`', async () => {
  const stored = await readStoredPlans(storedPlansFile())
  const verdicts = await verify(stored.filter(({ name }) => name === 'chord'))
  expect(verdicts).toHaveLength(1)
  expect(verdicts.filter(({ same }) => !same)).toEqual([])
}, 60_000)

it('what is no list of plans is refused', () => {
  for (const text of ['nothing', '{}', '[{"name":"x"}]'])
    expect(() => parseStoredPlans(text)).toThrow(/^The stored plans are no/)
})
