/** Studies that are run: the same results however, and after whatever; what is kept of them, and what is told of it. */
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { Check } from 'typebox/value'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runOnce } from '../src/run.ts'
import { planStudy } from '../src/study/plan-study.ts'
import { runStudy } from '../src/study/run-study.ts'
import { SAMPLES_OF_RUN_MAX, SampleFiles } from '../src/study/samples.ts'
import { resolveStudy } from '../src/study/study.ts'
import {
  folderOf,
  prepareStudy,
  runInFolder,
  STUDY_FILES,
  writeBeside,
  writeSums
} from '../src/study/study-folder.ts'
import { type StudyResults, StudyResultsSchema } from '../src/study/study-results.ts'

const TEXT = `title: Small
common: { seeds: 5, warmup: 20, duration: 30 }
parts:
  - name: keys
    overlays: [chord, kelips]
    nodes: [12, 20]
    lookups: 30
    published:
      - { overlay: kelips, at: { nodes: 20 }, figure: hops, value: 1, source: A paper }
  - name: words
    overlays: [gnutella]
    nodes: 12
    lookups: 0
    searches: 10
`
const study = (workers: number, set: string[] = []) => resolveStudy(TEXT, 'small.yaml', { workers, set })
/** Without what differs from time to time, and from host to host. */
const comparable = ({ host: _, ...results }: StudyResults) =>
  JSON.stringify(results, (key, value) => (key === 'cost' ? undefined : value))

