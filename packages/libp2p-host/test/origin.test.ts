/** Where the other end of a connection is, for bounds on how much comes from one place. */
import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { originOf, relayOf } from '../src/paths.ts'

const RELAY = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'
const PEER = '12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf'

const connection = (address: string, remote = PEER): Connection =>
  ({
    remoteAddr: multiaddr(address),
    remotePeer: peerIdFromString(remote),
    status: 'open'
  }) as unknown as Connection
const origin = (address: string, ...others: Connection[]) =>
  originOf(connection(address), { getConnections: () => others })

it('is an address of IPv4 in its /24, and a /48 of IPv6', () => {
  expect(origin('/ip4/8.8.4.4/tcp/1')).toEqual({
    host: '8.8.4.4',
    network: '8.8.4/24',
    isRelayed: false,
    reach: 'public'
  })
  for (const address of ['/ip6/2a00:1:2:3::9/tcp/1', '/ip6/2a00:1:2:ffff:1::/tcp/1'])
    expect(origin(address)).toEqual({
      host: '2a00:1:2/48',
      network: '2a00:1:2/48',
      isRelayed: false,
      reach: 'public'
    })
  expect(origin('/ip4/192.168.1.2/tcp/1').reach).toBe('private')
  expect(origin('/ip4/127.0.0.1/tcp/1').reach).toBe('loopback')
  // A name may lead anywhere: nothing near is believed of it.
  expect(origin('/dns4/example.org/tcp/1').reach).toBe('public')
})

it('over a relay is the relay, as near as that is, and never what the address says of itself', () => {
  const relayed = `/ip4/10.1.1.1/tcp/1/p2p/${RELAY}/p2p-circuit/p2p/${PEER}`
  const far = { host: `relay ${RELAY}`, network: `relay ${RELAY}`, isRelayed: true, reach: 'public' }
  expect(origin(relayed)).toEqual(far)
  expect(origin(relayed, connection('/ip4/8.8.8.8/tcp/1', RELAY))).toEqual(far)
  expect(origin(relayed, connection('/ip4/10.1.1.1/tcp/1', RELAY))).toEqual({ ...far, reach: 'private' })
  expect(origin(relayed, connection('/ip4/10.1.1.1/tcp/1', PEER))).toEqual(far)
})

it('over a relay that its address does not name is the relay’s address, whoever the peers are', () => {
  const of = (peer: string) => origin(`/ip4/8.8.8.8/tcp/1/p2p-circuit/p2p/${peer}`)
  expect(of(PEER).host).toBe('relay 8.8.8.8')
  expect(of(RELAY)).toEqual(of(PEER))
  expect(relayOf(multiaddr(`/ip4/8.8.8.8/tcp/1/p2p-circuit/p2p/${PEER}`))).toBeUndefined()
})
