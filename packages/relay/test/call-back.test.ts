/** Whom a request to be called may make this peer dial. What libp2p would do is written down instead. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { streamPair } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import type { HostComponents } from '@servent/libp2p-host'
import { Buckets } from '@servent/overlay'
import { CallBack, CallRules } from '@servent/relay'
import { expect, test } from 'vitest'
import {
  CALL_BACK_ADDRESSES_MAX,
  CALL_BACK_ASKERS_MAX,
  CALL_BACKS_MAX,
  CALL_BACKS_PER_MINUTE,
  CALL_BACKS_PER_RELAY_MAX,
  CALL_BACKS_TOTAL_PER_MINUTE
} from '../src/limits.ts'

const PUBLIC_RELAY = '/ip4/1.1.1.1/tcp/1'
const NEAR_RELAY = '/ip4/192.168.1.1/tcp/1'

const newPeer = async (): Promise<PeerId> => peerIdFromPrivateKey(await generateKeyPair('Ed25519'))

const peers = await Promise.all(Array.from({ length: 8 }, newPeer))
const alone = { getConnections: () => [] }
const relayedFrom = (remotePeer: PeerId) =>
  ({ remotePeer, remoteAddr: multiaddr(`${PUBLIC_RELAY}/p2p-circuit`) }) as Connection

async function called(
  addresses: readonly string[],
  dial: () => Promise<unknown> = async () => ({}),
  isCertified = true,
  standing: readonly Connection[] = [],
  known: () => boolean = () => true
) {
  const events = new EventTarget()
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
      getConnections: (peerId?: PeerId) => (peerId === undefined ? standing : []),
      openConnection: async (targets: { toString(): string }[]) => {
        dialled.push(targets.map(String))
        return dial()
      }
    },
    events,
    peerStore: {
      get: async () => {
        if (!known()) throw new Error('Nothing is known of it.')
        return { addresses: addresses.map(text => ({ multiaddr: multiaddr(text), isCertified })) }
      }
    }
  } as unknown as HostComponents
  await new CallBack(components).start()
  return {
    dialled,
    identified: (peerId: PeerId) =>
      events.dispatchEvent(new CustomEvent('peer:identify', { detail: { peerId } })),
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
  const relay = await newPeer()
  const over = (address: string) => {
    const standing = { remotePeer: relay, remoteAddr: multiaddr(address), status: 'open' } as Connection
    return called(addresses, undefined, true, [standing])
  }
  // What the address of the relayed connection says is whoever's word, and a name may lead anywhere.
  for (const address of [PUBLIC_RELAY, '/dns4/relay.example/tcp/1']) {
    const lied = await over(address)
    await lied.ask(peer, `${NEAR_RELAY}/p2p/${relay}`)
    expect(lied.dialled[0]).toHaveLength(2)
  }
  const near = await over(NEAR_RELAY)
  await near.ask(peer, `${NEAR_RELAY}/p2p/${relay}`)
  expect(near.dialled[0]).toHaveLength(CALL_BACK_ADDRESSES_MAX)
  expect(near.dialled[0]).toContain(`/ip4/192.168.1.9/tcp/6346/p2p/${peer}`)
})

test('what a peer has not signed itself is not called', async () => {
  const peer = await called(['/ip4/1.2.3.4/tcp/1'], undefined, false)
  await peer.ask(await newPeer(), PUBLIC_RELAY)
  expect(peer.dialled).toEqual([])
})

test('who asks before identify has told its addresses is called when it has', async () => {
  let isKnown = false
  const peer = await called(['/ip4/1.2.3.4/tcp/1'], undefined, true, [], () => isKnown)
  const asker = await newPeer()
  const asked = peer.ask(asker, PUBLIC_RELAY)
  await new Promise(resolve => setTimeout(resolve, 20))
  peer.identified(await newPeer())
  await new Promise(resolve => setTimeout(resolve, 20))
  expect(peer.dialled).toEqual([])
  isKnown = true
  peer.identified(asker)
  await asked
  expect(peer.dialled).toEqual([[`/ip4/1.2.3.4/tcp/1/p2p/${asker}`]])
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

test('a peer is called CALL_BACKS_PER_MINUTE times a minute, and others none the less', () => {
  const rules = new CallRules()
  const dials = (peer: number, host: number) =>
    rules.targets(relayedFrom(peers[peer]!), [multiaddr(`/ip4/1.2.3.${host}/tcp/1`)], alone).length
  for (let n = 0; n < CALL_BACKS_PER_MINUTE; n += 1) expect(dials(0, n)).toBe(1)
  expect([dials(0, 99), dials(1, 99)]).toEqual([0, 1])
})

test('so is a host, whoever asks for it, and the other addresses of a peer none the less', () => {
  const rules = new CallRules()
  const addresses = ['/ip4/1.2.3.4/tcp/1', '/ip4/1.2.3.4/tcp/2'].map(text => multiaddr(text))
  for (let n = 0; n < CALL_BACKS_PER_MINUTE; n += 1) {
    expect(rules.targets(relayedFrom(peers[n]!), addresses, alone)).toHaveLength(2)
  }
  const last = relayedFrom(peers[CALL_BACKS_PER_MINUTE]!)
  expect(rules.targets(last, addresses, alone)).toEqual([])
  const own = multiaddr('/ip4/5.6.7.8/tcp/1')
  expect(rules.targets(last, [...addresses, own], alone).map(String)).toEqual([
    `${own}/p2p/${last.remotePeer}`
  ])
})

test('all together are called CALL_BACKS_TOTAL_PER_MINUTE times a minute', async () => {
  const rules = new CallRules()
  const many = CALL_BACKS_TOTAL_PER_MINUTE + 1
  let dials = 0
  for (let n = 0; n < many; n += 1) {
    const peer = Object.assign(Object.create(peers[0]!), { toString: () => `peer ${n}` })
    dials += rules.targets(relayedFrom(peer), [multiaddr(`/ip4/1.2.${n}.4/tcp/1`)], alone).length
  }
  expect(dials).toBe(CALL_BACKS_TOTAL_PER_MINUTE)
})

test('CALL_BACKS_MAX calls are under way at a time, CALL_BACKS_PER_RELAY_MAX over one relay', async () => {
  const waiting = Promise.withResolvers<void>()
  const peer = await called(['/ip4/1.2.3.4/tcp/1'], () => waiting.promise)
  const asked: Promise<void>[] = []
  const ask = async (relay: number) => {
    const one = peer.ask(await newPeer(), `${PUBLIC_RELAY}/p2p/${peers[relay]}`)
    asked.push(one)
    await Promise.race([one, new Promise(resolve => setTimeout(resolve, 20))])
    return peer.dialled.length
  }
  for (let n = 1; n <= CALL_BACKS_PER_RELAY_MAX; n += 1) expect(await ask(0)).toBe(n)
  expect(await ask(0)).toBe(CALL_BACKS_PER_RELAY_MAX)
  // The host that all name has its own limit, which is met before CALL_BACKS_MAX.
  expect(CALL_BACKS_PER_MINUTE).toBeLessThan(CALL_BACKS_MAX)
  for (let n = CALL_BACKS_PER_RELAY_MAX; n < CALL_BACKS_PER_MINUTE; n += 1) await ask(1)
  expect(await ask(1)).toBe(CALL_BACKS_PER_MINUTE)
  waiting.resolve()
  await Promise.all(asked)
})

test('what is remembered of those who asked is bounded: CALL_BACK_ASKERS_MAX', () => {
  const buckets = new Buckets(1, 1, CALL_BACK_ASKERS_MAX)
  expect(buckets.of('first', 0).take(1, 0)).toBe(true)
  for (let n = 1; n < CALL_BACK_ASKERS_MAX; n += 1) buckets.of(`peer ${n}`, 0)
  expect(buckets.of('first', 0).take(1, 0)).toBe(false)
  for (let n = 0; n < CALL_BACK_ASKERS_MAX; n += 1) buckets.of(`another ${n}`, 0)
  expect(buckets.of('first', 0).take(1, 0)).toBe(true)
})
