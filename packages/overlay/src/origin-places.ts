/**
 * How many are here from where. PeerIds cost nothing, so one machine could take every place of a server, of a supernode or
 * of an ultrapeer; addresses of the Internet are dear.
 *
 * Whoever comes from a private network or from this machine is not bounded: that is the operator's own network, or a
 * proxy behind which all have one address.
 */
import type { LinkOrigin } from './contract.ts'

/** A place of which no more are taken, and how many are here from it. */
export interface FullPlace {
  readonly what: 'address' | 'network' | 'relay'
  readonly most: number
}

export class OriginPlaces {
  readonly #perAddressMax: number
  readonly #perNetworkMax: number
  readonly #counts = new Map<string, number>()

  /** Of one address (a /48 of IPv6), and of one network (a /24) or one relay, behind which are many. */
  constructor(perAddressMax: number, perNetworkMax: number) {
    this.#perAddressMax = perAddressMax
    this.#perNetworkMax = perNetworkMax
  }

  /** Places from which somebody is here. */
  get size(): number {
    return this.#counts.size
  }

  /** Because of which nobody more is taken from there; nothing where there is room. */
  full(origin: LinkOrigin | undefined): FullPlace | undefined {
    return this.#places(origin).find(({ key, most }) => (this.#counts.get(key) ?? 0) >= most)
  }

  add(origin: LinkOrigin | undefined): void {
    for (const { key } of this.#places(origin)) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
  }

  remove(origin: LinkOrigin | undefined): void {
    for (const { key } of this.#places(origin)) {
      const left = (this.#counts.get(key) ?? 0) - 1
      if (left > 0) this.#counts.set(key, left)
      else this.#counts.delete(key)
    }
  }

  #places(origin: LinkOrigin | undefined): (FullPlace & { readonly key: string })[] {
    if (origin === undefined) return []
    // Of a relayed link nobody knows the address.
    if (origin.isRelayed) return [{ key: origin.host, what: 'relay', most: this.#perNetworkMax }]
    if (origin.reach !== 'public') return []
    const host = { key: origin.host, what: 'address', most: this.#perAddressMax } as const
    if (origin.network === origin.host) return [host]
    return [host, { key: origin.network, what: 'network', most: this.#perNetworkMax }]
  }
}
