/**
 * A plan: everything that decides what a comparison measures. The same plan, code and seed give the same
 * results. Words of the command line and keys of a file are the names of the fields here.
 *
 * Fairness (Li et al., INFOCOM 2005): every overlay of a plan runs on the same identifiers, the same network,
 * the same departures and arrivals, and the same lookups and searches, drawn from the run's seed before any
 * overlay is asked.
 */

import { availableParallelism } from 'node:os'
import { STORED_LIFETIME_MS_MAX } from '@servent/key-routing/machine'
import { given } from '@servent/overlay/machine'
import { type Static, Type } from 'typebox'
import { Check, Errors } from 'typebox/value'
import { BACKENDS, checkBackend, isReal, realDefaults } from './backends.ts'
import { checkConditions, FIREWALLED_MAX } from './conditions.ts'
import { PlanError } from './errors.ts'
import { LIES } from './liars/lies.ts'
import { checkModels, filesOf } from './models.ts'
import { KEEPS_RECORDS, OVERLAYS, type OverlayId, type Settings, settingsOf } from './overlays/settings.ts'
import { parsePartition, peersApart, secondsForPartition } from './partition.ts'
import { shown, taken } from './plan-words.ts'

export const NODES_MAX = 1_000_000
export const LOOKUPS_MAX = 10_000_000
export const SEEDS_MAX = 1000
export const WORKERS_MAX = 256
const SEED_MAX = 2 ** 32 - 1
/** Of all peers: beyond it nobody is left to ask. */
const FAILURES_MAX = 0.95
/** A hundred days. */
const SECONDS_MAX = 8_640_000
/**
 * Of a plan in which peers keep records of others, files' or values: those live for seven days, and announcing them,
 * before anything is measured, may take one.
 */
export const RECORDS_SECONDS_MAX = STORED_LIFETIME_MS_MAX / 1000 - 86_400
/** Of all peers: where most lie, the honest ones are the exception. */
export const LIARS_MAX = 0.5
const TEXT_CHARACTERS_MAX = 4096
/** Somebody has to share something. */
const FREELOADERS_MAX = 0.99
export const ENOUGH_MAX = 1000

const closed = { additionalProperties: false } as const
const seconds = (description: string) => Type.Integer({ minimum: 0, maximum: SECONDS_MAX, description })

