/**
 * Where a plan may run: in the simulator, or on real peers, all in this process or each in one of its own. A plan is the
 * same for all of them; what only a simulator can do is refused here, before anything starts.
 */
import { churnProcess } from '@servent/simulator'
import { PlanError } from './errors.ts'
import type { OverlayId } from './overlays/settings.ts'
import { secondsForPartition } from './partition.ts'
import type { Plan, PlanInput } from './plan.ts'

export const BACKENDS = ['simulator', 'in-process', 'processes'] as const
export type BackendId = (typeof BACKENDS)[number]
export type RealBackendId = Exclude<BackendId, 'simulator'>

/** Peers of one network: each has keys, connections and tables of its own, and all share one event loop. */
export const IN_PROCESS_NODES_MAX = 500
/** Each is a process of some hundred MiB. */
export const PROCESSES_NODES_MAX = 64
/** Of `warmup` and of `duration`: they pass on the clock on the wall. */
export const REAL_SECONDS_MAX = 3_600
/** Of a run, each kind: every one is under way in this program, with a timer. */
export const REAL_ASKS_MAX = 20_000
/** Longer than every overlay's own time for a lookup or a search, so that each ends by its own rules. */
export const REAL_ASK_MS_MAX = 30_000
/** How long whoever asks for a file waits: as long as Gnutella and FastTrack flood. */
export const REAL_FILE_MS = 10_000

/** Peers of one network that are there at a time, operators' servers aside. */
export const NODES_LIMITS: Readonly<Record<RealBackendId, number>> = {
  'in-process': IN_PROCESS_NODES_MAX,
  processes: PROCESSES_NODES_MAX
}

/**
 * Settings of the lab that real peers have, and how their configuration calls them. All others are the machine's alone
 * and keep their defaults, which are what a peer has where nobody sets them.
 */
export const REAL_SETTINGS: Readonly<Record<OverlayId, Readonly<Record<string, string>>>> = {
  napster: { servers: 'servers', 'users-per-server': 'users' },
  gnutella: { neighbours: 'neighbours', ttl: 'ttl', role: 'role' },
  fasttrack: { 'ordinaries-per-supernode': 'ordinariesPerSupernode' },
  chord: {
    successors: 'successors',
    'virtual-nodes': 'virtualNodes',
    proximity: 'proximity',
    style: 'lookups',
    'stabilise-ms': 'stabiliseMs',
    'fix-fingers-ms': 'fixFingersMs',
    'check-predecessor-ms': 'checkPredecessorMs',
    'merge-ms': 'mergeMs',
    replicas: 'replicas'
  },
  pastry: {
    'leaf-set': 'leafSet',
    'digit-bits': 'digitBits',
    neighbourhood: 'neighbourhood',
    proximity: 'proximity',
    style: 'lookups',
    'heartbeat-ms': 'heartbeatMs',
    'leaf-exchange-ms': 'leafExchangeMs',
    'table-probe-ms': 'tableProbeMs',
    'row-ms': 'rowMs',
    'neighbourhood-ms': 'neighbourhoodMs',
    'merge-ms': 'mergeMs',
    replicas: 'replicas'
  },
  kelips: {
    groups: 'groups',
    contacts: 'contacts',
    'gossip-ms': 'gossipMs',
    'heartbeat-ms': 'heartbeatMs',
    targets: 'targets',
    'contact-targets': 'contactTargets',
    'gossip-bytes-per-s': 'gossipRate',
    proximity: 'proximity',
    'merge-ms': 'mergeMs',
    replicas: 'replicas'
  },
  kademlia: { k: 'k', alpha: 'alpha', paths: 'disjointPaths' }
}

const NODES_DEFAULT = 16
const ASKS_DEFAULT = 100
const WARMUP_SECONDS = 15
const DURATION_SECONDS_MIN = 10
const CHURN_SECONDS_MIN = 60
/** Of all peers together. */
const ASKS_PER_SECOND = 10

