/** Sharing and searching on real libp2p nodes: what a catalogue has is announced, found by words and by content, and taken back. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { boundedYamux } from '@servent/libp2p-host'
import { keyOfPeer, parseQuery } from '@servent/overlay'
import { MemoryCatalogue } from '@servent/overlay/testing'
import { createLibp2p } from 'libp2p'
import { afterEach, expect, it } from 'vitest'
import { kelips } from '../src/index.ts'
import { groupOf } from '../src/machine.ts'

const QUICK = { gossipMs: 200, heartbeatMs: 400, groups: 2 } as const

async function createPeer(group: number, bootstrap: readonly string[]) {
  let privateKey = await generateKeyPair('Ed25519')
  while (groupOf(keyOfPeer(privateKey.publicKey.toMultihash().bytes), 1) !== group)
    privateKey = await generateKeyPair('Ed25519')
  return createLibp2p({
    privateKey,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    services: { identify: identify(), kelips: kelips({ ...QUICK, bootstrap }) }
  })
}

type Peer = Awaited<ReturnType<typeof createPeer>>
const peers: Peer[] = []

async function startPeer(group: number, bootstrap: readonly string[]): Promise<Peer> {
  const peer = await createPeer(group, bootstrap)
  peers.push(peer)
  return peer
}

afterEach(async () => {
  await Promise.all(peers.splice(0).map(peer => peer.stop()))
})

async function search({ services }: Peer, words: string): Promise<string[]> {
  const found: string[] = []
  for await (const { record } of services.kelips.search(parseQuery(words), { timeoutMs: 3000 }))
    found.push(record.name)
  return found.sort()
}

it('what two of four share is found by the others, by words and by content, until it is taken back', async () => {
  const first = await startPeer(0, [])
  const bootstrap = first.getMultiaddrs().map(String)
  const [second, third, fourth] = await Promise.all([1, 0, 1].map(group => startPeer(group, bootstrap)))
  await Promise.all(peers.map(({ services }) => services.kelips.ready({ peers: 4 })))
  const [ofFirst, ofSecond] = [new MemoryCatalogue(), new MemoryCatalogue()]
  const blue = ofFirst.add('blue mandolin.flac', 'one')
  ofFirst.add('green mandolin.flac', 'two')
  ofSecond.add('blue mandolin.flac', 'one')
  first.services.kelips.attach(ofFirst)
  second!.services.kelips.attach(ofSecond)

  await expect
    .poll(() => search(third!, 'mandolin'), { timeout: 15_000 })
    .toEqual(['blue mandolin.flac', 'blue mandolin.flac', 'green mandolin.flac'])
  expect(await search(fourth!, 'green mandolin')).toEqual(['green mandolin.flac'])
  expect(await search(fourth!, 'green trombone')).toEqual([])
  const providers: string[] = []
  for await (const { peerId } of fourth!.services.kelips.findProviders(blue.id, { timeoutMs: 3000 }))
    providers.push(`${peerId}`)
  expect(providers.sort()).toEqual([first, second!].map(({ peerId }) => `${peerId}`).sort())

  ofFirst.remove(blue)
  await expect
    .poll(() => search(third!, 'mandolin'), { timeout: 15_000 })
    .toEqual(['blue mandolin.flac', 'green mandolin.flac'])
}, 60_000)
