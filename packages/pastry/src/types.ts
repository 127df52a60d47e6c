/** What Pastry's machine, its service, the simulator and the lab say to each other. */
import type {
  RouterSnapshot,
  RoutingAnswer,
  RoutingCommand,
  RoutingNotice,
  RoutingQuestion,
  StoreSnapshot,
  StructuredSettings
} from '@servent/key-routing/machine'
import type { Key, MachineTypes, Peer } from '@servent/overlay/machine'
import type { PastryMessage, Sizes } from './messages.ts'
import type { RoutingTable } from './routing-table.ts'

export interface PastryTypes extends MachineTypes {
  message: PastryMessage
  command: PastryCommand
  notice: PastryNotice
  question: RoutingQuestion
  answer: RoutingAnswer
  snapshot: PastryTables
}

/** What the user of a node chooses. A value out of its range is taken for the nearest that is in it. */
export interface PastrySettings extends StructuredSettings {
  /** |L|, an even number from 2 to `LEAF_SET_MAX`. All peers of a network must have the same. */
  readonly leafSet: number
  /** b, bits of a digit: 1, 2 or 4. All peers of a network must have the same. */
  readonly digitBits: number
  /** |M|, 0 to `NEIGHBOURHOOD_MAX`. */
  readonly neighbourhood: number
  /** Whether entries of the routing table are chosen by their round trip. */
  readonly proximity: 'on' | 'off'
  /** Whether another one's word counts for how far away it is, where this one has not measured that itself. */
  readonly distances: 'told' | 'own'
  /** T_ls: to the left neighbour. */
  readonly heartbeatMs: number
  /** Between two exchanges of leaf sets with one of the leaves. */
  readonly leafExchangeMs: number
  /** T_rt, between two probes of an entry that nothing was heard of; 0: tuned by what is seen of failures. */
  readonly tableProbeMs: number
  /** Between two looks at the rows of others for nearer entries. */
  readonly rowMs: number
  /** Between two visits to the neighbourhood set. */
  readonly neighbourhoodMs: number
  /** Between two probes for a foreign ring; 0: never. */
  readonly mergeMs: number
}

/** Tables as an observer who knows everybody builds them (`IdealNetwork`). */
export interface AdoptedTables {
  /** Any order; those that have no place are left out. */
  readonly leaves: readonly Peer[]
  readonly entries: readonly AdoptedEntry[]
  readonly neighbours: readonly AdoptedEntry[]
}

export interface AdoptedEntry {
  readonly peer: Peer
  /** Milliseconds of a round trip; 0: not measured. */
  readonly distanceMs: number
}

export type PastryCommand =
  | RoutingCommand
  /** Joins by these peers and by those of which `contact` told. */
  | { readonly type: 'join'; readonly contacts?: readonly Peer[] }
  /** Off: no timer runs and nothing is learnt from silence ("no repair"); lookups are served. */
  | { readonly type: 'maintenance'; readonly on: boolean }
  /** Takes these tables as if it had joined long ago. */
  | { readonly type: 'adopt'; readonly tables: AdoptedTables }
  /** Hands records over, tells its leaves, and is no member any more. `stop` tells them too. */
  | { readonly type: 'leave' }

/** `idle`: not started, or left. `joining`: its whole leaf set has not answered yet. */
export type PastryMode = 'idle' | 'joining' | 'member'

export type PastryNotice =
  | RoutingNotice
  | { readonly type: 'mode'; readonly mode: PastryMode }
  /** A contact has another |L| or b, and its network cannot be joined. */
  | ({ readonly type: 'mismatch'; readonly peer: Peer } & Sizes)
  /** It has the same now. */
  | { readonly type: 'match'; readonly peer: Peer }

/** The tables as they stand in the machine. They are not to be changed. */
export interface NodeView {
  readonly mode: PastryMode
  readonly key: Key
  /** Counter-clockwise and clockwise, the nearest first. */
  readonly smaller: readonly Peer[]
  readonly larger: readonly Peer[]
  readonly table: Pick<RoutingTable, 'at' | 'peers' | 'slots' | 'size' | 'distanceMs' | 'rowOf'>
  /** The nearest by distance first. */
  readonly neighbours: readonly Peer[]
}

/** Tables for people. Peers are handles: the service names them. */
export interface PastryTables extends Sizes {
  readonly mode: PastryMode
  /** Hexadecimal. */
  readonly key: string
  readonly smaller: readonly Peer[]
  readonly larger: readonly Peer[]
  readonly table: readonly {
    readonly row: number
    readonly column: number
    readonly peer: Peer
    readonly distanceMs: number
  }[]
  readonly neighbours: readonly { readonly peer: Peer; readonly distanceMs: number }[]
  /** Bootstrap peers and peers that failed: by them a ring is joined again, or a foreign one is found. */
  readonly remembered: readonly Peer[]
  readonly maintenance: boolean
  /** T_rt as it stands. */
  readonly tableProbeMs: number
  /** N, by the density of the leaf set. */
  readonly sizeEstimate: number
  readonly routing: RouterSnapshot
  readonly store: StoreSnapshot
  readonly counters: Readonly<Record<string, number>>
}