let folder: string
let whole: StudyResults
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'servent-lab-'))
  const planned = await planStudy(study(1))
  await prepareStudy(planned, join(folder, 'one'))
  whole = await runInFolder(planned, { folder: join(folder, 'one') })
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a study', () => {
  it('gives results of the schema, with its points in order and a figure of each run', () => {
    expect(Check(StudyResultsSchema, whole)).toBe(true)
    const [keys, words] = whole.parts
    expect(keys!.points.map(({ overlay, at }) => [overlay, at.nodes])).toEqual([
      ['chord', 12],
      ['kelips', 12],
      ['chord', 20],
      ['kelips', 20]
    ])
    for (const { figures, results } of keys!.points) {
      expect(figures.success.runs).toHaveLength(5)
      expect(figures.success.median).toBe(1)
      expect(results.lookups).toMatchObject({ issued: 150, correct: 150 })
      expect(figures.recall.median).toBeNull()
    }
    expect(words!.points[0]!.figures.recall.runs).toHaveLength(5)
    expect(words!.points[0]!.curves.hops).toBeNull()
  })

  it('has the path of one lookup for each overlay of a part, at its first point', () => {
    const paths = whole.parts.map(({ points }) => points.map(({ results }) => results.path))
    expect(paths[0]!.map(path => path?.peers.length)).toEqual([12, undefined, undefined, undefined])
    // So few of Kelips are one group, in which everybody knows the root.
    // Nobody looked anything up.
    expect(paths[1]).toEqual([null])
  })

  it('has what the same run gives by itself', () => {
    const { plan, figures, curves } = whole.parts[0]!.points[2]!
    const runs = [1, 2, 3, 4, 5].map(seed => runOnce({ ...plan, workers: 1 }, {}, { overlay: 'chord', seed }))
    const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length
    expect(figures.hops.runs).toEqual(runs.map(({ lookups }) => mean(lookups.hops)))
    const hops = runs.flatMap(({ lookups }) => [...lookups.hops])
    for (const [steps, share] of curves.hops!)
      expect(share).toBeCloseTo(hops.filter(value => value === steps).length / hops.length, 9)
    expect(curves.hops!.reduce((sum, [, share]) => sum + share, 0)).toBeCloseTo(1, 9)
    expect(curves.latency_ms).toEqual(curves.latency_ms!.toSorted((a, b) => a - b))
    expect([curves.load![0], curves.load!.at(-1)]).toEqual([0, expect.closeTo(1, 9)])
  })

  it('sets overlays against the first one, run by run', () => {
    const [chord, kelips] = whole.parts[0]!.points
    const pair = whole.parts[0]!.paired.find(({ figure, at }) => figure === 'hops' && at.nodes === 12)
    const differences = kelips!.figures.hops.runs.map(
      (value, index) => value! - chord!.figures.hops.runs[index]!
    )
    expect(pair).toMatchObject({
      overlay: 'kelips',
      against: 'chord',
      median: differences.toSorted((a, b) => a - b)[2]
    })
    expect(whole.parts[1]!.paired).toEqual([])
  })

  it('stands beside what others published', () => {
    const { figures } = whole.parts[0]!.points[3]!
    const { median, ci95 } = figures.hops
    expect(whole.parts[0]!.published).toEqual([
      {
        overlay: 'kelips',
        at: { nodes: 20 },
        set: {},
        figure: 'hops',
        value: 1,
        source: 'A paper',
        median,
        ci95
      }
    ])
    expect(whole.parts[1]!.published).toEqual([])
  })

  it('is the same with two workers, in another folder', async () => {
    const two = await runStudy(study(2), { folder: join(folder, 'two') })
    expect(comparable(two)).toBe(comparable(whole))
    expect(two.fingerprint).toBe(whole.fingerprint)
  }, 60_000)

  it('that was interrupted goes on, and comes to the same; what is broken is run again', async () => {
    const own = join(folder, 'interrupted')
    const user = new AbortController()
    const first = runStudy(study(2), {
      folder: own,
      signal: user.signal,
      onProgress: ({ runsDone }) => {
        if (runsDone >= 7) user.abort()
      }
    })
    await expect(first).rejects.toMatchObject({ name: 'AbortError' })
    const kept = await readdir(join(own, 'runs'))
    expect(kept.length).toBeGreaterThanOrEqual(7)
    // As a disk that lost power leaves it, and as a program that was killed while it wrote.
    await writeFile(join(own, 'runs', kept[0]!), 'no run')
    await writeFile(join(own, 'runs', `${kept[1]}.part`), 'half a run')
    const begun: number[] = []
    const told: { runs: number; runsDone: number; done: number }[] = []
    const again = await runStudy(study(2), {
      folder: own,
      onBegin: ({ there, all }) => begun.push(there, all),
      onProgress: progress => told.push(progress)
    })
    expect(begun).toEqual([kept.length - 1, 25])
    expect(told[0]!.runsDone).toBeGreaterThanOrEqual(kept.length - 1)
    expect(told.at(-1)).toMatchObject({ runs: 25, runsDone: 25, done: 1 })
    expect(comparable(again)).toBe(comparable(whole))
  }, 60_000)

  it('of which everything is there runs nothing, and more seeds only those', async () => {
    const begun: number[] = []
    const onBegin = ({ there, all }: { there: number; all: number }) => begun.push(there, all)
    await runStudy(study(1), { folder: join(folder, 'one'), onBegin })
    await runStudy(study(1, ['words.seeds=6']), { folder: join(folder, 'one'), onBegin })
    expect(begun).toEqual([25, 25, 25, 26])
  }, 60_000)

  it('names a file that cannot be read before anything runs', async () => {
    const broken = resolveStudy(TEXT, 'small.yaml', { set: ['churn=trace:nowhere', 'words.churn=null'] })
    await expect(runStudy(broken, { folder: join(folder, 'no') })).rejects.toMatchObject({
      name: 'PlanError'
    })
    await expect(readdir(join(folder, 'no'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('its folder', () => {
  it('is named by what it asks, whatever the number of workers', () => {
    expect(folderOf(study(1))).toMatch(/^runs\/small-[0-9a-f]{8}$/)
    expect(folderOf(study(2))).toBe(folderOf(study(1)))
    expect(folderOf(study(1, ['seed=2']))).not.toBe(folderOf(study(1)))
  })

  it('has the plan again, results, their fingerprint, and sums of all', async () => {
    const own = join(folder, 'one')
    const read = (name: string) => readFile(join(own, name), 'utf8')
    expect(comparable(JSON.parse(await read(STUDY_FILES.results)))).toBe(comparable(whole))
    expect(await read(STUDY_FILES.fingerprint)).toBe(`${whole.fingerprint}\n`)
    expect(folderOf(resolveStudy(await read(STUDY_FILES.plan), STUDY_FILES.plan))).toBe(folderOf(study(1)))
    await writeBeside(own, 'plots/one.svg', '<svg/>')
    await writeSums(own, whole, ['plots/one.svg'])
    const lines = (await read(STUDY_FILES.sums)).trimEnd().split('\n')
    // Its own five, a graph of each of five points, and the plot.
    expect(lines).toHaveLength(11)
    for (const line of lines) {
      const [sum, name] = line.split('  ')
      const hash = createHash('sha256').update(await readFile(join(own, name!)))
      expect(hash.digest('hex'), name).toBe(sum)
    }
    expect((await readdir(own)).filter(name => name.endsWith('.part'))).toEqual([])
  })

  it('of another study is taken over, and what was of that one and is not of this is removed', async () => {
    const own = join(folder, 'taken-over')
    const run = async (part: string, nodes: string, more: string[]) => {
      const text = `title: x\nparts: [{ name: ${part}, nodes: ${nodes}, lookups: 5, warmup: 20, duration: 20 }]\n`
      const planned = await planStudy(resolveStudy(text, 'x.yaml', { workers: 1 }))
      await prepareStudy(planned, own)
      const results = await runInFolder(planned, { folder: own })
      for (const name of more) await writeBeside(own, name, 'of the lab')
      await writeSums(own, results, more)
    }
    const inIt = async () => {
      const found = await readdir(own, { recursive: true })
      return found.filter(name => !/^runs.|\.(txt|json|csv|parquet|yaml)$|SUMS$/.test(name)).sort()
    }
    await run('a', '[12, 14]', ['report.html', 'plots/a.svg', 'plots/both.svg', 'plots/edited.svg'])
    await writeFile(join(own, 'plots/mine.svg'), 'of the user')
    await writeFile(join(own, 'plots/edited.svg'), 'by the user')
    await writeFile(join(folder, 'outside'), 'of the user')
    await writeFile(join(own, 'dotted'), 'of the user')
    const sums = await readFile(join(own, STUDY_FILES.sums), 'utf8')
    const ofUser = createHash('sha256').update('of the user').digest('hex')
    const forged = ['../outside', 'dotted', './dotted', `${own}/dotted`, 'runs', 'plots/../dotted']
    await writeFile(join(own, STUDY_FILES.sums), sums + forged.map(name => `${ofUser}  ${name}\n`).join(''))
    await run('b', '12', ['plots/both.svg', 'plots/b.svg'])
    expect(await inIt()).toEqual([
      'dotted',
      'plots',
      'plots/b.svg',
      'plots/both.svg',
      'plots/edited.svg',
      'plots/mine.svg',
      'runs',
      'topology',
      'topology/b-chord-0.graphml'
    ])
    expect(await readFile(join(folder, 'outside'), 'utf8')).toBe('of the user')
    // The same run, and one more: those of before are there still.
    expect(await readdir(join(own, 'runs'))).toHaveLength(2)
  }, 60_000)

  it('keeps the report of before where there is no new one', async () => {
    const own = join(folder, 'unreported')
    const planned = await planStudy(study(1))
    await prepareStudy(planned, own)
    const results = await runInFolder(planned, { folder: own })
    await writeBeside(own, 'plots/a.svg', 'of the lab')
    await writeSums(own, results, ['plots/a.svg'])
    await writeSums(own, results, undefined)
    expect(await readdir(join(own, 'plots'))).toEqual(['a.svg'])
  }, 60_000)

  it('with checksums of something else is no folder for a study, and nothing there is touched', async () => {
    const own = join(folder, 'downloads')
    await mkdir(own)
    await writeFile(join(own, 'report.html'), 'of the user')
    const sums = `${createHash('sha256').update('of the user').digest('hex')}  report.html\n`
    await writeFile(join(own, STUDY_FILES.sums), sums)
    await expect(prepareStudy(await planStudy(study(1)), own)).rejects.toThrow(
      'SHA256SUMS there is of other files'
    )
    expect((await readdir(own)).sort()).toEqual(['SHA256SUMS', 'report.html'])
  })

  it('that takes no files is told of before anything runs', async () => {
    await writeFile(join(folder, 'file'), '')
    const planned = await planStudy(study(1))
    await expect(prepareStudy(planned, join(folder, 'file', 'in'))).rejects.toMatchObject({
      code: 'ENOTDIR'
    })
    if (process.platform === 'linux')
      for (const none of ['/proc/none', '/proc/none/within']) {
        await expect(prepareStudy(planned, none)).rejects.toMatchObject({ code: 'ENOENT' })
        await expect(writeBeside(none, 'plots/one.svg', '')).rejects.toMatchObject({ code: 'ENOENT' })
      }
    await mkdir(join(folder, 'taken', STUDY_FILES.results), { recursive: true })
    await expect(prepareStudy(planned, join(folder, 'taken'))).rejects.toThrow(
      'results.json is a folder there'
    )
  })
})

describe('samples', () => {
  it('are the same in CSV and Parquet, a row for each', async () => {
    const own = join(folder, 'one')
    const [header, ...lines] = (await readFile(join(own, STUDY_FILES.csv), 'utf8')).trimEnd().split('\n')
    expect(header).toBe('part,overlay,at,settings,seed,metric,value')
    const file = await asyncBufferFromFile(join(own, STUDY_FILES.parquet))
    const rows = await parquetReadObjects({ file })
    const asLine = ({ part, overlay, at, settings, seed, metric, value }: (typeof rows)[number]) =>
      [part, overlay, csv(at), csv(settings), seed, metric, value].join()
    const csv = (text: string) => (text.includes('"') ? `"${text.replaceAll('"', '""')}"` : text)
    expect(rows.map(asLine)).toEqual(lines)
    const hops = rows.filter(({ metric, at }) => metric === 'lookup_hops' && at === '{"nodes":20}')
    expect(hops).toHaveLength(2 * 5 * 30)
  })

  it('of metrics that the documentation names, with which bytes of a living peer are reckoned again', async () => {
    const file = await asyncBufferFromFile(join(folder, 'one', STUDY_FILES.parquet))
    const rows = await parquetReadObjects({ file })
    const page = await readFile(new URL('../../../docs/lab.md', import.meta.url), 'utf8')
    for (const metric of new Set(rows.map(row => row.metric))) expect(page).toContain(`\`${metric}\``)
    const { figures } = whole.parts[0]!.points[2]!
    const own = rows.filter(({ overlay, at }) => overlay === 'chord' && at === '{"nodes":20}')
    const [bytes, seconds] = ['run_bytes_sent', 'run_peer_s'].map(name =>
      own.filter(({ metric }) => metric === name).map(({ value }) => value as number)
    )
    expect(figures.bytes_per_s.runs).toEqual(bytes!.map((sent, index) => sent / seconds![index]!))
  })

  it('of a run are SAMPLES_OF_RUN_MAX of a kind at most, evenly taken', async () => {
    const counted = async (count: number) => {
      const [csv, parquet] = [join(folder, `${count}.csv`), join(folder, `${count}.parquet`)]
      const files = new SampleFiles(csv, parquet)
      const { points } = study(1).parts[0]!
      const run = runOnce(points[0]!.plan, {}, { overlay: 'chord', seed: 1 })
      const hops = Float64Array.from({ length: count }, (_, index) => index)
      files.add('keys', points[0]!, { ...run, lookups: { ...run.lookups, hops } })
      files.finish()
      const lines = (await readFile(csv, 'utf8')).split('\n').filter(line => line.includes(',lookup_hops,'))
      return lines.map(line => Number(line.split(',').at(-1)))
    }
    expect(await counted(SAMPLES_OF_RUN_MAX)).toHaveLength(SAMPLES_OF_RUN_MAX)
    const halved = await counted(SAMPLES_OF_RUN_MAX + 1)
    expect(halved).toHaveLength(Math.ceil((SAMPLES_OF_RUN_MAX + 1) / 2))
    expect(halved.slice(0, 3)).toEqual([0, 2, 4])
  })
})
