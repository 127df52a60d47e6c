/**
 * Pastry over libp2p: nodes on a circle of ids, on which every key is found in about log N steps in base 16, most of
 * them to nodes nearby.
 *
 * Nodes and keys are numbers of 256 bits, read as digits in base 2^b. A key belongs to the node whose id is numerically
 * closest to it. Each node knows its neighbours in id space (the *leaf set*), for each digit of its own id some node
 * that shares the digits before it and has another one there (the *routing table*), and some nodes that are near by
 * round trip (the *neighbourhood set*). A key is given to a node that shares one digit more, until it lies between
 * leaves; of several nodes that would do, the table has a near one. A step is acknowledged, and a silent node gone
 * around at once.
 *
 * On the ring lie records, each copied to the nodes that are next closest to its key, as PAST does: who has a content,
 * who has a file whose name holds a word, and values under keys of a user's choice. So this service finds files by
 * words and by content, is a store of keys and values, and is content and peer routing for libp2p
 * (`@servent/key-routing`).
 *
 * Its dependability is MSPastry's. A node delivers only when its whole leaf set has answered, and keeps until then what
 * is sent to it; nobody is taken into a leaf set, or out, on the word of another; each node is heard by its left
 * neighbour every half minute, and how often the table is probed follows from how often nodes fail. Rings that a
 * partition made find each other again. Links run on `/servent/pastry/1.0.0`; the frames are in `pastry.proto`.
 *
 * Sources: Rowstron and Druschel, "Pastry: scalable, decentralized object location and routing for large-scale
 * peer-to-peer systems", Middleware 2001; Castro, Costa and Rowstron, "Performance and dependability of structured
 * peer-to-peer overlays", DSN 2004; Rowstron and Druschel, "Storage management and caching in PAST", SOSP 2001.
 *
 * @example
 * ```ts
 * import { generateKeyPair } from '@libp2p/crypto/keys'
 * import { identify } from '@libp2p/identify'
 * import { noise } from '@libp2p/noise'
 * import { tcp } from '@libp2p/tcp'
 * import { boundedYamux } from '@servent/libp2p-host'
 * import { pastry } from '@servent/pastry'
 * import { createLibp2p } from 'libp2p'
 *
 * const start = async bootstrap =>
 *   createLibp2p({
 *     privateKey: await generateKeyPair('Ed25519'),
 *     addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
 *     transports: [tcp()],
 *     connectionEncrypters: [noise()],
 *     streamMuxers: [boundedYamux()],
 *     services: { identify: identify(), pastry: pastry({ bootstrap }) }
 *   })
 * const first = await start([])
 * const second = await start(first.getMultiaddrs().map(String))
 *
 * await second.services.pastry.put('greeting', new TextEncoder().encode('hello'))
 * const found = await first.services.pastry.get('greeting')
 * console.log(new TextDecoder().decode(found?.value))
 * await Promise.all([first.stop(), second.stop()])
 * ```
 */
import { type PastryComponents, PastryService } from './service.ts'
import type { PastryInit } from './service-settings.ts'

export { PASTRY_PROTOCOL, type PastryComponents, type PastryService } from './service.ts'
export type { PastryInit } from './service-settings.ts'
export type { LeafEntry, NeighbourEntry, PastryView, RouteEntry } from './service-tables.ts'
export type { PastryMode, PastrySettings } from './types.ts'

/** A factory for libp2p's `services`. */
export function pastry(init: PastryInit = {}): (components: PastryComponents) => PastryService {
  return components => new PastryService(components, init)
}
