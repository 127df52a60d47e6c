/** `lab` on the command line: no node runs, and none is needed. */
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, watch, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ResultsSchema, type StudyResults, StudyResultsSchema } from '@servent/lab'
import { Command } from 'commander'
import { Check } from 'typebox/value'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { again, labVerbs } from '../src/cli/verbs/lab.ts'
import { runLine } from './fixture.ts'

const SMALL = '--nodes 24 --lookups 30 --warmup 20 --duration 30 --workers 1'
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'servent-lab-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A slow machine says each ten seconds how far it is. */
const besideProgress = (err: string) => err.replaceAll(/^\d+ %: .*\n/gm, '')

describe('lab run', () => {
  const PLAN = `title: Small
common: { warmup: 20, duration: 20 }
parts:
  - name: sizes
    title: Two sizes
    overlays: [chord, kelips]
    nodes: [12, 16]
    lookups: 20
`
  const planIn = async (name: string) => {
    const own = await mkdtemp(join(folder, name))
    await writeFile(join(own, 'small.yaml'), PLAN)
    return own
  }

  it('prints one object of the schema, and has a folder with all that it says', async () => {
    const cwd = await planIn('json')
    const { code, json, err } = await runLine('lab run small.yaml --workers 1 --json', { cwd })
    expect({ code, err: besideProgress(err) }).toEqual({ code: 0, err: '' })
    expect(json).toHaveLength(1)
    const { folder: own, ...results } = json[0] as unknown as StudyResults & { folder: string }
    expect(Check(StudyResultsSchema, results)).toBe(true)
    const { event, ...written } = results
    expect(event).toBe('done')
    expect(own).toMatch(/\/runs\/small-[0-9a-f]{8}$/)
    expect(JSON.parse(await readFile(join(own, 'results.json'), 'utf8'))).toEqual(written)
    expect((await readdir(own)).sort()).toEqual([
      'SHA256SUMS',
      'fingerprint.txt',
      'plan.resolved.yaml',
      'plots',
      'report.html',
      'results.json',
      'runs',
      'samples.csv',
      'samples.parquet',
      'topology'
    ])
    const sums = await readFile(join(own, 'SHA256SUMS'), 'utf8')
    for (const name of ['report.html', 'results.json', 'topology/sizes-chord-0.graphml'])
      expect(sums).toContain(`  ${name}\n`)
  })

  it('shows a table for each part, and runs nothing again that is there', async () => {
    const cwd = await planIn('table')
    const line = 'lab run small.yaml --set seeds=2 --set sizes.nodes=[12,18] --out mine'
    const first = await runLine(line, { cwd })
    expect(first.code).toBe(0)
    const [title, header, ...rows] = first.out.split('\n')
    expect(title).toBe('Two sizes (medians of 2 runs)')
    expect(header).toMatch(/^OVERLAY +NODES +RIGHT +HOPS +MS /)
    expect(rows.slice(0, 4).map(row => row.split(/ +/).slice(0, 3).join(' '))).toEqual([
      'chord 12 1.0000',
      'kelips 12 1.0000',
      'chord 18 1.0000',
      'kelips 18 1.0000'
    ])
    expect(first.out).toMatch(/\nFingerprint [0-9a-f]{64}\n$/)
    const again = await runLine(line, { cwd })
    expect(again.out).toBe(first.out)
    expect(again.err).toContain('8 of 8 runs are in mine already.')
    const resolved = await runLine('lab run mine/plan.resolved.yaml --out mine', { cwd })
    expect(resolved.out).toBe(first.out)
  })

  it.each([
    ['none.yaml', 'error: The plan none.yaml cannot be read: ENOENT'],
    [
      'small.yaml --set sizes.nodes=0',
      'error: --set sizes.nodes=0: parts[0].nodes is 0, and it takes a whole number'
    ],
    [
      'small.yaml --set latency=matrix:none.tsv',
      'error: --set latency=matrix:none.tsv: latency names the file '
    ],
    ['latin.yaml', 'error: The plan latin.yaml cannot be read: it is no text in UTF-8.\n'],
    ['none-there.yaml', 'error: none-there.yaml:6: churn names the file '],
    ['broken.yaml', 'error: broken.yaml:6: latency: odd.tsv: Line 2: row 2 of 2 has 1 figures'],
    ['many.yaml', 'error: many.yaml:7: 1000000 peers of chord have about 27000000 links'],
    ['large.yaml', 'error: large.yaml:6: A run of chord with 300 peers'],
    ['small.yaml --out small.yaml', 'error: The study goes to small.yaml, and nothing can be written there'],
    ['small.yaml --workers none', 'error: --workers is "none", and it takes a whole number from 1 to '],
    ['small.yaml --set seeds=[1', 'error: --set seeds=[1: Flow sequence must end with a ].\n']
  ])('refuses %s before anything runs', async (line, message) => {
    const cwd = await planIn('refused')
    const plans = {
      'none-there': '    churn: trace:none',
      broken: '    latency: matrix:odd.tsv',
      many: '    seeds: 1\n    nodes: 1000000',
      large: '    seeds: 1000\n    nodes: 300\n    lookups: 10000000'
    }
    for (const [name, fields] of Object.entries(plans))
      await writeFile(
        join(cwd, `${name}.yaml`),
        `title: One\nparts:\n  - name: one\n    overlays:\n      - chord\n${fields}\n`
      )
    await writeFile(join(cwd, 'odd.tsv'), '0 1\n1\n')
    await writeFile(join(cwd, 'latin.yaml'), PLAN.replace('Small', 'Caf\xe9'), 'latin1')
    const { code, out, err } = await runLine(`lab run ${line}`, { cwd })
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(message)
    expect(err).toContain('servent lab run')
    expect(err).toMatch(/^try: .*plans\/quick\.yaml|^try: .* --out /m)
    expect(err).not.toContain('lab compare')
    // Nor is anything left where the study would have gone.
    expect((await readdir(cwd)).filter(name => !/\.(yaml|tsv)$/.test(name))).toEqual([])
  })

  it('leaves a report, which is drawn again, and beside that of another study', async () => {
    const cwd = await planIn('report')
    for (const seed of [1, 2]) {
      const line = `lab run small.yaml --set seed=${seed} --out run${seed}`
      expect((await runLine(line, { cwd })).code).toBe(0)
    }
    const page = await readFile(join(cwd, 'run1/report.html'), 'utf8')
    expect(page).toContain('Two sizes')
    const plots = await readdir(join(cwd, 'run1/plots'))
    expect(plots.filter(name => name.endsWith('.svg')).length).toBeGreaterThan(3)
    expect(await readFile(join(cwd, 'run1/SHA256SUMS'), 'utf8')).toContain(`  plots/${plots[0]}\n`)
    await rm(join(cwd, 'run1/report.html'))
    expect((await runLine('lab report run1', { cwd })).code).toBe(0)
    expect(await readFile(join(cwd, 'run1/report.html'), 'utf8')).toBe(page)
    const both = await runLine('lab report run1 run2/results.json --out both --json', { cwd })
    expect(both.code).toBe(0)
    expect(both.json).toMatchObject([{ event: 'done', folder: join(cwd, 'both') }])
    expect(await readFile(join(cwd, 'both/report.html'), 'utf8')).not.toBe(page)
    for (const wrong of ['none', 'small.yaml', 'run1/plots']) {
      const refused = await runLine(`lab report ${wrong}`, { cwd })
      expect({ code: refused.code, out: refused.out }).toEqual({ code: 2, out: '' })
      expect(refused.err).toContain(`${wrong} is no study that was run: `)
    }
  }, 60_000)

  it('finds the files of a plan beside it', async () => {
    const cwd = await planIn('beside')
    await writeFile(join(cwd, 'two.tsv'), '0\t30\n30\t0\n')
    const line = 'lab run ../beside/small.yaml --set latency=matrix:two.tsv --out out'
    const first = await runLine(line.replace('../beside', cwd), { cwd: folder })
    expect({ code: first.code, err: first.err.includes('error') }).toEqual({ code: 0, err: false })
    // And of the plan that it leaves, wherever that lies then.
    await rename(join(folder, 'out'), join(cwd, 'moved'))
    await rm(join(cwd, 'two.tsv'))
    const again = await runLine('lab run moved/plan.resolved.yaml --out again', { cwd })
    expect(again).toMatchObject({ code: 0, out: first.out })
    expect(await readFile(join(cwd, 'again/SHA256SUMS'), 'utf8')).toMatch(
      / {2}files\/two-[0-9a-f]{12}\.tsv\n/
    )
  })
})

