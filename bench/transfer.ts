/**
 * What a verified download costs beside what it is made of: `npm run bench:transfer -- [--size MIB] [--runs N]
 * [--json]`. Every row moves, hashes or writes the same number of bytes on this machine (but those of small files), two
 * processes on loopback where there are two ends, each run in processes of its own. Rows take turns, so that a slow minute
 * of the machine hits all of them, and the median of the runs counts.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { AloneName } from './transfer/alone.ts'
import { fetchByAria2, hasAria2 } from './transfer/aria2.ts'
import { measureBusyNode } from './transfer/busy.ts'
import type { Cost } from './transfer/measure.ts'
import type { PairName } from './transfer/pairs.ts'
import { RelayedPair } from './transfer/relay.ts'
import { ServentPair } from './transfer/servent.ts'
import type { Order, Report } from './transfer/side.ts'
import { SMALL_FILE_BYTES, SMALL_FILES, SmallFiles } from './transfer/small-files.ts'
import { CAP_MIB_PER_SECOND, ThreeSources } from './transfer/three-sources.ts'

const MiB = 2 ** 20
const SIDE = fileURLToPath(new URL('./transfer/side.ts', import.meta.url))

interface Run {
  readonly seconds: number
  readonly sender?: Cost
  readonly receiver: Cost
  /** Where one stands between them. */
  readonly relay?: Cost
}

type RowName =
  | PairName
  | AloneName
  | 'servent get'
  | 'three sources'
  | 'one relay'
  | 'aria2'
  | 'small files'
  | 'one by one'

const TITLES: Readonly<Record<RowName, string>> = {
  raw: 'raw socket',
  tls: 'node:tls',
  stream: 'one libp2p stream (Noise, Yamux)',
  http: 'HTTP on that stream',
  hashing: 'SHA-256 tree alone',
  writing: 'writing alone, with fsync',
  'servent get': 'servent get: verified, to disk',
  'three sources': `servent get from three sources of ${CAP_MIB_PER_SECOND} MiB/s each`,
  'one relay': 'servent get over a relay, both ends refusing calls',
  aria2: 'aria2 from one HTTP source, nothing verified',
  'small files': `${SMALL_FILES} small files (${SMALL_FILE_BYTES / 1024} KiB) as one folder`,
  'one by one': `${SMALL_FILES} small files, a get for each`
}

/** Rows that move something else than `--size`. */
const FILES: Readonly<Partial<Record<RowName, number>>> = {
  'small files': SMALL_FILES,
  'one by one': SMALL_FILES
}

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    size: { type: 'string', default: '1024' },
    runs: { type: 'string', default: '5' }
  }
})
const sizeMiB = Number(values.size)
const runCount = Number(values.runs)
if (!(sizeMiB >= 1) || !(runCount >= 1)) {
  console.error('--size (MiB) and --runs are numbers from 1 on.')
  process.exit(2)
}
const bytes = sizeMiB * MiB

async function answer<T extends Report['type']>(
  child: ChildProcess,
  type: T
): Promise<Extract<Report, { type: T }>> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`A process of the benchmark ended with ${code}.`)
  })
  ended.catch(() => {})
  const [report] = (await Promise.race([once(child, 'message'), ended])) as [Report]
  if (report.type !== type) throw new Error(`A process of the benchmark said ${report.type}, not ${type}.`)
  return report as Extract<Report, { type: T }>
}

async function stop(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit')
  child.send({ do: 'stop' } satisfies Order)
  await exit
}

async function pair(row: PairName): Promise<Run> {
  const [sender, receiver] = [fork(SIDE), fork(SIDE)]
  sender.send({ do: 'send', row, bytes } satisfies Order)
  const { address } = await answer(sender, 'listening')
  receiver.send({ do: 'receive', row, bytes, address } satisfies Order)
  const received = await answer(receiver, 'done')
  const sent = answer(sender, 'done')
  await Promise.all([stop(sender), stop(receiver)])
  return { seconds: received.seconds, sender: await sent, receiver: received }
}

async function alone(row: AloneName, folder: string): Promise<Run> {
  const child = fork(SIDE)
  child.send({ do: 'alone', row, bytes, folder } satisfies Order)
  const done = await answer(child, 'done')
  await stop(child)
  return { seconds: done.seconds, receiver: done }
}

