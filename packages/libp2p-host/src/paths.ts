/** What an address says of the way to a peer. */
import type { Connection } from '@libp2p/interface'
import type { ConnectionManager } from '@libp2p/interface-internal'
import type { Multiaddr } from '@multiformats/multiaddr'

const IPV6_SUBNET_GROUPS = 4
const IPV6_NETWORK_GROUPS = 3
const IPV4_NETWORK_BYTES = 3

/** Goes through another peer, which bounds what may be sent over it. */
export const isRelayed = (connection: Connection): boolean =>
  connection.limits !== undefined || isCircuit(connection.remoteAddr)

export const isCircuit = (address: Multiaddr): boolean => address.toString().includes('/p2p-circuit')

/** PeerId of the relay of a relayed connection, in text form: the first that its address names. */
export const relayOf = (address: Multiaddr): string | undefined =>
  address.getComponents().find(({ name }) => name === 'p2p')?.value

/**
 * Whether what comes over a connection comes from a private network: the peer's, and of a relayed connection the relay's.
 * The address of a relayed one does not tell: whoever was dialled may have written it, and a host's name may lead
 * anywhere.
 */
export function isNear(
  connection: Connection,
  connections: Pick<ConnectionManager, 'getConnections'>
): boolean {
  if (!isRelayed(connection)) return isPrivateIp(connection.remoteAddr)
  const relay = relayOf(connection.remoteAddr)
  return connections
    .getConnections()
    .some(
      one =>
        one.remotePeer.toString() === relay &&
        one.status === 'open' &&
        !isRelayed(one) &&
        isPrivateIp(one.remoteAddr)
    )
}

/** An address of IP that is not of the Internet: a name is none. */
export const isPrivateIp = (address: Multiaddr): boolean => isIp(address) && !isPublic(address.toString())

export const isIp = (address: Multiaddr): boolean => /^ip[46]$/.test(address.getComponents()[0]?.name ?? '')

/** Who counts as one caller: an address of IPv4, a /64 of IPv6. */
export function hostOf(address: Multiaddr): string {
  const { name, value } = ipPart(address)
  return name === 'ip6' ? subnetOf(value, IPV6_SUBNET_GROUPS) : value
}

/** Who counts as one network: a /24 of IPv4, a /48 of IPv6, which is what one customer is given. */
export function networkOf(address: Multiaddr): string {
  const { name, value } = ipPart(address)
  if (name === 'ip6') return `${subnetOf(value, IPV6_NETWORK_GROUPS)}/48`
  return name === 'ip4' ? `${value.split('.').slice(0, IPV4_NETWORK_BYTES).join('.')}/24` : value
}

function ipPart(address: Multiaddr): { name: string; value: string } {
  const { name, value = '' } = address.getComponents().find(part => part.name !== 'ip6zone') ?? { name: '' }
  return { name, value }
}

function subnetOf(address: string, length: number): string {
  const [head = '', tail] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  const groups = [...before, ...Array<string>(missing).fill('0'), ...after]
  return groups
    .slice(0, length)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':')
}

/** Whether a multiaddr is one of this machine alone. */
export const isLoopback = (address: string): boolean => /^\/(ip4\/127\.|ip6\/::1\/)/.test(address)

/** First and last addresses that are not of the Internet: RFC 6890, multicast and what is reserved. */
const INSIDE_IPV4: readonly (readonly [string, string])[] = [
  ['0.0.0.0', '0.255.255.255'],
  ['10.0.0.0', '10.255.255.255'],
  ['100.64.0.0', '100.127.255.255'],
  ['127.0.0.0', '127.255.255.255'],
  ['169.254.0.0', '169.254.255.255'],
  ['172.16.0.0', '172.31.255.255'],
  ['192.0.0.0', '192.0.0.255'],
  ['192.0.2.0', '192.0.2.255'],
  ['192.168.0.0', '192.168.255.255'],
  ['198.18.0.0', '198.19.255.255'],
  ['198.51.100.0', '198.51.100.255'],
  ['203.0.113.0', '203.0.113.255'],
  ['224.0.0.0', '255.255.255.255']
]
/** Of IPv6 the Internet is 2000::/3, without documentation. */
const PUBLIC_IPV6 = /^[23][0-9a-f]{3}:/i
const DOCUMENTATION_IPV6 = /^2001:0?db8:/i

/** Whether a multiaddr begins with an address of the Internet. Names are not looked up. */
export function isPublic(address: string): boolean {
  const [, family, host = ''] = address.split('/')
  if (family === 'ip6') return PUBLIC_IPV6.test(host) && !DOCUMENTATION_IPV6.test(host)
  if (family !== 'ip4') return false
  const number = ipv4Number(host)
  return !INSIDE_IPV4.some(([first, last]) => ipv4Number(first) <= number && number <= ipv4Number(last))
}

const ipv4Number = (host: string): number =>
  host.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
