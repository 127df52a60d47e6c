/**
 * libp2p's Kademlia as an overlay that finds files by their words. The DHT is `@libp2p/kad-dht` as it comes, on a network of
 * its own (`/servent/kad/1.0.0`): k = 20, alpha = 10, disjoint paths, provider records for 48 hours. It knows who has a
 * content, and nothing of names. So whoever shares a file provides the key of each of its words as well, and whoever
 * searches asks the providers of the rarest word which of their files have all of them, over `/servent/words/1.0.0`
 * (`words.proto`). Records are signed by whoever has the file; dials are counted and bounded.
 *
 * That is what real peers run. `@servent/kademlia/machine` is something else: a machine of our own that follows the same
 * rules and speaks the same messages, for the simulator alone, since a hundred thousand instances of kad-dht fit nowhere.
 * No peer of a real network runs it; a test holds what its lookups cost against 64 real peers.
 *
 * Sources: Maymounkov, Mazières, "Kademlia: a peer-to-peer information system based on the XOR metric", IPTPS 2002;
 * Baumgart, Mies, "S/Kademlia: a practicable approach towards secure key-based routing", ICPADS 2007; the
 * specification of libp2p's kad-dht.
 *
 * @example
 * ```ts
 * import { generateKeyPair } from '@libp2p/crypto/keys'
 * import { identify } from '@libp2p/identify'
 * import { noise } from '@libp2p/noise'
 * import { ping } from '@libp2p/ping'
 * import { tcp } from '@libp2p/tcp'
 * import { kademlia } from '@servent/kademlia'
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
 *     services: { identify: identify(), ping: ping(), kademlia: kademlia({ bootstrap }) }
 *   })
 * const first = await start([])
 * const second = await start(first.getMultiaddrs().map(String))
 *
 * await second.services.kademlia.put('greeting', new TextEncoder().encode('hello'))
 * const found = await first.services.kademlia.get('greeting')
 * console.log(new TextDecoder().decode(found?.value))
 * await Promise.all([first.stop(), second.stop()])
 * ```
 */
import { type KademliaComponents, type KademliaInit, KademliaService } from './service.ts'

export { KADEMLIA_PROTOCOL, WORDS_PROTOCOL } from './constants.ts'
export type { KademliaComponents, KademliaInit, KademliaService } from './service.ts'

/** A factory for libp2p's `services`. */
export function kademlia(init: KademliaInit = {}): (components: KademliaComponents) => KademliaService {
  return components => new KademliaService(components, init)
}
