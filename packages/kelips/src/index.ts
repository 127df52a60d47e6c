/**
 * Kelips over libp2p: a peer knows so much that nearly every lookup takes one hop.
 *
 * Peers and keys fall into k *affinity groups*, about the square root of the number of peers. A peer knows all other
 * members of its group (its *view*), a few *contacts* in each other group, and all *tuples* of its group: who has
 * something under a key. A lookup asks the nearest contact of the key's group, which names the providers. All of this
 * is kept up by gossip in the background: every round a peer tells a few others some heartbeats and some news, within
 * a ration and a budget of bytes, so that its load does not depend on what happens.
 *
 * Where the paper copies a file to a *homenode*, here the provider who shares it is its homenode, and keeps the signed
 * records of its files and their words; a value that is put has homenodes drawn at random in its key's group. So this
 * service finds files by words and by content, is a store of keys and values, and is content and peer routing for
 * libp2p (`@servent/key-routing`).
 *
 * What the paper leaves open is settled here: heartbeats are links of a chain of hashes that its owner signed once, so
 * that nobody forges one or keeps the dead alive; joiners are pushed to their groups; and the number of groups, a
 * power of two, follows the number of peers, groups splitting and merging by one bit while both epochs answer. Clocks
 * need to agree within `CLOCK_SKEW_MS` (two minutes), for a peer that is heard of for the first time. Links
 * run on `/servent/kelips/1.0.0`; the frames are in `kelips.proto`.
 *
 * Sources: Gupta, Birman, Linga, Demers, van Renesse, "Kelips: building an efficient and stable P2P DHT through
 * increased memory and background overhead", IPTPS 2003; Kempe, Kleinberg, Demers, "Spatial gossip and resource
 * location protocols", STOC 2001; Lamport, "Password authentication with insecure communication", CACM 24(11), 1981.
 *
 * @example
 * ```ts
 * import { generateKeyPair } from '@libp2p/crypto/keys'
 * import { identify } from '@libp2p/identify'
 * import { noise } from '@libp2p/noise'
 * import { tcp } from '@libp2p/tcp'
 * import { kelips } from '@servent/kelips'
 * import { boundedYamux } from '@servent/libp2p-host'
 * import { createLibp2p } from 'libp2p'
 *
 * const start = async bootstrap =>
 *   createLibp2p({
 *     privateKey: await generateKeyPair('Ed25519'),
 *     addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
 *     transports: [tcp()],
 *     connectionEncrypters: [noise()],
 *     streamMuxers: [boundedYamux()],
 *     services: { identify: identify(), kelips: kelips({ bootstrap }) }
 *   })
 * const first = await start([])
 * const second = await start(first.getMultiaddrs().map(String))
 *
 * await second.services.kelips.put('greeting', new TextEncoder().encode('hello'))
 * const found = await first.services.kelips.get('greeting')
 * console.log(new TextDecoder().decode(found?.value))
 * await Promise.all([first.stop(), second.stop()])
 * ```
 */
import { type KelipsComponents, KelipsService } from './service.ts'
import type { KelipsInit } from './service-settings.ts'

export { KELIPS_PROTOCOL, type KelipsComponents, type KelipsService } from './service.ts'
export type { KelipsInit } from './service-settings.ts'
export type { KelipsView, PeerRow } from './service-tables.ts'
export type { KelipsMode, KelipsSettings } from './types.ts'

/** A factory for libp2p's `services`. */
export function kelips(init: KelipsInit = {}): (components: KelipsComponents) => KelipsService {
  return components => new KelipsService(components, init)
}