describe('lab export-p2psim and read-p2psim', () => {
  const PLAN = `title: Small
common: { nodes: 12, lookups: 20, warmup: 30, duration: 30, churn: 'exp:10m' }
parts:
  - { name: one, overlays: [chord, pastry] }
`
  /** Only what is read of p2psim's statistics. */
  const stats = (bytes: number, lookups: number) => `<-----STATS----->
BW_PER_TYPE:: 0:${bytes}
LOOKUP_RATES:: success:1.000 incorrect:0.000 failed:0.000
CORRECT_LOOKUPS:: lookup_median:77 hops_mean:2.500 numlookups:${lookups}
INCORRECT_LOOKUPS:: numlookups:0
FAILED_LOOKUPS:: numlookups:0
<-----ENDSTATS----->
`

  it('writes what p2psim runs, and sets what it printed beside the study', async () => {
    const cwd = await mkdtemp(join(folder, 'p2psim'))
    await writeFile(join(cwd, 'small.yaml'), PLAN)
    const exported = await runLine('lab export-p2psim small.yaml --out theirs', { cwd })
    expect(exported.code).toBe(0)
    expect(exported.err).toContain('Left out: 1 point, as p2psim has no pastry')
    expect(exported.err).toContain('files of 1 run beside it')
    expect((await readdir(join(cwd, 'theirs'))).sort()).toEqual([
      'events',
      'generators',
      'manifest.json',
      'protocols',
      'run.sh',
      'topologies'
    ])
    expect((await runLine('lab run small.yaml --out ours', { cwd })).code).toBe(0)
    const before = await runLine('lab read-p2psim theirs ours', { cwd })
    expect(before.err).toMatch(
      /2 logs of p2psim are not there, as out\/one-chord-0-seed-1-before-[0-9a-f]{12}\.log/
    )
    const { points } = JSON.parse(await readFile(join(cwd, 'theirs/manifest.json'), 'utf8'))
    const [logs] = points[0].runs
    await mkdir(join(cwd, 'theirs', 'out'))
    await writeFile(join(cwd, 'theirs', logs.before), stats(100, 0))
    await writeFile(join(cwd, 'theirs', logs.whole), stats(5000, 20))
    const { code, out, err } = await runLine('lab read-p2psim theirs ours', { cwd })
    expect(code).toBe(0)
    const [header, chord] = out.split('\n')
    expect(header!.match(/p2psim/g)).toHaveLength(4)
    expect(chord).toMatch(/one +chord +1 +1 +\S+ +77 +\S+ +2\.5/)
    expect(err).toMatch(/Differs: one, chord: .*latency_ms/)
    const { json } = await runLine('lab read-p2psim theirs ours --json', { cwd })
    expect(json[0]).toMatchObject({
      event: 'done',
      points: [{ overlay: 'chord', runs: 1, p2psim: { success: 1, latency_ms: 77, hops: 2.5 } }],
      missing: [],
      left_out: [{ overlay: 'pastry' }]
    })
  })

  it.each([
    ['export-p2psim small.yaml', 'out'],
    ['export-p2psim nowhere.yaml --out x', 'nowhere.yaml'],
    ['read-p2psim nowhere nowhere', 'no study that was run'],
    ['export-p2psim small.yaml --out x --set one.overlays=[pastry]', 'p2psim can run nothing of small']
  ])('2 for %s', async (line, named) => {
    const cwd = await mkdtemp(join(folder, 'wrong'))
    await writeFile(join(cwd, 'small.yaml'), PLAN)
    const { code, err } = await runLine(`lab ${line}`, { cwd })
    expect(code).toBe(2)
    expect(err).toContain(named)
  })
})

