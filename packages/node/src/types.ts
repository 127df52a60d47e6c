/** What a running node gives to the program around it: the daemon's API, tests, the demo. */
import type { IntroducerStatus } from '@servent/introducer'
import type { LibraryProgress } from '@servent/library'
import type { ContentId, Hit, OverlayName, OverlaySnapshot, Provider } from '@servent/overlay'
import type { DownloadStatus, FolderFileStatus, UploadStatus } from '@servent/transfer'
import type { Config } from './config.ts'
import type { GetOptions } from './fetching.ts'
import type { BrowseEvent, Hotlist, HotlistView, WhoisView } from './people-types.ts'
import type { WishRequest, WishRow, WishView } from './wish-types.ts'

export interface ServentNode {
  readonly config: Config
  readonly peerId: string
  /** Multiaddrs that others can dial, with `/p2p`. */
  addresses(): string[]
  readonly overlays: readonly OverlayName[]
  start(): Promise<void>
  stop(): Promise<void>

  /** Shares a file or folder and hashes it; ends when every file under it can be found. */
  share(path: string, options?: { signal?: AbortSignal }): AsyncIterable<ShareEvent>
  /** @throws NotSharedError */
  unshare(path: string): Promise<{ files: number }>
  library(options?: { after?: number; limit?: number }): Promise<LibraryView>
  /** @throws NotFoundError  nothing with this id is shared here or downloading */
  ticket(id: ContentId): Promise<string>
  /**
   * A ticket of what is shared at a path: of a folder, with all files in it but those that `leftOut` counts.
   *
   * @throws NotFoundError       nothing at this path is shared
   * @throws FolderListingError  the folder has more files than one ticket can stand for
   */
  ticketOfPath(path: string): Promise<{ id: ContentId; ticket: string; leftOut?: number }>
  /**
   * The id that a text means: a whole one, or its beginning, of 12 characters at least.
   *
   * @throws NotFoundError   nothing here has such an id
   * @throws AmbiguousError  several have, or the beginning is too short
   */
  resolve(text: string): Promise<ContentId>

  /** Asks every wanted overlay at once; rows come as they arrive, and `done` last. */
  search(request: SearchRequest, signal?: AbortSignal): AsyncIterable<SearchEvent>
  /** Rows of the last search that was run here, as `get N` counts them, from 1. */
  lastSearch(): readonly SearchRow[]

  /**
   * What a user of this node's Napster server shares, by nick or PeerId. The rows take the place of the last search's, so
   * that `get N` fetches them.
   *
   * @throws NotFoundError  Napster does not run here
   * @throws NobodyError    they are not there
   * @throws ServerError    there is no server, or it does not answer
   */
  browse(user: string, options?: { signal?: AbortSignal }): AsyncIterable<BrowseEvent>
  /** @throws as `browse` */
  whois(nick: string): Promise<WhoisView>
  readonly hotlist: Hotlist

  /**
   * Saves a search that runs by itself now and then.
   *
   * @throws QueryError  the text breaks the grammar of queries
   * @throws WishError   there are as many wishes as there may be
   */
  wish(request: WishRequest): WishView
  wishes(): WishView[]
  /**
   * What a wish found since the user looked, or with `all` everything that is remembered of it.
   *
   * @throws NotFoundError
   */
  wishRows(wish: number, options?: { all?: boolean }): WishRow[]
  /**
   * The user has looked at the rows of a wish up to this one.
   *
   * @throws NotFoundError
   */
  lookedAtWish(wish: number, through: number): void
  /** @throws NotFoundError */
  unwish(wish: number): void

  /**
   * `what` is an id, the beginning of one, a row's number, a row of a wish (`2.5`) or a ticket. Resumes what was begun before. The
   * download runs on when nobody takes its events; aborting the signal pauses it. Where as many run as may, one of a
   * higher `priority` takes the place of one of a lower.
   */
  get(what: string, options?: GetOptions): AsyncIterable<GetEvent>
  /**
   * Keeps a value under a key, on every wanted overlay that stores by key.
   *
   * @throws LimitError     the key has over 256 bytes, the value over 8192
   * @throws NotFoundError  no such overlay runs here
   * @throws what the overlay failed with, where none has kept it
   */
  put(request: PutRequest, signal?: AbortSignal): Promise<PutView>
  /**
   * The newest value under a key that the wanted overlays have.
   *
   * @throws LimitError     the key has over 256 bytes
   * @throws NotFoundError  no such overlay runs here
   * @throws NoValueError   nobody has a value under this key
   */
  value(request: ValueRequest, signal?: AbortSignal): Promise<ValueView>

