/**
 * From which networks those come who are linked: by the address of the connection, and by nobody's word. PeerIds cost
 * nothing and addresses do, so a table that has two of each /24 of IPv4, or /48 of IPv6, holds few of somebody who has
 * many peers in one place. Peers of a private network, or of one machine, are mostly all in one: they are not counted.
 */
import type { Input, Link, MachineTypes, Peer } from '@servent/overlay/machine'
import type { Calls } from './calls.ts'
import { LazyMap } from './lazy-map.ts'

/** As many entries as there are links, of which the host has a bound. */
export class LinkNetworks<T extends MachineTypes> {
  readonly #calls: Calls<T>
  readonly #byLink = new LazyMap<Link, string>()

  constructor(calls: Calls<T>) {
    this.#calls = calls
  }

  /** Sees every input before anybody else does. */
  see(input: Input<T>): void {
    if (input.type === 'link-up' && input.origin?.reach === 'public')
      this.#byLink.set(input.link, input.origin.network)
    else if (input.type === 'link-down') this.#byLink.delete(input.link)
  }

  /** Nothing where the peer is not linked, or does not come from the Internet. */
  of(peer: Peer): string | undefined {
    const link = this.#calls.linkOf(peer)
    return link === undefined ? undefined : this.#byLink.get(link)
  }

  /** Whether so many of these others come from where this peer comes from. `most` 0: there is no bound. */
  isCrowded(peer: Peer, others: Iterable<Peer>, most: number): boolean {
    const network = most === 0 ? undefined : this.of(peer)
    if (network === undefined) return false
    let count = 0
    for (const other of others) if (other !== peer && this.of(other) === network) count += 1
    return count >= most
  }
}
