/** A node's side of the lab, told by a channel that stands for the lab's process. */
import { EventEmitter } from 'node:events'
import type { Transport } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { LabPeer } from '../src/peer.ts'

const OWN = '12D3KooWEAoTqZ6MDS1XVTRzFCRBCxTUjNbMxjjxnV9kPDUKZxLW'
const OTHER = '12D3KooWLbTmkhPv6ZYmGUjbzJHRxM9JWgUrHBbUv6Z1D5xVqXhz'
const ROUND_TRIP_MS = 150

it('a node knows how far whoever comes while it is made is, too', async () => {
  const channel = Object.assign(new EventEmitter(), { send: () => true })
  const begun = LabPeer.begin(channel)
  channel.emit('message', { type: 'begin', overlay: 'chord', peerId: OWN, roundTrips: [] })
  // The lab waits for nothing in between.
  channel.emit('message', { type: 'round-trips', roundTrips: [[OTHER, ROUND_TRIP_MS]] })
  const { deps } = await begun
  const tcp = () => ({ dial: async (_: Multiaddr) => {} }) as unknown as Transport
  const transport = deps.aroundTcp!(tcp as never)({} as never)
  const startedMs = performance.now()
  await transport.dial(multiaddr(`/ip4/127.0.0.1/tcp/1/p2p/${OTHER}`), { upgrader: {} } as never)
  expect(performance.now() - startedMs).toBeGreaterThan(ROUND_TRIP_MS - 5)
})
