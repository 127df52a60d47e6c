/** Runs of p2psim that are the lab's own, and p2psim's words on them: by its sources, for the program is not at hand. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beginChurn, latencyModel, type NodeIndex, randomOf } from '@servent/simulator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { churnOfPlan, latencyOfPlan } from '../src/models.ts'
import { ADAPTERS } from '../src/overlays/adapters.ts'
import { MANIFEST_BYTES_MAX, readP2psim } from '../src/p2psim/compare.ts'
import { exportP2psim } from '../src/p2psim/export.ts'
import { eventTexts, topologyText } from '../src/p2psim/files.ts'
import type { Manifest } from '../src/p2psim/manifest.ts'
import { P2PSIM_LOG_BYTES_MAX, P2PSIM_LOG_LINES_MAX, parseStats } from '../src/p2psim/output.ts'
import { P2PSIM_NODES_MAX, protocolLine, whyNot } from '../src/p2psim/protocol.ts'
import { liveSeconds, scheduleOf } from '../src/p2psim/schedule.ts'
import { Peers } from '../src/peers.ts'
import { Places } from '../src/places.ts'
import { overlaySettings, type PlanInput, resolvePlan } from '../src/plan.ts'
import { seedText } from '../src/run.ts'
import { runStudy } from '../src/study/run-study.ts'
import { resolveStudy } from '../src/study/study.ts'
import { writeBeside } from '../src/study/study-folder.ts'
import type { StudyResults } from '../src/study/study-results.ts'
import { World } from '../src/world.ts'

const plan = (more: PlanInput = {}) =>
  resolvePlan({ nodes: 30, lookups: 60, churn: 'exp:10m', warmup: 600, duration: 600, ...more })
const refusal = async (act: () => unknown) => {
  try {
    await act()
  } catch (error) {
    expect((error as Error).name).toBe('PlanError')
    return (error as Error).message
  }
  return undefined
}

describe('the schedule', () => {
  it('has the comings and goings of a real run of Chord, to the millisecond', () => {
    const seen: string[] = []
    class Seen extends Peers {
      override addNode(): NodeIndex {
        const node = super.addNode()
        seen.push(`join ${places.placeOf(node)} ${Math.floor(this.nowUs / 1000)}`)
        return node
      }
      override crash(node: NodeIndex): void {
        seen.push(`crash ${places.placeOf(node)} ${Math.floor(this.nowUs / 1000)}`)
        super.crash(node)
      }
    }
    const places = new Places(30)
    const seed = seedText(3)
    const deployment = ADAPTERS.chord.deploy({
      seed,
      network: latencyOfPlan(plan(), {}, randomOf(seed).fork('latency')),
      settings: overlaySettings(plan(), 'chord'),
      world: new World(seed, plan()),
      places,
      frozen: false
    })
    const peers = new Seen(deployment, places)
    deployment.startIdeal(Array.from({ length: 30 }, () => peers.addNode()))
    beginChurn(peers, churnOfPlan(plan(), {})!, { contacts: 3 })
    deployment.simulation.runUntil(1_200_000_000)
    const { events } = scheduleOf(plan(), {}, 3)
    const ours = events.flatMap(({ type, place, atMs }) =>
      type === 'lookup' ? [] : [`${type} ${place} ${atMs}`]
    )
    expect(seen.length).toBeGreaterThan(80)
    expect(ours.slice(30)).toEqual(seen.slice(30))
    expect(ours.slice(0, 30)).toEqual(Array.from({ length: 30 }, (_, place) => `join ${place} 1`))
  })

  it('has as many lookups as the plan, in the measured time, by and for peers that are there', () => {
    const { events, fromMs, toMs } = scheduleOf(plan(), {}, 1)
    const up = new Set<number>()
    let lookups = 0
    for (const event of events) {
      if (event.type === 'join') up.add(event.place)
      if (event.type === 'crash') up.delete(event.place)
      if (event.type === 'lookup') {
        lookups += 1
        expect([up.has(event.place), up.has(event.target)]).toEqual([true, true])
        expect(event.atMs >= fromMs && event.atMs < toMs).toBe(true)
      }
    }
    expect(lookups).toBe(60)
  })

  it('says how long its peers live', () => {
    const key = new Uint8Array(32)
    const events = [
      { atMs: 1, place: 0, type: 'join' },
      { atMs: 1, place: 1, type: 'join' },
      { atMs: 5000, place: 0, type: 'crash' },
      { atMs: 6000, place: 1, type: 'lookup', key, target: 1 },
      { atMs: 9000, place: 0, type: 'join' }
    ] as const
    const schedule = { places: 2, events, fromMs: 4000, toMs: 10_000 }
    expect(liveSeconds(schedule, 4000, 10_000)).toBe(1 + 6 + 1)
    expect(liveSeconds(schedule, 0, 4000)).toBeCloseTo(2 * 3.999, 9)
  })
})

describe('the files', () => {
  it('a topology has every pair once, one way in whole milliseconds, from 1', () => {
    const lines = topologyText(latencyModel('uniform:0-80', randomOf('l')), 4)
      .trimEnd()
      .split('\n')
    expect(lines.slice(0, 3)).toEqual(['topology E2EGraph 5', 'failure_model NullFailureModel', ''])
    expect(lines.slice(3, 8)).toEqual([1, 2, 3, 4, 5].map(address => `node ${address}`))
    expect(lines).toHaveLength(8 + 10)
    const network = latencyModel('uniform:0-80', randomOf('l'))
    // Address 1 is the one more, 2 is place 0.
    expect(lines).toContain(`2,4 ${Math.max(1, Math.round(network.roundTripUs(0, 2) / 2000))}`)
    expect(lines).toContain(`1,2 ${Math.max(1, Math.round(network.roundTripUs(4, 0) / 2000))}`)
    expect(topologyText(latencyModel('constant:0', randomOf('l')), 2)).toContain('\n1,2 1\n')
  })

  /** As p2psim reads them (`events/p2pevent.C`, `p2psim/network.C`): who comes back has the next address of all. */
  function play(
    text: string,
    onLookup: (address: number, key: string, alive: ReadonlySet<number>) => void
  ): string {
    const current = new Map<number, number>()
    const alive = new Set<number>()
    let [highest, lastMs] = [31, 0]
    for (const line of text.trimEnd().split('\n')) {
      const [kind, time, node, operation, argument = ''] = line.split(' ')
      expect(Number(time)).toBeGreaterThanOrEqual(lastMs)
      lastMs = Number(time)
      if (kind === 'simulator') return `${node} ${time}`
      const first = Number(node)
      if (operation === 'join') {
        expect(argument).toBe('wellknown=1')
        const address = current.has(first) ? ++highest : first
        expect(alive.has(address)).toBe(false)
        current.set(first, address)
        alive.add(address)
      } else if (operation === 'crash') {
        expect(alive.delete(current.get(first)!)).toBe(true)
      } else {
        expect(alive.has(current.get(first)!)).toBe(true)
        onLookup(first, argument.replace('key=', ''), alive)
      }
    }
    return ''
  }

  it('events come in order, nobody joins twice, and what is looked up is a peer that lives', () => {
    const schedule = scheduleOf(plan(), {}, 1)
    const { before, whole } = eventTexts(schedule, 'addresses', 1_210_000)
    let lookups = 0
    const end = play(whole, (_, key, alive) => {
      lookups += 1
      expect(alive.has(Number.parseInt(key, 16))).toBe(true)
    })
    expect([lookups, end]).toEqual([60, 'exit 1210000'])
    expect(play(before, () => expect.fail('a lookup before the measured time'))).toBe('exit 600000')
  })

  it('for Chord, keys are the first 64 bits of ours, and never 0', () => {
    const schedule = scheduleOf(plan(), {}, 1)
    const keys: string[] = []
    play(eventTexts(schedule, 'bits', 1_210_000).whole, (_, key) => keys.push(key))
    const { lookups } = new World(seedText(1), plan())
    const hex = lookups.map(({ key }) => Buffer.from(key.subarray(0, 8)).toString('hex').toUpperCase())
    expect(keys.toSorted()).toEqual(hex.toSorted())
    const zero = { atMs: 5, place: 0, type: 'lookup', key: new Uint8Array(32), target: 0 } as const
    const { whole } = eventTexts({ places: 1, events: [zero], fromMs: 1, toMs: 9 }, 'bits', 9)
    expect(whole).toContain('lookup key=1\n')
  })

  it('protocols are named and set as p2psim has them', () => {
    const line = (overlay: 'chord' | 'kelips' | 'kademlia', set = {}) =>
      protocolLine({ overlay, plan: plan({ overlays: [overlay], nodes: 1024, set }) })
    expect(line('chord', { 'chord.style': 'recursive', 'chord.lookup-budget-ms': 4000 })).toBe(
      'ChordFingerPNS base=2 successors=8 samples=8 basictimer=30000 succlisttimer=30000 pnstimer=60000 recurs=1 recurs_direct=0 maxlookuptime=4000 initstate=1\n'
    )
    expect(line('chord', { 'chord.style': 'iterative' })).toContain('recurs=0 recurs_direct=0')
    expect(line('kelips')).toContain('Kelips k=32 round_interval=2000 group_targets=3 contact_targets=1 ')
    expect(line('kademlia')).toBe(
      'Kademlia k=20 alpha=10 stabilize_timer=300000 maxlookuptime=10000 initstate=1\n'
    )
  })

  it('what p2psim has not is named', () => {
    const why = (more: PlanInput) => {
      const made = plan(more)
      return whyNot({ overlay: made.overlays[0]!, plan: made })
    }
    expect(why({})).toBeUndefined()
    expect(why({ nodes: P2PSIM_NODES_MAX })).toBeUndefined()
    expect(why({ nodes: P2PSIM_NODES_MAX + 1 })).toContain('2998 peers at most, not 2999')
    expect(why({ overlays: ['pastry'] })).toContain('no pastry')
    expect(why({ searches: 5 })).toContain('has lookups, and nothing else')
    expect(why({ churn: null, partition: '0.3/1m' })).toContain('no partitions')
    expect(why({ churn: 'rate:0.1' })).toContain('needs the address')
    expect(why({ latency: 'exponential:50' })).toContain('one latency')
    expect(why({ start: 'joined' })).toContain('begin with tables')
    expect(why({ warmup: 0 })).toContain('give it a warmup')
    expect(why({ set: { 'chord.successors': 3 } })).toContain('4 successors at least')
    expect(why({ set: { 'chord.virtual-nodes': 2 } })).toContain('no virtual nodes')
    expect(why({ set: { 'chord.proximity': 'off' } })).toContain('no longer kept up')
  })
})

