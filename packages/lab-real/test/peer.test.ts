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
  const conditions = { isFirewalled: false }
  channel.emit('message', { type: 'begin', overlay: 'chord', peerId: OWN, roundTrips: [], conditions })
  // The lab waits for nothing in between.
  channel.emit('message', { type: 'round-trips', roundTrips: [[OTHER, ROUND_TRIP_MS]] })
  const { deps } = await begun
  const tcp = () => ({ dial: async (_: Multiaddr) => {} }) as unknown as Transport
  const transport = deps.aroundTcp!(tcp as never)({} as never)
  const startedMs = performance.now()
  await transport.dial(multiaddr(`/ip4/127.0.0.1/tcp/1/p2p/${OTHER}`), { upgrader: {} } as never)
  expect(performance.now() - startedMs).toBeGreaterThan(ROUND_TRIP_MS - 5)
})

it('a node parts from those that the lab names, and from nobody when it names none', async () => {
  const told: unknown[] = []
  const channel = Object.assign(new EventEmitter(), { send: (answer: unknown) => told.push(answer) })
  const begun = LabPeer.begin(channel)
  const conditions = { isFirewalled: false }
  channel.emit('message', { type: 'begin', overlay: 'chord', peerId: OWN, roundTrips: [], conditions })
  const peer = await begun
  peer.deps.onOverlay!({ name: 'chord' } as never)
  peer.serve({} as never)
  const tcp = () => ({ dial: async () => 'there' }) as unknown as Transport
  const transport = peer.deps.aroundTcp!(tcp as never)({} as never)
  const dial = () => transport.dial(multiaddr(`/ip4/127.0.0.1/tcp/1/p2p/${OTHER}`), { upgrader: {} } as never)
  const cutOff = async (id: number, peerIds: string[]) => {
    channel.emit('message', { type: 'ask', id, act: 'cutOff', given: [peerIds] })
    await new Promise(setImmediate)
  }
  await cutOff(1, [OTHER])
  await expect(dial()).rejects.toThrow('The network has parted.')
  await cutOff(2, [])
  expect(await dial()).toBe('there')
  expect(told).toEqual([1, 2].map(id => ({ event: 'answer', id, value: undefined })))
})
