/** What an address says of the way to a peer. */
import type { Connection } from '@libp2p/interface'
import type { ConnectionManager } from '@libp2p/interface-internal'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { type LinkOrigin, viewAddress } from '@servent/overlay'

const IPV6_SUBNET_GROUPS = 4
const IPV6_NETWORK_GROUPS = 3
const IPV4_NETWORK_BYTES = 3

/** Goes through another peer, which bounds what may be sent over it. */
export const isRelayed = (connection: Connection): boolean =>
  connection.limits !== undefined || isCircuit(connection.remoteAddr)

export const isCircuit = (address: Multiaddr): boolean => address.toString().includes('/p2p-circuit')

/**
 * PeerId of the relay of a relayed connection, in text form, where its address names one: what stands behind
 * `/p2p-circuit` is the peer at the other end.
 */
export function relayOf(address: Multiaddr): string | undefined {
  const components = address.getComponents()
  const circuit = components.findIndex(({ name }) => name === 'p2p-circuit')
  return components.slice(0, circuit < 0 ? components.length : circuit).find(({ name }) => name === 'p2p')
    ?.value
}

/**
 * Whether what comes over a connection comes from a private network: the peer's, and of a relayed connection the relay's.
 * The address of a relayed one does not tell: whoever was dialled may have written it, and a host's name may lead
 * anywhere.
 */
export function isNear(connection: Connection, connections: Connections): boolean {
  return pathAddresses(connection, connections).some(isPrivateIp)
}

type Connections = Pick<ConnectionManager, 'getConnections'>

/** Of the peer itself, or of the relay that it comes over: each as an open connection of this peer shows it. */
function pathAddresses(connection: Connection, connections: Connections): Multiaddr[] {
  if (!isRelayed(connection)) return [connection.remoteAddr]
  const relay = relayOf(connection.remoteAddr)
  return connections
    .getConnections()
    .filter(one => one.remotePeer.toString() === relay && one.status === 'open' && !isRelayed(one))
    .map(one => one.remoteAddr)
}

/** Where the other end of a connection is, for machines. What is not known to be near is far. */
export function originOf(connection: Connection, connections: Connections): LinkOrigin {
  const reaches = pathAddresses(connection, connections).map(reachOf)
  const reach = (['loopback', 'private'] as const).find(one => reaches.includes(one)) ?? 'public'
  const { remoteAddr } = connection
  const isRelayedHere = isRelayed(connection)
  const network = networkOf(remoteAddr)
  const host = isIp6(remoteAddr) ? network : hostOf(remoteAddr)
  if (!isRelayedHere) return { host, network, isRelayed: false, reach }
  const relay = `relay ${relayOf(remoteAddr) ?? host}`
  return { host: relay, network: relay, isRelayed: true, reach }
}

const reachOf = (address: Multiaddr) => viewAddress(address.bytes)?.reach ?? 'public'
const isIp6 = (address: Multiaddr): boolean => ipPart(address).name === 'ip6'

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

/** Whether a multiaddr begins with an address of the Internet. Names are not looked up. */
export function isPublic(address: string): boolean {
  const [, family, host = ''] = address.split('/')
  if (family !== 'ip4' && family !== 'ip6') return false
  try {
    return viewAddress(multiaddr(`/${family}/${host}`).bytes)?.reach === 'public'
  } catch {
    return false
  }
}

/** Of libp2p: where this peer is, or whether others can call it, may be another thing now. */
export const REACHABILITY_EVENTS = ['self:peer:update', 'connection:open', 'connection:close'] as const
