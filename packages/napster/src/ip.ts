/** The address of IPv4 that OpenNap's messages have a place for, out of multiaddrs in binary form. */
import { ipNumber } from './wire-text.ts'

/** The code of `ip4` in a multiaddr; its four bytes follow, in network order. */
const IP4 = 4

/** Of the first address of IPv4; 0 where there is none. */
export function ipOf(addresses: readonly Uint8Array[]): number {
  const address = addresses.find(bytes => bytes[0] === IP4 && bytes.length >= 5)
  return address === undefined ? 0 : ipNumber(address.subarray(1, 5))
}
