/** What a node says of itself when it is ready: the first line of `start --foreground --json`. */
import type { OverlayName } from '@servent/overlay'

export interface Ready {
  readonly event: 'ready'
  readonly peerId: string
  /** Multiaddrs that others can dial, with `/p2p`. */
  readonly addresses: readonly string[]
  readonly api: {
    /** As `http://127.0.0.1:6347`, with the port that was taken. */
    readonly url: string
    readonly tokenFile: string
    /** Path of the unix socket, where there is one. */
    readonly socket?: string
  }
  readonly overlays: readonly OverlayName[]
  readonly pid: number
  readonly version: string
  readonly dataDir: string
  /** Path of the log file. */
  readonly log: string
  /** Sentences for the user. */
  readonly warnings?: readonly string[]
  /** The node ran before it was asked to start. */
  readonly already?: boolean
}
