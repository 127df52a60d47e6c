/** Three structured overlays on one libp2p node that may have few connections: each has its part, and stays usable. */
import { identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { type ChordService, chord } from '@servent/chord'
import { type KelipsService, kelips } from '@servent/kelips'
import { boundedYamux } from '@servent/libp2p-host'
import { type PastryService, pastry } from '@servent/pastry'
import { createLibp2p } from 'libp2p'
import { afterEach, expect, test } from 'vitest'

const OVERLAYS = { chord, pastry, kelips }
type Name = keyof typeof OVERLAYS
const NAMES: readonly Name[] = ['chord', 'pastry', 'kelips']

/** Peers of each overlay, beside the one that speaks all. */
const PEERS = 3
/** Fewer than there are peers of all overlays. */
const CONNECTIONS_MAX = 8
/** A newcomer whose only contact is full waits until a place is free there, on a busy machine for some time. */
const READY_MS = 120_000

interface Peer {
  readonly libp2p: Libp2p
  readonly services: Partial<Record<Name, ChordService | PastryService | KelipsService>>
}

const started: Libp2p[] = []

afterEach(async () => {
  await Promise.all(started.splice(0).map(libp2p => libp2p.stop()))
})

async function start(
  names: readonly Name[],
  maxConnections: number,
  bootstrap: readonly string[] = []
): Promise<Peer> {
  const own = Object.fromEntries(names.map(name => [name, OVERLAYS[name]({ bootstrap })]))
  const libp2p = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    connectionManager: { maxConnections, inboundConnectionThreshold: 1_000 },
    services: { identify: identify(), ...own } as never
  })
  started.push(libp2p)
  return { libp2p, services: libp2p.services as Peer['services'] }
}

test('what each overlay keeps is found by a peer that comes when all have met', async () => {
  const hub = await start(NAMES, CONNECTIONS_MAX)
  const addresses = hub.libp2p.getMultiaddrs().map(String)
  for (const name of NAMES) for (let count = 0; count < PEERS; count += 1) await start([name], 300, addresses)
  for (const name of NAMES) {
    const service = hub.services[name]!
    await service.ready({ peers: 2, signal: AbortSignal.timeout(READY_MS) })
    await service.put(`of ${name}`, new TextEncoder().encode(name), { timeoutMs: READY_MS })
  }
  for (const name of NAMES) {
    const late = await start([name], 300, addresses)
    const service = late.services[name]!
    await service.ready({ peers: 2, signal: AbortSignal.timeout(READY_MS) })
    const found = await service.get(`of ${name}`, { timeoutMs: READY_MS })
    expect(new TextDecoder().decode(found!.value)).toBe(name)
  }
  // Libp2p takes one in before it sends another away.
  await expect
    .poll(() => hub.libp2p.getConnections().length, { timeout: READY_MS })
    .toBeLessThanOrEqual(CONNECTIONS_MAX)
  expect(NAMES.map(name => hub.services[name]!.snapshot().state)).toEqual(['running', 'running', 'running'])
}, 480_000)
