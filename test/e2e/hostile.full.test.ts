/**
 * Hostile peers change nothing for others: while one sends a million random, truncated, oversized and
 * replayed descriptors, one 2,000 matching queries a second with fresh ids, one asks and never reads, and
 * one answers every query with hits by the dozen, another peer's searches are answered within a second, its
 * link lasts, and the node's memory stays under a bound.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Daemon, neighbours } from './harness.ts'

const SECONDS = 45
const DESCRIPTORS = 1_000_000
/** In which so many are sent, on a machine that is busy. */
const DESCRIPTORS_S_MAX = 180
const QUERIES_PER_SECOND = 2_000
/** Of 4 KB, for each query: far more than a send queue holds. */
const HITS_PER_QUERY = 60
const ANSWER_MS_MAX = 1_000
/** Between two searches: more than one a second an ultrapeer does not take of its leaf, which would be no attacker's doing. */
const SEARCH_EVERY_MS = 1_000
/** Of the attacked node, at its highest, over what it had before the attack. */
const GROWTH_BYTES_MAX = 128 * 1024 * 1024

interface Report {
  readonly part: string
  readonly descriptors: number
  readonly bytes: number
  readonly links: number
  readonly refused: number
}

async function misuse(part: string, address: string, amount: number, seconds = SECONDS): Promise<Report> {
  const child = spawn(
    process.execPath,
    [
      '--conditions=source',
      join(import.meta.dirname, 'hostile-peer.ts'),
      part,
      address,
      String(seconds),
      String(amount)
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] }
  )
  let out = ''
  let err = ''
  child.stdout.on('data', text => {
    out += text
  })
  child.stderr.on('data', text => {
    err += text
  })
  await once(child, 'close')
  const last = out.trim().split('\n').at(-1)
  if (last === undefined || !last.includes('"done"'))
    throw new Error(`The ${part} peer ended early: ${out}\n${err}`)
  return JSON.parse(last)
}

async function residentBytes(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)![1]) * 1024
}

it.runIf(process.platform === 'linux')(
  'four hostile peers change nothing for a fifth',
  async () => {
    const flags = ['--overlays', 'gnutella']
    // As a leaf of the other one it would refuse strangers, and nothing would be attacked.
    await using attacked = await Daemon.start({ flags: [...flags, '--set', 'gnutella.role=ultrapeer'] })
    await using other = await Daemon.start({ flags: [...flags, '--bootstrap', attacked.address] })
    await neighbours(other, 1)
    const folder = join(attacked.home, 'shared')
    await mkdir(folder)
    for (let count = 0; count < 50; count += 1)
      await writeFile(join(folder, `haystack needle ${count}.txt`), `needle ${count}`)
    await attacked.json(['share', folder])
    const search = async (): Promise<number> => {
      // Who finds nothing has another exit code, and is counted as late.
      const ran = await other.run([
        '--json',
        'search',
        'haystack',
        'needle',
        '--limit',
        '5',
        '--timeout',
        '5'
      ])
      return ran.json.at(-1).overlays[0].firstHitMs ?? Number.POSITIVE_INFINITY
    }
    await search()
    const before = await residentBytes(attacked.pid, 'VmRSS')

    const attacks = Promise.all([
      misuse('garbage', attacked.address, DESCRIPTORS, DESCRIPTORS_S_MAX),
      misuse('flood', attacked.address, QUERIES_PER_SECOND),
      misuse('mute', attacked.address, 0),
      misuse('answer', attacked.address, HITS_PER_QUERY)
    ])
    let over = false
    void attacks.finally(() => {
      over = true
    })
    const answered: number[] = []
    while (!over) {
      answered.push(await search())
      await sleep(SEARCH_EVERY_MS)
    }
    const reports = await attacks
    const peak = await residentBytes(attacked.pid, 'VmHWM')
    answered.sort((one, another) => one - another)
    console.log(
      JSON.stringify({
        reports,
        searches: answered.length,
        medianMs: answered[answered.length >> 1],
        worstMs: answered.at(-1),
        beforeBytes: before,
        peakBytes: peak
      })
    )

    const [garbage, flood, mute, answer] = reports
    expect(garbage!.descriptors).toBeGreaterThanOrEqual(DESCRIPTORS)
    // Slowed by back-pressure, and still far over what a link may ask: 60 queries a second.
    expect(flood!.descriptors).toBeGreaterThan(10 * 60 * SECONDS)
    expect(answer!.descriptors).toBeGreaterThan(10 * HITS_PER_QUERY)
    expect(mute!.descriptors).toBeGreaterThan(0)
    expect(answered.length).toBeGreaterThan(20)
    expect(answered.at(-1)).toBeLessThan(ANSWER_MS_MAX)
    expect(peak - before).toBeLessThan(GROWTH_BYTES_MAX)
    const { state, counters, neighbours: near } = await attacked.json(['overlay', 'gnutella'])
    expect(state).toBe('running')
    expect(counters.queriesOverRate).toBeGreaterThan(0)
    expect(counters.descriptorsMalformed).toBeGreaterThan(0)
    const [friend] = near.filter(({ peerId }: { peerId: string }) => peerId === other.ready.peerId)
    expect(friend.connectedMs).toBeGreaterThan(SECONDS * 1000)
  },
  (DESCRIPTORS_S_MAX + 120) * 1000
)
