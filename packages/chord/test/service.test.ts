/** The service on real libp2p nodes on loopback: in one line into a program, together with others, and to the end. */

import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { contentRoutingSymbol, type PeerId, peerRoutingSymbol } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { BOOTSTRAP_PEERS_MAX } from '@servent/key-routing/machine'
import { boundedYamux, type HostComponents, type MachineHost } from '@servent/libp2p-host'
import { keyOfPeer, keyOfWord } from '@servent/overlay'
import { createLibp2p } from 'libp2p'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { afterEach, describe, expect, it } from 'vitest'
import { CHORD_PROTOCOL, type ChordInit, chord } from '../src/index.ts'
import { INBOUND_LINKS_MAX, OWN_LINKS_MAX } from '../src/service-limits.ts'
import { limitsOf, settingsOf } from '../src/service-settings.ts'
import { type ChordView, chordView } from '../src/service-tables.ts'
import type { ChordTables, ChordTypes } from '../src/types.ts'

const QUICK = { stabiliseMs: 200, fixFingersMs: 200, checkPredecessorMs: 200, successors: 2 } as const

async function createPeer(init?: ChordInit) {
  return createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    services: { identify: identify(), chord: init === undefined ? chord() : chord(init) }
  })
}

type Peer = Awaited<ReturnType<typeof createPeer>>

const peers: Peer[] = []

async function startPeer(init?: ChordInit): Promise<Peer> {
  const peer = await createPeer(init)
  peers.push(peer)
  return peer
}

afterEach(async () => {
  await Promise.all(peers.splice(0).map(peer => peer.stop()))
})

/** In the order of their keys, once the list of each is right to its end. */
async function wholeRing(ring: readonly Peer[]): Promise<Peer[]> {
  const keyOf = (peer: Peer) => tablesOf(peer).places[0]!.key
  const sorted = ring.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  const idAt = (place: number) => sorted[place % sorted.length]!.peerId.toString()
  const length = Math.min(QUICK.successors, sorted.length - 1)
  await expect
    .poll(() => sorted.map(peer => tablesOf(peer).successors.map(({ peerId }) => peerId)), {
      timeout: 10_000
    })
    .toEqual(sorted.map((_, place) => Array.from({ length }, (_, rank) => idAt(place + rank + 1))))
  return sorted
}

/** Peers that know each other, all of them by the first, which comes first here. */
async function startRing(count: number): Promise<Peer[]> {
  const first = await startPeer(QUICK)
  const bootstrap = first.getMultiaddrs().map(String)
  const others = Array.from({ length: count - 1 }, () => startPeer({ ...QUICK, bootstrap }))
  const ring = [first, ...(await Promise.all(others))]
  await wholeRing(ring)
  return ring
}

const tablesOf = ({ services }: Peer) => services.chord.snapshot() as unknown as ChordView
const text = (words: string) => new TextEncoder().encode(words)
const wordsOf = (value: Uint8Array | undefined) =>
  value === undefined ? undefined : new TextDecoder().decode(value)

describe('chord() in one line', () => {
  it('is alone until it meets somebody, whom it needs to be told of by no more than a connection', async () => {
    const [one, two] = [await startPeer(), await startPeer()]
    await one.services.chord.ready()
    expect(one.services.chord.snapshot()).toMatchObject({ name: 'chord', state: 'running', mode: 'forming' })
    expect(tablesOf(one)).toMatchObject({ theoremsHold: false, successorListLength: 8, successors: [] })
    await two.dial(one.getMultiaddrs())
    await Promise.all([one, two].map(({ services }) => services.chord.ready({ peers: 2 })))
    expect(tablesOf(one)).toMatchObject({
      successors: [{ place: 0, rank: 1, peerId: two.peerId.toString(), index: 0 }],
      predecessors: [{ place: 0, peerId: two.peerId.toString(), index: 0 }],
      forming: [two.peerId.toString()]
    })
    expect(one.getProtocols()).toContain(CHORD_PROTOCOL)
  })

  it('signs by the key of the node, and by another where one is given', async () => {
    const [one] = await startRing(2)
    await one!.services.chord.put('k', text('v'))
    expect(await one!.services.chord.get('k')).toMatchObject({ writer: one!.peerId.toString() })
    const components = { ...(one as never as { components: object }).components, privateKey: undefined }
    expect(() => chord()(components as never)).toThrow(
      'Chord signs records: give it the private key of the node, as chord({ privateKey }).'
    )
    const privateKey = await generateKeyPair('Ed25519')
    expect(chord({ privateKey })((one as never as { components: never }).components).name).toBe('chord')
  })

  it('keeps no record that does not say what it is kept as, from its own publisher either', async () => {
    const [one, two] = (await startRing(2)) as [Peer, Peer]
    const publisher = { id: two.peerId.toMultihash().bytes, addresses: [] }
    const key = keyOfWord('anything')
    const said = { sequence: 1, expiresMs: Date.now() + 60_000, body: text('anything') }
    const records = (['word', 'provider'] as const).map(kind => ({
      kind,
      key,
      subject: key,
      publisher,
      ...said
    }))
    const { host } = two.services.chord as unknown as { host: MachineHost<ChordTypes> }
    host.command({ type: 'publish', records })
    await one.services.chord.put('after it', text('v'))
    await two.services.chord.put('and after that', text('v'))
    const kept = [one, two].map(
      ({ services }) => (services.chord.snapshot().store as { byKind: object }).byKind
    )
    const none = { records: 0, bytes: 0 }
    for (const byKind of kept) expect(byKind).toMatchObject({ word: none, provider: none })
    expect(kept).toContainEqual(expect.objectContaining({ value: expect.not.objectContaining(none) }))
  })

  it.each([
    ['/ip4/127.0.0.1/tcp/1', 'A bootstrap address ends in /p2p/ and a PeerId'],
    ['somewhere', 'ultiaddr']
  ])('refuses the bootstrap address %s', async (address, why) => {
    await expect(createPeer({ bootstrap: [address] })).rejects.toThrow(why)
  })
})

