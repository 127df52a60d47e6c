/**
 * Where a machine can run. A scenario says which peers there are, who knows whom and who calls; a backend runs
 * it and says what came of it. The fakes and TCP are here; a simulator is one more.
 */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { boundedYamux, type HostComponents, type HostInit, MachineHost } from '@servent/libp2p-host'
import { FakeNetwork, Transcript } from '@servent/libp2p-host/testing'
import { createLibp2p } from 'libp2p'
import { ToyMachine, type ToyTypes, toyCodec } from './toy.ts'

export interface Scenario {
  readonly nodes: readonly string[]
  /** Who is told of whom, and so opens a link: each pair once. */
  readonly edges: readonly (readonly [string, string])[]
  readonly calls: readonly { readonly from: string; readonly ttl: number }[]
}

export interface Outcome {
  /** What each node's machine told, by node: sorted, since who answers first is a matter of time. */
  readonly echoes: Readonly<Record<string, readonly string[]>>
  /** Calls and echoes received, by node. Beats are a matter of time. */
  readonly received: Readonly<Record<string, readonly [calls: number, echoes: number]>>
  /** Inputs and effects of each node, where time is the backend's own. */
  readonly logs?: Readonly<Record<string, string>>
}

export type Backend = (scenario: Scenario) => Promise<Outcome>

interface Running {
  readonly host: MachineHost<ToyTypes>
  readonly echoes: string[]
}

function initOf(name: string, echoes: string[]): HostInit<ToyTypes> {
  return {
    name: 'gnutella',
    protocol: '/servent/toy/1.0.0',
    machine: new ToyMachine(),
    codec: toyCodec,
    answer: async () => `I am ${name}`,
    onNotice: ({ hops, says }) => echoes.push(`${says}, ${hops} hops`)
  }
}

function outcomeOf(running: ReadonlyMap<string, Running>): Outcome {
  const received = (host: MachineHost<ToyTypes>): [number, number] => {
    const { counters } = host
    return [counters['received.call.messages'] ?? 0, counters['received.echo.messages'] ?? 0]
  }
  return {
    echoes: Object.fromEntries([...running].map(([name, { echoes }]) => [name, echoes.toSorted()])),
    received: Object.fromEntries([...running].map(([name, { host }]) => [name, received(host)]))
  }
}

/** In memory and in virtual time. Seeds are the nodes' places in the scenario. */
export const onFakes: Backend = async ({ nodes, edges, calls }) => {
  const network = new FakeNetwork({ delayMs: (from, to) => 5 + ((from.length * 7 + to.charCodeAt(0)) % 11) })
  const running = new Map<string, Running>()
  const peerIds = new Map<string, string>()
  const transcript = new Transcript<ToyTypes>({ nameOf: peerId => peerIds.get(peerId) })
  const places = await Promise.all(nodes.map((name, place) => network.addNode({ name, seed: place + 1 })))
  for (const node of places) {
    peerIds.set(node.peerId.toString(), node.name)
    const echoes: string[] = []
    const host = new MachineHost(node.components, {
      ...initOf(node.name, echoes),
      clock: network.clock,
      random: node.random,
      trace: transcript.tap(node.name)
    })
    running.set(node.name, { host, echoes })
    await network.finish(host.start())
  }
  const nodeOf = (name: string) => places.find(node => node.name === name)!
  for (const [from, to] of edges) network.discover(nodeOf(from), nodeOf(to))
  await network.runFor(2_000)
  for (const { from, ttl } of calls) {
    running.get(from)!.host.command({ type: 'call', ttl })
    await network.runFor(300)
  }
  await network.runFor(2_000)
  for (const { host } of running.values()) await network.finish(host.stop())
  const logs = Object.fromEntries(nodes.map(name => [name, transcript.text(name)]))
  return { ...outcomeOf(running), logs }
}

/** Over TCP, Noise and Yamux on loopback, in real time. */
export const onTcp: Backend = async ({ nodes, edges, calls }) => {
  const libp2ps = new Map<string, Awaited<ReturnType<typeof create>>>()
  const running = new Map<string, Running>()
  const create = async (place: number) =>
    await createLibp2p({
      privateKey: await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(place + 1)),
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [boundedYamux()],
      connectionManager: { inboundConnectionThreshold: 1_000, maxIncomingPendingConnections: 100 },
      services: { identify: identify(), parts: (components: HostComponents) => ({ components }) }
    })
  for (const [place, name] of nodes.entries()) {
    const libp2p = await create(place)
    const echoes: string[] = []
    const host = new MachineHost(libp2p.services.parts.components, initOf(name, echoes))
    libp2ps.set(name, libp2p)
    running.set(name, { host, echoes })
    await host.start()
  }
  for (const [from, to] of edges) {
    running.get(from)!.host.addContact(libp2ps.get(to)!.peerId, libp2ps.get(to)!.getMultiaddrs())
  }
  const links = () => [...running.values()].reduce((sum, { host }) => sum + host.links().length, 0)
  await until(() => links() === 2 * edges.length)
  for (const { from, ttl } of calls) {
    running.get(from)!.host.command({ type: 'call', ttl })
    await still(() => JSON.stringify(outcomeOf(running)))
  }
  const outcome = outcomeOf(running)
  await Promise.all([...running.values()].map(({ host }) => host.stop()))
  await Promise.all([...libp2ps.values()].map(libp2p => libp2p.stop()))
  return outcome
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 5))
}

/** Waits until something has not changed for a while. */
async function still(read: () => string): Promise<void> {
  let last = read()
  for (let same = 0; same < 20; ) {
    await new Promise(resolve => setTimeout(resolve, 5))
    const next = read()
    same = next === last ? same + 1 : 0
    last = next
  }
}