/** A plan with every choice made. Seconds are of virtual time. */
export const PlanSchema = Type.Object(
  {
    overlays: Type.Array(Type.Enum(OVERLAYS), {
      minItems: 1,
      uniqueItems: true,
      description: 'Which overlays are compared, each on the same work'
    }),
    nodes: Type.Integer({ minimum: 2, maximum: NODES_MAX, description: 'Peers of a network' }),
    lookups: Type.Integer({ minimum: 0, maximum: LOOKUPS_MAX, description: 'Lookups of a run' }),
    searches: Type.Integer({ minimum: 0, maximum: LOOKUPS_MAX, description: 'Searches by words of a run' }),
    puts: Type.Integer({ minimum: 0, maximum: LOOKUPS_MAX, description: 'Values put under keys in a run' }),
    gets: Type.Integer({ minimum: 0, maximum: LOOKUPS_MAX, description: 'Values asked for in a run' }),
    seeds: Type.Integer({
      minimum: 1,
      maximum: SEEDS_MAX,
      description: 'Runs of each overlay: their seeds are seed, seed + 1, …, so that any can be run alone'
    }),
    seed: Type.Integer({ minimum: 0, maximum: SEED_MAX, description: 'Seed of the first run' }),
    failures: Type.Union([Type.Number({ minimum: 0, maximum: FAILURES_MAX }), Type.Null()], {
      description: 'Part of the peers that dies at one instant, after which maintenance stands still'
    }),
    liars: Type.Union([Type.Number({ minimum: 0, maximum: LIARS_MAX }), Type.Null()], {
      description:
        'Part of the peers that lies, together; they ask for nothing, and nobody asks for what they are the root of'
    }),
    lies: Type.Array(Type.Enum(LIES), {
      minItems: 1,
      uniqueItems: true,
      description: 'How they lie'
    }),
    churn: Type.Union([Type.String({ maxLength: TEXT_CHARACTERS_MAX }), Type.Null()], {
      description:
        'Sessions of peers, as exp:1h; those who leave do so without a word and come back as new ones'
    }),
    partition: Type.Union([Type.String({ maxLength: TEXT_CHARACTERS_MAX }), Type.Null()], {
      description:
        'For how long a part of the peers and all others do not hear each other, as 0.3/5m; from when a quarter of the measured time has passed'
    }),
    latency: Type.String({ maxLength: TEXT_CHARACTERS_MAX, description: 'Round trips between peers' }),
    bandwidth: Type.Union([Type.String({ maxLength: TEXT_CHARACTERS_MAX }), Type.Null()], {
      description: 'Bytes a second that the line of each peer carries up and down, as 128kB/1MB'
    }),
    resets: Type.Union([Type.String({ maxLength: TEXT_CHARACTERS_MAX }), Type.Null()], {
      description: 'How often each connection breaks by itself, as 0.1/m'
    }),
    firewalled: Type.Number({
      minimum: 0,
      maximum: FIREWALLED_MAX,
      description: 'Part of the peers that nobody can dial, and that dial others'
    }),
    workload: Type.Enum(['lookup', 'search', 'mixed', 'values']),
    freeloaders: Type.Number({
      minimum: 0,
      maximum: FREELOADERS_MAX,
      description: 'Part of the peers that share nothing'
    }),
    sharing: Type.Enum(['even', 'heavy'], {
      description: 'Sharers have as much as others, or the one of rank k has 1/k of what the first one has'
    }),
    demand: Type.Enum(['even', 'zipf'], {
      description: 'Any file is asked for as often as another, or in proportion to its copies'
    }),
    rare: Type.Number({
      minimum: 0,
      maximum: 1,
      description:
        'Part of the searches that is for a file of which there is one copy, by all words of its name'
    }),
    enough: Type.Union([Type.Integer({ minimum: 1, maximum: ENOUGH_MAX }), Type.Null()], {
      description: 'Results that a search wants, a file of one provider each; null: all that there are'
    }),
    warmup: seconds('Before anything is measured'),
    duration: seconds('Over which lookups and searches are spread, and in which bytes are counted'),
    start: Type.Enum(['ideal', 'joined'], {
      description: 'Tables built by an observer as the protocol would have them, or peers that joined'
    }),
    set: Type.Record(
      Type.String({ maxLength: 64 }),
      Type.Union([Type.String({ maxLength: 64 }), Type.Number(), Type.Boolean()]),
      { description: 'Settings of overlays that differ from their defaults, by name: chord.successors' }
    ),
    backend: Type.Enum(BACKENDS, {
      description: 'Where its peers are: in a simulator, or real ones in this process or in one each'
    }),
    workers: Type.Integer({
      minimum: 1,
      maximum: WORKERS_MAX,
      description:
        'Runs at a time at most, each in a thread of its own: no more than fit into memory. Makes no difference to results'
    })
  },
  closed
)

export type Plan = Static<typeof PlanSchema>

/** Of a plan, what decides what is measured: how many runs there are at a time is the machine's matter. */
export const AskedSchema = Type.Object(
  {
    ...Type.Omit(PlanSchema, ['workers']).properties,
    files: Type.Optional(
      Type.Record(Type.String(), Type.String({ pattern: '^[0-9a-f]{64}$' }), {
        description: 'The SHA-256 of each file that the plan names. Not there where it names none'
      })
    )
  },
  closed
)
export type Asked = Static<typeof AskedSchema>

/** SHA-256 in hexadecimal of files, by the names that plans have for them. */
export type FileSums = Readonly<Record<string, string>>

export function askedOf({ workers: _, ...asked }: Plan, sums: FileSums = {}): Asked {
  const names = Object.values(filesOf(asked))
  if (names.length === 0) return asked
  return { ...asked, files: Object.fromEntries(names.map(name => [name, sums[name]!])) }
}

/** What somebody wrote down: what is left out has a default. */
export type PlanInput = { readonly [Key in keyof Plan]?: Plan[Key] | undefined }