describe('bootstrap peers that do not answer', () => {
  const nowhere = async (count: number) =>
    Promise.all(
      Array.from({ length: count }, async () => peerIdFromPrivateKey(await generateKeyPair('Ed25519')))
    )
  const addressOf = (peerId: PeerId) => `/ip4/127.0.0.1/tcp/1/p2p/${peerId}`

  it('are remembered however many others come', async () => {
    const [named, ...others] = await nowhere(BOOTSTRAP_PEERS_MAX + 2)
    let events: HostComponents['events'] | undefined
    const peer = await createLibp2p({
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [boundedYamux()],
      services: {
        identify: identify(),
        chord: chord({ bootstrap: [addressOf(named!)] }),
        spy: (components: HostComponents) => {
          events = components.events
        }
      }
    })
    const { chord: service } = peer.services
    for (const id of others)
      events!.safeDispatchEvent('peer:discovery', { detail: { id, multiaddrs: [multiaddr(addressOf(id))] } })
    const { remembered } = service.snapshot() as unknown as ChordView
    await peer.stop()
    expect(remembered).toContain(`${named}`)
    expect(remembered).toHaveLength(BOOTSTRAP_PEERS_MAX)
  })

  it.each([0, 1])(
    'are at most BOOTSTRAP_PEERS_MAX, by as many addresses as they have: %i more',
    async more => {
      const named = await nowhere(BOOTSTRAP_PEERS_MAX + more)
      const bootstrap = named.flatMap(id => [addressOf(id), addressOf(id).replace('tcp/1', 'tcp/2')])
      const peer = await startPeer({ bootstrap })
      const { remembered } = tablesOf(peer)
      expect(remembered).toEqual(named.slice(0, BOOTSTRAP_PEERS_MAX).map(String))
    }
  )
})

it('a ring that has shrunk below r + 1 members says so', () => {
  const tables = {
    mode: 'ring',
    theoremsHold: false,
    successorListLength: 8,
    places: [],
    forming: [],
    remembered: []
  } as unknown as ChordTables
  const meaning = (theoremsHold: boolean) => chordView({ ...tables, theoremsHold }, String).meaning
  expect(meaning(false)).toContain('it has shrunk below 9 members, or is not mended yet')
  expect(meaning(false)).not.toContain('A ring of at least')
  expect(meaning(true)).toContain('A ring of at least 9 members')
})

