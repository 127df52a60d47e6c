/** What Kademlia's machine, the simulator and the lab say to each other. */
import type {
  RouterSettings,
  RoutingAnswer,
  RoutingCommand,
  RoutingNotice,
  RoutingQuestion,
  StoreLimits
} from '@servent/key-routing/machine'
import type { MachineTypes, Peer } from '@servent/overlay/machine'
import type { KademliaMessage } from './messages.ts'

export interface KademliaTypes extends MachineTypes {
  message: KademliaMessage
  command: KademliaCommand
  notice: KademliaNotice
  question: RoutingQuestion
  answer: RoutingAnswer
  snapshot: KademliaTables
}

/** What the user of a node chooses. A value out of its range is taken for the nearest that is in it. */
export interface KademliaSettings {
  /** Peers of a bucket and of an answer, and holders of a record, 1 to `BUCKET_PEERS_MAX`. */
  readonly k: number
  /** Requests of one path under way, 1 to `PATH_REQUESTS_MAX`. */
  readonly alpha: number
  /** 1 to `DISJOINT_PATHS_MAX`. */
  readonly disjointPaths: number
  /** `client`: it asks and is not asked, and is in nobody's table. */
  readonly mode: 'server' | 'client'
  readonly refreshMs: number
  readonly selfLookupMs: number
  readonly pingAgainMs: number
  readonly providerValidityMs: number
  readonly republishMs: number
  readonly lookupBudgetMs: number
  /** Between two saves of the peer cache; 0: never. */
  readonly saveMs: number
  /** Whether each step of a user's lookup is told by a notice. */
  readonly traceLookups: boolean
  /** Times and bounds of calls that differ from the router's defaults. */
  readonly routing: Partial<RouterSettings>
  /** What this peer keeps for others. */
  readonly limits: StoreLimits
}

export type KademliaCommand =
  | RoutingCommand
  /** Joins by these peers and by those of which `contact` told. */
  | { readonly type: 'join'; readonly contacts?: readonly Peer[] }
  /** Off: no round runs and nothing is learnt from silence; lookups are served. */
  | { readonly type: 'maintenance'; readonly on: boolean }
  /** Takes these peers into its buckets, as if it had joined long ago. */
  | { readonly type: 'adopt'; readonly peers: readonly Peer[] }

/** `member`: it has looked up its own key once, and serves. `client`: the same, and does not serve. */
export type KademliaMode = 'idle' | 'joining' | 'member' | 'client'

export type KademliaNotice = RoutingNotice | { readonly type: 'mode'; readonly mode: KademliaMode }

/** Tables for people. Peers are handles. */
export interface KademliaTables {
  readonly mode: KademliaMode
  /** By the length of the prefix that its peers share with this one, in bits; the empty ones are left out. */
  readonly buckets: readonly { readonly prefixBits: number; readonly peers: readonly Peer[] }[]
  readonly lookups: number
  readonly newcomers: number
  readonly provided: number
  /** Records of others that this peer keeps. */
  readonly records: number
  readonly remembered: readonly Peer[]
  readonly maintenance: boolean
  readonly counters: Readonly<Record<string, number>>
}
