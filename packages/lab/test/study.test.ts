/** Plan files: what they may say, where they are wrong, and which points they come to. */
import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { resolveStudy } from '../src/study/study.ts'
import {
  PARTS_MAX,
  PLAN_FILE_BYTES_MAX,
  POINTS_MAX,
  PUBLISHED_MAX,
  RUNS_MAX,
  VALUES_MAX
} from '../src/study/study-schema.ts'

const ONE = `title: One
parts:
  - name: sizes
    overlays: [chord, kelips]
    nodes: [16, 32]
    lookups: 50
`
const study = (text: string, set: string[] = []) => resolveStudy(text, 'plans/x.yaml', { set })
const points = (text: string, set: string[] = []) => study(text, set).parts.flatMap(part => part.points)

describe('a plan file', () => {
  it('has a point for each value and overlay, in its order, each a plan of its own', () => {
    expect(points(ONE).map(({ overlay, at, plan }) => [overlay, at, plan.nodes, plan.overlays])).toEqual([
      ['chord', { nodes: 16 }, 16, ['chord']],
      ['kelips', { nodes: 16 }, 16, ['kelips']],
      ['chord', { nodes: 32 }, 32, ['chord']],
      ['kelips', { nodes: 32 }, 32, ['kelips']]
    ])
    expect(study(ONE)).toMatchObject({
      name: 'x',
      title: 'One',
      parts: [{ title: 'sizes', varies: ['nodes'] }]
    })
  })

  it('varies settings of one overlay alone, and several fields with each other', () => {
    const text = `${ONE}    failures: [null, 0.2]
    grid:
      chord: { successors: [4, 8], proximity: [on, off] }
`
    const all = points(text)
    expect(all).toHaveLength(2 * 2 * (4 + 1))
    expect(all.slice(0, 5).map(({ overlay, set }) => [overlay, set])).toEqual([
      ['chord', { 'chord.successors': 4, 'chord.proximity': 'on' }],
      ['chord', { 'chord.successors': 4, 'chord.proximity': 'off' }],
      ['chord', { 'chord.successors': 8, 'chord.proximity': 'on' }],
      ['chord', { 'chord.successors': 8, 'chord.proximity': 'off' }],
      ['kelips', {}]
    ])
    expect(all[3]!.plan.set).toEqual({ 'chord.successors': 8, 'chord.proximity': 'off' })
    expect(new Set(all.map(({ at }) => JSON.stringify(at))).size).toBe(4)
  })

  it('has peers join at all points where firewalls vary, the one without among them, unless it says otherwise', () => {
    const part = 'title: One\nparts:\n  - name: walls\n    nodes: 16\n'
    const walls = (more: string) => points(part + more)
    const begins = (more: string) => walls(more).map(({ plan: { start, warmup } }) => [start, warmup])
    expect(begins('    firewalled: [0, 0.5]\n')).toEqual([
      ['joined', 7200],
      ['joined', 7200]
    ])
    expect(begins('    firewalled: [0]\n')).toEqual([['ideal', 60]])
    expect(begins('    firewalled: 0\n')).toEqual([['ideal', 60]])
    expect(begins('    firewalled: [0, 0.5]\n    churn: [null, exp:1h]\n')).toEqual([
      ['joined', 7200],
      ['joined', 7200],
      ['joined', 3600],
      ['joined', 3600]
    ])
    expect(() => walls('    firewalled: [0, 0.5]\n    start: ideal\n')).toThrow('try --start joined')
    const { resolved } = study(`${ONE}    firewalled: [0, 0.5]\n`)
    expect(resolved).toContain('start: joined')
    expect(study(resolved).resolved).toBe(resolved)
  })

  it('says in `common` what all parts have, which a part may have otherwise', () => {
    const text = `title: Two
common: { seeds: 3, lookups: 10, set: { chord.successors: 3, kelips.contacts: 3 }, overlays: [chord, kelips] }
parts:
  - name: a
  - name: b
    seeds: 2
    set: { chord.successors: 5 }
`
    expect(points(text).map(({ plan }) => [plan.seeds, plan.set])).toEqual([
      [3, { 'chord.successors': 3 }],
      [3, { 'kelips.contacts': 3 }],
      [2, { 'chord.successors': 5 }],
      [2, { 'kelips.contacts': 3 }]
    ])
  })

  it('is changed by what is set: a field everywhere, one of a part, a setting', () => {
    const set = ['seeds=7', 'sizes.nodes=[8, 9]', 'chord.successors=4', 'churn=exp:1h']
    expect(points(ONE, set).map(({ plan }) => [plan.seeds, plan.nodes, plan.set, plan.churn])).toEqual([
      [7, 8, { 'chord.successors': 4 }, 'exp:1h'],
      [7, 8, {}, 'exp:1h'],
      [7, 9, { 'chord.successors': 4 }, 'exp:1h'],
      [7, 9, {}, 'exp:1h']
    ])
  })

  it('may have a setting set that varies, or of the overlay that a part has where it names none', () => {
    const grid = `${ONE}    grid: { chord: { successors: [4, 8] } }\n`
    expect(points(grid, ['chord.successors=6']).map(({ set }) => set)).toEqual([
      { 'chord.successors': 6 },
      {},
      { 'chord.successors': 6 },
      {}
    ])
    const bare = 'title: x\nparts: [{ name: a, nodes: 8 }]\n'
    expect(points(bare, ['chord.successors=6'])[0]!.plan.set).toEqual({ 'chord.successors': 6 })
  })

  it('has the same name and points when its resolved file is run', () => {
    const named = resolveStudy(study(ONE).resolved, 'runs/x-1/plan.resolved.yaml')
    expect([named.name, named.resolved]).toEqual(['x', study(ONE).resolved])
    expect(() => study('name: a/b\n'.concat(ONE))).toThrow('plans/x.yaml:1: name is "a/b"')
  })

  it('is resolved to a file that comes to the same points, with its defaults', () => {
    const text = `${ONE}    churn: [null, 'exp:1h']
    grid: { chord: { successors: [4, 8] } }
    set: { kelips.contacts: 3 }
`
    const { resolved } = study(text, ['seeds=2'])
    expect(resolved).toContain('latency: planetlab')
    // It follows from churn, and so is another one at other points.
    expect(resolved).not.toContain('duration:')
    expect(points(resolved)).toEqual(points(text, ['seeds=2']))
    expect(study(resolved).resolved).toBe(resolved)
  })
})