/** Lookups and searches a second of all peers together, where the plan does not say: floods keep up with it. */
const WORK_PER_SECOND = 10
const LOOKUPS_DEFAULT = 10_000
const SEARCHES_DEFAULT = 1_000
const PUTS_DEFAULT = 1_000
const DURATION_SECONDS_MIN = 600
/** With churn the measured half is an hour at least, so that most of those who were there at first are gone. */
const CHURN_SECONDS_MIN = 3_600
const WARMUP_IDEAL_SECONDS = 60
/** Peers come, come and go, and settle: in less they would not have gone often enough. */
const WARMUP_JOINED_SECONDS = 7_200

/** @throws PlanError  a field is missing, unknown, of another kind or out of its bounds, or two contradict */
export function resolvePlan(input: PlanInput): Plan {
  const chosen = given(input)
  const plan = { ...defaults(chosen), ...defaultsOfBackend(chosen), ...chosen } as Plan
  checkShape(plan)
  checkWork(plan)
  checkRecords(plan)
  checkLiars(plan)
  checkPartition(plan)
  checkFailures(plan)
  checkModels(plan)
  checkConditions(plan)
  for (const overlay of plan.overlays) overlaySettings(plan, overlay)
  checkSetNames(plan)
  checkBackend(plan)
  return plan
}

/** The settings of one overlay, those of the plan over the defaults. Real peers have the same with failures and without. */
export function overlaySettings({ set, failures, backend }: Plan, overlay: OverlayId): Settings {
  return settingsOf(overlay, set, failures !== null && !isReal(backend))
}

/** Seeds of a plan's runs, in their order. */
export function seedsOf({ seed, seeds }: Plan): number[] {
  return Array.from({ length: seeds }, (_, index) => seed + index)
}

function defaults(given: PlanInput): PlanInput {
  const workload = given.workload ?? workloadOf(given)
  const lookups = workload === 'lookup' || workload === 'mixed' ? LOOKUPS_DEFAULT : 0
  const searches = workload === 'search' || workload === 'mixed' ? SEARCHES_DEFAULT : 0
  const puts = workload === 'values' ? PUTS_DEFAULT : 0
  const gets = given.puts ?? puts
  const work =
    (given.lookups ?? lookups) + (given.searches ?? searches) + (given.puts ?? puts) + (given.gets ?? gets)
  const churn = given.churn ?? null
  const atLeast = churn === null ? DURATION_SECONDS_MIN : CHURN_SECONDS_MIN
  const duration =
    given.duration ?? Math.max(atLeast, Math.ceil(work / WORK_PER_SECOND), secondsForPartition(given))
  // Tables as an observer puts them down are of a network in which everybody can be dialled.
  const start = given.start ?? ((given.firewalled ?? 0) === 0 ? 'ideal' : 'joined')
  const quiet = start === 'joined' ? WARMUP_JOINED_SECONDS : WARMUP_IDEAL_SECONDS
  return {
    overlays: ['chord'],
    nodes: 1000,
    lookups,
    searches,
    puts,
    gets,
    seeds: 1,
    seed: 1,
    failures: null,
    liars: null,
    lies: [...LIES],
    churn,
    partition: null,
    latency: 'planetlab',
    bandwidth: null,
    resets: null,
    firewalled: 0,
    workload,
    freeloaders: 0,
    sharing: 'even',
    demand: 'even',
    rare: 0,
    enough: null,
    // With churn the first half of a run is left out, as Li et al. do.
    warmup: churn === null ? quiet : duration,
    duration,
    start,
    set: {},
    backend: 'simulator',
    workers: Math.min(WORKERS_MAX, availableParallelism())
  }
}

/** What is no backend is refused with the other fields. */
function defaultsOfBackend(given: PlanInput): PlanInput {
  const { backend = 'simulator', workload = workloadOf(given) } = given
  return isReal(backend) ? realDefaults(given, workload) : {}
}

/** By the numbers that are given. */
function workloadOf({ lookups, searches, puts, gets }: PlanInput): Plan['workload'] {
  if (puts || gets) return 'values'
  if (searches) return lookups === 0 ? 'search' : 'mixed'
  return 'lookup'
}

function checkWork({ lookups, searches, puts, gets, overlays }: Plan): void {
  if (lookups + searches + puts + gets === 0) {
    throw new PlanError(
      'The plan asks for nothing: give it --lookups, --searches or --puts above 0.',
      'lookups'
    )
  }
  if (gets > 0 && puts === 0) {
    throw new PlanError('Gets ask for what was put, and nothing is: give the plan --puts above 0.', 'gets')
  }
  const without = puts === 0 ? undefined : overlays.find(overlay => !KEEPS_RECORDS[overlay])
  if (without !== undefined) {
    throw new PlanError(
      `${without} keeps no values under keys, so it has no puts and gets: leave it out of --overlays, or ask for ` +
        'lookups and searches.',
      'puts'
    )
  }
}

