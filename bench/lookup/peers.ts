/** One process with some of the peers: told by its parent over the channel of `fork` what they shall do. */
import { identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { boundedYamux } from '@servent/libp2p-host'
import { keyOfPeer, keyToHex } from '@servent/overlay'
import { createLibp2p, type ServiceFactoryMap } from 'libp2p'
import { contentOf, keyOf } from './plan.ts'
import { type Settings, type Side, type SideName, sideOf, type Tables } from './sides.ts'
import { trafficMeter, type Usage, usage } from './traffic.ts'

export interface PeersInit {
  readonly side: SideName
  readonly seed: string
  readonly connectionsMax: number
  readonly settings?: Settings
}

export interface Newcomer {
  readonly peerId: string
  readonly address: string
}

export interface ProvideTask {
  readonly peer: number
  readonly content: number
}

export interface FindTask {
  readonly asker: number
  readonly content: number
  /** PeerId in text form of who has it. */
  readonly provider: string
}

/** Tasks, and how many of them may be under way at a time. */
interface Work<Task> {
  readonly tasks: readonly Task[]
  readonly atOnce: number
}

export interface Finding {
  /** `wrong`: the provider is another one, or nobody could dial what was told of it. */
  readonly outcome: 'right' | 'wrong' | 'nothing' | 'error'
  readonly ms: number
}

export interface PeerState extends Tables {
  readonly peer: number
  readonly peerId: string
  /** Of its PeerId, hexadecimal. */
  readonly key: string
  readonly connections: number
}

/** A lookup that is not over by then has failed. */
const LOOKUP_MS_MAX = 10_000
/** Records must be there before they can be looked up, so providing has time, and another try. */
const PROVIDE_MS_MAX = 60_000
const PROVIDE_TRIES_MAX = 3

/** Everybody on this machine has the same address, and all come at once. */
const FROM_ONE_HOST = { inboundConnectionThreshold: 10_000, maxIncomingPendingConnections: 1_000 }

let side: Side
let init: PeersInit
const peers = new Map<number, Libp2p>()

async function begin(given: PeersInit): Promise<void> {
  init = given
  side = await sideOf(given.side)
}

/** A peer comes, and knows those at these addresses. */
async function come({ peer, bootstrap }: { peer: number; bootstrap: readonly string[] }): Promise<Newcomer> {
  const { seed, settings = {}, connectionsMax } = init
  const services: ServiceFactoryMap = {
    traffic: trafficMeter(side.protocol) as unknown as ServiceFactoryMap[string],
    identify: identify(),
    ping: ping() as unknown as ServiceFactoryMap[string],
    overlay: side.service({ settings, bootstrap })
  }
  const node = await createLibp2p({
    privateKey: await keyOf(seed, peer),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    connectionManager: { ...FROM_ONE_HOST, maxConnections: connectionsMax },
    // Pings on every connection would cost both sides more than their own upkeep does.
    connectionMonitor: { enabled: false },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    services
  })
  peers.set(peer, node)
  await side.meet?.(node, bootstrap)
  return { peerId: `${node.peerId}`, address: `${node.getMultiaddrs()[0]}` }
}

async function refresh(): Promise<void> {
  await Promise.all([...peers.values()].map(node => side.refresh?.(node.services.overlay)))
}

async function provide({ tasks, atOnce }: Work<ProvideTask>): Promise<Finding[]> {
  return inTurns(tasks, atOnce, async ({ peer, content }) => {
    const startMs = performance.now()
    const routing = nodeOf(peer).contentRouting
    let outcome: Finding['outcome'] = 'error'
    for (let tries = 0; outcome === 'error' && tries < PROVIDE_TRIES_MAX; tries++) {
      const signal = AbortSignal.timeout(PROVIDE_MS_MAX)
      outcome = await routing.provide(contentOf(init.seed, content), { signal }).then(
        () => 'right' as const,
        () => 'error' as const
      )
    }
    return { outcome, ms: performance.now() - startMs }
  })
}

async function find({ tasks, atOnce }: Work<FindTask>): Promise<Finding[]> {
  return inTurns(tasks, atOnce, async task => {
    const startMs = performance.now()
    const outcome = await findOne(task).catch(() => 'error' as const)
    return { outcome, ms: performance.now() - startMs }
  })
}

/** Until the first provider: whoever fetches can begin then. */
async function findOne({ asker, content, provider }: FindTask): Promise<Finding['outcome']> {
  const signal = AbortSignal.timeout(LOOKUP_MS_MAX)
  for await (const { id, multiaddrs } of nodeOf(asker).contentRouting.findProviders(
    contentOf(init.seed, content),
    {
      signal
    }
  )) {
    return `${id}` === provider && multiaddrs.length > 0 ? 'right' : 'wrong'
  }
  return 'nothing'
}

async function inTurns<Task, Result>(
  tasks: readonly Task[],
  atOnce: number,
  work: (task: Task) => Promise<Result>
): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  const worker = async () => {
    while (next < tasks.length) {
      const index = next++
      results[index] = await work(tasks[index]!)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}

function state(): PeerState[] {
  return [...peers].map(([peer, node]) => ({
    peer,
    peerId: `${node.peerId}`,
    key: keyToHex(keyOfPeer(node.peerId.toMultihash().bytes)),
    connections: node.getConnections().length,
    ...side.tables(node.services.overlay)
  }))
}

function nodeOf(peer: number): Libp2p {
  const node = peers.get(peer)
  if (node === undefined) throw new Error(`Peer ${peer} is not in this process.`)
  return node
}

const ACTS = { begin, come, refresh, provide, find, state, usage: (): Usage => usage() }
export type Acts = typeof ACTS

process.on('message', async ({ id, act, given }: { id: number; act: keyof Acts; given: never }) => {
  try {
    process.send!({ id, value: await ACTS[act](given) })
  } catch (error) {
    process.send!({ id, error: String((error as Error).stack) })
  }
})
// Whoever started this process is gone, however it ended.
process.on('disconnect', () => process.exit())
