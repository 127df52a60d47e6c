/** Gates: how they are read, and when they come true. */
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { askedIn, judgedOf, parseResults, refuseOther } from '../src/baseline.ts'
import { compare } from '../src/compare.ts'
import { GATES_MAX, judge, parseGate, parseGates, refuseUnasked } from '../src/gates.ts'
import { type Plan, resolvePlan } from '../src/plan.ts'
import { askedOfAll } from '../src/plan-files.ts'
import type { Results } from '../src/results.ts'
import { resolveStudy } from '../src/study/study.ts'

const PLAN = {
  overlays: ['chord' as const, 'gnutella' as const],
  nodes: 20,
  lookups: 40,
  warmup: 20,
  duration: 20
}
let plan: Plan
let results: Results
beforeAll(async () => {
  plan = resolvePlan(PLAN)
  results = await compare(plan)
}, 60_000)

const planned = (of: Plan = plan) => new Map(of.overlays.map(overlay => [overlay, of]))
const changed = (hops: number): Results => ({
  ...results,
  overlays: results.overlays.map(one => ({ ...one, hops: { ...one.hops!, p95: hops } }))
})

describe('a gate that nothing of the plan can have a value of', () => {
  const refused = (gate: string, more: Parameters<typeof resolvePlan>[0] = {}) => {
    const asked = [resolvePlan(PLAN), resolvePlan({ ...PLAN, overlays: ['kelips'], ...more })]
    return expect(() => refuseUnasked([parseGate(gate)], asked))
  }
  it.each([
    ['recall<0.5', 'searches', { searches: 1 }],
    ['searches.messages.mean>1', 'searches', { searches: 1 }],
    ['kelips.values.puts.acknowledged<1', 'puts of kelips', { puts: 1 }],
    ['kelips.values.gets.recall<1', 'gets of kelips', { puts: 1, gets: 1 }],
    ['searches.recall_of_enough<1', 'searches for enough results', { searches: 1, enough: 3 }],
    ['searches.recall_single_copy<1', 'searches for single copies', { searches: 1, rare: 0.5 }],
    ['publishing.seconds>60', 'searches', { searches: 1 }],
    ['repair_s.p95>60', 'churn', { churn: 'exp:10m' }],
    ['partition.during.success<1', 'partition', { partition: '0.3/5m', duration: 1200 }],
    ['kelips.success<1', undefined, {}],
    ['lookups.incorrect>0', undefined, {}]
  ])('%s', (gate, lacks, more) => {
    if (lacks !== undefined) refused(gate).toThrow(`--fail-if ${gate}: the plan has no ${lacks}, so that`)
    refused(gate, more).not.toThrow()
  })

  it('is refused of its own overlay, whatever others are asked for', () => {
    refused('chord.recall<1', { searches: 1 }).toThrow('the plan has no searches of chord')
    refused('kelips.hops.mean>3', { lookups: 0, searches: 1 }).toThrow('no lookups of kelips')
    refused('kelips.lookups.correct<1', { lookups: 0, searches: 1 }).toThrow('no lookups of kelips')
  })

  it.each(['success', 'hops', 'hops_as_published', 'latency_ms', 'stretch', 'messages_per_lookup'])(
    'is refused of %s where nobody looks anything up',
    metric => refused(`kelips.${metric}>1`, { lookups: 0, searches: 1 }).toThrow('no lookups of kelips')
  )
})

describe('a gate', () => {
  it.each([
    ['success<0.99', { overlay: undefined, metric: 'success', operator: '<', value: 0.99, kind: 'value' }],
    ['hops.p95>+10%', { metric: 'hops.p95', operator: '>', value: 0.1, kind: 'part' }],
    [
      'chord.hops.mean >= +0.5',
      { overlay: 'chord', metric: 'hops.mean', operator: '>=', value: 0.5, kind: 'difference' }
    ],
    [
      'searches.recall<=-1e-2',
      { metric: 'searches.recall', operator: '<=', value: -0.01, kind: 'difference' }
    ],
    [
      'kelips.state_entries_per_node.max<-50%',
      { overlay: 'kelips', operator: '<', value: -0.5, kind: 'part' }
    ]
  ])('%s', (text, gate) => {
    expect(parseGate(text)).toMatchObject({ text, ...gate })
  })

  it.each(['', 'success', 'success<', '<0.99', 'success=0.99', 'hops.p95>10%', 'hops.p95>+ten', 'a b<1'])(
    'is not %j',
    text => {
      expect(() => parseGate(text)).toThrow('--fail-if takes a metric')
    }
  )

  it('that is held against a baseline needs one; GATES_MAX there may be, and not one more', () => {
    expect(() => parseGates(['hops.mean>+1'], false)).toThrow('give one with --baseline FILE')
    expect(parseGates(['hops.mean>+1'], true)).toHaveLength(1)
    expect(parseGates(Array(GATES_MAX).fill('success<1'), false)).toHaveLength(GATES_MAX)
    expect(() => parseGates(Array(GATES_MAX + 1).fill('success<1'), false)).toThrow(`${GATES_MAX} at most`)
  })
})

