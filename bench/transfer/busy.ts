/**
 * How soon a node answers a search of a neighbour while a hundred downloads run on it: `firstHitMs` as the neighbour's
 * `search --json` says it, beside the same before the downloads begin.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Daemon, eventually } from '../../test/e2e/harness.ts'

const MiB = 2 ** 20
const SHARERS = fileURLToPath(new URL('./sharers.ts', import.meta.url))
const DOWNLOADS = 100
/** A peer gives another one four files at a time. */
const FILES_A_PEER = 4
const FILE_BYTES = 16 * MiB
/** So slow that all of them run while the searches are measured. */
const RATE_BYTES_PER_SECOND = 10 * MiB
const SEARCHES = 30
const OWN_FILES = 1_000
const START_MS = 120_000

export interface Answered {
  readonly searches: number
  readonly p50Ms: number
  readonly maxMs: number
}

export interface BusyNode {
  readonly idle: Answered
  readonly busy: Answered
  /** Downloads that were fetching before the searches, and after them. */
  readonly fetching: readonly [number, number]
  readonly rssMib: number
}

export async function measureBusyNode(folder: string): Promise<BusyNode> {
  const sharers = spawn(
    process.execPath,
    [
      '--conditions=source',
      SHARERS,
      join(folder, 'sharers'),
      ...[DOWNLOADS / FILES_A_PEER, FILES_A_PEER, FILE_BYTES].map(String)
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] }
  )
  try {
    return await measure(folder, sharers)
  } finally {
    sharers.stdin!.end()
    await once(sharers, 'exit')
  }
}

async function measure(folder: string, sharers: ChildProcess): Promise<BusyNode> {
  const [line] = await once(createInterface(sharers.stdout!), 'line')
  const tickets: string[] = JSON.parse(line)
  const flags = ['--overlays', 'gnutella', '--relay', 'off']
  await using node = await Daemon.start({
    flags: [
      ...flags,
      '--max-downloads',
      String(DOWNLOADS),
      '--max-download-rate',
      String(RATE_BYTES_PER_SECOND)
    ]
  })
  await using neighbour = await Daemon.start({ flags: [...flags, '--bootstrap', node.address] })
  const own = join(folder, 'own')
  await mkdir(own)
  for (let file = 0; file < OWN_FILES; file += 1) {
    await writeFile(join(own, `needle ${file} in a haystack.txt`), `needle ${file}`)
  }
  await node.json(['share', own])
  const ask = async (query: string): Promise<number | null> =>
    (await neighbour.json(['search', query, '--limit', '1'])).overlays[0].firstHitMs
  await eventually(
    async () => (await ask('needle 1').catch(() => null)) !== null,
    'the node answers',
    START_MS
  )
  const idle = await searches(ask)
  for (const ticket of tickets) await begin(node, ticket)
  const fetching = async () =>
    (await node.json(['downloads'])).downloads.filter(({ phase }: { phase: string }) => phase === 'fetching')
      .length
  await eventually(async () => (await fetching()) >= DOWNLOADS, 'all downloads run', START_MS)
  const before = await fetching()
  const busy = await searches(ask)
  const after = await fetching()
  const metrics = await (await node.api('/metrics')).text()
  const rssBytes = Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1])
  return { idle, busy, fetching: [before, after], rssMib: Math.round(rssBytes / MiB) }
}

/** Without a process of the command line, which would be load of its own. */
async function begin(node: Daemon, ticket: string): Promise<void> {
  const answer = await node.api('/v1/downloads', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ what: ticket })
  })
  // The stream is left alone once the download has begun: nobody watches it, and it goes on.
  await answer.body!.getReader().read()
}

async function searches(ask: (query: string) => Promise<number | null>): Promise<Answered> {
  const times: number[] = []
  for (let search = 0; search < SEARCHES; search += 1) {
    const firstHitMs = await ask(`needle ${search * 7}`)
    if (firstHitMs === null) throw new Error('A search found nothing.')
    times.push(firstHitMs)
  }
  times.sort((a, b) => a - b)
  return { searches: SEARCHES, p50Ms: times[times.length >> 1]!, maxMs: times.at(-1)! }
}