function checkRecords({ searches, puts, duration, overlays }: Plan): void {
  const keeper = overlays.find(overlay => KEEPS_RECORDS[overlay])
  if (keeper === undefined || searches + puts === 0 || duration <= RECORDS_SECONDS_MAX) return
  throw new PlanError(
    `duration is ${duration}, and records that peers of ${keeper} keep for each other expire meanwhile: try ` +
      `--duration ${RECORDS_SECONDS_MAX} or less.`
  )
}

function checkLiars({ liars, overlays }: Plan): void {
  const without = liars === null ? undefined : overlays.find(overlay => !KEEPS_RECORDS[overlay])
  if (without === undefined) return
  throw new PlanError(
    `Nobody lies in ${without}, which has no roots of keys: leave it out of --overlays, or leave out --liars.`,
    'liars'
  )
}

function checkFailures({ failures, churn, nodes }: Plan): void {
  if (failures === null) return
  if (churn !== null)
    throw new PlanError(
      'failures and churn exclude each other: with failures, maintenance stands still, and nobody could come or go.'
    )
  // As many die as the simulator lets die: to the nearest whole number.
  const dying = Math.round(failures * nodes)
  if (dying >= nodes)
    throw new PlanError(`With failures ${failures} nobody of ${nodes} peers is left.`, 'failures')
  if (dying === 0 && failures > 0)
    throw new PlanError(
      `failures ${failures} of ${nodes} peers is nobody: try a larger part, or more --nodes.`
    )
}

/** A partition is measured by itself, and what is put has no truth on each side. */
function checkPartition(plan: Plan): void {
  const { partition, nodes, duration, puts } = plan
  if (partition === null) return
  const planned = parsePartition(partition)
  if (peersApart(planned, nodes) < 1)
    throw new PlanError(`partition ${partition} of ${nodes} peers cuts off nobody: try a larger part.`)
  const other = (['failures', 'churn', 'liars'] as const).find(field => plan[field] !== null)
  if (other !== undefined || puts > 0)
    throw new PlanError(
      `partition and ${other ?? 'puts'} exclude each other: nobody could say which of them did what.`
    )
  if (2 * planned.us > duration * 1_000_000)
    throw new PlanError(
      `partition ${partition} lasts longer than half of the measured time, which is ${duration} s: try --duration ` +
        `${Math.ceil((4 * planned.us) / 1_000_000)}.`
    )
}

function checkShape(plan: Plan): void {
  const unknown = Object.keys(plan).find(field => !Object.hasOwn(PlanSchema.properties, field))
  if (unknown !== undefined) {
    throw new PlanError(`A plan has no ${unknown}. It has ${Object.keys(PlanSchema.properties).join(', ')}.`)
  }
  const overlay = Array.isArray(plan.overlays)
    ? plan.overlays.find(one => !OVERLAYS.includes(one))
    : undefined
  if (overlay !== undefined) {
    throw new PlanError(
      `The lab of this version has no overlay ${JSON.stringify(overlay)}. It has ${OVERLAYS.join(', ')}.`
    )
  }
  if (Check(PlanSchema, plan)) return
  const [error] = Errors(PlanSchema, plan)
  const field = error?.instancePath.replace(/^\//, '').replaceAll('/', '.') ?? ''
  const value = field.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], plan)
  if (field === '') throw new PlanError(`The plan ${error?.message ?? 'is not what a plan is made of'}.`)
  const takes = taken(PlanSchema.properties[field as keyof Plan], error)
  throw new PlanError(`${field} is ${shown(value)}, and ${takes}.`)
}

function checkSetNames({ set, overlays }: Plan): void {
  for (const name of Object.keys(set)) {
    const [overlay] = name.split('.')
    if (overlays.some(one => one === overlay)) continue
    throw new PlanError(
      `${name} is set, and ${overlay} is not among the overlays of this plan: ${overlays.join(', ')}.`
    )
  }
}
