/** How many users are logged in from where, and what those are told who are too many. */
import { type LinkOrigin, OriginPlaces } from '@servent/overlay/machine'
import { NETWORK_ADDRESSES } from './constants.ts'

export class UserPlaces extends OriginPlaces {
  constructor(usersPerAddressMax: number) {
    super(usersPerAddressMax, usersPerAddressMax * NETWORK_ADDRESSES)
  }

  /** Why nobody more is taken in from there; nothing where there is room. */
  refusal(origin: LinkOrigin | undefined): string | undefined {
    const full = this.full(origin)
    if (full === undefined) return undefined
    return `From your ${full.what} ${full.most} users are here already, and this server takes no more.`
  }
}
