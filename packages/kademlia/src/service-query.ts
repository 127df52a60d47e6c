/**
 * A lookup of `@libp2p/kad-dht`, which tells of itself by events: how many messages went and came, and over how many
 * steps each peer was found. A message is counted as long as its peers and addresses are: kad-dht does not say more.
 */

import type { PeerInfo } from '@libp2p/interface'
import type { QueryEvent } from '@libp2p/kad-dht'
import type { SearchTraffic } from '@servent/overlay'

/** Of a message: its type, its key and what frames them. */
const MESSAGE_BYTES = 40
/** Of a peer or an address in a message, what frames it. */
const FRAME_BYTES = 4

export class QueryCost {
  /** Steps to each peer that was told of, by its PeerId. */
  readonly #steps = new Map<string, number>()
  readonly #traffic: SearchTraffic

  constructor(traffic: SearchTraffic) {
    this.#traffic = traffic
  }

  note(event: QueryEvent): void {
    if (event.name === 'SEND_QUERY') {
      this.#traffic.messages += 1
      this.#traffic.bytes += MESSAGE_BYTES
    } else if (event.name === 'PEER_RESPONSE') {
      this.#traffic.messages += 1
      this.#traffic.bytes += MESSAGE_BYTES + bytesOf(event.closer) + bytesOf(event.providers)
      const steps = this.stepsTo(`${event.from}`)
      for (const { id } of event.closer) if (!this.#steps.has(`${id}`)) this.#steps.set(`${id}`, steps + 1)
    }
  }

  /** Requests until this peer had answered: 1 for one that this node knew at first. */
  stepsTo(peer: string): number {
    return this.#steps.get(peer) ?? 1
  }
}

function bytesOf(peers: readonly PeerInfo[]): number {
  let bytes = 0
  for (const { id, multiaddrs } of peers) {
    bytes += FRAME_BYTES + id.toMultihash().bytes.length
    for (const address of multiaddrs) bytes += FRAME_BYTES + address.bytes.length
  }
  return bytes
}
