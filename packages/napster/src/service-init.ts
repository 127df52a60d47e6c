/** What the user of the service gives and may ask for. */
import type { Duplex } from 'node:stream'
import type { PrivateKey } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { KeywordIndex } from '@servent/keyword-index'
import type { Clock, HostLimits, StateStore, TraceStep } from '@servent/libp2p-host'
import type { SearchOptions } from '@servent/overlay'
import type { Ended } from './service-search.ts'
import type { NapsterTypes } from './types.ts'
import type { WantedBounds } from './wanted.ts'

export interface NapsterServerInit {
  /** Keeps what users share, as long as they are here. Whoever made it closes it. */
  readonly index: KeywordIndex
  /** Why the index cannot be used now, for people; nothing where that is not known. */
  readonly indexProblem?: () => string | undefined
  /** Message of the day, line by line. */
  readonly motd?: readonly string[]
  /** Users logged in at a time: `USERS_DEFAULT` where it is not said, at most `USERS_MAX`. */
  readonly usersMax?: number
  /** Users from one address of the Internet: `USERS_PER_ADDRESS_DEFAULT` where it is not said. */
  readonly usersPerAddressMax?: number
  /** Files of one user: `SHARED_MAX`, which is the most, where it is not said. */
  readonly sharedMax?: number
  /** Other servers to link with, each with its `/p2p`. */
  readonly peers?: readonly Multiaddr[]
}

export interface NapsterInit {
  /** Signs the records of what is shared: the node's own key. */
  readonly privateKey: PrivateKey
  /** At most `NICK_CHARACTERS_MAX` characters; made of the PeerId where it is not said. */
  readonly nick?: string
  /** 0 (unknown) to 10 (T3 or more), as OpenNap has it. */
  readonly linkSpeed?: number
  /** The program, for people: `Servent` where it is not said. */
  readonly agent?: string
  /** Servers to log in at, each with its `/p2p`. A server's own user is a user of that server alone. */
  readonly servers?: readonly Multiaddr[]
  /** Set where this peer is a server. */
  readonly server?: NapsterServerInit
  /** Bytes a second of earlier transfers from a peer, where they were measured. */
  readonly rates?: (peerId: string) => number | undefined
  /** Serves HTTP to a peer that was called because it asked. Without it nobody is called. */
  readonly servePushed?: (duplex: Duplex, peerId: string) => void
  /** Keeps a server's names between runs. */
  readonly store?: StateStore
  /** Whether others cannot dial this peer; asked whenever it matters. */
  readonly firewalled?: () => boolean
  readonly limits?: Partial<HostLimits>
  readonly clock?: Clock
  readonly random?: () => number
  readonly trace?: (step: TraceStep<NapsterTypes>) => void
}

/** A search may bound what OpenNap's could, and hear how it ended. */
export interface NapsterSearchOptions extends SearchOptions, WantedBounds {
  /** Told once, when all servers have answered or their time is over. */
  readonly onEnd?: (ended: Ended) => void
}
