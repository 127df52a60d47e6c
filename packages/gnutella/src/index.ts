/**
 * Gnutella 0.6 over libp2p: files found by words, without any server.
 *
 * Each peer, a *servent*, keeps a handful of links to neighbours. A query goes to all of them and on to
 * theirs, until its TTL is used up; each servent hands one id on once, and never back. Whoever shares a file
 * with all the words answers with a QueryHit, which finds its way back along the path of the query. Files
 * themselves go directly, by HTTP; where the sharer cannot be dialled, a Push asks it, along the path of its
 * hit, to call. Pings and pongs, cached by everybody, tell of further servents, so that neighbours that go
 * can be replaced. Hits are cached, so that a query that many ask is not flooded each time.
 *
 * A network of many has two tiers (`role`). A *leaf* keeps links to three *ultrapeers*, and tells them by a route table
 * what words its files have; they shield it from all other queries. Ultrapeers are leaves that can be reached, have been
 * there for a while, and were needed. They tell each other what they and their leaves have, so that on the last hop a
 * query goes only where it may match; and they ask for their leaves step by step, each time as far as it takes.
 *
 * On the wire stands what was published: the handshake of Gnutella 0.6, descriptors with a header of 23
 * bytes, GGEP, HUGE, Bye. Where that holds IPv4 addresses, this holds zeros, and PeerIds, multiaddrs and signed
 * records travel in GGEP extensions of ours (`extension.ts`), and other servents to try in the header
 * `X-Servent-Try` (`handshake-rules.ts`). Links run on `/servent/gnutella/0.6.0`, calls that were asked for on
 * `/servent/gnutella-push/1.0.0` (`service-push.ts`).
 *
 * Sources: The Gnutella Protocol Specification 0.4 (Clip2); RFC-Gnutella 0.6 (Klingberg and Manfredi, draft);
 * GGEP 0.51; HUGE 0.94; Singla and Rohrs, "Ultrapeers"; Rohrs, "Query Routing for the Gnutella Network" 1.0; Fisk,
 * "Gnutella Ultrapeer Query Routing" and "Gnutella Dynamic Query Protocol" 0.1; Rohrs and Falco, "Ping/Pong scheme"; Rohrs, SACHRIFC flow control; the Bye proposal;
 * Markatos, "Tracing a large-scale peer to peer system: an hour in the life of Gnutella", CCGRID 2002.
 *
 * @example
 * ```ts
 * import { generateKeyPair } from '@libp2p/crypto/keys'
 * import { identify } from '@libp2p/identify'
 * import { noise } from '@libp2p/noise'
 * import { tcp } from '@libp2p/tcp'
 * import { gnutella } from '@servent/gnutella'
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
 *   services: { identify: identify(), gnutella: gnutella({ privateKey }) }
 * })
 *
 * for await (const hit of node.services.gnutella.search(parseQuery('kind of blue'), { timeoutMs: 100 })) {
 *   console.log(hit.record.name, hit.provider.peerId, hit.hops)
 * }
 * await node.stop()
 * ```
 */
import type { HostComponents } from '@servent/libp2p-host'
import { type GnutellaInit, GnutellaService } from './service.ts'

export { PushError, type PushedConnection } from '@servent/libp2p-host'
export { SearchRefusedError } from './errors.ts'
export {
  GNUTELLA_PROTOCOL,
  type GnutellaInit,
  type GnutellaSearchOptions,
  type GnutellaService
} from './service.ts'
export { PUSH_PROTOCOL } from './service-push.ts'
export type { Bandwidth } from './service-sharing.ts'
export type { GnutellaTables, Role, SearchStyle, SeenNeighbour, SeenQuery, SeenTiers } from './types.ts'

/** A factory for libp2p's `services`. */
export function gnutella(init: GnutellaInit): (components: HostComponents) => GnutellaService {
  return components => new GnutellaService(components, init)
}
