/** What a run of a download gets from the download that it belongs to. */
import type { ContentId, Provider } from '@servent/overlay'
import type { Files } from './files.ts'
import type { FolderStore } from './folder-store.ts'
import type { KeptStreams } from './kept-streams.ts'
import type { Ledger } from './ledger.ts'
import type { DownloadLimits } from './limits.ts'
import type { Partials } from './partials.ts'
import type { RateCap } from './rate.ts'
import type { StoredDownload } from './store.ts'
import type { Connector, DownloadPhase, DownloadsInit, TransferLogger } from './types.ts'

/** Shared by all downloads. */
export interface DownloadDeps {
  readonly connector: Connector
  readonly findProviders: (id: ContentId, signal: AbortSignal) => AsyncIterable<Provider>
  readonly files: Files
  readonly limits: DownloadLimits
  readonly cap: RateCap | undefined
  readonly ledger: Ledger | undefined
  readonly onGave: DownloadsInit['onGave']
  readonly partials: Partials | undefined
  readonly random: () => number
  readonly logger: TransferLogger | undefined
  readonly folders: FolderStore
  /** Of the files of one folder. */
  readonly streams?: KeptStreams
}

export interface Job extends DownloadDeps {
  readonly id: ContentId
  /** Changed in place; `save` keeps it. */
  readonly row: StoredDownload
  /** Of a file of a listing: its folder is this program's own, with one file of its name, see `place`. */
  readonly number?: number | undefined
  /** PeerIds of who gave other files of the folder: they are awaited as if they had given some of this one. */
  readonly awaited?: Iterable<string>
  /** Why the run fails where the tree proves this size, before anything is made of it. No source is to blame. */
  readonly refuseSize?: (size: number) => string | undefined
  /** Shows where the run is. An empty reason is none. */
  show(phase: DownloadPhase, reason?: string): void
  /** Shows how much is verified. */
  progress(verifiedBytes: number): void
  /** Something else changed that is shown. */
  changed(): void
  /** Where the disk takes nothing, the row is kept in memory and saved again later. */
  save(): void
  /**
   * For what the next run cannot do without.
   *
   * @throws DiskError
   */
  mustSave(): void
}
