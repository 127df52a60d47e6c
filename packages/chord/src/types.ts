/** What Chord's machine, its service, the simulator and the lab say to each other. */
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
import type { ChordMessage } from './messages.ts'

export interface ChordTypes extends MachineTypes {
  message: ChordMessage
  command: ChordCommand
  notice: ChordNotice
  question: RoutingQuestion
  answer: RoutingAnswer
  snapshot: ChordTables
}

/** What the user of a node chooses. A value out of its range is taken for the nearest that is in it. */
export interface ChordSettings extends StructuredSettings {
  /** r, the length of successor lists, 1 to `SUCCESSORS_MAX`. All peers of a network must have the same. */
  readonly successors: number
  /** Places of this peer on the ring, 1 to `VIRTUAL_NODES_MAX`. */
  readonly virtualNodes: number
  /** Whether fingers are chosen by their round trip among the first nodes of their interval. */
  readonly proximity: 'on' | 'off'
  /** Nodes that each finger is chosen from, 1 to `PROXIMITY_SAMPLES_MAX`; nothing: as many as `successors`. */
  readonly samples: number | undefined
  /**
   * `told`: a list is what its head says. `asked`: who is in the own list or the head's alone is asked itself, before it
   * goes or comes, so that no head can leave members out.
   */
  readonly lists: 'told' | 'asked'
  readonly stabiliseMs: number
  readonly fixFingersMs: number
  readonly checkPredecessorMs: number
  /** Between two probes for a foreign ring; 0: never. */
  readonly mergeMs: number
}

/** A place on the ring in a machine: `peer * VIRTUAL_NODES_MAX + index`. Its `peer` is 0 for this peer itself. */
export type RingRef = number

/** Tables of one place, as an observer who knows everybody builds them (`idealTables`). */
export interface PlaceTables {
  readonly predecessor: RingRef | undefined
  /** Clockwise, at most r. */
  readonly successors: readonly RingRef[]
  /** Any order; those that do not belong into the table are left out. */
  readonly fingers: readonly RingRef[]
}

export type ChordCommand =
  | RoutingCommand
  /** Joins by these peers and by those of which `contact` told. */
  | { readonly type: 'join'; readonly contacts?: readonly Peer[] }
  /** Off: no round runs and nothing is learnt from silence ("stabilisation stands still"); lookups are served. */
  | { readonly type: 'maintenance'; readonly on: boolean }
  /** Takes these tables, one for each virtual node in the order of their indices, as if it had joined long ago. */
  | { readonly type: 'adopt'; readonly places: readonly PlaceTables[] }
  /** Tells both neighbours, hands records over, and is no member any more. `stop` does the same. */
  | { readonly type: 'leave' }

/** `forming`: fewer than r + 1 members; Zave's theorems do not hold yet. `idle`: not started, or left. */
export type ChordMode = 'idle' | 'joining' | 'forming' | 'ring'

export type ChordNotice =
  | RoutingNotice
  | { readonly type: 'mode'; readonly mode: ChordMode }
  /** A contact has another r, and its ring cannot be joined. */
  | { readonly type: 'mismatch'; readonly peer: Peer; readonly listLength: number }

export interface ChordNode {
  readonly peer: Peer
  readonly index: number
}

export interface ChordPlace {
  readonly index: number
  /** Hexadecimal. */
  readonly key: string
  readonly member: boolean
  readonly predecessor: ChordNode | null
  readonly successors: readonly ChordNode[]
  /** The furthest first; `exponent` is of the power of two that the finger's distance reaches. */
  readonly fingers: readonly (ChordNode & { readonly exponent: number })[]
}

/** One place as it stands in the machine. */
export interface PlaceView {
  readonly index: number
  readonly key: Key
  readonly member: boolean
  /** Negative: nobody. */
  readonly predecessor: RingRef
  readonly successors: readonly RingRef[]
  /** The furthest first. */
  readonly fingers: {
    readonly length: number
    at(place: number): RingRef
    exponentAt(place: number): number
  }
  /** Changes with predecessor and list. */
  readonly version: number
}

/** Tables for people. Peers are handles: the service names them. */
export interface ChordTables {
  readonly mode: ChordMode
  /**
   * Whether Zave's theorems apply: there are at least r + 1 members. Before, every member knows every other,
   * and lookups are right as long as they do.
   */
  readonly theoremsHold: boolean
  readonly successorListLength: number
  readonly places: readonly ChordPlace[]
  /** Members of a ring that forms, beside this peer. */
  readonly forming: readonly Peer[]
  /** Bootstrap peers and peers that went silent: by them a ring is joined again, or a foreign one is found. */
  readonly remembered: readonly Peer[]
  readonly maintenance: boolean
  readonly routing: RouterSnapshot
  readonly store: StoreSnapshot
  readonly counters: Readonly<Record<string, number>>
}