describe('what is wrong is told with its line, before anything runs', () => {
  it.each([
    ['a wrong key', ONE.replace('lookups', 'lookup'), 'plans/x.yaml:6: parts[0] has no lookup.'],
    [
      'size zero',
      ONE.replace('[16, 32]', '[16, 0]'),
      'plans/x.yaml:5: parts[0].nodes[1] is 0, and it takes a whole number from 2 to 1000000.'
    ],
    [
      'a hundred million peers',
      ONE.replace('[16, 32]', '100000000'),
      'parts[0].nodes is 100000000, and it takes a whole number from 2 to 1000000.'
    ],
    [
      'an overlay that there is not',
      ONE.replace('kelips', 'tapestry'),
      'plans/x.yaml:4: parts[0].overlays[1] is "tapestry", and it takes one of napster, gnutella, fasttrack, chord, pastry, kelips, kademlia.'
    ],
    [
      'a figure that there is not',
      `${ONE}    published:\n      - { overlay: chord, figure: hopps, value: 1, source: A paper }\n`,
      'plans/x.yaml:8: parts[0].published[0].figure is "hopps", and it takes one of success, hops, hops_p95, '
    ],
    [
      'a choice that there is not, of a field that may have several',
      `${ONE}    sharing: [even, odd]\n`,
      'plans/x.yaml:7: parts[0].sharing[1] is "odd", and it takes one of even, heavy.'
    ],
    ['nothing', '', 'plans/x.yaml is empty: a plan file has a title and parts.'],
    [
      'words about it alone',
      '# To be written\n',
      'plans/x.yaml is empty: a plan file has a title and parts.'
    ],
    ['no parts', 'title: None\nparts: []\n', 'plans/x.yaml:2: parts is []'],
    ['no title', 'parts: [{name: a}]\n', 'The file lacks title.'],
    ['no YAML', 'title: {\n', 'plans/x.yaml:2:'],
    ['a name twice', `${ONE}  - name: sizes\n`, 'plans/x.yaml:7: Two parts are named sizes.'],
    ['the name of an overlay', ONE.replace('sizes', 'chord'), 'A part cannot be named chord'],
    [
      'a setting that there is not',
      `${ONE}    set:\n      chord.sucessors: 4\n`,
      'plans/x.yaml:8: There is no setting chord.sucessors.'
    ],
    [
      'a setting of none of its overlays',
      `${ONE}    set: { pastry.leaf-set: 4 }\n`,
      'plans/x.yaml:7: pastry.leaf-set is set, and the overlays of sizes are chord, kelips.'
    ],
    [
      'a grid of none of its overlays',
      `${ONE}    grid: { pastry: { leaf-set: [4] } }\n`,
      'plans/x.yaml:7: grid has pastry, which is not among the overlays of sizes.'
    ],
    [
      'what excludes each other',
      `${ONE}    failures: 0.1\n    churn: exp:1h\n`,
      'plans/x.yaml:7: failures and churn exclude each other'
    ],
    [
      'what excludes each other in what all parts have',
      `${ONE}common:\n  seeds: 2\n  failures: 0.1\n  churn: exp:1h\n`,
      'plans/x.yaml:9: failures and churn exclude each other'
    ],
    [
      'one of several values, by its own line',
      `${ONE}    churn:\n      - null\n      - often\n`,
      'plans/x.yaml:9: churn: "often" is no distribution'
    ],
    [
      'one of several values of a setting',
      `${ONE}    grid:\n      chord:\n        successors:\n          - 4\n          - 0\n`,
      'plans/x.yaml:11: chord.successors takes a whole number'
    ],
    [
      'nothing that is asked for',
      ONE.replace('lookups: 50', 'lookups: 0'),
      'plans/x.yaml:6: The plan asks for nothing'
    ],
    [
      'what real peers have not',
      `${ONE}common: { backend: in-process, nodes: 8 }\n`.replace(
        '    nodes: [16, 32]\n',
        '    liars: 0.1\n'
      ),
      'plans/x.yaml:5: A part of the peers lies'
    ],
    ['a model that there is not', `${ONE}    latency: quick\n`, 'plans/x.yaml:7: latency: '],
    [
      'an alias',
      'title: &a x\nabout: *a\nparts: [{name: a}]\n',
      'plans/x.yaml:2: A plan file has no aliases.'
    ]
  ])('%s', (_, text, message) => {
    expect(() => study(text)).toThrow(expect.objectContaining({ name: 'PlanError' }))
    expect(() => study(text)).toThrow(message)
  })

  it.each([
    ['seeds', '--set takes field=value'],
    ['none.nodes=3', '--set none.nodes=3: the plan has no part none'],
    ['seed={', '--set seed={: '],
    ['nodes=[1', /^--set nodes=\[1: Flow sequence must end with a \]\.$/],
    ['pastry.leaf-set=8', '--set pastry.leaf-set=8: no part runs pastry.'],
    ['seeds=0', '--set seeds=0: parts[0].seeds is 0, and it takes'],
    ['sizes.nodes=[8, 1]', '--set sizes.nodes=[8, 1]: parts[0].nodes[1] is 1, and it takes'],
    ['speed=3', '--set speed=3: parts[0] has no speed.'],
    ['churn=often', '--set churn=often: churn: "often" is no distribution'],
    ['chord.successors=0', '--set chord.successors=0: chord.successors takes a whole number'],
    ['kelips.group=2', '--set kelips.group=2: There is no setting kelips.group.']
  ])('a change: %s', (change, message) => {
    expect(() => study(ONE, [change])).toThrow(message)
  })

  it.each([0, 'x', Number.NaN])('a number of workers: %s', workers => {
    expect(() => resolveStudy(ONE, 'plans/x.yaml', { workers: workers as number })).toThrow(
      new RegExp(`^--workers is ${JSON.stringify(workers) ?? ''}`.replace('null', 'NaN'))
    )
  })
})

