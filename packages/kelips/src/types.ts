/** What Kelips's machine, its service, the simulator and the lab say to each other. */
import type {
  RouterSnapshot,
  RoutingAnswer,
  RoutingCommand,
  RoutingNotice,
  RoutingQuestion,
  StoreSnapshot,
  StructuredSettings
} from '@servent/key-routing/machine'
import type { Effects, MachineTypes, Peer } from '@servent/overlay/machine'
import type { Life } from './life-table.ts'
import type { KelipsMessage } from './messages.ts'

export interface KelipsTypes extends MachineTypes {
  message: KelipsMessage
  command: KelipsCommand
  notice: KelipsNotice
  question: KelipsQuestion
  answer: KelipsAnswer
  snapshot: KelipsTables
}

export type Fx = Effects<KelipsTypes>

/** What the user of a node chooses. A value out of its range is taken for the nearest that is in it. */
export interface KelipsSettings extends Omit<StructuredSettings, 'style' | 'traceLookups'> {
  /** k, a power of two up to 2^`LEVEL_MAX`; nothing: it follows the number of peers, as it is estimated. */
  readonly groups: number | undefined
  /** c, contacts for each foreign group, 1 to `CONTACTS_MAX`. */
  readonly contacts: number
  readonly gossipMs: number
  /** All peers of a network must have the same. */
  readonly heartbeatMs: number
  /** Members and contacts that each round tells, 1 and 0 to `TARGETS_MAX`. */
  readonly targets: number
  readonly contactTargets: number
  /** Entries of one message, 1 to `RATION_MAX` each. */
  readonly memberRation: number
  readonly contactRation: number
  readonly originRation: number
  readonly tupleRation: number
  /** What gossip may send, bytes a second: a bound. */
  readonly gossipBytesPerS: number
  /** Whether news of joiners and tuples go on at once, or wait for the next round as in the paper. */
  readonly news: 'at-once' | 'by-round'
  /** Whether targets and contacts are chosen by their round trip. */
  readonly proximity: 'on' | 'off'
  /** Between two probes for a foreign network; 0: never. */
  readonly mergeMs: number
  /** Homenodes of a value. */
  readonly replicas: number
}

/** A peer as an observer names it to a machine: with the life that its own machine tells. */
export interface KnownLife {
  readonly peer: Peer
  readonly life: Life
  /** Milliseconds; nothing: not measured. */
  readonly rttMs?: number
}

export type KelipsCommand =
  | RoutingCommand
  /** Joins by these peers and by those of which `contact` told. */
  | { readonly type: 'join'; readonly contacts?: readonly Peer[] }
  /** Off: no round runs and nothing is learnt from silence; lookups are served. */
  | { readonly type: 'maintenance'; readonly on: boolean }
  /** Takes these tables, as if it had been a member for long. */
  | {
      readonly type: 'adopt'
      readonly level: number
      readonly members: readonly KnownLife[]
      readonly contacts: readonly KnownLife[]
    }
  /** Says farewell, hands values over, and is no member any more. `stop` does the same. */
  | { readonly type: 'leave' }

export type KelipsMode = 'idle' | 'joining' | 'member'

export type KelipsNotice =
  | RoutingNotice
  | { readonly type: 'mode'; readonly mode: KelipsMode }
  /** The number of groups that this peer goes by has changed. */
  | { readonly type: 'level'; readonly level: number }
  /** A contact has another heartbeat, and its network cannot be joined. */
  | { readonly type: 'mismatch'; readonly peer: Peer; readonly heartbeatMs: number }
  /** A value has its homenodes: how many members were tried for each, for whoever placed them. */
  | { readonly type: 'placed'; readonly tries: readonly number[] }

/** Something that a peer has signed. */
export interface Signed {
  /** The multihash of its PeerId, which holds its public key. */
  readonly signer: Uint8Array
  readonly statement: Uint8Array
  readonly signature: Uint8Array
}

export type KelipsQuestion =
  | RoutingQuestion
  /** Signatures of this peer. */
  | { readonly type: 'sign'; readonly statements: readonly Uint8Array[] }
  /** Which of these are what they say. */
  | { readonly type: 'check'; readonly signed: readonly Signed[] }

export type KelipsAnswer =
  | RoutingAnswer
  | { readonly type: 'signed'; readonly signatures: readonly Uint8Array[] }
  | { readonly type: 'checked'; readonly good: readonly boolean[] }

export interface KelipsEntry {
  readonly peer: Peer
  readonly beat: number
  readonly heardMsAgo: number
  /** 0: not measured. */
  readonly rttMs: number
}

/** Tables for people. Peers are handles: the service names them. */
export interface KelipsTables {
  readonly mode: KelipsMode
  /** log2 of the number of groups. */
  readonly level: number
  readonly groups: number
  /** This peer's own. */
  readonly group: number
  /** Peers in the network, as this one takes it. */
  readonly estimatedPeers: number
  readonly members: readonly KelipsEntry[]
  readonly contacts: readonly (KelipsEntry & { readonly group: number })[]
  /** Providers with tuples in this group, and their tuples. */
  readonly origins: number
  readonly tuples: number
  /** Of rows and indices, and of signatures beside them. */
  readonly tableBytes: number
  readonly signatureBytes: number
  readonly remembered: readonly Peer[]
  readonly maintenance: boolean
  readonly routing: RouterSnapshot
  readonly store: StoreSnapshot
  readonly counters: Readonly<Record<string, number>>
}