const median = (numbers: number[]): number => {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

const round = (number: number, digits = 2): number => Number(number.toFixed(digits))

function summary(name: RowName, runs: readonly Run[]) {
  const seconds = runs.map(run => run.seconds)
  const files = FILES[name]
  const moved = files === undefined ? bytes : files * SMALL_FILE_BYTES
  const gib = moved / 2 ** 30
  const cost = (pick: (run: Run) => number | undefined, scale: number) => {
    const numbers = runs.map(pick).filter(number => number !== undefined && !Number.isNaN(number))
    return numbers.length === 0 ? null : round(median(numbers as number[]) / scale)
  }
  return {
    row: name,
    title: TITLES[name],
    seconds: round(median(seconds), 3),
    secondsMin: round(Math.min(...seconds), 3),
    secondsMax: round(Math.max(...seconds), 3),
    mibPerSecond: round(moved / MiB / median(seconds), files === undefined ? 0 : 2),
    ...(files === undefined ? {} : { filesPerSecond: round(files / median(seconds), 1) }),
    senderCpuSecondsPerGib: cost(run => run.sender?.cpuSeconds, gib),
    receiverCpuSecondsPerGib: cost(run => run.receiver.cpuSeconds, gib),
    relayCpuSecondsPerGib: cost(run => run.relay?.cpuSeconds, gib),
    senderGrowthMib: cost(run => run.sender?.growthBytes, MiB),
    receiverGrowthMib: cost(run => run.receiver.growthBytes, MiB)
  }
}

const folder = await mkdtemp(join(tmpdir(), 'servent-bench-'))
const runs = new Map<RowName, Run[]>()
let busyNode: Awaited<ReturnType<typeof measureBusyNode>>
try {
  await using servents = await ServentPair.start(folder)
  await using three = await ThreeSources.start(folder, bytes)
  await using relayed = await RelayedPair.start(folder, bytes)
  await using small = await SmallFiles.start(folder)
  const ticket = await servents.share('content', bytes)
  const rows: [RowName, () => Promise<Run>][] = [
    ...(['raw', 'tls', 'stream', 'http'] as const).map(
      row => [row, () => pair(row)] as [RowName, () => Promise<Run>]
    ),
    ...(['hashing', 'writing'] as const).map(
      row => [row, () => alone(row, folder)] as [RowName, () => Promise<Run>]
    ),
    ['servent get', () => servents.fetch(ticket)],
    ['three sources', () => three.fetch()],
    ['one relay', () => relayed.fetch()],
    ...(hasAria2()
      ? [
          ['aria2', () => fetchByAria2(join(folder, 'shared', 'content'), folder)] as [
            RowName,
            () => Promise<Run>
          ]
        ]
      : []),
    ['small files', () => small.asFolder()],
    ['one by one', () => small.oneByOne()]
  ]
  for (let turn = 1; turn <= runCount; turn += 1) {
    for (const [row, run] of rows) {
      const done = await run()
      runs.set(row, [...(runs.get(row) ?? []), done])
      console.error(`run ${turn} of ${runCount}: ${TITLES[row]}: ${done.seconds.toFixed(2)} s`)
    }
  }
  console.error('a hundred downloads, and searches meanwhile')
  busyNode = await measureBusyNode(folder)
} finally {
  await rm(folder, { recursive: true, force: true })
}

const table = [...runs].map(([row, done]) => summary(row, done))
const secondsOf = (row: RowName): number => table.find(entry => entry.row === row)!.seconds
const growth = table.find(entry => entry.row === 'servent get')!
const goals = {
  /** HTTP's speed as a part of the bare stream's: at least 0.8. */
  httpOfStream: round(secondsOf('stream') / secondsOf('http')),
  /** `servent get` over the sum of HTTP, hashing and writing: at most 1.25. */
  getOfSum: round(
    secondsOf('servent get') / (secondsOf('http') + secondsOf('hashing') + secondsOf('writing'))
  ),
  /** Of the larger of both ends, in MiB: under 64. */
  memoryGrowthMib: Math.max(growth.senderGrowthMib ?? 0, growth.receiverGrowthMib ?? 0),
  /** From three sources that send 20 MiB/s each: at least 50. */
  threeSourcesMibPerSecond: round(sizeMiB / secondsOf('three sources'), 1),
  /** Of the slowest answer to a search while a hundred downloads run, in ms: at most 200. */
  busySearchMsMax: round(busyNode.busy.maxMs, 0)
}
const met = {
  httpOfStream: goals.httpOfStream >= 0.8,
  getOfSum: goals.getOfSum <= 1.25,
  memoryGrowthMib: goals.memoryGrowthMib < 64,
  threeSourcesMibPerSecond: goals.threeSourcesMibPerSecond >= 50,
  busySearchMsMax: goals.busySearchMsMax <= 200
}
const host = {
  node: process.version,
  platform: process.platform,
  arch: process.arch,
  cpu: cpus()[0]?.model,
  cpus: cpus().length
}
const result = {
  benchmark: 'transfer',
  sizeMib: sizeMiB,
  runs: runCount,
  host,
  rows: table,
  busyNode,
  goals,
  met
}

if (values.json) {
  console.log(JSON.stringify(result, null, 2))
} else {
  console.log(`${sizeMiB} MiB, median of ${runCount}, ${host.cpus} x ${host.cpu}, Node ${host.node}\n`)
  console.log('MiB/s  seconds  CPU-s/GiB out  in  growth MiB out  in')
  for (const row of table) {
    const numbers = [
      row.mibPerSecond,
      row.seconds,
      row.senderCpuSecondsPerGib ?? '-',
      row.receiverCpuSecondsPerGib ?? '-',
      row.senderGrowthMib ?? '-',
      row.receiverGrowthMib ?? '-'
    ]
    const files = row.filesPerSecond === undefined ? '' : `, ${row.filesPerSecond} files/s`
    console.log(`${numbers.join('  ')}  ${row.title}${files}`)
  }
  for (const [goal, value] of Object.entries(goals)) {
    console.log(`${goal}: ${value} (${met[goal as keyof typeof met] ? 'met' : 'missed'})`)
  }
}