describe('bounds of a plan file', () => {
  const parts = (count: number) =>
    `title: Many\nparts:\n${Array.from({ length: count }, (_, at) => `  - { name: a${at}, nodes: 8, lookups: 1 }\n`).join('')}`
  const values = (count: number) =>
    `title: Many\nparts:\n  - { name: a, lookups: 1, nodes: [${Array.from({ length: count }, (_, at) => at + 2)}] }\n`
  const many = (nodes: number, lookups: number, seeds = 1) =>
    `title: Many\nparts:\n  - { name: a, seeds: ${seeds}, nodes: [${Array.from({ length: nodes }, (_, at) => at + 2)}], lookups: [${Array.from({ length: lookups }, (_, at) => at + 1)}] }\n`

  it('PARTS_MAX parts, and not one more', () => {
    expect(points(parts(PARTS_MAX))).toHaveLength(PARTS_MAX)
    expect(() => points(parts(PARTS_MAX + 1))).toThrow('parts')
  })

  it('VALUES_MAX values of a field, and not one more', () => {
    expect(points(values(VALUES_MAX))).toHaveLength(VALUES_MAX)
    expect(() => points(values(VALUES_MAX + 1))).toThrow('nodes')
  })

  it('POINTS_MAX points and RUNS_MAX runs, and not one more', () => {
    expect(points(many(50, POINTS_MAX / 50, RUNS_MAX / POINTS_MAX))).toHaveLength(POINTS_MAX)
    expect(() => points(many(50, POINTS_MAX / 50, RUNS_MAX / POINTS_MAX + 1))).toThrow(
      `plans/x.yaml:3: With this part there are 102000 runs, and a study has ${RUNS_MAX} at most`
    )
    expect(() => points(many(51, POINTS_MAX / 50))).toThrow(
      `plans/x.yaml:3: With this part there are 2040 points, and a study has ${POINTS_MAX} at most`
    )
    expect(() => study(many(50, POINTS_MAX / 50), ['seeds=51'])).toThrow(
      '--set seeds=51: With this part there are 102000 runs'
    )
  })

  it('are held before the points are made, however many they are', () => {
    const axis = `[${Array.from({ length: VALUES_MAX }, (_, at) => at + 2)}]`
    const text = `${ONE}    seeds: ${axis}\n    seed: ${axis}\n    warmup: ${axis}\n    duration: ${axis}\n    puts: ${axis}\n`
    expect(() => study(text)).toThrow(
      `plans/x.yaml:3: With this part there are ${4 * VALUES_MAX ** 5} points`
    )
  })

  it('PLAN_FILE_BYTES_MAX bytes, and not one more', () => {
    const padded = (bytes: number) => `${ONE}#${' '.repeat(bytes - ONE.length - 1)}`
    expect(points(padded(PLAN_FILE_BYTES_MAX))).toHaveLength(4)
    expect(() => points(padded(PLAN_FILE_BYTES_MAX + 1))).toThrow(`more than ${PLAN_FILE_BYTES_MAX} bytes`)
  })
})