it.each([
  ['hops.p96<1', 'results have no number hops.p96.'],
  ['overlay<1', 'results have no number overlay.'],
  ['hops<1', 'results have no number hops.'],
  ['chrod.success<1', 'results have no number chrod.success.'],
  ['kelips.success<1', 'is of kelips, and the plan runs chord, gnutella.']
])('a gate that could never be judged is refused: %s', (text, message) => {
  expect(() => parseGates([text], false, ['chord', 'gnutella'])).toThrow(message)
})

it('what is counted by type of message can be a gate', () => {
  expect(parseGates(['bytes_per_node_per_s.by_type.ping<1'], false)).toHaveLength(1)
})

describe('is judged', () => {
  const verdicts = (texts: string[], now: Results, before?: Results) =>
    judge(parseGates(texts, before !== undefined), judgedOf(now), before && judgedOf(before))
  const passed = (text: string, now: number, before?: number) =>
    verdicts([text], changed(now), before === undefined ? undefined : changed(before)).map(one => one.passed)

  it('by itself, by a difference and by a part, at the limit and past it', () => {
    expect([passed('hops.p95>5', 5), passed('hops.p95>5', 6)]).toEqual([
      [true, true],
      [false, false]
    ])
    expect([passed('hops.p95>=5', 5), passed('hops.p95<=5', 5), passed('hops.p95<5', 5)]).toEqual([
      [false, false],
      [false, false],
      [true, true]
    ])
    expect([passed('hops.p95>+10%', 11, 10), passed('hops.p95>+10%', 11.1, 10)]).toEqual([
      [true, true],
      [false, false]
    ])
    expect([passed('hops.p95>+2', 12, 10), passed('hops.p95>+2', 13, 10)]).toEqual([
      [true, true],
      [false, false]
    ])
    expect([passed('hops.p95<-10%', 9, 10), passed('hops.p95<-10%', 8.9, 10)]).toEqual([
      [true, true],
      [false, false]
    ])
  })

  it('of one overlay or of all, with what was and what is', () => {
    expect(verdicts(['chord.hops.p95>+50%'], changed(20), changed(10))).toEqual([
      { gate: 'chord.hops.p95>+50%', name: 'chord', value: 20, baseline: 10, passed: false }
    ])
    expect(verdicts(['success<0.9'], results).map(({ name, value }) => [name, value])).toEqual([
      ['chord', 1],
      ['gnutella', results.overlays[1]!.lookups.correct / 40]
    ])
  })

  it('as failed where there is nothing to judge: not measured, not there, not in the baseline', () => {
    for (const text of ['searches.recall<0.5', 'kelips.success<0.9', 'recall<0.5'])
      expect(verdicts([text], results).map(({ value, passed: isFine }) => [value, isFine])).toContainEqual([
        null,
        false
      ])
    const without = { ...results, overlays: results.overlays.slice(0, 1) }
    expect(verdicts(['hops.p95>+10%'], results, without).map(one => one.passed)).toEqual([true, false])
  })
})

it('is judged of those parts alone that ask for what it is of', () => {
  const withParts = (...parts: Partial<Plan>[]) =>
    parts.flatMap((more, index) =>
      judgedOf(results).map(one => ({
        ...one,
        name: `${index} ${one.name}`,
        asked: { ...one.asked, ...more }
      }))
    )
  const namesOf = (text: string, ...parts: Partial<Plan>[]) =>
    judge(parseGates([text], false), withParts(...parts), undefined).map(({ name }) => name)
  expect(namesOf('success<0.1', { lookups: 40 }, { lookups: 0 })).toEqual(['0 chord', '0 gnutella'])
  expect(namesOf('gnutella.success<0.1', { lookups: 0 }, { lookups: 1 })).toEqual(['1 gnutella'])
  expect(namesOf('lookups.correct<1', { lookups: 40 }, { lookups: 0 })).toEqual(['0 chord', '0 gnutella'])
  const rare = [
    { searches: 1, rare: 0 },
    { searches: 1, rare: 0.1 },
    { searches: 0, rare: 0.1 }
  ] as const
  expect(namesOf('searches.recall_single_copy<1', ...rare)).toEqual(['1 chord', '1 gnutella'])
  expect(namesOf('bytes_per_node_per_s.mean>1', { lookups: 40 }, { lookups: 0 })).toHaveLength(4)
  expect(namesOf('success<0.1', { lookups: 0 }, { lookups: 0 })).toHaveLength(4)
})

