/** Which overlays this build has. The README's other names are known, so that they are refused with reason. */
import type { OverlayName } from '@servent/overlay'

/** Names that `overlays` takes in this build. */
export const OVERLAYS_HERE: readonly OverlayName[] = ['gnutella', 'chord']

/** Names that later versions take. */
export const OVERLAYS_PLANNED: readonly string[] = [
  'napster',
  'napster-server',
  'fasttrack',
  'bittorrent',
  'pastry',
  'kelips',
  'kademlia'
]
