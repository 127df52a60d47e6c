/**
 * Gnutella's ways of searching side by side: `npm run bench:unstructured -- [--nodes 10000] [--searches 300]
 * [--seeds 1] [--seed 1] [--rare 0.2] [--warmup SECONDS] [--only flood,ring] [--json]`.
 *
 * All on the same world: 70 % of the peers share nothing, 1 % of the others give half of all results, files are asked
 * for in proportion to their copies, and a fifth of the searches (`--rare`) is for files that there are once. A search
 * wants 50 results and lasts ten seconds. Ten peers search in each second, as fast as servents hand queries on, so that
 * upkeep is not set against fewer searches than a network of that size has. Networks stand as they would after hours, with
 * the links of all and, in two tiers, with the route tables told. Rows are Markdown; `--json` gives the lab's whole results.
 */
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { compare, type OverlayResults, type Results, resolvePlan } from '@servent/lab'

type Settings = Readonly<Record<string, string | number>>

interface Variant {
  readonly title: string
  /** Of Gnutella, as plans have them. */
  readonly set: Settings
  /** Virtual seconds until tables stand. */
  readonly warmup?: number
}

const TIERS_WARMUP_S = 180
const TIERS = { role: 'auto' } as const
/** What a ring finds goes by how far all its TTLs reach, so that only more links let it find more. */
const RING = { search: 'expanding-ring' } as const
const ROUTED = { ...TIERS, 'query-routing': 'on' } as const

const VARIANTS: Readonly<Record<string, Variant>> = {
  flood: { title: 'plain flooding (0.4)', set: { 'query-cache': 'off' } },
  cache: { title: 'flooding, query caches', set: {} },
  ring: { title: 'expanding ring', set: RING },
  ring7: { title: 'expanding ring, 7 neighbours', set: { ...RING, neighbours: 7 } },
  ring8: { title: 'expanding ring, 8 neighbours', set: { ...RING, neighbours: 8 } },
  walk16: { title: '16 random walkers', set: { search: 'random-walk', walkers: 16 } },
  walk64: { title: '64 random walkers', set: { search: 'random-walk', walkers: 64 } },
  tiers: { title: 'two tiers', set: { ...TIERS, 'query-routing': 'off' }, warmup: TIERS_WARMUP_S },
  routed: { title: 'two tiers, routing tables', set: ROUTED, warmup: TIERS_WARMUP_S },
  dynamic: {
    title: 'two tiers, dynamic querying',
    set: { ...ROUTED, search: 'dynamic' },
    warmup: TIERS_WARMUP_S
  }
}

const SEARCHES_PER_S = 10
const RESULTS_WANTED = 50

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '10000' },
    searches: { type: 'string', default: '300' },
    seeds: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    rare: { type: 'string', default: '0.2' },
    warmup: { type: 'string' },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false }
  }
})

const begins = values.only.split(',')
const names = Object.keys(VARIANTS).filter(name => begins.some(begin => name.startsWith(begin)))
if (names.length === 0) {
  console.error(`--only takes beginnings of these, with commas between: ${Object.keys(VARIANTS).join(', ')}.`)
  process.exit(2)
}

function run({ set, warmup }: Variant): Promise<Results> {
  const searches = Number(values.searches)
  return compare(
    resolvePlan({
      overlays: ['gnutella'],
      nodes: Number(values.nodes),
      lookups: 0,
      searches,
      seeds: Number(values.seeds),
      seed: Number(values.seed),
      warmup: values.warmup === undefined ? warmup : Number(values.warmup),
      duration: Math.max(1, Math.ceil(searches / SEARCHES_PER_S)),
      freeloaders: 0.7,
      sharing: 'heavy',
      demand: 'zipf',
      rare: Number(values.rare),
      enough: RESULTS_WANTED,
      workers: 1,
      set: Object.fromEntries(Object.entries(set).map(([name, value]) => [`gnutella.${name}`, value]))
    })
  )
}