describe('a ring of five', () => {
  it('says what it is, who is next to whom, and as what', async () => {
    const sorted = await wholeRing(await startRing(5))
    const idAt = (place: number) => sorted[place % 5]!.peerId.toString()
    await expect
      .poll(() => sorted.every(peer => tablesOf(peer).mode === 'ring'), { timeout: 10_000 })
      .toBe(true)
    for (const [place, peer] of sorted.entries()) {
      const { theoremsHold, meaning, predecessors, places } = tablesOf(peer)
      expect([theoremsHold, places.length, predecessors[0]!.peerId]).toEqual([true, 1, idAt(place + 4)])
      expect(meaning).toContain('A ring of at least 3 members')
      const { neighbours, counters } = peer.services.chord.snapshot()
      const next = neighbours.find(({ peerId }) => peerId === idAt(place + 1))
      expect(next).toMatchObject({
        role: expect.stringContaining('successor'),
        connectedMs: expect.any(Number)
      })
      expect(counters['sent.neighbours-request.messages']).toBeGreaterThan(0)
    }
  })

  it('finds the root of a key wherever it is asked', async () => {
    const ring = await startRing(5)
    const key = keyOfWord('mandolin')
    const roots = await Promise.all(ring.map(async peer => (await peer.services.chord.lookup(key))!.root))
    expect(new Set(roots.map(({ id }) => Buffer.from(id).toString('hex'))).size).toBe(1)
    const own = await ring[0]!.services.chord.lookup(keyOfPeer(ring[3]!.peerId.toMultihash().bytes))
    expect(Buffer.compare(own!.root.id, ring[3]!.peerId.toMultihash().bytes)).toBe(0)
  })

  it('is content and peer routing of libp2p', async () => {
    const [one, two, three] = (await startRing(5)) as [Peer, Peer, Peer]
    expect(one.services.chord[contentRoutingSymbol]).toBeDefined()
    expect(one.services.chord[peerRoutingSymbol]).toBeDefined()
    const id = CID.createV1(raw.code, await sha256.digest(text('the same')))
    await one.contentRouting.provide(id)
    for await (const provider of two.contentRouting.findProviders(id)) {
      expect(provider).toMatchObject({ routing: 'chord' })
      expect(provider.id.equals(one.peerId)).toBe(true)
      expect(provider.multiaddrs.map(String)[0]).toContain('/ip4/127.0.0.1/tcp/')
      break
    }
    await one.contentRouting.put(text('greeting'), text('hello'))
    expect(wordsOf(await three.contentRouting.get(text('greeting')))).toBe('hello')
    const found = await two.peerRouting.findPeer(three.peerId, { useCache: false })
    expect(found.multiaddrs.length).toBeGreaterThan(0)
  })

  it('keeps what a peer held that leaves in good order, and mends', async () => {
    const ring = await startRing(5)
    for (let number = 0; number < 10; number += 1)
      await ring[1]!.services.chord.put(`key ${number}`, text(`${number}`))
    const [gone, ...rest] = ring as [Peer, ...Peer[]]
    await gone.stop()
    expect(gone.services.chord.snapshot()).toMatchObject({ state: 'stopped', mode: 'idle' })
    const known = () => rest.flatMap(peer => [...tablesOf(peer).successors, ...tablesOf(peer).predecessors])
    await wholeRing(rest)
    expect(known().map(({ peerId }) => peerId)).not.toContain(gone.peerId.toString())
    for (let number = 0; number < 10; number += 1)
      expect(wordsOf((await rest[3]!.services.chord.get(`key ${number}`))?.value)).toBe(`${number}`)
  })

  it('takes a peer back that was stopped and started', async () => {
    const ring = await startRing(3)
    await expect
      .poll(() => ring.every(peer => tablesOf(peer).mode === 'ring'), { timeout: 10_000 })
      .toBe(true)
    await ring[1]!.stop()
    await ring[1]!.start()
    await wholeRing(ring)
    const { state, counters } = ring[1]!.services.chord.snapshot()
    expect(state).toBe('running')
    // It asks once and joins, rather than asking for ever.
    expect(counters['sent.members-request.messages']).toBeLessThan(20)
  })
})

describe('settings', () => {
  it('of virtual nodes give as many places', async () => {
    const one = await startPeer({ ...QUICK, virtualNodes: 3 })
    await one.services.chord.ready()
    expect(tablesOf(one).places.map(({ index }) => index)).toEqual([0, 1, 2])
    expect(new Set(tablesOf(one).places.map(({ key }) => key)).size).toBe(3)
  })

  it('that two rings cannot have in common are told of', async () => {
    const one = await startPeer({ ...QUICK, successors: 2 })
    const two = await startPeer({ ...QUICK, successors: 3, bootstrap: one.getMultiaddrs().map(String) })
    await expect
      .poll(() => two.services.chord.snapshot().mismatch, { timeout: 5_000 })
      .toBe(`${one.peerId} has successor lists of 2: rings of unlike lists do not mix. Set successors alike.`)
  })

  it.each([
    [1, undefined, OWN_LINKS_MAX + INBOUND_LINKS_MAX],
    [3, undefined, 3 * (OWN_LINKS_MAX + INBOUND_LINKS_MAX)],
    [1, 10, 10 + INBOUND_LINKS_MAX]
  ])('with %i places and %s own links leave the host room for %i links', (virtualNodes, ownLinks, most) => {
    const limits = limitsOf(
      settingsOf({ virtualNodes, ...(ownLinks === undefined ? {} : { routing: { ownLinks } }) }, 300)
    )
    expect(limits).toEqual({ linksMax: most, inboundLinksMax: virtualNodes * INBOUND_LINKS_MAX })
  })

  it('ready gives up with its signal', async () => {
    const one = await startPeer(QUICK)
    const signal = AbortSignal.timeout(100)
    await expect(one.services.chord.ready({ peers: 2, signal })).rejects.toMatchObject({
      name: 'NotReadyError',
      cause: { name: 'TimeoutError' }
    })
  })
})
