/**
 * What a node costs beside a bare libp2p node with the same transports, identify and ping: time from the
 * start of the process until it is ready, and memory, idle and with 50 links.
 *
 *     npm run bench:node -- --json
 *
 * Each figure is the median of five processes of each kind, which take turns, so that whatever else the
 * machine does falls on both. Peers live in processes of their own. The goal is a ratio of at most 1.3 for
 * the time and for memory, which is what the system gives (RSS); the heap in it is shown beside.
 */
import { availableParallelism, cpus } from 'node:os'
import { type Child, median, type Report, spawnRole } from './node-processes.ts'

const RUNS = 5
const LINKS = 50
const RATIO_MAX = 1.3

const KINDS = ['bare', 'servent'] as const
type Kind = (typeof KINDS)[number]
type Figure = 'readyMs' | 'idleRss' | 'idleHeap' | 'linkedRss' | 'linkedHeap'
const FIGURES: readonly Figure[] = ['readyMs', 'idleRss', 'idleHeap', 'linkedRss', 'linkedHeap']

/** Those that the goal is for. */
const JUDGED: readonly Figure[] = ['readyMs', 'idleRss', 'linkedRss']

const MEANING: Readonly<Record<Figure, string>> = {
  readyMs: 'time to ready, ms',
  idleRss: 'memory idle (RSS), MiB',
  idleHeap: 'JavaScript heap idle, MiB',
  linkedRss: `memory with ${LINKS} links (RSS), MiB`,
  linkedHeap: `JavaScript heap with ${LINKS} links, MiB`
}

/** One process of one kind: started, left alone, linked to 50 peers, ended. */
async function measure(kind: Kind): Promise<Record<Figure, number>> {
  const subject = spawnRole(kind, [String(LINKS)])
  let peers: Child | undefined
  try {
    const ready = await subject.next()
    const idle = await memory(subject)
    peers = spawnRole('peers', [kind, String(LINKS), ready.address!])
    await peers.next()
    subject.ask('wait')
    await subject.next()
    const linked = await memory(subject)
    return {
      readyMs: ready.atMs! - subject.spawnedMs,
      idleRss: idle.rss!,
      idleHeap: idle.heap!,
      linkedRss: linked.rss!,
      linkedHeap: linked.heap!
    }
  } finally {
    await Promise.all([subject.end(), peers?.end()])
  }
}

async function memory(child: Child): Promise<Report> {
  child.ask('memory')
  return child.next()
}

async function main(): Promise<void> {
  const json = process.argv.includes('--json')
  const samples: Record<Kind, Record<Figure, number>[]> = { bare: [], servent: [] }
  // The first process of a kind reads its files from the disk; those after it find them in memory.
  for (const kind of KINDS) await measure(kind)
  for (let run = 0; run < RUNS; run++) {
    for (const kind of KINDS) samples[kind].push(await measure(kind))
    if (!json) process.stderr.write(`run ${run + 1} of ${RUNS}\n`)
  }
  const figures = FIGURES.map(figure => {
    const of = (kind: Kind) => median(samples[kind].map(sample => sample[figure]))
    const [bare, servent] = [of('bare'), of('servent')]
    return {
      figure,
      meaning: MEANING[figure],
      bare,
      servent,
      ratio: servent / bare,
      ...(JUDGED.includes(figure) ? { goal: RATIO_MAX } : {})
    }
  })
  const worst = Math.max(...figures.flatMap(({ ratio, goal }) => (goal === undefined ? [] : [ratio])))
  if (json) {
    const host = { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version }
    process.stdout.write(
      `${JSON.stringify({ bench: 'node', host, runs: RUNS, links: LINKS, figures, samples })}\n`
    )
  } else {
    process.stdout.write(
      `${'figure'.padEnd(38)}${'bare'.padStart(9)}${'servent'.padStart(9)}${'ratio'.padStart(8)}\n`
    )
    for (const { meaning, bare, servent, ratio } of figures) {
      const cells = [
        bare.toFixed(1).padStart(9),
        servent.toFixed(1).padStart(9),
        ratio.toFixed(2).padStart(8)
      ]
      process.stdout.write(`${meaning.padEnd(38)}${cells.join('')}\n`)
    }
    process.stdout.write(`time and RSS ${worst <= RATIO_MAX ? 'within' : 'over'} the goal of ${RATIO_MAX}\n`)
  }
  // A figure over its goal is a result, not an accident: whoever reads it decides.
  process.exitCode = 0
}

await main()
