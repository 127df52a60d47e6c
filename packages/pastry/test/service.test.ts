/** Pastry over real libp2p nodes on loopback: values, tables for people, and a peer that stops. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { boundedYamux } from '@servent/libp2p-host'
import { createLibp2p } from 'libp2p'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { until } from '../../key-routing/test/mesh.ts'
import { type PastryInit, type PastryView, pastry } from '../src/index.ts'
import { PastryMachine } from '../src/machine.ts'

const start = async (init: PastryInit) =>
  createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    services: { identify: identify(), pastry: pastry(init) }
  })

type Node = Awaited<ReturnType<typeof start>>
const running: Node[] = []

async function network(count: number, init: PastryInit = {}): Promise<Node[]> {
  const nodes: Node[] = []
  for (let at = 0; at < count; at += 1) {
    const bootstrap = nodes[0]?.getMultiaddrs().map(String) ?? []
    const node = await start({
      leafSet: 4,
      replicas: 3,
      heartbeatMs: 1000,
      leafExchangeMs: 1000,
      ...init,
      bootstrap
    })
    nodes.push(node)
    running.push(node)
  }
  return nodes
}

const viewOf = (node: Node): PastryView => node.services.pastry.snapshot() as unknown as PastryView
const isWhole = (nodes: readonly Node[]) =>
  nodes.every(node => {
    const { mode, leafSet } = viewOf(node)
    return mode === 'member' && leafSet.length === Math.min(4, 2 * (nodes.length - 1))
  })

afterEach(async () => {
  await Promise.all(running.splice(0).map(node => node.stop()))
})

describe('pastry()', () => {
  it('six peers: each finds what any has put, also after one has stopped', async () => {
    const nodes = await network(6)
    await until(() => isWhole(nodes))
    const bytes = (text: string) => new TextEncoder().encode(text)
    for (const [at, node] of nodes.entries())
      await node.services.pastry.put(`key ${at}`, bytes(`value ${at}`))
    const [first, ...others] = nodes
    // A snapshot looks through all records: whoever waits for a leave takes none.
    const looked = vi.spyOn(PastryMachine.prototype, 'snapshot')
    await first!.stop()
    expect(looked).not.toHaveBeenCalled()
    looked.mockRestore()
    running.splice(running.indexOf(first!), 1)
    await until(() =>
      others.every(node => viewOf(node).leafSet.every(({ peerId }) => peerId !== `${first!.peerId}`))
    )
    for (const node of others)
      for (let at = 0; at < nodes.length; at += 1) {
        const found = await node.services.pastry.get(`key ${at}`)
        expect(new TextDecoder().decode(found?.value)).toBe(`value ${at}`)
      }
  }, 60_000)

  it('shows its tables, and what its mode means', async () => {
    const nodes = await network(3)
    await until(() => isWhole(nodes))
    const view = viewOf(nodes[0]!)
    const others = nodes.slice(1).map(({ peerId }) => `${peerId}`)
    expect(view.meaning).toContain('no 2 neighbours in a row')
    expect(view.leafSet.map(({ peerId }) => peerId)).toEqual(expect.arrayContaining(others))
    expect(view.sizeEstimate).toBe(3)
    await until(() => viewOf(nodes[0]!).routingTable.length >= 1)
    for (const { distanceMs } of viewOf(nodes[0]!).routingTable) expect(distanceMs).toBeGreaterThan(0)
  }, 30_000)

  it('says why it stays alone where a contact has leaf sets of another size', async () => {
    const [first] = await network(1)
    const other = await start({ leafSet: 8, bootstrap: first!.getMultiaddrs().map(String) })
    running.push(other)
    await until(() => 'mismatch' in other.services.pastry.snapshot())
    const { mismatch } = other.services.pastry.snapshot() as unknown as { mismatch: string }
    expect(mismatch).toContain('has leaf sets of 4 and digits of 4 bits')
  }, 30_000)
})