it('the plans that are shipped are plans', async () => {
  const folder = new URL('../../../plans/', import.meta.url)
  const files = (await readdir(folder)).filter(name => name.endsWith('.yaml'))
  expect(files).toContain('quick.yaml')
  for (const file of files) {
    const shipped = resolveStudy(await readFile(new URL(file, folder), 'utf8'), file)
    expect(shipped.parts.flatMap(part => part.points).length, file).toBeGreaterThan(0)
    expect(shipped.about, file).toBeDefined()
  }
})

it.each(['simulator', 'in-process', 'processes'])(
  'the plan of real peers is one for the backend %s',
  async backend => {
    const text = await readFile(new URL('../../../plans/real.yaml', import.meta.url), 'utf8')
    const { parts } = resolveStudy(text, 'real.yaml', { set: [`backend=${backend}`] })
    expect(parts.map(({ name, points }) => [name, points.length])).toEqual([
      ['quiet', 4],
      ['failures', 2],
      ['churn', 2],
      ['partition', 2]
    ])
    for (const { plan } of parts.flatMap(part => part.points)) expect(plan.backend).toBe(backend)
  }
)

describe('figures of others', () => {
  const withFigures = (figures: string) => `${ONE}    published: [${figures}]\n`

  it('are of one point each, whatever else of it is not said', () => {
    const text = withFigures(
      '{ overlay: chord, at: { nodes: 32 }, figure: hops_as_published, value: 2.5, source: A paper }'
    )
    const [part] = study(text).parts
    expect(part!.published).toEqual([
      { point: 2, figure: 'hops_as_published', value: 2.5, source: 'A paper' }
    ])
    expect(study(study(text).resolved).parts[0]!.published).toEqual(part!.published)
  })

  it.each([
    [
      '{ overlay: chord, figure: hops, value: 1, source: x }',
      'plans/x.yaml:7: published[0] is of 2 points of sizes'
    ],
    [
      '{ overlay: chord, at: { nodes: 64 }, figure: hops, value: 1, source: x }',
      'published[0] is of no point of sizes'
    ],
    [
      '{ overlay: chord, at: { nodes: 16 }, figure: steps, value: 1, source: x }',
      'published[0].figure is "steps"'
    ],
    ['{ overlay: chord, at: { nodes: 16 }, figure: hops, value: 1 }', 'published[0] lacks source.']
  ])('refused: %s', (figures, message) => {
    expect(() => study(withFigures(figures))).toThrow(message)
  })

  it('PUBLISHED_MAX of them, and not one more', () => {
    const some = (count: number) =>
      withFigures(
        Array(count)
          .fill('{ overlay: chord, at: { nodes: 16 }, figure: hops, value: 1, source: x }')
          .join(', ')
      )
    expect(study(some(PUBLISHED_MAX)).parts[0]!.published).toHaveLength(PUBLISHED_MAX)
    expect(() => study(some(PUBLISHED_MAX + 1))).toThrow('published')
  })
})
