/** What keeps a node that was killed apart from everybody while libp2p takes it down in its own order. */
import type { ConnectionGater } from '@libp2p/interface'

/** Lets everything through until it is closed, and then nothing, also of what is half made. */
export class DeathGate implements ConnectionGater {
  #isClosed = false

  readonly denyDialPeer = () => this.#isClosed
  readonly denyInboundConnection = () => this.#isClosed
  readonly denyOutboundConnection = () => this.#isClosed
  readonly denyInboundUpgradedConnection = () => this.#isClosed
  readonly denyOutboundUpgradedConnection = () => this.#isClosed

  close(): void {
    this.#isClosed = true
  }
}
