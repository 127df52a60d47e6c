/**
 * Lookups while a part of the peers lies: `npm run bench:attack -- [--nodes 1000] [--lookups 1000] [--seeds 3]
 * [--seed 1] [--shares 0.05,0.1,0.2,0.3] [--overlays chord,pastry,kelips,kademlia] [--defences off,on]
 * [--lies wrong-owner,drop,poison] [--warmup 900] [--json]`.
 *
 * Networks stand as they would after a quiet time; then liars, who work together, begin to lie, and tables are kept under
 * their lies for a quarter of an hour before anything is looked up. The same peers lie in each overlay. Honest peers look
 * up keys whose roots are honest. Rows are Markdown; `--json` gives the lab's whole results.
 */
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { compare, type OverlayResults, type PlanInput, type Results, resolvePlan } from '@servent/lab'

type Settings = Readonly<Record<string, string | number>>

/**
 * `today`: what real peers do where nobody says anything else. `off` and `on`: what can be switched. What cannot is always
 * on: who is dialled before it becomes a finger, a leaf, an entry or a member of a bucket, and what must be signed.
 */
const DEFENCES: Readonly<Record<string, Settings>> = {
  off: {
    'chord.answer-checks': 'off',
    'chord.lists': 'told',
    'chord.peers-per-network': 0,
    'pastry.answer-checks': 'off',
    'pastry.peers-per-network': 0,
    'kademlia.paths': 1
  },
  today: {},
  on: {
    'chord.paths': 8,
    'pastry.paths': 8,
    'pastry.distances': 'own',
    'kelips.paths': 8,
    'kelips.answer-checks': 'on',
    'kademlia.peers-per-network': 2
  }
}

const LOOKUPS_PER_S = 10

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '1000' },
    lookups: { type: 'string', default: '1000' },
    seeds: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    shares: { type: 'string', default: '0.05,0.1,0.2,0.3' },
    overlays: { type: 'string', default: 'chord,pastry,kelips,kademlia' },
    defences: { type: 'string', default: 'off,today,on' },
    lies: { type: 'string', default: 'wrong-owner,drop,poison' },
    warmup: { type: 'string', default: '900' },
    json: { type: 'boolean', default: false }
  }
})

const defences = values.defences.split(',')
const unknown = defences.find(name => DEFENCES[name] === undefined)
if (unknown !== undefined) {
  console.error(`--defences takes ${Object.keys(DEFENCES).join(', ')}, with commas between.`)
  process.exit(2)
}

function run(overlay: string, share: number, set: Settings): Promise<Results> {
  const own = Object.entries(set).filter(([name]) => name.startsWith(`${overlay}.`))
  return compare(
    resolvePlan({
      overlays: [overlay] as PlanInput['overlays'],
      nodes: Number(values.nodes),
      lookups: Number(values.lookups),
      seeds: Number(values.seeds),
      seed: Number(values.seed),
      liars: share,
      lies: values.lies.split(',') as PlanInput['lies'],
      warmup: Number(values.warmup),
      duration: Math.max(1, Math.ceil(Number(values.lookups) / LOOKUPS_PER_S)),
      set: Object.fromEntries(own)
    })
  )
}

const COLUMNS = [
  'overlay',
  'liars',
  'defences',
  'right',
  'wrong',
  'failed',
  'messages a lookup',
  'ms, half below'
]
const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
const percent = (part: number, whole: number) => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`

function cellsOf({ lookups, messages_per_lookup: messages, latency_ms: latency }: OverlayResults): string[] {
  const { issued, correct, incorrect, failed } = lookups
  return [
    ...[correct, incorrect, failed].map(part => percent(part, issued)),
    messages?.mean.toFixed(1) ?? '',
    latency?.p50.toFixed(0) ?? ''
  ]
}

const all: { share: number; defences: string; results: Results }[] = []
if (!values.json) {
  const load = loadavg().map(one => one.toFixed(1))
  console.log(
    `${values.nodes} peers, ${values.lookups} lookups, ${values.seeds} runs; load ${load.join(', ')}`
  )
  console.log(row([...COLUMNS, 'fingerprint']))
  console.log(row([...COLUMNS, ''].map(() => '---')))
}
for (const overlay of values.overlays.split(',')) {
  for (const share of values.shares.split(',').map(Number)) {
    for (const name of defences) {
      const results = await run(overlay, share, DEFENCES[name]!)
      all.push({ share, defences: name, results })
      if (values.json) continue
      const [figures] = results.overlays
      const cells = cellsOf(figures!)
      console.log(row([overlay, percent(share, 1), name, ...cells, results.fingerprint!.slice(0, 12)]))
    }
  }
}
if (values.json) console.log(JSON.stringify(all))
