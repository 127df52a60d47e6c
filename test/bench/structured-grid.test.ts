/** What the sweep of settings goes by: its points, its lookups, and the file that it goes on from. */
import { appendFileSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compare, resolvePlan } from '@servent/lab'
import { describe, expect, it } from 'vitest'
import { figuresOf, hullRows, tableOf } from '../../bench/structured-grid/figures.ts'
import { GRID_OVERLAYS, gridPoints, gridSize, planSettings } from '../../bench/structured-grid/grids.ts'
import { PointStore } from '../../bench/structured-grid/store.ts'
import { lookupsOf } from '../../bench/structured-grid/workload.ts'

describe('a grid', () => {
  it.each(GRID_OVERLAYS)('of %s: each point is another, a plan takes all, and more hold fewer', overlay => {
    const all = gridPoints(overlay, Number.POSITIVE_INFINITY)
    expect(all).toHaveLength(gridSize(overlay))
    expect(new Set(all.map(point => JSON.stringify(point))).size).toBe(all.length)
    expect(all.slice(0, 5)).toEqual(gridPoints(overlay, 5))
    for (const point of all) {
      const set = planSettings(overlay, point)
      expect(resolvePlan({ overlays: [overlay], set }).set).toEqual(set)
    }
  })

  it('a few points are the defaults, and go all along the first axis', () => {
    const [asItIs, ...others] = gridPoints('chord', 5)
    expect(asItIs).toEqual({})
    expect(new Set(others.map(point => point['stabilise-ms']))).toEqual(
      new Set([18_000, 72_000, 144_000, 288_000])
    )
  })
})

it('each live peer looks up once in so many seconds', () => {
  // 1,024 addresses, of which 512 live, and few more after three hours.
  const settled = (512 * 10_800) / 600
  expect(lookupsOf({ addresses: 1024, halfS: 10_800, rateS: 600 })).toBeGreaterThan(settled)
  expect(lookupsOf({ addresses: 1024, halfS: 10_800, rateS: 600 })).toBeLessThan(1.001 * settled)
  // From one half hour to the other many of those that were up at first still are.
  expect(lookupsOf({ addresses: 1000, halfS: 1800, rateS: 9 })).toBeGreaterThan((1.2 * 500 * 1800) / 9)
})

describe('the file of points', () => {
  const plan = resolvePlan({
    overlays: ['chord'],
    nodes: 16,
    lookups: 40,
    warmup: 10,
    duration: 20,
    workers: 1
  })

  it('holds whole results: what is there is not run again, however many threads there are', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'grid-')), 'points.jsonl')
    const results = await compare(plan)
    const store = new PointStore(path)
    expect(store.find(plan)).toBeUndefined()
    store.add(results)
    const again = new PointStore(path)
    expect(again.find({ ...plan, workers: 2 })).toEqual(JSON.parse(JSON.stringify(results)))
    expect(again.find({ ...plan, seed: 2 })).toBeUndefined()
  }, 60_000)

  it('goes on behind a line that was broken off', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'grid-')), 'points.jsonl')
    appendFileSync(path, '{"schema":"servent-lab/1","pl')
    const store = new PointStore(path)
    expect(store.unreadable).toBe(1)
    store.add(await compare(plan))
    expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toHaveLength(2)
    expect(new PointStore(path).find(plan)).toBeDefined()
  }, 60_000)

  it('the corners of both hulls are rows of a table, by what they cost', async () => {
    const point = { successors: 8 }
    const one = figuresOf(point, await compare(plan), 'encoded')
    expect(one.bytesPerS).toBe(one.encodedBytesPerS)
    expect(one.success).toBe(1)
    const costly = { ...one, bytesPerS: one.bytesPerS + 1, latencyMs: one.latencyMs - 1 }
    const useless = { ...one, bytesPerS: one.bytesPerS + 2 }
    const rows = hullRows([useless, costly, one])
    expect(rows.map(({ corner }) => corner)).toEqual([
      { latency: true, failures: true },
      { latency: true, failures: false }
    ])
    const lines = tableOf(rows).split('\n')
    expect(lines).toHaveLength(4)
    expect(lines[2]).toContain('| successors 8 | latency, failures | 1.0000 | 0.0000 |')
  }, 60_000)
})
