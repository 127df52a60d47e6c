/** Studies that name files: what is wrong with them is told with its line, and their resolved plans run again. */
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keptName, keptNames, NAMED_FILES_BYTES_MAX, readNamedFile } from '../src/plan-files.ts'
import { checkStudy, NAMED_FILES_FOLDER, planStudy } from '../src/study/plan-study.ts'
import { resolveStudy } from '../src/study/study.ts'
import { folderOf, prepareStudy, runInFolder, STUDY_FILES, writeSums } from '../src/study/study-folder.ts'
import { CHOICE_CHARACTERS_MAX, POINTS_MAX } from '../src/study/study-schema.ts'

const TEXT = `title: Files
common: { warmup: 10, duration: 20, lookups: 15 }
parts:
  - name: network
    overlays: [chord]
    nodes: 12
    latency: ['constant:10', 'matrix:data/two hosts.tsv']
    published:
      - { overlay: chord, at: { latency: 'matrix:data/two hosts.tsv' }, figure: hops, value: 1, source: A paper }
  - name: sessions
    overlays: [gnutella]
    nodes: 12
    churn: trace:sessions.txt.gz
`
const MATRIX = '0\t30\n30\t0\n'
const TRACE = `${Array.from({ length: 12 }, (_, node) => `0 ${node} up`).join('\n')}\n15 3 down\n18 12 up\n`
const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex')

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'servent-files-'))
  await mkdir(join(folder, 'data'))
  await writeFile(join(folder, 'data', 'two hosts.tsv'), MATRIX)
  await writeFile(join(folder, 'sessions.txt.gz'), gzipSync(TRACE))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const planned = (text: string, from = folder, set: string[] = []) =>
  planStudy(resolveStudy(text, 'x.yaml', { workers: 1, set }), name => join(from, name))
const ran = async (text: string, from: string, out: string) => {
  const plan = await planned(text, from)
  await prepareStudy(plan, out)
  const results = await runInFolder(plan, { folder: out })
  await writeSums(out, results, [])
  return { plan, results }
}

describe('a study that names a matrix and a trace', () => {
  it('keeps them beside its resolved plan, which runs again wherever it lies, and comes to the same', async () => {
    const first = await ran(TEXT, folder, join(folder, 'first'))
    const names = (await readdir(join(folder, 'first', 'files'))).sort()
    const kept = [
      `sessions-${sha256(await readFile(join(folder, 'sessions.txt.gz'))).slice(0, 12)}.txt.gz`,
      `two-hosts-${sha256(MATRIX).slice(0, 12)}.tsv`
    ]
    expect(names).toEqual(kept)
    expect(await readFile(join(folder, 'first', 'files', names[1]!), 'utf8')).toBe(MATRIX)
    const sums = await readFile(join(folder, 'first', STUDY_FILES.sums), 'utf8')
    expect(sums).toContain(`${sha256(MATRIX)}  files/${names[1]}\n`)
    expect(sums).toContain(`  files/${names[0]}\n`)

    const resolved = await readFile(join(folder, 'first', STUDY_FILES.plan), 'utf8')
    expect(resolved).toContain(`matrix:files/${names[1]}`)
    expect(resolved).not.toContain('two hosts')
    const again = await ran(resolved, join(folder, 'first'), join(folder, 'again'))
    expect(again.results.fingerprint).toBe(first.results.fingerprint)
    expect(again.plan.study.resolved).toBe(resolved)
    expect(folderOf(again.plan.study)).toBe(folderOf(first.plan.study))
    const comparable = (results: object) =>
      JSON.stringify(results, (key, value) => (key === 'cost' || key === 'host' ? undefined : value))
    expect(comparable(again.results)).toBe(comparable(first.results))
    // In the folder of the first one nothing is run again.
    const begun: unknown[] = []
    const plan = await planned(resolved, join(folder, 'first'))
    await runInFolder(plan, { folder: join(folder, 'first'), onBegin: runs => begun.push(runs) })
    expect(begun).toEqual([{ there: 3, all: 3 }])
  }, 60_000)

  it('keeps files of one name and the same bytes apart, under names that its plan may have', async () => {
    // With what is before it of 64 characters, and as it is kept of more.
    const name = `${'m'.repeat(37)}.12345678.12345678`
    const text = `title: Twins
parts:
  - name: twins
    overlays: [chord]
    nodes: 12
    latency: ['matrix:a/${name}', 'matrix:1/${name}']
    published:
      - { overlay: chord, at: { latency: 'matrix:1/${name}' }, figure: hops, value: 1, source: A paper }
`
    for (const one of ['a', '1']) {
      await mkdir(join(folder, one))
      await writeFile(join(folder, one, name), MATRIX)
    }
    const first = await planned(text)
    const stem = `files/${'m'.repeat(37)}-${sha256(MATRIX).slice(0, 12)}`
    const kept = [`${stem}.12345678.12345678`, `${stem}-2.12345678.12345678`]
    expect([...first.bytes.keys()]).toEqual(kept)
    expect(first.study.file.parts[0]!.published![0]!.at).toEqual({ latency: `matrix:${kept[1]}` })
    const out = join(folder, 'twins')
    await prepareStudy(first, out)
    const again = await planned(await readFile(join(out, STUDY_FILES.plan), 'utf8'), out)
    expect(again.study.resolved).toBe(first.study.resolved)
    expect([...again.bytes.keys()]).toEqual(kept)
  })

  it('is another one, in another folder, where what is in them is another thing', async () => {
    const before = await planned(TEXT)
    const other = join(folder, 'other')
    await mkdir(join(other, 'data'), { recursive: true })
    await writeFile(join(other, 'data', 'two hosts.tsv'), MATRIX.replaceAll('30', '31'))
    await writeFile(join(other, 'sessions.txt.gz'), gzipSync(TRACE))
    expect(folderOf((await planned(TEXT, other)).study)).not.toBe(folderOf(before.study))
  })
})