type Column = readonly [title: string, of: (results: OverlayResults) => string]

const COLUMNS: readonly Column[] = [
  ['recall, files', ({ searches }) => fraction(searches?.recall)],
  [`of ${RESULTS_WANTED} results`, ({ searches }) => fraction(searches?.recall_of_enough)],
  ['single copy', ({ searches }) => fraction(searches?.recall_single_copy)],
  ['messages a search', ({ searches }) => whole(searches?.messages?.mean)],
  ['messages, half below', ({ searches }) => whole(searches?.messages?.p50)],
  ['KiB a search', ({ searches }) => kibibytes(searches?.bytes?.mean)],
  ['KiB, half below', ({ searches }) => kibibytes(searches?.bytes?.p50)],
  ['of which hits', ({ bytes_per_node_per_s: bytes }) => fraction(bytes && hitPart(bytes.by_type))],
  ['all messages a search', results => whole(allOf(results, 'messages'))],
  ['all KiB a search', results => kibibytes(allOf(results, 'bytes'))],
  [
    'all bytes a peer and second',
    results => whole((allOf(results, 'bytes') * SEARCHES_PER_S) / results.nodes)
  ],
  ['first hit ms, 50 and 95 % below', ({ searches }) => hits(searches)],
  ['pongs a link in 3 s', ({ network }) => whole(network?.pongs_per_link_max)],
  [
    'links, mean and most',
    ({ connections_per_node: links }) => `${links?.mean.toFixed(1)} and ${links?.max}`
  ],
  ['power law', ({ topology }) => law(topology)],
  ['seconds', ({ cost }) => whole(cost.wall_s)]
]

const fraction = (value: number | null | undefined) => value?.toFixed(3) ?? ''
const whole = (value: number | null | undefined) =>
  value == null ? '' : Math.round(value).toLocaleString('en')
const kibibytes = (bytes: number | null | undefined) => (bytes == null ? '' : whole(bytes / 1024))

function hits(searches: OverlayResults['searches']): string {
  const first = searches?.first_hit_ms
  return first ? `${whole(first.p50)} and ${whole(first.p95)}` : ''
}

/** Of the bytes of searches, by what was sent in the measured time: walkers' and leaves' words are queries too. */
function hitPart(byType: Readonly<Record<string, number>>): number {
  const { query = 0, other = 0, 'query-hit': hits = 0 } = byType
  return hits / Math.max(1, query + other + hits)
}

function law(topology: OverlayResults['topology']): string {
  const found = topology?.power_law
  if (!found) return 'no tail'
  return `${found.verdict ? 'yes' : 'no'}: ${found.exponent.toFixed(1)} from ${found.from}, KS ${found.ks.toFixed(2)}`
}

/** Of a search, with its share of all upkeep of that time: what comes after the measured time is counted too. */
function allOf({ searches, network }: OverlayResults, what: 'messages' | 'bytes'): number {
  return (searches?.[what]?.mean ?? 0) + (network?.[`upkeep_${what}_per_question`] ?? 0)
}

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`

const all: { name: string; results: Results }[] = []
if (!values.json) {
  const load = loadavg().map(one => one.toFixed(1))
  console.log(
    `${values.nodes} peers, ${values.searches} searches, ${values.seeds} runs; load ${load.join(', ')}`
  )
  console.log(row(['', ...COLUMNS.map(([title]) => title), 'fingerprint']))
  console.log(row(['', ...COLUMNS, ''].map(() => '---')))
}
for (const name of names) {
  const variant = VARIANTS[name]!
  const results = await run(variant)
  all.push({ name, results })
  if (values.json) continue
  const [figures] = results.overlays
  const cells = COLUMNS.map(([, of]) => of(figures!))
  console.log(row([variant.title, ...cells, results.fingerprint!.slice(0, 12)]))
}
if (values.json) console.log(JSON.stringify(all))
