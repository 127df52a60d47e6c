/** Whom a request to be called may make this peer dial. What libp2p would do is written down instead. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { streamPair } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import type { HostComponents } from '@servent/libp2p-host'
import { CallBack } from '@servent/relay'
import { expect, test } from 'vitest'
import {
  CALL_BACK_ADDRESSES_MAX,
  CALL_BACK_ASKERS_MAX,
  CALL_BACKS_MAX,
  CALL_BACKS_PER_MINUTE
} from '../src/limits.ts'

const PUBLIC_RELAY = '/ip4/1.1.1.1/tcp/1'
const NEAR_RELAY = '/ip4/192.168.1.1/tcp/1'

const newPeer = async (): Promise<PeerId> => peerIdFromPrivateKey(await generateKeyPair('Ed25519'))

async function called(addresses: readonly string[], dial: () => Promise<unknown> = async () => ({})) {
  const dialled: string[][] = []
  let handle: ((stream: Stream, connection: Connection) => Promise<void>) | undefined
  const components = {
    logger: defaultLogger(),
    registrar: {
      handle: async (_protocol: string, handler: typeof handle) => {
        handle = handler
      }
    },
    connectionManager: {
      getConnections: () => [],
      openConnection: async (targets: { toString(): string }[]) => {
        dialled.push(targets.map(String))
        return dial()
      }
    },
    peerStore: { get: async () => ({ addresses: addresses.map(text => ({ multiaddr: multiaddr(text) })) }) }
  } as unknown as HostComponents
  await new CallBack(components).start()
  return {
    dialled,
    /** As a peer over a relay at `relay`, or straight from there. */
    async ask(remotePeer: PeerId, relay: string, over = '/p2p-circuit') {
      const [, stream] = await streamPair()
      const remoteAddr = multiaddr(`${relay}${over}`)
      await handle!(stream, { remotePeer, remoteAddr } as Connection)
    }
  }
}

test('addresses of the Internet are called, private ones only from near, names and circuits never', async () => {
  const addresses = [
    '/ip4/1.2.3.4/tcp/6346',
    '/ip4/192.168.1.9/tcp/6346',
    '/ip6/2606:4700::1/tcp/6346',
    '/ip4/127.0.0.1/tcp/22',
    '/dns4/router.local/tcp/80',
    '/ip4/8.8.8.8/tcp/1/p2p/12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf/p2p-circuit'
  ]
  const peer = await newPeer()
  const far = await called(addresses)
  await far.ask(peer, PUBLIC_RELAY)
  expect(far.dialled).toEqual([
    [`/ip4/1.2.3.4/tcp/6346/p2p/${peer}`, `/ip6/2606:4700::1/tcp/6346/p2p/${peer}`]
  ])
  const near = await called(addresses)
  await near.ask(peer, NEAR_RELAY)
  expect(near.dialled[0]).toHaveLength(CALL_BACK_ADDRESSES_MAX)
  expect(near.dialled[0]).toContain(`/ip4/192.168.1.9/tcp/6346/p2p/${peer}`)
})

test('CALL_BACK_ADDRESSES_MAX of a peer are tried, and not one more', async () => {
  const many = Array.from({ length: CALL_BACK_ADDRESSES_MAX + 1 }, (_, n) => `/ip4/1.2.3.${n}/tcp/1`)
  const peer = await called(many)
  await peer.ask(await newPeer(), PUBLIC_RELAY)
  expect(peer.dialled[0]).toHaveLength(CALL_BACK_ADDRESSES_MAX)
})

test('one that has a direct connection asks in vain, and so does one without an address', async () => {
  const direct = await called(['/ip4/1.2.3.4/tcp/1'])
  await direct.ask(await newPeer(), PUBLIC_RELAY, '')
  const nowhere = await called([])
  await nowhere.ask(await newPeer(), PUBLIC_RELAY)
  expect([direct.dialled, nowhere.dialled]).toEqual([[], []])
})

test('a peer is called CALL_BACKS_PER_MINUTE times a minute, and others none the less', async () => {
  const peer = await called(['/ip4/1.2.3.4/tcp/1'], async () => {
    throw new Error('nobody is there')
  })
  const asker = await newPeer()
  for (let n = 0; n <= CALL_BACKS_PER_MINUTE; n += 1) await peer.ask(asker, PUBLIC_RELAY)
  expect(peer.dialled).toHaveLength(CALL_BACKS_PER_MINUTE)
  await peer.ask(await newPeer(), PUBLIC_RELAY)
  expect(peer.dialled).toHaveLength(CALL_BACKS_PER_MINUTE + 1)
})

test('CALL_BACKS_MAX calls are under way at a time', async () => {
  const waiting = Promise.withResolvers<void>()
  const peer = await called(['/ip4/1.2.3.4/tcp/1'], () => waiting.promise)
  const asked: Promise<void>[] = []
  for (let n = 0; n <= CALL_BACKS_MAX; n += 1) asked.push(peer.ask(await newPeer(), PUBLIC_RELAY))
  await asked.at(-1)
  expect(peer.dialled).toHaveLength(CALL_BACKS_MAX)
  waiting.resolve()
  await Promise.all(asked)
})

test('what is remembered of those who asked is bounded: CALL_BACK_ASKERS_MAX', async () => {
  const peer = await called(['/ip4/1.2.3.4/tcp/1'])
  const first = await newPeer()
  const used = async () => {
    const before = peer.dialled.length
    await peer.ask(first, PUBLIC_RELAY)
    return peer.dialled.length === before
  }
  while (!(await used())) {}
  // Others come until it is forgotten, and its count with it. One PeerId is as good as another: only its text counts.
  for (let n = 0; n < CALL_BACK_ASKERS_MAX; n += 1) {
    await peer.ask(
      { ...first, toString: () => `peer ${n}`, toMultihash: () => first.toMultihash() } as PeerId,
      PUBLIC_RELAY
    )
  }
  expect(await used()).toBe(false)
}, 60_000)