/** As `Node::print_stats` prints it (p2psim/node.C), for a run of so many lookups. */
function statsText({
  correct = 95,
  incorrect = 1,
  failed = 4,
  bytes = 1000,
  median = 150,
  hops = 3.25
} = {}): string {
  const all = correct + incorrect + failed
  const rate = (count: number) => (all === 0 ? '-nan' : (count / all).toFixed(3))
  const lookups = (count: number, own: number) =>
    `lookup_10th:40 lookup_mean:170.500 lookup_median:${count === 0 ? 0 : own} lookup_90th:400 stretch_10th:1.000 stretch_mean:1.700 stretch_median:1.500 stretch_90th:2.900 hops_10th:1 hops_mean:${count === 0 ? '0.000' : hops.toFixed(3)} hops_median:3 hops_90th:5  numlookups:${count}\n`
  return `node 1 first_ip 1

<-----STATS----->
BW_PER_TYPE:: 0:${bytes - 10} 1:10 
BW_TOTALS:: time(s):10810.000 live_time(s/node):0.000 nodes:1025 overall_bw(bytes/node/s):11.300 live_bw(bytes/node/s):inf
BW_PERNODE_IN:: BW_PERNODE:: BW_SPE1NODE_IN:: 
BW_SPE1NODE:: 
LOOKUP_RATES:: success:${rate(correct)} incorrect:${rate(incorrect)} failed:${rate(failed)}
CORRECT_LOOKUPS:: ${lookups(correct, median)}INCORRECT_LOOKUPS:: ${lookups(incorrect, 500)}FAILED_LOOKUPS:: ${lookups(failed, 4000)}OVERALL_LOOKUPS:: ${lookups(all, median)}TIMEOUTS_PER_LOOKUP:: time_timeout_10th:0 time_timeout_mean:12.500 time_timeout_median:0 time_timeout_90th:0 num_timeout_10th:0.000 num_timeout_mean:0.120 num_timeout_median:0.000 num_timeout_90th:0.000
WORST_BURST:: in:123.4 out:1.5e+03
<-----ENDSTATS----->

<-----STATS----->
<-----ENDSTATS----->
total joins seen 3000
`
}

