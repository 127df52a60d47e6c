/**
 * FastTrack over libp2p: what KaZaA spoke. Ordinary nodes keep one supernode and a spare, upload what they share, and search
 * through it; supernodes are peers like them that are up for long, fast and within reach, one for about a hundred.
 *
 * A comer probes five supernodes and takes the nearest that has room. Its records, signed by it, go into the index of its
 * supernode, which cuts the words itself. A query is answered from that index; where it has too little, six to ten other
 * supernodes are asked, and those ask six of theirs, until there is enough. "Search more" goes to another supernode. What
 * is found is fetched directly, by HTTP; a sharer that cannot be dialled is asked by way of its supernode to call.
 *
 * Which peer is a supernode nobody decides from above. One with too many users has that one be a supernode whose merit is
 * best, as it has seen itself (how long, and whether a dial back works), and hands half of its users over; where there are too
 * many supernodes, the emptiest hands its users to others and is ordinary again. A record is in the new index before it leaves
 * the old one. Where there is no supernode at all, a peer that others can reach becomes one.
 *
 * What FastTrack said was published by those who took it apart; its cipher, whose keys went in clear, is left out, and what
 * supernodes say among themselves, which nobody knows, is made anew with the same meaning. Links run on
 * `/servent/fasttrack/1.0.0`, calls that were asked for on `/servent/fasttrack-push/1.0.0`.
 *
 * Sources: giFT-FastTrack, PROTOCOL 1.19; Liang, Kumar and Ross, "Understanding KaZaA" (2004), and "The FastTrack overlay: a
 * measurement study", Computer Networks 50 (2006).
 *
 * @example
 * ```ts
 * import { generateKeyPair } from '@libp2p/crypto/keys'
 * import { identify } from '@libp2p/identify'
 * import { noise } from '@libp2p/noise'
 * import { tcp } from '@libp2p/tcp'
 * import { fasttrack } from '@servent/fasttrack'
 * import { boundedYamux } from '@servent/libp2p-host'
 * import { parseQuery } from '@servent/overlay'
 * import { createLibp2p } from 'libp2p'
 *
 * const privateKey = await generateKeyPair('Ed25519')
 * const node = await createLibp2p({
 *   privateKey,
 *   addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
 *   transports: [tcp()],
 *   connectionEncrypters: [noise()],
 *   streamMuxers: [boundedYamux()],
 *   services: { identify: identify(), fasttrack: fasttrack({ privateKey }) }
 * })
 *
 * const query = parseQuery('kind of blue artist=davis bitrate=>=192')
 * for await (const hit of node.services.fasttrack.search(query, { timeoutMs: 100 })) {
 *   console.log(hit.record.name, hit.provider.peerId, hit.hops)
 * }
 * await node.stop()
 * ```
 */
import type { HostComponents } from '@servent/libp2p-host'
import { type FastTrackInit, FastTrackService } from './service.ts'

export { PushError, type PushedConnection } from '@servent/libp2p-host'
export { SearchRefusedError } from './errors.ts'
export {
  FASTTRACK_PROTOCOL,
  type FastTrackInit,
  type FastTrackSearchOptions,
  type FastTrackService
} from './service.ts'
export { PUSH_PROTOCOL } from './service-push.ts'
export type { FastTrackSettings, FastTrackTables, Role, SeenNeighbour } from './types.ts'
export { uuHash } from './uu-hash.ts'

/** A factory for libp2p's `services`. */
export function fasttrack(init: FastTrackInit): (components: HostComponents) => FastTrackService {
  return components => new FastTrackService(components, init)
}
