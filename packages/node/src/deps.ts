/** What a program gives to the node that it runs. */
import type { Transport } from '@libp2p/interface'
import type { TCPComponents } from '@libp2p/tcp'
import type { TraceStep } from '@servent/libp2p-host'
import type { Overlay, OverlayName } from '@servent/overlay'
import type { Logger } from 'pino'

export type TcpFactory = (components: TCPComponents) => Transport

export interface NodeDeps {
  /** Of the program: the user agent says it. */
  readonly version?: string
  /** Where the log goes: `openLog`'s, or any pino logger that escapes as that does. By default nowhere. */
  readonly logger?: Logger
  /**
   * The library's worker as one script, for a program that is bundled into a single file and has no other to
   * start it from.
   */
  readonly libraryWorker?: { readonly source: string }
  /** Likewise the worker of an index in SQLite: `indexWorkerFrom` of `@servent/keyword-index/sqlite` starts it. */
  readonly indexWorker?: { readonly source: string }
  /** What lies between this node's TCP and its libp2p, as a network of an experiment that delays what is sent. */
  readonly aroundTcp?: (tcp: TcpFactory) => TcpFactory
  /** Told of each overlay as it is made, before it starts: for a program that asks it directly. */
  readonly onOverlay?: (overlay: Overlay) => void
  /** Sees each step of an overlay's machine, as `HostInit.trace`. Kademlia's is libp2p's own and tells of none. */
  // biome-ignore lint/suspicious/noExplicitAny: of whichever machine it is
  readonly trace?: (overlay: OverlayName, step: TraceStep<any>) => void
}

/** What others are told where the program does not say its version. */
export const VERSION_UNKNOWN = '0.0.0'

/** The user agent. */
export const agentOf = ({ version = VERSION_UNKNOWN }: NodeDeps): string => `servent/${version}`
