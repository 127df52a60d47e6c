/**
 * How many users are logged in from where. PeerIds cost nothing, so one machine could take every place of a server;
 * addresses of the Internet are dear.
 *
 * Whoever comes from a private network or from this machine is not bounded: that is the operator's own network, or a
 * proxy behind which all have one address.
 */
import type { LinkOrigin } from '@servent/overlay/machine'
import { NETWORK_ADDRESSES } from './constants.ts'

export class UserPlaces {
  readonly #usersPerAddressMax: number
  readonly #users = new Map<string, number>()

  constructor(usersPerAddressMax: number) {
    this.#usersPerAddressMax = usersPerAddressMax
  }

  /** Places from which somebody is here. */
  get size(): number {
    return this.#users.size
  }

  /** Why nobody more is taken in from there; nothing where there is room. */
  refusal(origin: LinkOrigin | undefined): string | undefined {
    const full = this.#places(origin).find(({ key, most }) => (this.#users.get(key) ?? 0) >= most)
    if (full === undefined) return undefined
    return `From ${full.what} ${full.most} users are here already, and this server takes no more.`
  }

  add(origin: LinkOrigin | undefined): void {
    for (const { key } of this.#places(origin)) this.#users.set(key, (this.#users.get(key) ?? 0) + 1)
  }

  remove(origin: LinkOrigin | undefined): void {
    for (const { key } of this.#places(origin)) {
      const left = (this.#users.get(key) ?? 0) - 1
      if (left > 0) this.#users.set(key, left)
      else this.#users.delete(key)
    }
  }

  #places(origin: LinkOrigin | undefined): { key: string; what: string; most: number }[] {
    if (origin === undefined) return []
    const most = this.#usersPerAddressMax
    // Of a relayed link nobody knows the address; a relay has room for many.
    if (origin.isRelayed) return [{ key: origin.host, what: 'your relay', most: most * NETWORK_ADDRESSES }]
    if (origin.reach !== 'public') return []
    const host = { key: origin.host, what: 'your address', most }
    if (origin.network === origin.host) return [host]
    return [host, { key: origin.network, what: 'your network', most: most * NETWORK_ADDRESSES }]
  }
}