it.each([
  ['king.tsv', 'king-0123456789ab.tsv'],
  ['../data/King of\n1740.txt.gz', 'King-of-1740-0123456789ab.txt.gz'],
  ['king-0123456789ab.tsv', 'king-0123456789ab.tsv'],
  ['...', 'file-0123456789ab'],
  ['/etc/..', 'file-0123456789ab'],
  [`${'long'.repeat(20)}.tsv`, `${'long'.repeat(10)}-0123456789ab.tsv`],
  [`${'long'.repeat(10)}-0123456789ab.tsv`, `${'long'.repeat(10)}-0123456789ab.tsv`]
])('%j is kept as %s', (name, kept) => {
  const sum = '0123456789ab'.padEnd(64, '0')
  expect(keptName(name, sum)).toBe(kept)
  expect(keptName(kept, sum)).toBe(kept)
})

it('the longest name under which a file is kept is one that a plan may have', () => {
  const name = `${'long'.repeat(20)}.12345678.12345678`
  const kept = `matrix:${NAMED_FILES_FOLDER}/${keptName(name, 'f'.repeat(64), 2 * POINTS_MAX)}`
  expect(kept.length).toBeGreaterThan(64)
  expect(kept.length).toBeLessThanOrEqual(CHOICE_CHARACTERS_MAX)
})

it('names of files that are kept are told apart, and are the same again', () => {
  const sums = [
    ['2/king.tsv', 'a'.repeat(64)],
    ['1/king.tsv', 'a'.repeat(64)],
    ['king.tsv', 'b'.repeat(64)],
    [`${'long'.repeat(20)}1.tsv`, 'c'.repeat(64)],
    [`${'long'.repeat(20)}2.tsv`, 'c'.repeat(64)]
  ] as const
  const kept = [...keptNames(sums).values()]
  expect(kept).toEqual([
    `king-${'a'.repeat(12)}.tsv`,
    `king-${'a'.repeat(12)}-2.tsv`,
    `king-${'b'.repeat(12)}.tsv`,
    `${'long'.repeat(10)}-${'c'.repeat(12)}.tsv`,
    `${'long'.repeat(10)}-${'c'.repeat(12)}-2.tsv`
  ])
  expect([...keptNames(kept.map((name, one) => [name, sums[one]![1]])).values()]).toEqual(kept)
})

