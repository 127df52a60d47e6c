/**
 * Napster over libp2p: servers that know who has what, and files that go from peer to peer.
 *
 * A user logs in at one server and tells it what they share. Searches go to that server, which looks in its index
 * and asks the servers that it is linked with; answers name the sharers, whom the user pings through the servers to
 * fetch from the best. A sharer that nobody can call is asked to call. When a server is lost its users move to
 * another and announce again, and go back once one that they named has answered for a while. What a user shared leaves
 * the results when their link ends.
 *
 * On the wire stands what OpenNap published: frames of a length and a type, and their texts (`formats.ts`). Names
 * in quotes never hold quotes, and message 5, which had clients run what a server sent, does nothing. What OpenNap
 * has no place for travels in frames numbered from 20000 (`wire-extension.ts`): PeerIds, multiaddrs, signed
 * records, searches by words as `@servent/overlay` cuts them, and what servers say to each other. The PeerId that
 * Noise has proven is the login, and names are bound to PeerIds.
 *
 * Servers link with each other into any graph: each query has 16 random bytes for a name, is taken once, and says
 * whom it was sent to already, so that there is no tree to break. Whoever asked learns which servers did not answer
 * within `MESH_DEADLINE_MS`. Links run on `/servent/napster/1.0.0`, calls that were asked for on
 * `/servent/napster-push/1.0.0` (`service-push.ts`).
 *
 * Sources: drscholl, "napster messages" (napster.txt, 2000 and 2001); the defaults of the server opennap 0.44; the
 * lecture notes' Napster.
 *
 * @example
 * ```ts
 * import { generateKeyPair } from '@libp2p/crypto/keys'
 * import { identify } from '@libp2p/identify'
 * import { noise } from '@libp2p/noise'
 * import { tcp } from '@libp2p/tcp'
 * import { multiaddr } from '@multiformats/multiaddr'
 * import { boundedYamux } from '@servent/libp2p-host'
 * import { napster } from '@servent/napster'
 * import { parseQuery } from '@servent/overlay'
 * import { createLibp2p } from 'libp2p'
 *
 * const server = '/ip4/127.0.0.1/tcp/8888/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'
 * const privateKey = await generateKeyPair('Ed25519')
 * const node = await createLibp2p({
 *   privateKey,
 *   addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
 *   transports: [tcp()],
 *   connectionEncrypters: [noise()],
 *   streamMuxers: [boundedYamux()],
 *   services: { identify: identify(), napster: napster({ privateKey, servers: [multiaddr(server)] }) }
 * })
 *
 * const search = node.services.napster.search(parseQuery('kind of blue'), { timeoutMs: 100 })
 * for await (const hit of search) console.log(hit.record.name, hit.provider.peerId)
 * await node.stop()
 * ```
 */
import type { HostComponents } from '@servent/libp2p-host'
import { NapsterService } from './service.ts'
import type { NapsterInit } from './service-init.ts'

export { PushError, type PushedConnection } from '@servent/libp2p-host'
export { PeerIdMissingError, ServerError } from './errors.ts'
export { NAPSTER_PROTOCOL, type NapsterService } from './service.ts'
export type { NapsterInit, NapsterSearchOptions, NapsterServerInit } from './service-init.ts'
export type { HotlistEvent } from './service-people.ts'
export { PUSH_PROTOCOL } from './service-push.ts'
export type { Ended } from './service-search.ts'
export type { NapsterTables, SeenServer, WhoisReply } from './types.ts'

/** A factory for libp2p's `services`. */
export function napster(init: NapsterInit): (components: HostComponents) => NapsterService {
  return components => new NapsterService(components, init)
}
