/** libp2p as a node composes it, without overlays, on loopback. */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey, Libp2p } from '@libp2p/interface'
import { pino } from 'pino'
import { type Config, loadConfig } from '../../src/index.ts'
import { componentLogger } from '../../src/libp2p-log.ts'
import { NodeMetrics } from '../../src/metrics.ts'
import { createNetwork } from '../../src/network.ts'
import { Ways } from '../../src/ways.ts'

const started: Libp2p[] = []
export async function stopNetworks(): Promise<void> {
  await Promise.all(started.splice(0).map(async network => network.stop()))
}

export async function createTestNetwork(
  settings: Partial<Config> = {},
  metrics = new NodeMetrics(tmpdir()),
  privateKey?: Ed25519PrivateKey
): Promise<Libp2p> {
  const { config } = await loadConfig({ env: {}, dataDir: await mkdtemp(join(tmpdir(), 'servent-network-')) })
  const whole = {
    ...config,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    discovery: ['bootstrap'] as const,
    ...settings
  } as Config
  const key = privateKey ?? (await generateKeyPair('Ed25519'))
  const network = await createNetwork({
    config: whole,
    privateKey: key,
    ways: await Ways.load(whole, key),
    agent: 'servent/1.2.3',
    version: '1.2.3',
    logger: componentLogger(pino({ level: 'silent' })),
    metrics: components => metrics.component(components),
    services: {}
  })
  started.push(network)
  return network
}

export async function startNetwork(...given: Parameters<typeof createTestNetwork>): Promise<Libp2p> {
  const network = await createTestNetwork(...given)
  await network.start()
  return network
}
