/** What an address says of the way to a peer. */
import type { Connection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

const IPV6_SUBNET_GROUPS = 4

/** Goes through another peer, which bounds what may be sent over it. */
export const isRelayed = (connection: Connection): boolean =>
  connection.limits !== undefined || isCircuit(connection.remoteAddr)

export const isCircuit = (address: Multiaddr): boolean => address.toString().includes('/p2p-circuit')

/** Who counts as one caller: an address of IPv4, a /64 of IPv6. */
export function hostOf(address: Multiaddr): string {
  const { name, value = '' } = address.getComponents()[0] ?? { name: '' }
  return name === 'ip6' ? subnetOf(value) : value
}

function subnetOf(address: string): string {
  const [head = '', tail] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  const groups = [...before, ...Array<string>(missing).fill('0'), ...after]
  return groups
    .slice(0, IPV6_SUBNET_GROUPS)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':')
}
