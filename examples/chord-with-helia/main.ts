/** Helia that finds blocks by Chord alone: no Kademlia, no delegated routing, no gateway. */
import { withBitswap } from '@helia/bitswap'
import { withLibp2pLight } from '@helia/libp2p'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { chord } from '@servent/chord'
import { boundedYamux } from '@servent/libp2p-host'
import { createHeliaLight } from 'helia'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'

async function startHelia(...bootstrap: string[]) {
  const helia = withBitswap(
    withLibp2pLight(createHeliaLight(), {
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [boundedYamux()],
      services: { identify: identify(), chord: chord({ bootstrap }) }
    })
  )
  return helia.start()
}

// Ada and Bob each know Eve and nobody else.
const eve = await startHelia()
const addresses = eve.libp2p.getMultiaddrs().map(String)
const ada = await startHelia(...addresses)
const bob = await startHelia(...addresses)

const block = new TextEncoder().encode('hello from Ada')
const cid = CID.createV1(raw.code, await sha256.digest(block))
await ada.blockstore.put(cid, block)
// Helia does not announce what is put into it: whoever wants to be found says so. It waits until there is a ring.
await ada.routing.provide(cid)

// Ada is found by Chord: "libp2p-router" is libp2p's content routing, and Chord is all that there is in it.
for await (const { id, router } of bob.routing.findProviders(cid)) {
  if (router === 'libp2p-router' && id.equals(ada.libp2p.peerId.toCID()))
    console.log(`Chord says that ${cid} is at Ada`)
  break
}
const chunks: Uint8Array[] = []
for await (const chunk of bob.blockstore.get(cid, { signal: AbortSignal.timeout(20_000) })) chunks.push(chunk)
console.log(`Bob got ${cid}: ${Buffer.concat(chunks)}`)

await Promise.all([ada, bob, eve].map(helia => helia.stop()))
