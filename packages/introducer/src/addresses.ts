/**
 * What an address says of where a peer is: its host, its network, and whether it may be called at all.
 *
 * Names are never looked up and nothing goes through a relay: a peer that wants to be listed gives addresses of IP.
 */
import { isIPv4 } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { hostOf, isLoopback, isPublic, networkOf } from '@servent/libp2p-host'

export interface Place {
  /** A /24 or a /48; of a private address the host itself. */
  readonly network: string
  /** A /16 or a /32: what one provider has. Of a private address the host itself. */
  readonly wide: string
  readonly isPrivate: boolean
}

/** Which addresses are dealt with: of the Internet alone, of private networks as well, of this machine as well. */
export type Scope = 'public' | 'private' | 'loopback'

const REACH: Readonly<Record<Scope, number>> = { public: 0, private: 1, loopback: 2 }

/** The multiaddr of the other end of a socket; nothing where it is gone. */
export function multiaddrOfSocket(remoteAddress: string | undefined): Multiaddr | undefined {
  if (remoteAddress === undefined) return undefined
  const [bare = ''] = remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '').split('%')
  return multiaddr(isIPv4(bare) ? `/ip4/${bare}` : `/ip6/${bare}`)
}

export function placeOf(address: Multiaddr): Place {
  const text = address.toString()
  if (!isPublic(`${text}/`)) {
    const host = hostOf(address)
    return { network: host, wide: host, isPrivate: true }
  }
  const network = networkOf(address)
  const isIpv4 = address.getComponents()[0]?.name === 'ip4'
  const wide = isIpv4 ? network.split('.').slice(0, 2).join('.') : network.split(':').slice(0, 2).join(':')
  return { network, wide, isPrivate: false }
}

export function scopeOf(address: Multiaddr): Scope {
  const text = `${address}/`
  return isPublic(text) ? 'public' : isLoopback(text) ? 'loopback' : 'private'
}

export const isWithin = (address: Multiaddr, scope: Scope): boolean => REACH[scopeOf(address)] <= REACH[scope]

/** TCP on an address of IP and nothing else, straight to the peer: what this version can call. */
export const isCallable = (address: Multiaddr): boolean =>
  /^ip[46],tcp$/.test(`${address.getComponents().map(({ name }) => name)}`)

/** Nothing where the text is none. */
export function readMultiaddr(text: string): Multiaddr | undefined {
  try {
    return multiaddr(text)
  } catch {
    return undefined
  }
}