  downloads(): DownloadStatus[]
  /**
   * Files of a folder that is downloaded, page by page; of anything else none.
   *
   * @throws NotFoundError  there is no such download
   */
  downloadFiles(id: ContentId, options?: { after?: number; limit?: number }): Promise<FolderFileStatus[]>
  uploads(): UploadView[]
  pauseDownload(id: ContentId): Promise<void>
  cancelDownload(id: ContentId): Promise<void>

  peers(): PeerView[]
  overlay(name: OverlayName): OverlaySnapshot | undefined
  status(): NodeStatus
  /** Prometheus text. */
  metrics(): Promise<string>
  /** Checks of this node from the inside, each with what to try. */
  doctor(): Promise<DoctorCheck[]>
}

export type ShareEvent =
  | {
      event: 'progress'
      phase: 'scanning' | 'hashing'
      files: number
      filesTotal: number
      bytes: number
      bytesTotal: number
      /** Milliseconds that hashing takes yet, by the speed of late; absent while that is not known. */
      leftMs?: number
      name?: string
    }
  | {
      event: 'done'
      files: number
      bytes: number
      ids: string[]
      more: number
      /** Of the file, or of the folder with all its files. */
      ticket?: string
      /** Files in the folder for which its ticket does not stand. */
      leftOut?: number
      /** What was left out; of the path itself, why there is no ticket. */
      problems?: readonly { path: string; reason: string }[]
    }

/** How far looking through the shared folders and hashing is. */
export interface LibraryProgressView {
  readonly phase: LibraryProgress['phase']
  readonly files: number
  readonly filesTotal: number
  readonly bytes: number
  readonly bytesTotal: number
  /** Why it failed. */
  readonly reason?: string
  /** Milliseconds; absent while it is not known. */
  readonly leftMs?: number
}

export interface LibraryView {
  readonly roots: readonly {
    path: string
    files: number
    bytes: number
    present: boolean
    /** Why it is not there now. */
    reason?: string
  }[]
  /** What is left out although it was asked for, the newest. */
  readonly problems: readonly { path: string; reason: string }[]
  /** Absent while there is nothing to do. */
  readonly progress?: LibraryProgressView
  readonly files: readonly {
    index: number
    id: string
    name: string
    path: string
    size: number
    type: string
    tags: Readonly<Record<string, string>>
  }[]
  readonly totals: { files: number; bytes: number }
  readonly next?: number
}

export interface SearchRequest {
  readonly text: string
  readonly overlays?: readonly OverlayName[]
  readonly limit?: number
  readonly timeoutMs?: number
  readonly ttl?: number
  readonly rounds?: number
  readonly type?: string
  readonly minSize?: number
  readonly maxSize?: number
  /**
   * Of the sharer's link, 1 to 10, as Napster has it: 3 is 33.6 kbit/s, 7 cable, 10 T3 or more. Napster alone
   * knows it, so no other overlay is asked.
   */
  readonly minLinkSpeed?: number
}

export interface SearchRow {
  readonly row: number
  readonly id: string
  readonly name: string
  readonly size: number
  readonly type: string
  /** Absent from rows that an older program kept. */
  readonly tags?: Readonly<Record<string, string>>
  readonly providers: readonly Provider[]
  readonly overlays: readonly OverlayName[]
}

export interface HitEvent {
  event: 'hit'
  row: number
  id: string
  name: string
  size: number
  type: string
  tags: Readonly<Record<string, string>>
  provider: string
  overlay: OverlayName
  hops: number
  elapsedMs: number
}

