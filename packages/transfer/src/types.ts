/** What this package says to the program around it, and the ports that the program fills. */
import type { Duplex } from 'node:stream'
import type { ServentDatabase } from '@servent/database'
import type { BlockSource, Catalogue, ContentId, Provider } from '@servent/overlay'
import type { Files } from './files.ts'
import type { Ledger, Standing } from './ledger.ts'
import type { DownloadLimits, ServerLimits } from './limits.ts'
import type { Partials } from './partials.ts'

/** The libp2p protocol on which peers speak HTTP/1.1. */
export const HTTP_PROTOCOL = '/http/1.1'

/** What this package logs with: pino's and libp2p's loggers both fit behind it. */
export interface TransferLogger {
  debug(details: Readonly<Record<string, unknown>>, message: string): void
  info(details: Readonly<Record<string, unknown>>, message: string): void
  warn(details: Readonly<Record<string, unknown>>, message: string): void
}

/**
 * How peers stand by more than the ledger, which knows what they gave this one: participation levels of a whole network.
 * A queue asks for each of its places, so an answer must be as cheap as a look into a map.
 */
export interface Participation {
  /** Of a peer that asks to be served. */
  standingOf(peer: string): Standing
  /** A whole number, 0 to 9999: of two that stand alike, the higher goes first. */
  levelOf(peer: string): number
  /** What a level is called, as `High`: at most 32 letters and spaces. */
  bandOf(level: number): string
}

export interface FileServerInit {
  readonly catalogue: Catalogue
  readonly blocks: BlockSource
  /** Files that are being fetched, for those who ask for one that is not shared. None is given where it is absent. */
  readonly partials?: Partials
  readonly limits?: Partial<ServerLimits>
  /** Shared by all uploads, fairly. No cap where it is absent. */
  readonly maxUploadBytesPerSecond?: number
  /** Shared by all uploads to one peer. No cap where it is absent. */
  readonly maxUploadBytesPerSecondPerPeer?: number
  /** Who goes first; where it is absent, all peers are alike. */
  readonly ledger?: Ledger
  /** Where it is given, it says who goes first, and the ledger only counts. */
  readonly participation?: Participation
  readonly logger?: TransferLogger
}

/** One upload that runs, or a place in the queue for one. */
export interface UploadStatus {
  /** PeerId in text form. */
  readonly peer: string
  readonly id: string
  readonly name: string
  /** Bytes of the whole file. */
  readonly size: number
  readonly state: 'sending' | 'queued'
  /** From 1; only of a queued one. */
  readonly position?: number
  readonly sentBytes: number
  /** Bytes of the range that was asked for. */
  readonly totalBytes: number
  /** Bytes a second, of the last few seconds. */
  readonly rate: number
  /** Why it has this place: what it gave and took. */
  readonly standing: Standing
  /** Verified bytes that this peer got from it, and bytes that were sent to it, ever. */
  readonly givenBytes: number
  readonly takenBytes: number
  /** Its participation level and what that is called, where levels are known: of one standing the higher goes first. */
  readonly level?: number
  readonly band?: string
  /** It is being fetched here itself, or was until now. */
  readonly partial?: true
}

/** What an upload has its place by, and what its peer is told of that. */
export type UploadAccount = Pick<UploadStatus, 'standing' | 'givenBytes' | 'takenBytes' | 'level' | 'band'>

/** A way to one provider on which this peer speaks HTTP as the client. */
export interface SourceConnection {
  readonly duplex: Duplex
  /** Who is at the other end, as the connection proved it. */
  readonly peerId: string
  readonly relayed: boolean
}

/** How a download reaches a provider. The node gives it: a direct stream, else the overlay's Push. */
export interface Connector {
  connect(provider: Provider, id: ContentId, signal: AbortSignal): Promise<SourceConnection>
}

