/**
 * Whether a user can be reached, as a supernode must be: a second connection, to an address that it says it has. Its PeerId
 * is proven by the dial, so nobody has this peer knock elsewhere and take that for a success; and addresses of private
 * networks are dialled only for a user that came over one.
 */
import { callableAddresses, type HostComponents, peerIdOfContact } from '@servent/libp2p-host'
import type { Contact } from '@servent/overlay'
import { DIAL_BACK_TIMEOUT_MS } from './constants.ts'

export class DialBack {
  readonly #components: HostComponents

  constructor(components: HostComponents) {
    this.#components = components
  }

  async reaches(contact: Contact, signal: AbortSignal): Promise<boolean> {
    const { connectionManager } = this.#components
    const peerId = peerIdOfContact(contact)
    const targets = callableAddresses(peerId, contact, peerId.toString(), this.#components)
    if (targets.length === 0) return false
    try {
      const within = AbortSignal.any([signal, AbortSignal.timeout(DIAL_BACK_TIMEOUT_MS)])
      // `force`: the connection that stands would do otherwise, and prove nothing.
      const connection = await connectionManager.openConnection(targets, { signal: within, force: true })
      connection.close().catch(error => connection.abort(error))
      return true
    } catch {
      return false
    }
  }
}