describe('lab compare', () => {
  it('prints one object of the schema, and writes it with its fingerprint', async () => {
    const line = `lab compare --overlays chord ${SMALL} --set chord.successors=4 --out out --json`
    const { code, json, err } = await runLine(line, { cwd: folder })
    expect({ code, err: besideProgress(err) }).toEqual({ code: 0, err: '' })
    const [results] = json as unknown as [Record<string, unknown>]
    expect(json).toHaveLength(1)
    expect(Check(ResultsSchema, results)).toBe(true)
    expect(results).toMatchObject({ plan: { nodes: 24, set: { 'chord.successors': 4 }, seeds: 1 } })
    const { event, ...written } = results
    expect(event).toBe('done')
    expect(JSON.parse(await readFile(join(folder, 'out/results.json'), 'utf8'))).toEqual(written)
    expect(await readFile(join(folder, 'out/fingerprint.txt'), 'utf8')).toBe(`${results.fingerprint}\n`)
  })

  it('refuses a folder that takes no results before anything runs', async () => {
    await writeFile(join(folder, 'file'), '')
    await mkdir(join(folder, 'taken/results.json'), { recursive: true })
    for (const out of ['file', 'file/within', 'taken']) {
      const {
        code,
        out: data,
        err
      } = await runLine(`lab compare --nodes 100000 --out ${out}`, { cwd: folder })
      expect({ code, data }).toEqual({ code: 2, data: '' })
      expect(err).toContain(`--out names ${join(folder, out)}, and no results can be written there: `)
    }
  })

  it.runIf(process.platform === 'linux')(
    'refuses one that the system cannot make, and soon',
    async () => {
      await writeFile(join(folder, 'out.yaml'), 'title: x\nparts: [{ name: a, nodes: 100000 }]\n')
      for (const line of ['compare --nodes 100000', 'run out.yaml']) {
        const { code, out, err } = await runLine(`lab ${line} --out /proc/none`, { cwd: folder })
        expect({ code, out }).toEqual({ code: 2, out: '' })
        expect(err).toMatch(/\/proc\/none, and .* written there: ENOENT: no such file or directory, mkdir/)
      }
    },
    10_000
  )

  it('loses nothing with a folder that goes away meanwhile', async () => {
    const out = join(folder, 'gone')
    await mkdir(out)
    const seen = watch(out)[Symbol.asyncIterator]()
    const ran = runLine(`lab compare --overlays chord ${SMALL} --out gone --json`, { cwd: folder })
    // The folder has been tried once both files that go into it have come and gone.
    while ((await seen.next()).value?.filename !== 'fingerprint.txt.part') {}
    await expect.poll(() => readdir(out), { interval: 1 }).toEqual([])
    await seen.return?.()
    await rm(out, { recursive: true })
    await writeFile(out, '')
    const { code, json } = await ran
    expect(code).toBe(1)
    expect(json).toMatchObject([
      { event: 'done', schema: 'servent-lab/1' },
      { event: 'error', code: 'failed', message: expect.stringContaining('They are on stdout.') }
    ])
  })

  it('warns where nobody was there to ask, beside --json too', async () => {
    const line =
      'lab compare --overlays gnutella --nodes 20 --lookups 5 --start joined --warmup 0 --duration 0'
    const { code, json, err } = await runLine(`${line} --json`, { cwd: folder })
    expect(code).toBe(0)
    expect(err).toMatch(/^warning: gnutella: No lookup was issued: 0 of 0 live peers took part/)
    expect(json).toMatchObject([{ overlays: [{ lookups: { issued: 0, unissued: 5 } }] }])
    expect(
      (json as unknown as { overlays: { warnings: string[] }[] }[])[0]!.overlays[0]!.warnings
    ).toHaveLength(1)
  })

  it('quotes words in the command that it shows next', async () => {
    await writeFile(join(folder, "it's a trace"), '0 3 up\n0 5 up\n0 8 up\n')
    const line = ['lab', 'compare', '--overlays', 'gnutella', '--churn', "trace:it's a trace"]
    const { code, err } = await runLine([...line, ...SMALL.split(' ')], { cwd: folder })
    expect(code).toBe(0)
    expect(err).toContain("--churn 'trace:it'\\''s a trace' --nodes 24")
  })

  it('shows a line for each figure and a column for each overlay, and what to do next', async () => {
    const line = `lab compare --overlays gnutella,chord ${SMALL} --searches 3`
    const { code, out, err } = await runLine(line, { cwd: folder, columns: 80 })
    expect(code).toBe(0)
    const lines = out.split('\n')
    expect(lines[0]).toMatch(/^24 peers, 1 run +GNUTELLA +CHORD$/)
    expect(out).toMatch(/^lookups right +30 of 30 +30 of 30$/m)
    expect(out).toMatch(/^ {2}recall +1\.000/m)
    expect(out).toMatch(/^Fingerprint [0-9a-f]{64}$/m)
    for (const text of lines) expect(text.length).toBeLessThanOrEqual(80)
    expect(err).toContain(
      'servent lab compare --overlays gnutella,chord --nodes 24 --lookups 30 --warmup 20 --duration 30 --workers 1 --searches 3 --seeds 10'
    )
  })

  it('shows intervals of five runs and more, and says what they are', async () => {
    const line = 'lab compare --overlays chord --nodes 12 --lookups 5 --warmup 20 --duration 20 --seeds'
    const few = await runLine(`${line} 4`, { cwd: folder })
    expect(few.out).toMatch(/^hops +[0-9.]+$/m)
    expect(few.out).not.toMatch(/ to .*\)|95 % interval/)
    const enough = await runLine(`${line} 5`, { cwd: folder })
    expect(enough.out).toMatch(/^hops +[0-9.]+ \([0-9.]+ to [0-9.]+\)$/m)
    expect(enough.out).toMatch(/^In brackets: the 95 % interval of a mean, over runs$/m)
  })

  it.each([
    [
      '--overlays freenet',
      'no overlay "freenet". It has napster, gnutella, fasttrack, chord, pastry, kelips, kademlia.'
    ],
    [
      '--overlays chord --backend processes --liars 0.3',
      'A part of the peers lies (liars), which the backend'
    ],
    ['--bandwidth fast', 'bandwidth is "fast"; write 1MB, or 128kB/1MB'],
    ['--resets often', 'resets is "often"; write 0.1/m'],
    ['--firewalled 1', 'firewalled is 1, and it takes a number from 0 to 0.95.'],
    ['--nodes few', 'nodes is "few", and it takes a whole number from 2 to 1000000.'],
    ['--nodes 1', 'nodes is 1, and it takes a whole number from 2 to 1000000.'],
    ['--nodes 1e9', 'nodes is 1000000000, and it takes a whole number from 2 to 1000000.'],
    ['--nodes 1000000', 'and a simulation holds 8388608. Try --nodes 300000.'],
    ['--failures 1.5', 'failures is 1.5, and it takes a number from 0 to 0.95.'],
    ['--liars 0.6', 'liars is 0.6, and it takes a number from 0 to 0.5.'],
    ['--liars 0.1 --lies fib', 'lies.0 is "fib", and it takes one of wrong-owner, drop, poison.'],
    ['--overlays gnutella --liars 0.1', 'Nobody lies in gnutella, which has no roots of keys'],
    ['--churn rubbish', '"rubbish" is no distribution of sessions. There are exp:1h,'],
    ['--start early', 'Allowed choices are ideal, joined.'],
    ['--turbo', "Unknown option '--turbo'."],
    ['--set successors=3', '--set takes overlay.key=value'],
    ['--set chord.sucessors=3', 'There is no setting chord.sucessors.'],
    ['--set ,', "Option '--set <overlay.key=value>' argument ',' is invalid. It names nothing."],
    ['--latency slow', '"slow" is no model of latency'],
    ['--latency matrix:none.tsv', 'latency names the file'],
    ['--failures 0.2 --churn exp:1h', 'failures and churn exclude each other']
  ])('2 for %s, with what there is', async (flags, sentence) => {
    const { code, out, err } = await runLine(`lab compare ${flags}`, { cwd: folder })
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(sentence)
    expect(err).toContain('try:   servent lab compare --help')
  })

  it('2 for a verb that there is not, with the one that was meant', async () => {
    const { code, err } = await runLine('lab compair', { cwd: folder })
    expect(code).toBe(2)
    expect(err).toContain('There is no verb "lab compair".')
    expect(err).toContain('try:   servent lab compare, or servent lab --help')
  })

  it('130 after Ctrl-C, soon', async () => {
    const user = new AbortController()
    setTimeout(() => user.abort(), 300)
    const line = 'lab compare --overlays chord --nodes 3000 --lookups 100000 --seeds 4 --json'
    const startedMs = performance.now()
    const { code, json } = await runLine(line, { signal: user.signal })
    expect(performance.now() - startedMs).toBeLessThan(10_000)
    expect(code).toBe(130)
    expect(json).toMatchObject([{ event: 'error', code: 'interrupted', exit: 130 }])
  })
})

