/**
 * What runs in the processes of the node benchmark: `bare` is libp2p alone, `servent` a node, `peers` the
 * others that link to either. A role prints a line when it is ready and answers each line on its input.
 *
 * Plain JavaScript, because what Node loads to strip types would weigh on both kinds and flatter the ratio.
 */
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

const LISTEN = '/ip4/127.0.0.1/tcp/0'
/** Both kinds take the peers of one host at this pace; libp2p's own default is five a second. */
const INBOUND_PER_SECOND = 32
const DIALS_PER_SECOND = 25
/** After the last allocation, for timers and the collector to come to rest. */
const SETTLE_MS = 1_500
const POLL_MS = 50
const MIB = 2 ** 20

const say = line => void process.stdout.write(`${JSON.stringify(line)}\n`)

async function bare(links) {
  const { createLibp2p } = await import('libp2p')
  const { tcp } = await import('@libp2p/tcp')
  const { noise } = await import('@libp2p/noise')
  const { yamux } = await import('@libp2p/yamux')
  const { identify } = await import('@libp2p/identify')
  const { ping } = await import('@libp2p/ping')
  const node = await createLibp2p({
    addresses: { listen: [LISTEN] },
    connectionManager: { inboundConnectionThreshold: INBOUND_PER_SECOND },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), ping: ping() }
  })
  say({ address: `${node.getMultiaddrs()[0]}`, atMs: Date.now() })
  await answer(links, () => node.getConnections().length)
}

async function servent(links) {
  const { createNode, loadConfig } = await import('@servent/node')
  const dataDir = await mkdtemp(join(tmpdir(), 'servent-bench-'))
  process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }))
  const { config } = await loadConfig({
    env: {},
    dataDir,
    flags: { listen: LISTEN, discovery: 'bootstrap' },
    set: [`gnutella.neighbours=${links}`]
  })
  const node = await createNode(config)
  await node.start()
  say({ address: node.addresses()[0], atMs: Date.now() })
  await answer(links, () => node.overlay('gnutella').neighbours.length)
}

/** Peers with the least that the subject needs to see a link: a connection, or a neighbour. */
async function peers(kind, count, address) {
  const { createLibp2p } = await import('libp2p')
  const { tcp } = await import('@libp2p/tcp')
  const { noise } = await import('@libp2p/noise')
  const { yamux } = await import('@libp2p/yamux')
  const { identify } = await import('@libp2p/identify')
  const { ping } = await import('@libp2p/ping')
  const { generateKeyPair } = await import('@libp2p/crypto/keys')
  const { multiaddr } = await import('@multiformats/multiaddr')
  const { gnutella } = await import('@servent/gnutella')
  for (let peer = 0; peer < count; peer++) {
    const privateKey = await generateKeyPair('Ed25519')
    const services = { identify: identify(), ping: ping() }
    const node = await createLibp2p({
      privateKey,
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services:
        kind === 'servent' ? { ...services, gnutella: gnutella({ privateKey, neighbours: 1 }) } : services
    })
    await node.dial(multiaddr(address))
    await sleep(1000 / DIALS_PER_SECOND)
  }
  say({})
  await answer(0, () => 0)
}

async function answer(links, linked) {
  for await (const question of createInterface({ input: process.stdin })) {
    if (question === 'wait') while (linked() < links) await sleep(POLL_MS)
    await sleep(SETTLE_MS)
    globalThis.gc?.()
    await sleep(POLL_MS)
    globalThis.gc?.()
    const { rss, heapUsed } = process.memoryUsage()
    say({ rss: rss / MIB, heap: heapUsed / MIB })
  }
}

const [role, ...args] = process.argv.slice(2)
if (role === 'bare') await bare(Number(args[0]))
else if (role === 'servent') await servent(Number(args[0]))
else await peers(args[0], Number(args[1]), args[2])
// Whoever asked has no more questions.
process.exit()
