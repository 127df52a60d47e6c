/** What a host needs from libp2p and from the service that runs it, and what it shows of its links. */
import type {
  ComponentLogger,
  Libp2pEvents,
  Metrics,
  PeerId,
  PeerStore,
  TypedEventTarget
} from '@libp2p/interface'
import type { AddressManager, ConnectionManager, Registrar } from '@libp2p/interface-internal'
import type { Codec, Input, Link, Machine, MachineTypes, OverlayName, PeerTable } from '@servent/overlay'
import type { Clock } from './clock.ts'
import type { RecordedEffect } from './effects.ts'
import type { HostLimits } from './limits.ts'

/** The components of libp2p that a host uses: no more, so that fakes stay small. */
export interface HostComponents {
  readonly peerId: PeerId
  readonly registrar: Registrar
  readonly connectionManager: ConnectionManager
  readonly peerStore: PeerStore
  readonly addressManager: AddressManager
  readonly logger: ComponentLogger
  readonly events: TypedEventTarget<Libp2pEvents>
  readonly metrics?: Metrics
}

/** Keeps what machines save between runs. One store belongs to one overlay. */
export interface StateStore {
  load(): Promise<ReadonlyMap<string, Uint8Array>>
  /**
   * Resolves when the bytes are durable; `undefined` forgets the key. A host has one call under way at a
   * time and makes them in the order in which its machine saved.
   */
  save(key: string, bytes: Uint8Array | undefined): Promise<void>
}

export interface HostInit<T extends MachineTypes> {
  readonly name: OverlayName
  /** Protocol id of the links, as `/servent/gnutella/0.6.0`. */
  readonly protocol: string
  readonly machine: Machine<T>
  readonly codec: Codec<T['message']>
  readonly limits?: Partial<HostLimits>
  /** False: no handler is registered, so that remote peers learn at once that no stream is taken. */
  readonly acceptInbound?: boolean
  /**
   * True for a machine that opens links when it needs them: where libp2p has no more places for connections, those that
   * were unused for longest end (`room`), so that newcomers and dials find one. Others keep their links.
   */
  readonly linksGiveWay?: boolean
  /**
   * Does what a machine asks for. At most `asksMax` run at a time, in the order of the questions; they may
   * end in any order. A rejection becomes the `error` of the answer. `signal` aborts when the host stops.
   */
  readonly answer: (question: T['question'], signal: AbortSignal) => Promise<T['answer']>
  /** Called synchronously, in the order of the effects. What it throws is logged and goes no further. */
  readonly onNotice: (notice: T['notice']) => void
  /** Called once, after the overlay has stopped because its machine failed: nothing comes from it any more. */
  readonly onFailure?: (failure: string) => void
  /** Without one, what a machine saves is forgotten when the process ends. */
  readonly store?: StateStore
  readonly clock?: Clock
  /** A whole number, uniform in [0, 2^32). The default is cryptographic. */
  readonly random?: () => number
  /** Sees each input with the effects that it had, after they were recorded and before they are carried out. */
  readonly trace?: (step: TraceStep<T>) => void
}

/** One call of a machine: what went in, what came out, and when. */
export interface TraceStep<T extends MachineTypes> {
  readonly atMs: number
  readonly input: Input<T>
  readonly effects: readonly RecordedEffect<T>[]
  /** The table in which the handles of this step stand. */
  readonly peers: PeerTable
}

export type HostState = 'new' | 'starting' | 'running' | 'stopping' | 'stopped' | 'failed'

/** One link that is up. Plain data. */
export interface LinkInfo {
  readonly link: Link
  /** PeerId in text form. */
  readonly peerId: string
  /** True where the remote peer opened it. */
  readonly inbound: boolean
  readonly upMs: number
  /** Bytes that wait in its send queue. */
  readonly queueBytes: number
  readonly sentBytes: number
  readonly receivedBytes: number
  readonly sentMessages: number
  readonly receivedMessages: number
}
