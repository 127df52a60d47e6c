/** Peers in this process that are killed, or whose network closes while they start. */
import { generateKeyPairFromSeed, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { KeyRoutedService } from '@servent/key-routing'
import { resolvePlan } from '@servent/lab'
import { overlaySettings } from '@servent/lab/backend'
import { boundedYamux, silentComponentLogger } from '@servent/libp2p-host'
import { createLibp2p } from 'libp2p'
import { expect, it, vi } from 'vitest'
import { DeathGate } from '../src/death-gate.ts'
import { InProcessNetwork } from '../src/in-process.ts'
import { addressOfNumber, memoryNetwork } from '../src/memory-network.ts'

it('a peer that starts while its network closes does not stay', async () => {
  const plan = resolvePlan({ overlays: ['chord'], backend: 'in-process', nodes: 2, lookups: 1 })
  const settings = overlaySettings(plan, 'chord')
  const network = new InProcessNetwork({ overlay: 'chord', settings, roundTripMs: () => 0 })
  const privateKey = await generateKeyPairFromSeed('Ed25519', new Uint8Array(32))
  const stop = vi.spyOn(KeyRoutedService.prototype, 'stop')
  const starting = network.start({
    node: 0,
    isServer: false,
    privateKey: privateKeyToProtobuf(privateKey),
    peerId: `${privateKey.publicKey}`,
    contacts: [],
    files: [],
    conditions: { isFirewalled: false }
  })
  starting.catch(() => {})
  await network.close()
  await expect(starting).rejects.toThrow('The network was closed while it started.')
  expect(stop).toHaveBeenCalledTimes(1)
  stop.mockRestore()
})

it('a peer that is killed reaches nobody, and nobody reaches it, while it is taken down', async () => {
  const gate = new DeathGate()
  const name = `test-${Math.random()}`
  const make = (number: number, connectionGater: DeathGate) =>
    createLibp2p({
      logger: silentComponentLogger,
      addresses: { listen: [addressOfNumber(number)] },
      transports: [memoryNetwork(name)],
      connectionEncrypters: [noise()],
      streamMuxers: [boundedYamux()],
      connectionMonitor: { enabled: false },
      connectionGater,
      services: { identify: identify() }
    })
  const [dying, other] = await Promise.all([make(0, gate), make(1, new DeathGate())])
  const [toDying, toOther] = [dying, other].map(node => node.getMultiaddrs()[0]!) as [never, never]
  await dying.dial(toOther)
  await dying.hangUp(other.peerId)
  gate.close()
  await expect(dying.dial(toOther)).rejects.toThrow()
  await expect(other.dial(toDying)).rejects.toThrow()
  expect([...dying.getConnections(), ...other.getConnections()]).toEqual([])
  await Promise.all([dying.stop(), other.stop()])
})
