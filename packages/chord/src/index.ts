/**
 * Chord over libp2p: a ring of peers on which every key has one home, found in about half of log2 N steps.
 *
 * Peers and keys are numbers of 256 bits on a circle. A key belongs to the first peer at it or clockwise after
 * it, its *successor*. Each peer knows its predecessor, the next r peers after it (the *successor list*), and
 * *fingers* at exponentially growing distances, by which a lookup halves what is left at each step. A lookup is
 * forwarded over links that are held, each step acknowledged, and the last peer answers whoever asked. Peers look
 * at their neighbours again and again (*stabilise*), so that the ring mends itself when some come, leave or die.
 *
 * On the ring lie records, each copied to the peers after its home: who has a content, who has a file whose name
 * holds a word, and values under keys of a user's choice. So this service finds files by words and by content,
 * is a store of keys and values, and is content and peer routing for libp2p (`@servent/key-routing`).
 *
 * Joining and mending follow Zave's correction, without which a ring can break for good: whole successor lists
 * are copied, a peer believes its successor before the successor's predecessor, and below r + 1 members everybody
 * knows everybody. Rings that a partition made find each other again and merge. One peer may take several places
 * (*virtual nodes*). Links run on `/servent/chord/1.0.0`; the frames are in `chord.proto`.
 *
 * Sources: Stoica, Morris, Karger, Kaashoek, Balakrishnan, "Chord: a scalable peer-to-peer lookup service for
 * Internet applications", SIGCOMM 2001; Stoica et al., the same title, IEEE/ACM Transactions on Networking 11(1),
 * 2003; Zave, "Reasoning about identifier spaces: how to make Chord correct", IEEE Transactions on Software
 * Engineering 43(12), 2017; Dabek et al., "Designing a DHT for low latency and high throughput", NSDI 2004.
 *
 * @example
 * ```ts
 * import { generateKeyPair } from '@libp2p/crypto/keys'
 * import { identify } from '@libp2p/identify'
 * import { noise } from '@libp2p/noise'
 * import { tcp } from '@libp2p/tcp'
 * import { chord } from '@servent/chord'
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
 *     services: { identify: identify(), chord: chord({ bootstrap }) }
 *   })
 * const first = await start([])
 * const second = await start(first.getMultiaddrs().map(String))
 *
 * await second.services.chord.put('greeting', new TextEncoder().encode('hello'))
 * const found = await first.services.chord.get('greeting')
 * console.log(new TextDecoder().decode(found?.value))
 * await Promise.all([first.stop(), second.stop()])
 * ```
 */
import { type ChordComponents, ChordService } from './service.ts'
import type { ChordInit } from './service-settings.ts'

export { CHORD_PROTOCOL, type ChordComponents, type ChordService } from './service.ts'
export type { ChordInit } from './service-settings.ts'
export type { ChordView, PlaceView, RingEntry } from './service-tables.ts'
export type { ChordMode, ChordSettings } from './types.ts'

/** A factory for libp2p's `services`. */
export function chord(init: ChordInit = {}): (components: ChordComponents) => ChordService {
  return components => new ChordService(components, init)
}
