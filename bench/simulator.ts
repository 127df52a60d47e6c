/**
 * What the simulator does on one core: `npm run bench:simulator -- [--only flood,gnutella] [--json]`.
 *
 * Each part runs in a process of its own, so that none finds what another left in memory or what the compiler
 * made for it. Goals are judged by the processor's time, of all threads together: it is at least the clock's on
 * an idle machine, and does not lengthen much where others use the machine too. `--only` takes the beginnings of
 * names.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { PartName, PartReport } from './simulator/part.ts'

const PART = fileURLToPath(new URL('./simulator/part.ts', import.meta.url))
const MiB = 2 ** 20
const GiB = 2 ** 30

/**
 * V8's own bound on old objects is lower than what the largest part may use, and threads that help its collector take
 * more of the processors' time in all than they save.
 */
const NODE_FLAGS = ['--max-old-space-size=6144', '--max-semi-space-size=64', '--single-threaded-gc']

interface Goal {
  readonly title: string
  /** Messages that machines receive, a second. */
  readonly messagesPerS?: number
  /** Of the whole part, joins counted. */
  readonly seconds?: number
  readonly rssBytes?: number
}

const GOALS: Readonly<Record<PartName, Goal>> = {
  'flood-10k': { title: 'a trivial machine floods, 10,000 peers', messagesPerS: 1_000_000 },
  'flood-100k': { title: 'a trivial machine floods, 100,000 peers', messagesPerS: 600_000 },
  gnutella: { title: "Gnutella's own machine, with searches", messagesPerS: 200_000 },
  'chord-100k': {
    title: '100,000 Chord peers that joined, maintenance, sessions of 1 h, 100,000 lookups in 1 h',
    seconds: 15 * 60,
    rssBytes: 6 * GiB
  },
  'p2psim-72s': { title: '1,024 Chord addresses for 6 h, timers 72 s; p2psim: 19 s', seconds: 9.5 },
  'p2psim-18s': { title: '1,024 Chord addresses for 6 h, timers 18 s; p2psim: 65 s', seconds: 32.5 }
}

interface Row extends PartReport {
  readonly part: PartName
  readonly goal: Goal
  readonly messagesPerS: number
  /** Of the processor, joins counted. */
  readonly seconds: number
  /** Of the clock, joins counted. */
  readonly wallS: number
  readonly isMet: boolean
}

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, only: { type: 'string', default: '' } }
})
const wanted = values.only.split(',')
const names = (Object.keys(GOALS) as PartName[]).filter(name => wanted.some(begin => name.startsWith(begin)))
if (names.length === 0) {
  console.error(`--only takes beginnings of these, with commas between: ${Object.keys(GOALS).join(', ')}.`)
  process.exit(2)
}

async function run(part: PartName): Promise<Row> {
  const child = fork(PART, [part], { execArgv: NODE_FLAGS })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${part} ended with ${code} and said nothing.`)
  })
  ended.catch(() => {})
  const [report] = (await Promise.race([once(child, 'message'), ended])) as [PartReport]
  const { figures, rssBytes } = report
  const goal = GOALS[part]
  const messagesPerS = figures.messages / figures.cpuS
  const seconds = figures.cpuS + Number(figures.joinCpuS ?? 0)
  const wallS = figures.wallS + Number(figures.joinWallS ?? 0)
  const isMet =
    messagesPerS >= (goal.messagesPerS ?? 0) &&
    seconds <= (goal.seconds ?? Number.POSITIVE_INFINITY) &&
    rssBytes <= (goal.rssBytes ?? Number.POSITIVE_INFINITY)
  return { part, goal, figures, rssBytes, messagesPerS, seconds, wallS, isMet }
}

function line({ part, goal, rssBytes, messagesPerS, seconds, wallS, isMet }: Row): string {
  const goals = [
    goal.messagesPerS && `${goal.messagesPerS.toLocaleString('en')} messages/s`,
    goal.seconds && `${goal.seconds} s`,
    goal.rssBytes && `${goal.rssBytes / GiB} GiB`
  ].filter(text => text)
  return [
    `${part}: ${goal.title}`,
    `  ${Math.round(messagesPerS).toLocaleString('en')} messages/s, ${seconds.toFixed(1)} s of the processor, ${wallS.toFixed(1)} s of the clock, ${Math.round(rssBytes / MiB)} MiB`,
    `  goal ${goals.join(', ')}: ${isMet ? 'met' : 'missed'}`
  ].join('\n')
}

const rows: Row[] = []
for (const name of names) {
  const row = await run(name)
  rows.push(row)
  if (!values.json) console.log(line(row))
}
if (values.json)
  console.log(JSON.stringify({ node: process.version, cpu: cpus()[0]?.model, parts: rows }, null, 2))
