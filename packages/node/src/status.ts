/** A node's state in one plain object. */

import type { IntroducerStatus } from '@servent/introducer'
import type { LibraryProgress, SharedRoot } from '@servent/library'
import type { CatalogueTotals, OverlaySnapshot } from '@servent/overlay'
import type { DownloadPhase, DownloadStatus, UploadStatus } from '@servent/transfer'
import type { Config } from './config.ts'
import type { HotlistView } from './people-types.ts'
import { reachability } from './reachability.ts'
import { progressView } from './sharing.ts'
import type { NodeStatus, ParticipationView } from './types.ts'

export interface StatusInit {
  readonly config: Config
  readonly peerId: string
  readonly version: string
  readonly uptimeMs: number
  readonly addresses: readonly string[]
  readonly calledFromOutside: boolean
  readonly relay: NodeStatus['relay']
  readonly introducers?: readonly IntroducerStatus[] | undefined
  readonly connections: number
  readonly overlays: readonly OverlaySnapshot[]
  readonly hotlist: readonly HotlistView[]
  readonly library: {
    readonly totals: CatalogueTotals | undefined
    readonly progress: LibraryProgress | undefined
    readonly roots: readonly SharedRoot[]
    readonly problems: number
  }
  readonly downloads: readonly DownloadStatus[]
  readonly uploads: readonly UploadStatus[]
  readonly participation: ParticipationView | undefined
}

export function nodeStatus(init: StatusInit): NodeStatus {
  const { totals, progress, roots, problems } = init.library
  const inPhase = (...phases: DownloadPhase[]) =>
    init.downloads.filter(({ phase }) => phases.includes(phase)).length
  return {
    peerId: init.peerId,
    version: init.version,
    uptimeMs: Math.round(init.uptimeMs),
    addresses: init.addresses,
    reachability: reachability(init.config, init.addresses, init.calledFromOutside, init.relay.relays),
    relay: init.relay,
    ...(init.introducers === undefined ? {} : { introducers: init.introducers }),
    connections: init.connections,
    overlays: init.overlays.map(({ name, state, reason, neighbours, announced }) => ({
      name,
      state,
      ...(reason === undefined ? {} : { reason }),
      neighbours: neighbours.length,
      ...(announced === undefined ? {} : { announced })
    })),
    ...(init.hotlist.length === 0 ? {} : { hotlist: init.hotlist }),
    library: {
      files: totals?.files ?? 0,
      bytes: totals?.bytes ?? 0,
      hashing: progress?.phase === 'hashing' ? progress.filesTotal - progress.files : 0,
      away: roots.filter(({ present }) => !present).length,
      problems,
      ...progressView(progress)
    },
    downloads: {
      active: inPhase('locating', 'fetching', 'verifying'),
      done: inPhase('done'),
      failed: inPhase('failed'),
      paused: inPhase('paused')
    },
    uploads: {
      active: init.uploads.filter(({ state }) => state === 'sending').length,
      queued: init.uploads.filter(({ state }) => state === 'queued').length
    },
    ...(init.participation === undefined ? {} : { participation: init.participation })
  }
}
