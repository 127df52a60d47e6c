/** What the lab asks of a real peer, wherever it runs, and what it is told. All of it can cross a channel to a process. */
import type { OverlayId, Settings } from '@servent/lab/backend'
import type { Conditions, Faults } from './access.ts'
import type { Cost } from './question-tally.ts'

/** A file that a peer shares, of one block. */
export interface SharedContent {
  /** Of the world. */
  readonly index: number
  readonly name: string
  readonly bytes: Uint8Array
}

/** A peer before it runs. */
export interface PeerSpec {
  /** Its number among all that ever came: the same as in the simulator. */
  readonly node: number
  readonly isServer: boolean
  /** libp2p's protobuf of an Ed25519 key, drawn from the seed. */
  readonly privateKey: Uint8Array
  readonly peerId: string
  /** Multiaddrs with `/p2p` of those by whom it joins. */
  readonly contacts: readonly string[]
  readonly files: readonly SharedContent[]
  readonly conditions: Conditions
}

/** What a lookup asks for: the root of a key, or who has a content. */
export type Wanted =
  | { readonly type: 'root'; readonly key: Uint8Array }
  | { readonly type: 'file'; readonly id: string }

/** `tookMs` is measured where the question was asked. */
export interface LookupAnswer {
  /** PeerId in text form of who is the root, or has the file; nothing where none was found in time. */
  readonly found: string | undefined
  /** Nothing where the overlay does not tell. */
  readonly hops: number | undefined
  /** The same; of a lookup that found nothing too. */
  readonly timeouts: number | undefined
  readonly tookMs: number
  /** What names it on the wire, none where nothing was sent; undefined where its messages are not counted. */
  readonly names: readonly string[] | undefined
}

export interface SearchAnswer {
  /** False: refused, or ended without having asked. */
  readonly asked: boolean
  readonly hits: readonly { readonly id: string; readonly provider: string }[]
  readonly firstHitMs: number | undefined
  readonly names: readonly string[] | undefined
}

/** Bytes of connections, with all that libp2p puts around messages, as they go into a socket. */
export interface Wire {
  /** Of all connections that ever were. */
  readonly sentBytes: number
  /** Of those that are open, since each was opened. */
  readonly openBytes: number
}

/** A peer as it is at a moment. */
export interface PeerLook {
  /** Of its host, since it started: bytes by type of message; nothing where the overlay has no host of ours. */
  readonly sentByType: Readonly<Record<string, number>> | undefined
  readonly sentBytes: number | undefined
  readonly receivedMessages: number | undefined
  readonly links: number
  /** Entries of its tables; nothing where they cannot be counted as in the simulator. */
  readonly entries: number | undefined
  /** Whether all that it shares is announced. */
  readonly isAnnounced: boolean
  /** Messages that it sent for questions, by what names a question on the wire. */
  readonly questions: Readonly<Record<string, Cost>>
  /** What the network did to it. */
  readonly faults: Faults
  /** Of the process that it runs in, since that started: milliseconds of its event loop at work and at rest. */
  readonly loop: { readonly activeMs: number; readonly idleMs: number }
  /** What a process of its own gave to its sockets. */
  readonly wire?: Wire
  /** Of the connections that are open, what the system sent by its own count; nothing where nobody asks it. */
  readonly kernelBytes?: number | undefined
}

export interface LookOptions {
  /** The system is asked for its count too, which takes so long that whoever is about to die must not be looked at so. */
  readonly withKernel?: boolean
}

export interface RealPeer {
  readonly peerId: string
  /** Where it listens, with `/p2p`. */
  readonly address: string
  /** Resolves once it takes part; never where it does not. */
  joined(): Promise<void>
  /** Resolves once it is a member for good: of Chord in a ring, and not in what may become one. Else as `joined`. */
  settled(): Promise<void>
  lookup(wanted: Wanted): Promise<LookupAnswer>
  /** `enough`: results after which a search that goes step by step goes no further; all that is found is told. Null: none. */
  search(words: readonly string[], enough: number | null): Promise<SearchAnswer>
  look(options?: LookOptions): Promise<PeerLook>
  /** The network parts: nothing goes to these peers or comes from them, by their PeerIds in text form. None: it is whole. */
  cutOff(peerIds: readonly string[]): Promise<void>
  /** At once, with nothing said to anybody. Whatever was asked of it never ends. */
  kill(): Promise<void>
}

/** Peers of one run. */
export interface RealNetwork {
  /** @throws Error  it could not start */
  start(spec: PeerSpec): Promise<RealPeer>
  /** Nobody of them is left. */
  close(): Promise<void>
}

export interface RealNetworkInit {
  readonly overlay: OverlayId
  readonly settings: Settings
  /** Milliseconds there and back. */
  readonly roundTripMs: (node: number, other: number) => number
}
