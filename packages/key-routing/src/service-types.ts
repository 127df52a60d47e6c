/** What the service of a key-routed overlay is given: by its user, and by the overlay itself. */
import type { PeerId, PrivateKey } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Clock, HostLimits, StateStore, TraceStep } from '@servent/libp2p-host'
import type {
  Codec,
  Machine,
  MachineTypes,
  NeighbourSnapshot,
  OverlayName,
  Peer,
  SearchOptions
} from '@servent/overlay'
import type { Membership } from './routing.ts'
import type { StoreSnapshot } from './store-types.ts'

/** Throws where the value may not be kept under its key, as libp2p's validators do. */
export type Validator = (key: Uint8Array, value: Uint8Array) => Promise<void>
/** The index of the best of these values, as libp2p's selectors give it. */
export type Selector = (key: Uint8Array, values: readonly Uint8Array[]) => number

export interface KeyRoutedInit<T extends MachineTypes = MachineTypes> {
  /** Signs records: the node's own key. */
  readonly privateKey: PrivateKey
  /** Keeps what the machine saves, and how far announcing is, between runs. */
  readonly store?: StateStore
  /**
   * By namespace: `ns` of keys `/ns/…`. `pk` is there. A namespace has a validator and a selector, or its keys are
   * refused. Which of two valid values is read the selector says, whoever put them. Under a key without a namespace
   * anybody may put, and the newest sequence wins.
   */
  readonly validators?: Readonly<Record<string, Validator>>
  readonly selectors?: Readonly<Record<string, Selector>>
  /** What announcing may send, bytes a second: `PUBLISH_BYTES_PER_S` where it is not said. */
  readonly publishBytesPerS?: number
  /**
   * For how long after its start a peer without bootstrap peers waits for others before it takes itself for the
   * first of a network: 0 where it is not said. More is for peers that find each other by themselves, as by mDNS.
   */
  readonly aloneAfterMs?: number
  /** False: no link from others is taken. */
  readonly acceptInbound?: boolean
  readonly limits?: Partial<HostLimits>
  readonly clock?: Clock
  readonly random?: () => number
  readonly trace?: (step: TraceStep<T>) => void
}

/** A peer to join by. */
export interface BootstrapPeer {
  readonly peerId: PeerId
  readonly address: Multiaddr
}

/** What an overlay says of itself, so that `KeyRoutedService` can run its machine. */
export interface KeyRoutedOverlay<T extends MachineTypes> {
  readonly name: OverlayName
  /** Protocol id of the links, as `/servent/chord/1.0.0`. */
  readonly protocol: string
  readonly codec: Codec<T['message']>
  /** A new machine for each start. */
  readonly createMachine: () => Machine<T>
  /** Of the machine that was created last: asked at each call, so it must cost little. */
  readonly membership: () => Membership
  /** Told to the machine at each start, and named by `seek`. */
  readonly bootstrap?: readonly BootstrapPeer[]
  /** The command that names contacts of the user's choice, and by which a machine that is alone asks all again. */
  readonly seek?: (contacts: readonly Peer[]) => T['command']
  /** Why it has not met others, where the overlay knows: a sentence, and one that says what to try. */
  readonly whyAlone?: () => string | undefined
  /** Limits of its host that differ from the defaults. */
  readonly limits: Partial<HostLimits>
  /** Answers questions that are not of routing: without it there are none. */
  readonly answer?: (question: T['question'], signal: AbortSignal) => Promise<T['answer']>
  /** Sees every notice that is not of routing. */
  readonly onNotice?: (notice: T['notice']) => void
  /** What the overlay's snapshot says: tables go to the top level of `OverlaySnapshot`. */
  readonly describe: (snapshot: T['snapshot']) => {
    readonly neighbours: readonly NeighbourSnapshot[]
    readonly counters: Readonly<Record<string, number>>
    readonly store: StoreSnapshot
    readonly [table: string]: unknown
  }
}

export interface KeyRoutedSearchOptions extends SearchOptions {
  readonly extent?: SearchExtent
}

/** Filled in while a search runs: whether it told of all that there is. */
export interface SearchExtent {
  /** Not all records of the rarest word, or of the content, were looked through: more may match. */
  more: boolean
  /** How many there are of these. Nothing while it is not known, and where more exist than one key may keep. */
  total?: number
}

export interface ValueOptions {
  readonly signal?: AbortSignal
  /** `VALUE_MS` where it is not said. */
  readonly timeoutMs?: number
  /** Holders whose answers are waited for: as many as meet every acknowledged write (2 of 4) where it is not said. */
  readonly quorum?: number
  /** Gives what there is, old or none, where fewer holders answer than the quorum: by default that is an error. */
  readonly partial?: boolean
}

export type PutOptions = Omit<ValueOptions, 'quorum' | 'partial'>

export interface FoundValue {
  readonly value: Uint8Array
  /** PeerId of whoever put it, in text form. */
  readonly writer: string
  /** The larger one is the newer. */
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly expiresMs: number
  /** Peers that had it, of those that were asked. */
  readonly holders: number
  /** False, where it was asked for `partial`: fewer than the quorum answered, and a newer one may be there. */
  readonly complete: boolean
}