describe('what p2psim prints', () => {
  it('is read: counts, the median and steps of correct lookups, bytes of all kinds', () => {
    expect(parseStats(statsText(), 'a.log')).toEqual({
      bytes: 1000,
      lookups: { correct: 95, incorrect: 1, failed: 4 },
      latencyMs: 150,
      hops: 3.25
    })
  })

  it('of a run without lookups says no number, and none is taken for one', () => {
    const { lookups, latencyMs, hops } = parseStats(
      statsText({ correct: 0, incorrect: 0, failed: 0 }),
      'a.log'
    )
    expect([lookups, latencyMs, hops]).toEqual([
      { correct: 0, incorrect: 0, failed: 0 },
      undefined,
      undefined
    ])
  })

  it('that ends before its end, or says something else, is refused with the place', async () => {
    const text = statsText()
    for (const cut of [text.slice(0, text.indexOf('<-----ENDSTATS')), 'Segmentation fault\n', ''])
      expect(await refusal(() => parseStats(cut, 'a.log'))).toContain('no whole statistics')
    const wrong = text.replace('success:0.950', 'success:all')
    expect(await refusal(() => parseStats(wrong, 'a.log'))).toBe(
      'a.log:8: "success:all" is no figure of p2psim’s.'
    )
    expect(await refusal(() => parseStats(text.replace(' numlookups:95', ''), 'a.log'))).toContain(
      'without numlookups of CORRECT_LOOKUPS'
    )
    const many = text.replace('BW_PER_TYPE:: ', `BW_PER_TYPE:: ${'7:1 '.repeat(300)}`)
    expect(await refusal(() => parseStats(many, 'a.log'))).toContain('256 at most')
  })

  it('has P2PSIM_LOG_BYTES_MAX bytes and P2PSIM_LOG_LINES_MAX lines at most', async () => {
    const text = statsText()
    const lines = (count: number) => '\n'.repeat(count - text.split('\n').length + 1) + text
    expect(parseStats(lines(P2PSIM_LOG_LINES_MAX), 'a.log').bytes).toBe(1000)
    expect(await refusal(() => parseStats(lines(P2PSIM_LOG_LINES_MAX + 1), 'a.log'))).toContain(
      'more than 1000000 lines'
    )
    const bytes = (count: number) => `${'x'.repeat(count - text.length - 1)}\n${text}`
    expect(parseStats(bytes(P2PSIM_LOG_BYTES_MAX), 'a.log').bytes).toBe(1000)
    expect(await refusal(() => parseStats(bytes(P2PSIM_LOG_BYTES_MAX + 1), 'a.log'))).toContain(
      'bytes: that is no log'
    )
  })
})