export type SearchEvent =
  | HitEvent
  | {
      event: 'done'
      hits: number
      files: number
      overlays: {
        name: OverlayName
        hits: number
        firstHitMs: number | null
        messages: number
        bytes: number
        /** Of overlays that route by key: files under the rarest of the words, where their home can count them all. */
        total?: number
        /** Of these: not all of them were looked through, and more may match. */
        more?: boolean
        /** PeerIds of servers that did not answer in time. */
        unanswered?: string[]
        /** There was nobody whom it could ask: its part of the network is empty, or not found yet. */
        status?: 'nobody'
        /** Why it could not search, or not to the end. */
        reason?: string
      }[]
    }

export interface PutRequest {
  readonly key: string
  readonly value: Uint8Array
  readonly overlays?: readonly OverlayName[]
}

export interface PutView {
  readonly key: string
  readonly bytes: number
  /** One for each overlay that was asked: how many peers keep the value, or why none does. */
  readonly overlays: readonly { name: OverlayName; copies: number; reason?: string }[]
}

export interface ValueRequest {
  readonly key: string
  readonly overlays?: readonly OverlayName[]
}

export interface ValueView {
  readonly key: string
  readonly value: Uint8Array
  readonly overlay: OverlayName
  /** PeerId of the peer that put it. */
  readonly writer: string
  /** The larger one is the newer. */
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly expiresMs: number
  /** Peers that had it, of those that were asked. */
  readonly holders: number
}

export type GetEvent =
  | {
      event: 'progress'
      phase: DownloadStatus['phase']
      verifiedBytes: number
      totalBytes: number
      sources: { peer: string; relayed: boolean; rate: number; partial?: true }[]
      /** Who gave wrong bytes, and what was wrong. */
      banned: { peer: string; reason: string }[]
      reason?: string
      /** Of a folder: its files, and those that are whole. */
      files?: number
      filesDone?: number
    }
  | { event: 'done'; path: string; bytes: number; sources: number; seconds: number; files?: number }

export interface UploadView extends UploadStatus {
  /** Whether it goes through a relay. */
  readonly relayed: boolean
}

/** A participation level, 0 to 1000, and what that is called. */
export interface ParticipationView {
  readonly level: number
  readonly band: string
}

export interface PeerView {
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly direction: 'inbound' | 'outbound'
  readonly relayed: boolean
  readonly connectedMs: number
  readonly protocols: readonly string[]
  readonly agent?: string
}

export interface NodeStatus {
  readonly peerId: string
  readonly version: string
  readonly uptimeMs: number
  readonly addresses: readonly string[]
  readonly reachability: {
    readonly kind: 'public' | 'relayed' | 'private' | 'local' | 'unknown' | 'refused'
    readonly why: string
  }
  readonly relay: {
    readonly mode: 'off' | 'use' | 'serve'
    /** PeerIds of the relays over which this node can be called now. */
    readonly relays: readonly string[]
    /** Of the relay that this node is itself: peers that are called over it, connections, bytes since it started. */
    readonly serving?: { reservations: number; circuits: number; relayedBytes: number }
  }
  /** What came of each introducer that was asked; absent where none is known. */
  readonly introducers?: readonly IntroducerStatus[]
  readonly connections: number
  readonly overlays: readonly {
    name: OverlayName
    state: OverlaySnapshot['state']
    reason?: string
    neighbours: number
    announced?: NonNullable<OverlaySnapshot['announced']>
  }[]
  /** Absent where it is empty. */
  readonly hotlist?: readonly HotlistView[]
  readonly library: {
    files: number
    bytes: number
    hashing: number
    /** Shared folders and files that are not there now. */
    away: number
    /** Files and folders that are left out although they were asked for. */
    problems: number
    progress?: LibraryProgressView
  }
  readonly downloads: { active: number; done: number; failed: number; paused: number }
  readonly uploads: { active: number; queued: number }
  /** Of this node itself, by receipts: in FastTrack, from the first transfer of a run on. */
  readonly participation?: ParticipationView
}

export interface DoctorCheck {
  readonly name: string
  readonly ok: boolean
  readonly message: string
  readonly try?: string
}

export type { Hit }
