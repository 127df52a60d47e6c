/**
 * What a multiaddr in its binary form says of where it leads, for machines: whatever they are told of others' addresses
 * they judge before they keep it or hand it on. Names are not looked up.
 *
 * Sources: the multiaddr specification and its table of protocols; RFC 6890 for addresses that are not of the Internet.
 */
import { ADDRESS_BYTES_MAX } from './limits.ts'

/** From where an address can be reached: from the Internet, from its private network, from its own machine. */
export type Reach = 'public' | 'private' | 'loopback'

const WIDTH: Readonly<Record<Reach, number>> = { public: 0, private: 1, loopback: 2 }

interface AddressView {
  /** Of the address of IP that it begins with; nothing where it begins with a name. */
  readonly reach: Reach | undefined
}

/** Protocols by their code, and the bytes of their value; a `text` has its length before it. */
const PROTOCOLS: ReadonlyMap<number, number | 'text'> = new Map<number, number | 'text'>([
  [4, 4], // ip4
  [6, 2], // tcp
  [41, 16], // ip6
  [42, 'text'], // ip6zone
  [53, 'text'], // dns
  [54, 'text'], // dns4
  [55, 'text'], // dns6
  [56, 'text'], // dnsaddr
  [273, 2], // udp
  [280, 0], // webrtc-direct
  [281, 0], // webrtc
  [290, 0], // p2p-circuit
  [421, 'text'], // p2p
  [443, 0], // https
  [448, 0], // tls
  [449, 'text'], // sni
  [454, 0], // noise
  [460, 0], // quic
  [461, 0], // quic-v1
  [465, 0], // webtransport
  [466, 'text'], // certhash
  [477, 0], // ws
  [478, 0], // wss
  [480, 0] // http
])
const IP4 = 4
const IP6 = 41
const IP6_ZONE = 42
const NAMES: ReadonlySet<number> = new Set([53, 54, 55, 56])

/**
 * Nothing where these bytes are no multiaddr, one of protocols that nobody here speaks, or one that begins nowhere or at
 * the unspecified address.
 */
export function viewAddress(bytes: Uint8Array): AddressView | undefined {
  if (bytes.length === 0 || bytes.length > ADDRESS_BYTES_MAX) return undefined
  let first: number | undefined
  let reach: Reach | undefined
  for (let at = 0; at < bytes.length; ) {
    const code = readVarint(bytes, at)
    const size = code === undefined ? undefined : PROTOCOLS.get(code.value)
    if (code === undefined || size === undefined) return undefined
    at = code.end
    const length = size === 'text' ? readVarint(bytes, at) : { value: size, end: at }
    if (length === undefined) return undefined
    const value = bytes.subarray(length.end, length.end + length.value)
    if (value.length < length.value) return undefined
    at = length.end + length.value
    // The zone of an address stands before it.
    if (first !== undefined || code.value === IP6_ZONE) continue
    first = code.value
    if (first === IP4) reach = reachOfIp4(value)
    else if (first === IP6) reach = reachOfIp6(value)
  }
  return reach === undefined && !NAMES.has(first ?? 0) ? undefined : { reach }
}

/** A number in groups of seven bits; two bytes hold every code and length here. */
function readVarint(bytes: Uint8Array, at: number): { value: number; end: number } | undefined {
  const low = bytes[at]
  if (low === undefined) return undefined
  if (low < 0x80) return { value: low, end: at + 1 }
  const high = bytes[at + 1]
  // Longer than it need be, it is none that libp2p would read.
  return high === undefined || high >= 0x80 || high === 0
    ? undefined
    : { value: (low & 0x7f) | (high << 7), end: at + 2 }
}

/**
 * Of the addresses that somebody tells of a third peer, those that may be believed: a peer that this one reaches over
 * the Internet says nothing of private networks and of machines, of which it knows others than those around here; one
 * of a private network nothing of this machine. Where it is not known over what the word came, all that are
 * multiaddrs.
 *
 * `allows` says whether names pass: they lead anywhere, so nothing that is dialled without being asked for may begin
 * with one.
 */
export function believable(
  addresses: readonly Uint8Array[],
  from: Reach | undefined,
  allows: 'names' | 'no-names'
): Uint8Array[] {
  return addresses.filter(bytes => {
    const view = viewAddress(bytes)
    if (view === undefined) return false
    if (view.reach === undefined) return allows === 'names'
    return WIDTH[view.reach] <= WIDTH[from ?? 'loopback']
  })
}

/** First and last addresses that are not of the Internet: RFC 6890, multicast and what is reserved. */
const INSIDE_IP4: readonly (readonly [string, string])[] = [
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
const numberOf = (bytes: Iterable<number>): number => [...bytes].reduce((sum, byte) => sum * 256 + byte, 0)
const textNumber = (text: string): number => numberOf(text.split('.').map(Number))
const INSIDE_NUMBERS = INSIDE_IP4.map(([first, last]) => [textNumber(first), textNumber(last)] as const)

/** Of four bytes in network order. Nothing of 0.0.0.0: whoever dials it comes to its own machine, on many systems. */
function reachOfIp4(bytes: Uint8Array): Reach | undefined {
  if (bytes[0] === 127) return 'loopback'
  const number = numberOf(bytes)
  if (number === 0) return undefined
  return INSIDE_NUMBERS.some(([first, last]) => first <= number && number <= last) ? 'private' : 'public'
}

/**
 * Of sixteen bytes: the Internet is 2000::/3, without documentation (2001:db8::/32). Nothing of the unspecified address,
 * as of that of IPv4. One that stands for an address of IPv4 leads where that one leads: mapped (::ffff:0:0/96), and of
 * 6to4 (2002::/16, RFC 3056).
 */
function reachOfIp6(bytes: Uint8Array): Reach | undefined {
  const isMapped = numberOf(bytes.subarray(0, 6)) === 0 && numberOf(bytes.subarray(6, 12)) === 0xffff
  if (isMapped) return reachOfIp4(bytes.subarray(12))
  if (bytes[0] === 0x20 && bytes[1] === 0x02) return reachOfIp4(bytes.subarray(2, 6))
  if (bytes.subarray(0, 15).every(byte => byte === 0)) {
    if (bytes[15] === 0) return undefined
    if (bytes[15] === 1) return 'loopback'
  }
  const isDocumentation = numberOf(bytes.subarray(0, 4)) === 0x2001_0db8
  return (bytes[0]! & 0xe0) === 0x20 && !isDocumentation ? 'public' : 'private'
}
