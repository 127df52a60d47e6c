/**
 * Kademlia in the lab: the machine of the simulator, which follows the rules of libp2p's kad-dht. The root of a key is
 * the nearest to it by XOR of all peers that live and take part.
 *
 * Ideal start: buckets as full as the network can fill them, of random peers where there are more than k.
 */
import {
  IdealTables,
  KademliaMachine,
  type KademliaMessage,
  type KademliaNotice,
  type KademliaSettings,
  type KademliaTypes,
  kademliaSettings
} from '@servent/kademlia/machine'
import { kademliaCodec } from '@servent/kademlia/wire'
import {
  CALL_TIMEOUT_FIRST_MS,
  type RouterSettings,
  type RoutingMessage,
  type RoutingTypes
} from '@servent/key-routing/machine'
import type { Key } from '@servent/overlay/machine'
import { type NodeIndex, randomOf } from '@servent/simulator'
import type { Adapter, DeploymentInit } from '../deployment.ts'
import { KADEMLIA_LIES } from '../liars/kademlia-lies.ts'
import { entryBytes } from './contacts.ts'
import type { RingTruth } from './ring-truth.ts'
import type { Settings } from './settings.ts'
import { INDEPENDENT_CALLS, StructuredDeployment } from './structured.ts'
import type { Standing } from './structured-members.ts'
import {
  type OwnMessages,
  type QuestionTraffic,
  StructuredTraffic,
  type TrafficInit
} from './structured-traffic.ts'

/** Which of its messages are of lookups and of records. */
const MESSAGES: OwnMessages<KademliaMessage> = {
  keyOf: message => ('purpose' in message && message.purpose === 'user' ? message.key : undefined),
  isAnswer: ({ type }) => type === 'closer-peers' || type === 'providers' || type === 'value-found',
  isStoring: ({ type }) => type === 'add-provider' || type === 'put-value' || type === 'value-put'
}

export class KademliaDeployment extends StructuredDeployment<KademliaTypes> {
  readonly #settings: KademliaSettings

  /** `createMachine` is for tests that put in machines which break the rules. */
  constructor(
    init: DeploymentInit,
    createMachine = (settings: KademliaSettings) => new KademliaMachine(settings)
  ) {
    const settings = settingsOf(init.settings, init.frozen)
    super(init, {
      codec: kademliaCodec,
      createMachine: () => createMachine(settings),
      lookupBudgetMs: settings.lookupBudgetMs,
      style: 'iterative',
      lies: KADEMLIA_LIES,
      // Its unions hold those of `RoutingTypes`.
      traffic: traffic =>
        new StructuredTraffic(
          traffic as unknown as TrafficInit<RoutingTypes>,
          MESSAGES as unknown as OwnMessages<RoutingMessage>
        ) as unknown as QuestionTraffic<KademliaTypes>
    })
    this.#settings = settings
  }

  protected adopt(nodes: readonly NodeIndex[]): void {
    const { simulation } = this
    const random = randomOf(`${this.init.seed} buckets`)
    const ideal = new IdealTables(nodes.map(node => simulation.keyOf(node)))
    for (const node of nodes) simulation.start(node)
    for (const [at, node] of nodes.entries()) {
      const peers = ideal.peersOf(at, this.#settings.k, count => random.below(count))
      simulation.command(node, {
        type: 'adopt',
        peers: peers.map(peer => simulation.peerOf(node, nodes[peer]!))
      })
    }
  }

  protected rootOf(key: Key, truth: RingTruth): NodeIndex | undefined {
    return truth.nearestByXor(key)
  }

  protected standingIn(notice: KademliaNotice): Standing | undefined {
    if (notice.type !== 'mode') return undefined
    return notice.mode === 'member' ? 'member' : 'out'
  }

  protected keysOf(node: NodeIndex): Key[] {
    return [this.simulation.keyOf(node)]
  }

  /** Mended when whoever is the root of its key now has taken the dead one out of its buckets. */
  watchRepair(dead: NodeIndex): () => boolean {
    const { simulation } = this
    const key = simulation.keyOf(dead)
    return () => {
      const root = this.rootOf(key, this.members.truth)
      if (root === undefined) return true
      const { buckets } = simulation.machine(root).snapshot()
      return !buckets.some(({ peers }) => peers.some(peer => simulation.nodeOfPeer(root, peer) === dead))
    }
  }

  /** It has the nearest other member by XOR in its buckets, which its lookups of keys nearby end with. */
  protected isInPlace(node: NodeIndex): boolean {
    const { simulation } = this
    const nearest = this.members.truth.nearestByXorOf(simulation.keyOf(node), 2).find(other => other !== node)
    const { buckets } = simulation.machine(node).snapshot()
    return (
      nearest === undefined ||
      buckets.some(({ peers }) => peers.some(peer => simulation.nodeOfPeer(node, peer) === nearest))
    )
  }

  state(node: NodeIndex): { entries: number; bytes: number } {
    const { simulation } = this
    let entries = 0
    let bytes = 0
    for (const { peers } of simulation.machine(node).snapshot().buckets) {
      for (const peer of peers) {
        entries += 1
        bytes += entryBytes(simulation.contactOf(simulation.nodeOfPeer(node, peer)))
      }
    }
    return { entries, bytes }
  }
}

function settingsOf(settings: Settings, frozen: boolean): KademliaSettings {
  const number = (key: string) => settings[key] as number
  return kademliaSettings({
    k: number('k'),
    alpha: number('alpha'),
    disjointPaths: number('paths'),
    refreshMs: number('refresh-ms'),
    selfLookupMs: number('self-lookup-ms'),
    lookupBudgetMs: number('lookup-budget-ms'),
    traceLookups: true,
    routing: {
      ...(frozen ? INDEPENDENT_CALLS : patience(number('answer-ms'), number('dial-ms'))),
      peersPerNetwork: number('peers-per-network')
    }
  })
}

/** How long requests wait. Of a peer whose round trip is not known, as long as any structured overlay does. */
function patience(answerMs: number, dialMs: number): Partial<RouterSettings> {
  return {
    callTimeoutFirstMs: Math.max(answerMs, CALL_TIMEOUT_FIRST_MS),
    callTimeoutLowMs: answerMs,
    openTimeoutMs: dialMs
  }
}

export const kademlia: Adapter = {
  overlay: 'kademlia',
  deploy: init => new KademliaDeployment(init)
}
