/** Whom of its tables a peer keeps in its cache for the next start. */
import type { Peer } from '@servent/overlay/machine'
import type { Kelips } from './kelips.ts'
import type { Fx } from './types.ts'

export const PEERS_SAVED_AS = 'kelips/peers'

/** Whoever has lost everybody keeps the cache of a better time. */
export function savePeers(kelips: Kelips, fx: Fx): void {
  const bytes = kelips.cache.encode(peersOfTables(kelips), kelips.others > 0, kelips.peers)
  if (bytes !== undefined) fx.save(PEERS_SAVED_AS, bytes)
}

/** Members and contacts by turns, so that of each there are as many as there is room for. */
function* peersOfTables({ view, contacts: { table } }: Kelips): Iterable<Peer> {
  for (let row = 0; row < Math.max(view.size, table.size); row += 1) {
    if (row < view.size) yield view.peerAt(row)
    if (row < table.size) yield table.peerAt(row)
  }
}