describe('a study', () => {
  const STUDY = `title: Small
common: { nodes: 20, lookups: 40, seeds: 2, churn: 'exp:10m', warmup: 60, duration: 120 }
parts:
  - { name: one, overlays: [chord, pastry, kademlia] }
`
  const study = resolveStudy(STUDY, 'small.yaml', { workers: 1 })
  let folder: string
  let manifest: Manifest
  let results: StudyResults
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'servent-p2psim-'))
    manifest = await exportP2psim(study, { write: (name, text) => writeBeside(folder, name, text) })
    results = JSON.parse(JSON.stringify(await runStudy(study, { folder: join(folder, 'ours') })))
  }, 60_000)
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('names what is left out, and writes nothing twice', async () => {
    expect(manifest.left_out).toMatchObject([
      { overlay: 'pastry', why: expect.stringContaining('no pastry') }
    ])
    expect(manifest.points.map(({ overlay, runs }) => [overlay, runs.length])).toEqual([
      ['chord', 2],
      ['kademlia', 2]
    ])
    const script = await readFile(join(folder, 'run.sh'), 'utf8')
    const commands = script.split('\n').filter(line => line.startsWith('run '))
    expect(commands).toHaveLength(8)
    // One network and one time before for both overlays of a seed.
    expect(new Set(commands.map(line => line.split(' ')[3])).size).toBe(2)
    expect(new Set(commands.map(line => line.split(' ')[4])).size).toBe(2 + 2 * 2)
    for (const name of commands.flatMap(line => line.split(' ').slice(2, 5)))
      expect((await stat(join(folder, name))).isFile()).toBe(true)
  })

  it('of which p2psim has nothing is refused', async () => {
    const none = resolveStudy(STUDY.replace('[chord, pastry, kademlia]', '[pastry]'), 'x.yaml', {
      workers: 1
    })
    expect(await refusal(() => exportP2psim(none, { write: async () => {} }))).toContain(
      'nothing of x: p2psim has no'
    )
  })

  /** The files of a study's runs by the names of their logs. */
  const runsOf = async (text: string, set: string[] = []) => {
    let script = ''
    await exportP2psim(resolveStudy(text, 'small.yaml', { workers: 1, set }), {
      write: async (name, written) => {
        if (name === 'run.sh') script = written
      }
    })
    const commands = script.split('\n').filter(line => line.startsWith('run '))
    return new Map(commands.map(line => [line.split(' ').at(-1)!, line.split(' ').slice(2, -1).join(' ')]))
  }

  it('has another log wherever a file of its run is another one, so that plans can share a folder', async () => {
    const own = await runsOf(STUDY)
    expect(own.size).toBe(8)
    expect(await runsOf(STUDY)).toEqual(own)
    const shared = async (change: string) =>
      [...(await runsOf(STUDY, [change])).keys()].filter(log => own.has(log))
    for (const change of ['nodes=21', 'warmup=61', 'latency=constant:40'])
      expect(await shared(change), change).toEqual([])
    const before = [...own.keys()].filter(log => log.includes('-before-'))
    // Until the measured time begins nothing is another one, and nothing is run again.
    expect(await shared('lookups=41')).toEqual(before)
    expect(await shared('chord.style=iterative')).toEqual([...own.keys()].filter(log => /kademlia/.test(log)))
  })

  it('has the lookups of each point, whatever of its plan they follow from', async () => {
    // With this seed an even choice of 141 files is drawn anew after the 130th lookup, and one by Zipf's law is not.
    const text = `title: Demand
common: { nodes: 141, lookups: 150, seed: 7605, warmup: 1, duration: 10 }
parts:
  - { name: one, overlays: [chord], demand: [even, zipf] }
`
    const ofRuns = async (...set: string[]) =>
      [...(await runsOf(text, set))].flatMap(([log, files]) => (log.includes('-whole-') ? [files] : []))
    const [even, zipf] = [await ofRuns('demand=even'), await ofRuns('demand=zipf')]
    expect(even).not.toEqual(zipf)
    expect(await ofRuns()).toEqual([...even, ...zipf])
  })

  it('before anything ran says which logs are not there', async () => {
    const { points, missing, left_out } = await readP2psim(folder, results)
    expect([points, missing.length, left_out.length]).toEqual([[], 8, 1])
  })

  it('is run by its script, read back, and set beside ours', async () => {
    // In the place of p2psim: 900 bytes until the measured time begins, and 2,900 in all.
    const program = join(folder, 'p2psim')
    await writeFile(
      join(folder, 'before.txt'),
      statsText({ correct: 0, incorrect: 0, failed: 0, bytes: 900 })
    )
    await writeFile(
      join(folder, 'whole.txt'),
      statsText({ correct: 38, incorrect: 1, failed: 1, bytes: 2900 })
    )
    await writeFile(
      program,
      `#!/bin/sh
[ "$1" = -e ] && [ -f "$3" ] && [ -f "$4" ] || exit 1
list=$(sed 's/.*name=//' "$5")
if grep -q lookup "$list"; then cat whole.txt; else cat before.txt; fi
`,
      { mode: 0o755 }
    )
    await promisify(execFile)('sh', ['run.sh'], { cwd: folder, env: { ...process.env, P2PSIM: program } })
    const { points, missing } = await readP2psim(folder, results)
    expect(missing).toEqual([])
    const [chord] = points
    const lives = manifest.points[0]!.runs.map(({ live_s }) => 2000 / live_s)
    const { figures, results: own } = results.parts[0]!.points[0]!
    expect(chord).toEqual({
      part: 'one',
      overlay: 'chord',
      at: {},
      set: {},
      runs: 2,
      p2psim: { success: 0.95, latency_ms: 150, hops: 3.25, bytes_per_s: (lives[0]! + lives[1]!) / 2 },
      here: {
        success: figures.success.median,
        latency_ms: figures.latency_ms.median,
        hops: figures.hops.median,
        bytes_per_s: own.bytes_per_node_per_s!.p2psim
      },
      differs: ['success', 'latency_ms', 'hops', 'bytes_per_s']
    })
  }, 60_000)

  it('finds nothing to differ in what is nearly alike', async () => {
    const { success, hops, latency_ms } = results.parts[0]!.points[0]!.figures
    const issued = 1000
    const correct = Math.round((success.median! - 0.005) * issued)
    const near = {
      correct,
      incorrect: 0,
      failed: issued - correct,
      median: latency_ms.median! * 1.05,
      hops: hops.median!
    }
    for (const { whole } of manifest.points[0]!.runs) await writeFile(join(folder, whole), statsText(near))
    const [chord] = (await readP2psim(folder, results)).points
    expect(chord!.differs).toEqual(['bytes_per_s'])
  })

  it('is refused where the results, the manifest or a log is another one', async () => {
    const other = structuredClone(results)
    other.parts[0]!.points[0]!.at = { nodes: 30 }
    expect(await refusal(() => readP2psim(folder, other))).toContain('The results are of another study')
    const larger = structuredClone(results)
    larger.parts[0]!.points[0]!.plan.nodes = 1024
    expect(await refusal(() => readP2psim(folder, larger))).toContain(
      'The results are of another study: nodes of chord in one is 1024, and 20 in what was exported.'
    )
    const ofFile = structuredClone(results)
    ofFile.parts[0]!.points[0]!.plan.files = { 'trace.txt': '0'.repeat(64) }
    expect(await refusal(() => readP2psim(folder, ofFile))).toContain(
      'files of chord in one is {"trace.txt":'
    )
    const more = structuredClone(results)
    Object.assign(more.parts[0]!.points[0]!.plan, { seeds: 5, seed: 7 })
    expect((await readP2psim(folder, more)).points).toHaveLength(2)
    const { whole } = manifest.points[0]!.runs[0]!
    await truncate(join(folder, whole), P2PSIM_LOG_BYTES_MAX + 1)
    expect(await refusal(() => readP2psim(folder, results))).toContain(`${whole} has more than`)
    const file = join(folder, 'manifest.json')
    const outside = JSON.stringify(manifest).replace(`"${whole}"`, '"../../etc/passwd"')
    await writeFile(file, outside)
    expect(await refusal(() => readP2psim(folder, results))).toContain('no manifest of this version')
    await truncate(file, MANIFEST_BYTES_MAX + 1)
    expect(await refusal(() => readP2psim(folder, results))).toContain(
      `more than ${MANIFEST_BYTES_MAX} bytes`
    )
    await rm(file)
    expect(await refusal(() => readP2psim(folder, results))).toContain(
      'no folder that lab export-p2psim wrote'
    )
  })
})