describe('gates', () => {
  it('exit 8 where one comes true, for comparisons and studies, and say which; 0 else', async () => {
    const cwd = await mkdtemp(join(folder, 'gates'))
    const line = `lab compare --overlays chord ${SMALL}`
    expect((await runLine(`${line} --out base`, { cwd })).code).toBe(0)
    const same = await runLine(`${line} --baseline base/results.json --fail-if hops.p95>+10%`, { cwd })
    expect({ code: same.code, err: same.err.includes('passed: 1 of 1 gates') }).toEqual({
      code: 0,
      err: true
    })
    const gates = '--fail-if hops.p95<=+0% --fail-if success<0.5'
    const failed = await runLine(`${line} --baseline base/results.json ${gates} --json`, { cwd })
    expect(failed.code).toBe(8)
    expect(failed.json).toMatchObject([
      { event: 'done', gates: [{ gate: 'hops.p95<=+0%', name: 'chord', passed: false }, { passed: true }] }
    ])
    expect({ of: Check(ResultsSchema, failed.json[0]), err: besideProgress(failed.err) }).toEqual({
      of: true,
      err: ''
    })

    await writeFile(
      join(cwd, 'plan.yaml'),
      'title: x\nparts: [{ name: a, nodes: [12, 14], lookups: 5, warmup: 20, duration: 20 }]\n'
    )
    const study = await runLine('lab run plan.yaml --fail-if success<=1 --out mine', { cwd })
    expect(study.code).toBe(8)
    expect(study.err).toContain('failed: success<=1 of a chord nodes=14: it is 1.')
    const held = 'lab run plan.yaml --baseline mine/results.json --fail-if hops.mean>+0 --out mine'
    expect((await runLine(held, { cwd })).code).toBe(0)
  })

  it('are named where they failed with --quiet, too', async () => {
    await writeFile(
      join(folder, 'quiet.yaml'),
      'title: x\nparts: [{ name: a, nodes: [12, 14], lookups: 5, warmup: 20, duration: 20 }]\n'
    )
    for (const [line, failed] of [
      [`compare --overlays chord ${SMALL}`, ['chord']],
      ['run quiet.yaml --out quiet', ['a chord nodes=12', 'a chord nodes=14']]
    ] as const) {
      const { code, out, err } = await runLine(`lab ${line} --quiet --fail-if success<=1`, { cwd: folder })
      expect({ code, err }).toEqual({
        code: 8,
        err:
          failed.map(name => `failed: success<=1 of ${name}: it is 1.\n`).join('') +
          `error: ${failed.length} of ${failed.length} gates failed.\n`
      })
      expect(out).toMatch(/^Fingerprint /m)
    }
  })

  it('are judged, and results printed, where no report can be made of them', async () => {
    const cwd = await mkdtemp(join(folder, 'unreported'))
    await writeFile(
      join(cwd, 'plan.yaml'),
      'title: x\nparts: [{ name: a, nodes: 12, lookups: 5, warmup: 20, duration: 20 }]\n'
    )
    await mkdir(join(cwd, 'mine/report.html/taken'), { recursive: true })
    const line = 'lab run plan.yaml --out mine --fail-if'
    const failed = await runLine(`${line} success<=1 --json`, { cwd })
    expect(failed).toMatchObject({
      code: 8,
      json: [
        { event: 'done', schema: 'servent-study/1', gates: [{ gate: 'success<=1', passed: false }] },
        { event: 'error', message: expect.stringContaining('The report could not be written to mine: ') }
      ]
    })
    const passed = await runLine(`${line} success<0.5`, { cwd })
    expect(passed.code).toBe(1)
    expect(passed.out).toMatch(/^Fingerprint /m)
    expect(passed.err).toMatch(/passed: 1 of 1 gates\nerror: The report could not be written to mine: /)
    expect(passed.err).toContain('servent lab report mine')
    const results = createHash('sha256').update(await readFile(join(cwd, 'mine/results.json')))
    expect(await readFile(join(cwd, 'mine/SHA256SUMS'), 'utf8')).toContain(
      `${results.digest('hex')}  results.json\n`
    )
  })

  it.each([
    ['--fail-if success', '--fail-if takes a metric'],
    ['--fail-if recall<0.5', 'the plan has no searches'],
    ['--fail-if hops.mean>+1', 'give one with --baseline FILE'],
    ['--baseline none.json --fail-if hops.mean>+1', '--baseline names none.json, which cannot be read'],
    ['--baseline none.json', 'no --fail-if says what must not be']
  ])('2 for %s, before anything runs', async (flags, message) => {
    const { code, out, err } = await runLine(`lab compare --nodes 100000 ${flags}`, { cwd: folder })
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(message)
  })
})

