import { openDatabase } from '@servent/database'
import { expect, test } from 'vitest'
import { NodeStore, PEERS_SEEN_MAX } from '../src/store.ts'

const open = () => new NodeStore(openDatabase(':memory:'))

test('what one overlay saved is its own, and is there at the next load', async () => {
  const store = open()
  await store.machineState('gnutella').save('hosts', Uint8Array.of(1, 2))
  await store.machineState('chord').save('hosts', Uint8Array.of(3))
  await store.machineState('gnutella').save('hosts', Uint8Array.of(4))
  await store.machineState('gnutella').save('guid', Uint8Array.of(5))
  await store.machineState('gnutella').save('guid', undefined)
  expect(await store.machineState('gnutella').load()).toEqual(new Map([['hosts', Uint8Array.of(4)]]))
  expect(await store.machineState('chord').load()).toEqual(new Map([['hosts', Uint8Array.of(3)]]))
})

test('peers, the newest first; those seen longest ago make room', () => {
  const store = open()
  for (let peer = 1; peer <= PEERS_SEEN_MAX; peer++) {
    store.rememberPeers([{ peerId: `peer ${peer}`, addresses: ['/ip4/192.0.2.1/tcp/1'] }], peer)
  }
  expect(store.peersSeen(2000)).toHaveLength(PEERS_SEEN_MAX)
  store.rememberPeers(
    [
      { peerId: 'peer 1', addresses: ['/ip4/192.0.2.2/tcp/2'] },
      { peerId: 'one more', addresses: [] }
    ],
    5000
  )
  const peers = store.peersSeen(2000)
  expect(peers).toHaveLength(PEERS_SEEN_MAX)
  expect(peers.find(({ peerId }) => peerId === 'peer 1')!.addresses).toEqual(['/ip4/192.0.2.2/tcp/2'])
  expect(peers.some(({ peerId }) => peerId === 'peer 2')).toBe(false)
  expect(
    store
      .peersSeen(2)
      .map(({ peerId }) => peerId)
      .sort()
  ).toEqual(['one more', 'peer 1'])
})