export interface DownloadsInit {
  readonly database: ServentDatabase
  /** Where finished files go; made where it is not there. */
  readonly folder: string
  readonly connector: Connector
  readonly findProviders: (id: ContentId, signal: AbortSignal) => AsyncIterable<Provider>
  readonly limits?: Partial<DownloadLimits>
  /** Shared by all downloads. No cap where it is absent. */
  readonly maxDownloadBytesPerSecond?: number
  /** Whether downloads that ran when the node stopped go on at once. They do where this is absent. */
  readonly resume?: boolean
  /** Told of verified bytes. */
  readonly ledger?: Ledger
  /** Told of the same after the ledger has counted them. Must neither throw nor take long. */
  readonly onGave?: (peer: string, bytes: number) => void
  /** Gives others what is verified while it is fetched. They get nothing of it where this is absent. */
  readonly partials?: Partials
  /** 0 to 1: where in a file its download begins. */
  readonly random?: () => number
  readonly logger?: TransferLogger
  /** @internal  Node's own where it is absent. */
  readonly files?: Files
}

/** Who runs where not all may: a higher one that waits has a lower one give way. */
export type DownloadPriority = 'high' | 'normal' | 'low'

export interface DownloadRequest {
  readonly id: ContentId
  /** Bytes, as a hit or a ticket says: shown until a source's tree proves a size. */
  readonly size?: number
  /**
   * Bytes: a larger file, as a source's tree proves it, fails before more than its last block is fetched. A later
   * request for the same file that names no bound lifts this one.
   */
  readonly sizeMax?: number
  /** As a peer says: made safe before it names a file. */
  readonly name?: string
  readonly providers: readonly Provider[]
  /** A path of the user's own: a folder that stands, or the file to make. */
  readonly output?: string
  /** The content is a folder listing: its files are fetched, into a folder of this name. `size` is not told. */
  readonly folder?: boolean
  /** Default: as it was, and `normal` for a new one. */
  readonly priority?: DownloadPriority
}

/**
 * `locating` looks for peers that have the file, `fetching` gets bytes, `verifying` hashes what stands on the
 * disk or puts the whole file in its place, `paused` waits for the user, `failed` gave up and can be resumed.
 */
export type DownloadPhase = 'locating' | 'fetching' | 'verifying' | 'paused' | 'done' | 'failed'

export interface DownloadSource {
  /** PeerId in text form. */
  readonly peer: string
  readonly relayed: boolean
  /** Bytes a second, of the last few seconds. */
  readonly rate: number
  /** It is fetching the file itself, and has a part of it. */
  readonly partial?: true
}

export interface DownloadStatus {
  readonly id: string
  /** The name of the file, safe to show and to use. */
  readonly name: string
  /** Bytes; absent until somebody says. */
  readonly size?: number
  readonly phase: DownloadPhase
  readonly priority: DownloadPriority
  /** Why it waits, paused or failed: a sentence. */
  readonly reason?: string
  /** The name of the error that it failed with, as `VerificationError`. */
  readonly error?: string
  readonly verifiedBytes: number
  /** 0 until the size is known. */
  readonly totalBytes: number
  readonly sources: readonly DownloadSource[]
  /** Who gave wrong bytes and is not asked any more, and what was wrong: a sentence. */
  readonly banned: readonly { readonly peer: string; readonly reason: string }[]
  /** Where the finished file or folder stands. */
  readonly path?: string
  /** Of a folder: its files, once the listing is there, and how many of them are whole. */
  readonly files?: number
  readonly filesDone?: number
  /** Of a folder: paths of files that could not be fetched, at most `FOLDER_MISSING_NAMED_MAX`. */
  readonly missing?: readonly string[]
}

/** One file of a folder that is downloaded. */
export interface FolderFileStatus {
  readonly id: string
  /** Below the folder, parted by `/`: as it stands on this disk, or will. */
  readonly path: string
  /** Bytes. */
  readonly size: number
  readonly isDone: boolean
}

export interface DownloadResult {
  readonly path: string
  readonly bytes: number
  /** Peers that gave verified bytes. */
  readonly sources: number
  /** Spent on it while it ran, of all runs. */
  readonly seconds: number
  /** Of a folder. */
  readonly files?: number
}

/** What `Download.events` gives: `progress` when something changed, then `done` or `failed` last. */
export type DownloadEvent =
  | ({ readonly event: 'progress' } & DownloadStatus)
  | ({ readonly event: 'done' } & DownloadResult)
  | { readonly event: 'failed'; readonly reason: string; readonly error: string }
