/** What a node shows of itself beside libp2p's metrics. Read when somebody scrapes, so upkeep costs nothing. */
import type { UploadStatus } from '@servent/transfer'
import type { NodeMetrics } from './metrics.ts'
import type { NodeStatus } from './types.ts'

export function nodeGauges(
  metrics: NodeMetrics,
  status: () => NodeStatus,
  uploads: () => readonly UploadStatus[]
): void {
  metrics.gauge({
    name: 'servent_connections',
    help: 'Connections to peers',
    read: () => status().connections
  })
  metrics.gauge({
    name: 'servent_overlay_neighbours',
    help: 'Neighbours of each overlay',
    label: 'overlay',
    read: () => Object.fromEntries(status().overlays.map(({ name, neighbours }) => [name, neighbours]))
  })
  metrics.gauge({
    name: 'servent_overlay_running',
    help: '1 for each overlay that runs, 0 for one that failed',
    label: 'overlay',
    read: () =>
      Object.fromEntries(status().overlays.map(({ name, state }) => [name, Number(state === 'running')]))
  })
  metrics.gauge({ name: 'servent_library_files', help: 'Shared files', read: () => status().library.files })
  metrics.gauge({
    name: 'servent_library_bytes',
    help: 'Bytes of shared files',
    read: () => status().library.bytes
  })
  metrics.gauge({
    name: 'servent_library_hashing_files',
    help: 'Files that wait to be hashed',
    read: () => status().library.hashing
  })
  metrics.gauge({
    name: 'servent_downloads',
    help: 'Downloads by state',
    label: 'state',
    read: () => status().downloads
  })
  metrics.gauge({
    name: 'servent_uploads',
    help: 'Uploads by state',
    label: 'state',
    read: () => status().uploads
  })
  metrics.gauge({
    name: 'servent_upload_bytes_per_second',
    help: 'Rate of all uploads together',
    read: () => uploads().reduce((sum, { rate }) => sum + rate, 0)
  })
}