describe('a baseline', () => {
  it('is read if the lab wrote it', () => {
    expect(parseResults(JSON.stringify(results), 'b.json')).toEqual(results)
    expect(() => parseResults('{', 'b.json')).toThrow('b.json is no JSON')
    expect(() => parseResults('{}', 'b.json')).toThrow('b.json has no results of this lab.')
    expect(() => parseResults('{"schema":"servent-lab/9"}', 'b.json')).toThrow(
      'its schema is "servent-lab/9"'
    )
  })

  it('is of the same plan, whatever the number of runs and what else was compared', () => {
    expect(() => refuseOther(results, planned())).not.toThrow()
    expect(() =>
      refuseOther(results, planned(resolvePlan({ ...PLAN, seeds: 3, seed: 9, workers: 1 })))
    ).not.toThrow()
    const alone = resolvePlan({ ...PLAN, overlays: ['chord'] })
    expect(() => refuseOther(results, planned(alone))).not.toThrow()
    expect(() => refuseOther({ ...results, plan: alone }, planned())).not.toThrow()
    const other = resolvePlan({ ...PLAN, set: { 'gnutella.ttl': 3 } })
    expect(() => refuseOther(results, new Map([['chord', other]]))).not.toThrow()
    expect(() => refuseOther(results, new Map([['gnutella', other]]))).toThrow('gnutella had set {}')
    expect(() => refuseOther(results, planned(resolvePlan({ ...PLAN, nodes: 21 })))).toThrow(
      'The baseline was measured with another plan: chord had nodes 20, and has 21 now.'
    )
    const more = resolvePlan({ ...PLAN, overlays: ['chord', 'kelips'] })
    expect(() => refuseOther(results, planned(more))).toThrow('nothing of kelips. It has chord, gnutella.')
  })

  it('is of files with the same contents, by their SHA-256, and not of others with the same names', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'servent-lab-'))
    try {
      const resolvePath = (name: string) => join(folder, name)
      const [matrix, trace] = ['0 40\n40 0\n', '0 0 up\n0 1 up\n30 1 down\n']
      await writeFile(resolvePath('m.txt'), matrix)
      await writeFile(resolvePath('t.txt'), trace)
      const of = resolvePlan({
        ...PLAN,
        overlays: ['chord'],
        lookups: 2,
        latency: 'matrix:m.txt',
        churn: 'trace:t.txt'
      })
      const kept = await compare(of, { resolvePath })
      const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
      expect(kept.plan.files).toEqual({ 'm.txt': sha256(matrix), 't.txt': sha256(trace) })
      expect(parseResults(JSON.stringify(kept), 'b.json')).toEqual(kept)
      refuseOther(kept, await askedOfAll(planned(of), resolvePath))
      for (const [name, text] of [
        ['m.txt', '0 41\n41 0\n'],
        ['t.txt', '0 0 up\n0 1 up\n31 1 down\n']
      ] as const) {
        const before = name === 'm.txt' ? matrix : trace
        await writeFile(resolvePath(name), text)
        const other = await askedOfAll(planned(of), resolvePath)
        expect(() => refuseOther(kept, other)).toThrow(/with another plan: chord had files \{"m\.txt":/)
        expect(() => refuseOther(kept, other)).toThrow(` now. ${name} has other contents.`)
        await writeFile(resolvePath(name), before)
      }
      const named = planned(resolvePlan({ ...of, latency: 'matrix:n.txt' }))
      for (const [text, said] of [
        [matrix, 'alone: their contents are the same.'],
        ['0 41\n41 0\n', 'and contents.']
      ] as const) {
        await writeFile(resolvePath('n.txt'), text)
        const other = await askedOfAll(named, resolvePath)
        expect(() => refuseOther(kept, other)).toThrow(
          `had latency "matrix:m.txt", and has "matrix:n.txt" now. The files differ in name ${said}`
        )
      }
      await rm(resolvePath('m.txt'))
      await expect(askedOfAll(planned(of), resolvePath)).rejects.toThrow('which cannot be read')
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  it('of a study is named by part, overlay and what varies', () => {
    const text =
      'title: x\nparts: [{ name: a, nodes: [9, 8], lookups: 1, grid: { chord: { successors: [2, 3] } } }]\n'
    expect([...askedIn({ study: resolveStudy(text, 'x.yaml'), sums: {} }).keys()]).toEqual([
      'a chord nodes=9 chord.successors=2',
      'a chord nodes=9 chord.successors=3',
      'a chord nodes=8 chord.successors=2',
      'a chord nodes=8 chord.successors=3'
    ])
  })
})