/** What differs from the simulator's defaults: seconds are real, and all peers join. */
export function realDefaults(given: PlanInput, workload: Plan['workload']): PlanInput {
  const lookups = given.lookups ?? (workload === 'search' ? 0 : ASKS_DEFAULT)
  const searches = given.searches ?? (workload === 'lookup' ? 0 : ASKS_DEFAULT)
  const least = (given.churn ?? null) === null ? DURATION_SECONDS_MIN : CHURN_SECONDS_MIN
  const work = Math.ceil((lookups + searches) / ASKS_PER_SECOND)
  return {
    nodes: NODES_DEFAULT,
    lookups,
    searches,
    warmup: WARMUP_SECONDS,
    duration: Math.max(least, work, secondsForPartition(given)),
    start: 'joined'
  }
}

export function isReal(backend: BackendId): backend is RealBackendId {
  return backend !== 'simulator'
}

/** @throws PlanError  it asks real peers for what only simulated ones can do, or for too much */
export function checkBackend(plan: Plan): void {
  const { backend } = plan
  if (!isReal(backend)) return
  for (const [field, isAsked, what, instead] of REFUSALS)
    if (isAsked(plan))
      throw new PlanError(`${what}, which the backend ${backend} cannot do: ${instead}.`, field)
  checkMost(plan, 'nodes', NODES_LIMITS[backend])
  checkMost(plan, 'warmup', REAL_SECONDS_MAX)
  checkMost(plan, 'duration', REAL_SECONDS_MAX)
  checkMost(plan, 'lookups', REAL_ASKS_MAX)
  checkMost(plan, 'searches', REAL_ASKS_MAX)
  checkGrowth(plan, NODES_LIMITS[backend])
  for (const name of Object.keys(plan.set)) {
    const [overlay, key] = name.split('.') as [OverlayId, string]
    const taken = Object.keys(REAL_SETTINGS[overlay] ?? {})
    if (taken.includes(key)) continue
    throw new PlanError(
      `${name} is set, which the backend ${backend} cannot do: real peers of ${overlay} take ` +
        `${taken.map(one => `${overlay}.${one}`).join(', ')}.`
    )
  }
}

type Refusal = readonly [field: keyof Plan, isAsked: (plan: Plan) => boolean, what: string, instead: string]

const REFUSALS: readonly Refusal[] = [
  ['liars', ({ liars }) => liars !== null, 'A part of the peers lies (liars)', 'no real peer does'],
  [
    'start',
    ({ start }) => start === 'ideal',
    'The network starts as an observer builds it (start: ideal)',
    'real peers join; try --start joined'
  ],
  [
    'puts',
    ({ puts, gets }) => puts + gets > 0,
    'Values are put and asked for (puts, gets)',
    'try lookups and searches'
  ],
  [
    'churn',
    ({ churn }) => churn?.startsWith('trace:') === true,
    'Peers come and go by a trace (churn)',
    'try exp:1m or rate:0.05'
  ]
]

/** By sessions there are never more peers than at first: who goes makes room for one. */
function checkGrowth({ backend, churn, nodes, warmup, duration }: Plan, most: number): void {
  const process = churn === null ? undefined : churnProcess(churn)
  if (process?.type !== 'rates') return
  const expected = nodes + (process.joinsPerS - process.leavesPerS) * (warmup + duration)
  if (expected <= most) return
  throw new PlanError(
    `By churn ${churn} of ${nodes} peers ${Math.ceil(expected)} are to be expected at the end, and the backend ` +
      `${backend} takes ${most} at most: try as many leaves as joins, or --backend simulator.`,
    'churn'
  )
}

function checkMost(
  plan: Plan,
  field: 'nodes' | 'warmup' | 'duration' | 'lookups' | 'searches',
  most: number
): void {
  if (plan[field] <= most) return
  throw new PlanError(
    `${field} is ${plan[field]}, and the backend ${plan.backend} takes ${most} at most: try --backend simulator.`
  )
}
