/** The service on real libp2p nodes on loopback: in one line into a program, and to the end. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { contentRoutingSymbol, type PrivateKey, peerRoutingSymbol } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { BOOTSTRAP_PEERS_MAX } from '@servent/key-routing'
import { boundedYamux } from '@servent/libp2p-host'
import { keyOfPeer } from '@servent/overlay'
import { createLibp2p } from 'libp2p'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { afterEach, describe, expect, it } from 'vitest'
import { KELIPS_PROTOCOL, type KelipsInit, type KelipsView, kelips } from '../src/index.ts'
import { groupOf } from '../src/machine.ts'
import { INBOUND_LINKS_MAX, OWN_LINKS_MAX } from '../src/service-limits.ts'
import { limitsOf, settingsOf } from '../src/service-settings.ts'

const QUICK = { gossipMs: 200, heartbeatMs: 400 } as const

async function createPeer(init?: KelipsInit, privateKey?: PrivateKey) {
  return createLibp2p({
    ...(privateKey !== undefined && { privateKey }),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    services: { identify: identify(), kelips: init === undefined ? kelips() : kelips(init) }
  })
}

type Peer = Awaited<ReturnType<typeof createPeer>>

const peers: Peer[] = []

async function startPeer(init?: KelipsInit, privateKey?: PrivateKey): Promise<Peer> {
  const peer = await createPeer(init, privateKey)
  peers.push(peer)
  return peer
}

afterEach(async () => {
  await Promise.all(peers.splice(0).map(peer => peer.stop()))
})

const viewOf = ({ services }: Peer) => services.kelips.snapshot() as unknown as KelipsView
const text = (words: string) => new TextEncoder().encode(words)
const wordsOf = (value: Uint8Array | undefined) =>
  value === undefined ? undefined : new TextDecoder().decode(value)

/** A node's key that puts it into this one of two groups: by chance one of them may have nobody, and no key a home there. */
async function keyIn(group: number): Promise<PrivateKey> {
  for (;;) {
    const key = await generateKeyPair('Ed25519')
    if (groupOf(keyOfPeer(key.publicKey.toMultihash().bytes), 1) === group) return key
  }
}

/** It knows all others of its group, and of each other group as many contacts as it keeps. */
function isWhole(peer: Peer, all: readonly Peer[]): boolean {
  const { group, members, contacts, mode } = viewOf(peer)
  const same = all.filter(other => viewOf(other).group === group).length
  return (
    mode === 'member' && members.length === same - 1 && contacts.length === Math.min(2, all.length - same)
  )
}

/** Peers that all know each other, by the first, which comes first here. */
async function startGroup(count: number, settings: KelipsInit = QUICK): Promise<Peer[]> {
  const keys = await Promise.all(Array.from({ length: count }, (_, at) => keyIn(at % 2)))
  const first = await startPeer(settings, keys[0])
  const bootstrap = first.getMultiaddrs().map(String)
  const others = keys.slice(1).map(key => startPeer({ ...settings, bootstrap }, key))
  const all = [first, ...(await Promise.all(others))]
  await expect.poll(() => all.every(peer => isWhole(peer, all)), { timeout: 15_000 }).toBe(true)
  return all
}

describe('kelips() in one line', () => {
  it('is alone until it meets somebody, whom it needs to be told of by no more than a connection', async () => {
    const [one, two] = [await startPeer(), await startPeer()]
    await one.services.kelips.ready()
    expect(viewOf(one)).toMatchObject({ mode: 'member', groups: 1, members: [] })
    await two.dial(one.getMultiaddrs())
    await Promise.all([one, two].map(({ services }) => services.kelips.ready({ peers: 2 })))
    expect(viewOf(one).members.map(({ peerId }) => peerId)).toEqual([two.peerId.toString()])
    expect(viewOf(one).meaning).toContain('knows 1 others')
    expect(one.getProtocols()).toContain(KELIPS_PROTOCOL)
  })

  it('wants a key that a PeerId holds', async () => {
    const one = await startPeer()
    const { components } = one as never as { components: object }
    const without = { ...components, privateKey: undefined } as never
    expect(() => kelips()(without)).toThrow('give it the private key of the node, as kelips({ privateKey }).')
    const privateKey = await generateKeyPair('RSA')
    expect(() => kelips({ privateKey })(components as never)).toThrow('an Ed25519 or secp256k1 key, not RSA')
    const good = await generateKeyPair('secp256k1')
    expect(kelips({ privateKey: good })(components as never).name).toBe('kelips')
  })

  it('names the address that is none, takes the first bootstrap peers, and makes room for its own links', async () => {
    const one = await startPeer()
    const { components } = one as never as { components: never }
    expect(() => kelips({ bootstrap: ['/ip4/127.0.0.1/tcp/1'] })(components)).toThrow('does not')
    expect(BOOTSTRAP_PEERS_MAX).toBe(8)
    expect(limitsOf(settingsOf({}, 300))).toEqual({
      linksMax: OWN_LINKS_MAX + INBOUND_LINKS_MAX,
      inboundLinksMax: INBOUND_LINKS_MAX
    })
    expect(settingsOf({ groups: 5, records: { repairMs: 5 } }, 300)).toMatchObject({
      groups: 4,
      store: { repairMs: 5 }
    })
  })
})

describe('five peers', () => {
  it.each([1, 2])(
    'in %i groups: a value, a content and a peer are found by others, and leaving is heard of',
    async groups => {
      const all = await startGroup(5, { ...QUICK, groups })
      const [one, two, three, four, five] = all as [Peer, Peer, Peer, Peer, Peer]
      expect(await one.services.kelips.put('greeting', text('hello'))).toMatchObject({
        copies: expect.any(Number)
      })
      for (const { services } of all)
        expect(wordsOf((await services.kelips.get('greeting'))?.value)).toBe('hello')
      await two.services.kelips.put('greeting', text('good morning'))
      expect(wordsOf((await five.services.kelips.get('greeting'))?.value)).toBe('good morning')
      expect(await three.services.kelips.get('nothing')).toBeUndefined()

      const content = CID.createV1(raw.code, await sha256.digest(text('a content')))
      await three.services.kelips[contentRoutingSymbol].provide(content)
      const found: string[] = []
      for await (const { id } of four.services.kelips[contentRoutingSymbol].findProviders(content))
        found.push(id.toString())
      expect(found).toEqual([three.peerId.toString()])

      const info = await one.services.kelips[peerRoutingSymbol].findPeer(five.peerId)
      expect(info.id.toString()).toBe(five.peerId.toString())
      expect(info.multiaddrs.length).toBeGreaterThan(0)

      await five.stop()
      const left = all.slice(0, 4)
      const isKnown = (peer: Peer) =>
        [...viewOf(peer).members, ...viewOf(peer).contacts].some(
          ({ peerId }) => peerId === five.peerId.toString()
        )
      await expect.poll(() => left.some(isKnown), { timeout: 10_000 }).toBe(false)
      expect(wordsOf((await one.services.kelips.get('greeting'))?.value)).toBe('good morning')
    },
    40_000
  )

  it('of unlike heartbeats do not mix, and say so', async () => {
    const one = await startPeer(QUICK)
    const bootstrap = one.getMultiaddrs().map(String)
    const two = await startPeer({ ...QUICK, heartbeatMs: 1000, bootstrap })
    await expect
      .poll(() => (two.services.kelips.snapshot() as unknown as { mismatch?: string }).mismatch, {
        timeout: 5000
      })
      .toContain('a heartbeat of 400 ms')
    expect(viewOf(one).members).toEqual([])
  })
})
