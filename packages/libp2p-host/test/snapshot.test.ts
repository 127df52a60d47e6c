/** What the snapshot of every overlay says of its host and its links, and whether a provider can be asked to call. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { ContentId, type Provider } from '@servent/overlay'
import { expect, it } from 'vitest'
import { contactOf, type LinkInfo, pushRouteOf, stateOf, withTraffic } from '../src/index.ts'

it.each([
  ['new', 'starting'],
  ['starting', 'starting'],
  ['running', 'running'],
  ['stopping', 'stopped'],
  ['stopped', 'stopped']
] as const)('a host that is %s is shown as %s', (state, shown) => {
  expect(stateOf({ state, failure: undefined })).toEqual({ state: shown })
})

it('of a host that failed it is said why', () => {
  expect(stateOf({ state: 'failed', failure: 'a bug' })).toEqual({ state: 'failed', reason: 'a bug' })
})

it('neighbours have what their links carried; one whose link has gone is as the machine told of it', () => {
  const traffic = { queueBytes: 1, sentBytes: 2, receivedBytes: 3, sentMessages: 4, receivedMessages: 5 }
  const link: LinkInfo = { link: 1, peerId: 'a', inbound: true, upMs: 12.6, ...traffic }
  const [a, b] = ['a', 'b'].map(peerId => ({ peerId, inbound: true, connectedMs: 7, role: 'leaf' }))
  expect(withTraffic([a!, b!], [link])).toEqual([{ ...a, connectedMs: 13, ...traffic }, b])
})

it('a provider is asked to call by the route of its own overlay, and only where this peer can be called', async () => {
  const peerId = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  const id = ContentId.fromRoot(new Uint8Array(32).fill(1), 100_000)
  const open = contactOf(peerId, [multiaddr('/ip4/192.0.2.1/tcp/4001')])
  const relayed = contactOf(peerId, [multiaddr(`/ip4/192.0.2.1/tcp/4001/p2p/${peerId}/p2p-circuit`)])
  const push = { overlay: 'napster', servent: 'x', index: 3 } as const
  const provider: Provider = { peerId: `${peerId}`, addresses: [], push }
  expect(pushRouteOf('napster', provider, id, open)).toEqual({ ...push, target: peerId.toMultihash().bytes })
  const refusal = (provider: Provider, self = open) => {
    try {
      pushRouteOf('napster', provider, id, self)
      return 'none'
    } catch (error) {
      return `${(error as Error).name}: ${(error as Error).message}`
    }
  }
  const noHit = /^PushError: No hit tells how .* could be asked to call. Search for .* again.$/
  expect(refusal({ ...provider, push: { ...push, overlay: 'gnutella' } })).toMatch(noHit)
  expect(refusal({ peerId: provider.peerId, addresses: [] })).toMatch(noHit)
  expect(refusal({ ...provider, peerId: 'nobody' })).toMatch(noHit)
  expect(refusal(provider, relayed)).toMatch(/^PushError: Neither this peer nor the provider can be called/)
})
