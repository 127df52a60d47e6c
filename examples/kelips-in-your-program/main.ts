/** Peers with Kelips in them: one puts a value that another gets, and provides a content that a third finds. */
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { kelips } from '@servent/kelips'
import { boundedYamux } from '@servent/libp2p-host'
import { createLibp2p } from 'libp2p'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'

async function startPeer(...bootstrap: string[]) {
  return createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    services: { identify: identify(), kelips: kelips({ bootstrap }) }
  })
}

// Whoever knows the address of one peer can join. The first one begins alone.
const ada = await startPeer()
const addresses = ada.getMultiaddrs().map(String)
const bob = await startPeer(...addresses)
const eve = await startPeer(...addresses)

// They have only just begun: each call waits until its peer has met another.
const { copies } = await bob.services.kelips.put('greeting', new TextEncoder().encode('hello'))
const greeting = await eve.services.kelips.get('greeting')
console.log(`greeting: ${new TextDecoder().decode(greeting?.value)}, ${copies} copies`)

const content = new TextEncoder().encode('what everybody wants to have')
const id = CID.createV1(raw.code, await sha256.digest(content))
await ada.contentRouting.provide(id)
for await (const provider of bob.contentRouting.findProviders(id)) {
  const who = provider.id.equals(ada.peerId) ? 'ada' : 'somebody else'
  console.log(`${id} is at ${who}, ${provider.multiaddrs[0]}`)
  break
}

await Promise.all([ada, bob, eve].map(peer => peer.stop()))