describe('an empty gate', () => {
  it.each(['', ' ', ',', 'success<0.5,'])('2 for "%s", as nothing would ever fail it', async gate => {
    await writeFile(join(folder, 'gated.yaml'), 'title: x\nparts: [{ name: a, nodes: 100000 }]\n')
    for (const what of [
      ['compare', '--nodes', '100000'],
      ['run', 'gated.yaml']
    ]) {
      const { code, out, err } = await runLine(['lab', ...what, '--fail-if', gate], { cwd: folder })
      expect({ code, out }).toEqual({ code: 2, out: '' })
      expect(err).toContain('--fail-if has an empty gate, ')
    }
  })
})

it('the command again has flags by the names that they have', () => {
  const program = new Command()
  labVerbs(program, () => async () => {})
  const [lab] = program.commands
  const { options } = lab!.commands.find(one => one.name() === 'compare')!
  expect(options.map(({ long }) => long)).toContain('--fail-if')
  for (const option of options)
    expect(again({ [option.attributeName()]: ['x'] }, {})).toBe(`servent lab compare ${option.long} x`)
})

describe('lab verify', () => {
  it('9 where a number of a protocol has changed, and which; 0 once it is renewed on purpose', async () => {
    const file = join(folder, 'plans.json')
    const plan = { nodes: 16, lookups: 20, warmup: 20, duration: 20, workers: 1 }
    const stored = ['gnutella', 'chord'].map(name => ({
      name,
      plan: { ...plan, overlays: [name] },
      fingerprint: 'none'
    }))
    await writeFile(file, JSON.stringify(stored))
    const renewed = await runLine('lab verify --plans plans.json --update', { cwd: folder })
    expect(renewed).toMatchObject({ code: 0 })
    expect(renewed.err).toContain(`Written: ${file}`)

    const changed = 'lab verify --plans plans.json --set chord.stabilise-ms=10000'
    const drifted = await runLine(changed, { cwd: folder })
    expect(drifted.code).toBe(9)
    expect(drifted.out).toMatch(/^same +gnutella +[0-9a-f]{64}\ndiffers +chord +[0-9a-f]{64}\n$/)
    expect(drifted.err).toContain('error: The fingerprint of chord is another one than was stored.')
    expect(drifted.err).toContain('try:   servent lab verify --update')

    const json = await runLine('lab verify --plans plans.json --json', { cwd: folder })
    expect(json).toMatchObject({
      code: 0,
      json: [{ event: 'done', same: true, plans: [{ same: true }, { same: true }] }]
    })
    // Six simulations, each in a thread that begins anew: five seconds of a processor, which others may want too.
  }, 60_000)

  it('2 for a setting or a plan that there is not, with the help of this verb', async () => {
    const misspelt = await runLine('lab verify --set chrod.successors=3')
    expect(misspelt).toMatchObject({ code: 2, out: '' })
    expect(misspelt.err).toContain('chrod.successors is set, and no stored plan runs that overlay')
    expect(misspelt.err).toContain('try:   servent lab verify --help')
  })

  it('2 for a list of no plans, which would come out the same', async () => {
    await writeFile(join(folder, 'none.json'), '[]')
    for (const flag of ['', '--update']) {
      const { code, out, err } = await runLine(`lab verify --plans none.json ${flag}`, { cwd: folder })
      expect({ code, out }).toEqual({ code: 2, out: '' })
      expect(err).toContain('The stored plans are no list of one or more objects')
    }
  })

  it('renews nothing with --set', async () => {
    const { code, err } = await runLine('lab verify --update --set chord.successors=3')
    expect(code).toBe(2)
    expect(err).toContain('Plans are not renewed with --set')
  })
})

it('help names the verbs, their flags and examples; completion knows them', async () => {
  const { code, out } = await runLine('lab compare --help')
  expect(code).toBe(0)
  for (const flag of [
    '--overlays',
    '--failures',
    '--liars',
    '--lies',
    '--churn',
    '--partition',
    '--latency',
    '--set',
    '--out'
  ])
    expect(out).toContain(flag)
  expect((await runLine('lab')).out).toContain('compare')
  const { out: script } = await runLine('completion bash')
  expect(script).toMatch(
    /lab\) flags=".*--failures.*--update.*words="compare run report verify export-p2psim read-p2psim"/
  )
})