describe('what is wrong is told with its line before anything is written', () => {
  const part = (more: string) => `title: One\nparts:\n  - name: one\n    overlays: [chord]\n${more}`
  const beside = (name: string) => join(folder, name)

  it.each([
    ['a matrix that is not there', '    latency: matrix:none.tsv\n', 'x.yaml:5: latency names the file '],
    ['a folder', '    latency: matrix:data\n', 'x.yaml:5: latency names the file '],
    [
      'a trace that is not there',
      '    churn:\n      - null\n      - trace:none\n',
      'x.yaml:7: churn names the file '
    ],
    [
      'what is no matrix',
      '    latency: matrix:odd.tsv\n',
      'x.yaml:5: latency: odd.tsv: Line 3: row 2 of 2 has 1 figures'
    ],
    [
      'what is no trace',
      '    churn: trace:odd.tsv\n',
      'x.yaml:5: churn: odd.tsv: Line 1: "0 1" is not of the form'
    ],
    [
      'too many links',
      '    seeds: 2\n    nodes: 1000000\n',
      'x.yaml:6: 1000000 peers of chord have about 27000000 links'
    ],
    [
      'links of one of several sizes',
      '    nodes:\n      - 10\n      - 1000000\n',
      'x.yaml:7: 1000000 peers of chord'
    ],
    [
      'too much memory',
      '    nodes: 10\n    lookups: 10000000\n    seeds: 1000\n',
      'x.yaml:7: A run of chord with 10 peers'
    ]
  ])('%s', async (_, more, message) => {
    await writeFile(beside('odd.tsv'), '0 1\n\n1\n')
    const wrong = planned(part(more))
    await expect(wrong).rejects.toMatchObject({ name: 'PlanError' })
    await expect(wrong).rejects.toThrow(message)
  })

  it('of a change, that change', async () => {
    await expect(planned(part(''), folder, ['latency=matrix:none.tsv'])).rejects.toThrow(
      '--set latency=matrix:none.tsv: latency names the file '
    )
  })

  it('what peers of a backend would refuse', async () => {
    const plan = await planned(part('    nodes: 4\n    backend: in-process\n'))
    await expect(checkStudy(plan, {})).rejects.toThrow('x.yaml:3: This program has no backend in-process')
  })

  it.skipIf(process.platform !== 'linux')('of a file that is longer than it says', async () => {
    const path = '/proc/self/status'
    const { bytes } = await readNamedFile(path, 65_536)
    expect(bytes.toString()).toContain('Pid:')
    await expect(readNamedFile(path, 100)).rejects.toThrow('bytes at most, all together')
  })

  it('of files, NAMED_FILES_BYTES_MAX bytes of all together, and not one more', async () => {
    const sized = async (name: string, bytes: number) => {
      const file = await open(beside(name), 'w')
      await file.truncate(bytes)
      await file.close()
    }
    const two = (first: string, second: string) =>
      planned(part(`    churn: ['trace:${first}', 'trace:${second}']\n`))
    await sized('half', NAMED_FILES_BYTES_MAX - 2)
    await writeFile(beside('rest'), '\n\n')
    // Read, and then no trace.
    await expect(two('half', 'rest')).rejects.toThrow('x.yaml:5: churn: half: Line 1: ')
    await writeFile(beside('rest'), '\n\n\n')
    const tooMuch = `the files of a plan have ${NAMED_FILES_BYTES_MAX} bytes at most, all together`
    await expect(two('half', 'rest')).rejects.toThrow(tooMuch)
    await writeFile(beside('rest.gz'), gzipSync('\n\n\n'))
    await sized('half', NAMED_FILES_BYTES_MAX - 23)
    await writeFile(beside('bomb.gz'), gzipSync('\n'.repeat(10_000)))
    await expect(two('half', 'bomb.gz')).rejects.toThrow(tooMuch)
  }, 60_000)
})
