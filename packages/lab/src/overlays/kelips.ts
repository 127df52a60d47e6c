/**
 * Kelips in the lab. The root of a key is the peer that is nearest to it by XOR, of all that live and take part: a
 * member of the key's group, where it has any. What gossip has not told the group yet makes an answer incorrect.
 *
 * Ideal start: the tables that gossip ends in, from all peers and their lives (`IdealGroups`): all members of the own
 * group, and of each other one contacts drawn by chance. Peers that joined have nearer ones, and look up a quarter
 * faster. Nobody is linked: gossip opens links, and the warm-up is there for it. Hash chains cost what `CHEAP_CHAIN` does, and signatures have no bytes.
 */
import {
  CHEAP_CHAIN,
  CORRECT_KELIPS,
  groupOf,
  IdealGroups,
  KelipsMachine,
  type KelipsNotice,
  type KelipsQuestion,
  type KelipsRules,
  type KelipsSettings,
  type KelipsTypes,
  type KnownLife,
  kelipsSettings,
  levelOf,
  OWN_LINKS_MAX
} from '@servent/kelips/machine'
import { kelipsCodec } from '@servent/kelips/wire'
import type { Key } from '@servent/overlay/machine'
import type { NodeIndex } from '@servent/simulator'
import type { Adapter, DeploymentInit } from '../deployment.ts'
import { KELIPS_LIES } from '../liars/kelips-lies.ts'
import { entryBytes } from './contacts.ts'
import { defencesOf } from './defences.ts'
import { KelipsTraffic } from './kelips-traffic.ts'
import type { RingTruth } from './ring-truth.ts'
import type { Settings } from './settings.ts'
import { type Begun, INDEPENDENT_CALLS, StructuredDeployment, type Told } from './structured.ts'
import type { Standing } from './structured-members.ts'

/** After so long every first heartbeat is signed: the simulator answers within 1 ms. */
const SIGNED_US = 5000
const US_PER_MS = 1000
/** One for all, so that tables which copy it need not fetch another one for each entry. */
const NO_SIGNATURE = new Uint8Array(0)

export class KelipsDeployment extends StructuredDeployment<KelipsTypes> {
  readonly #settings: KelipsSettings
  /** Of those who live. */
  readonly #machines: Map<NodeIndex, KelipsMachine>
  /** Of one look at all members: by level and group. */
  readonly #groupsNow = new Map<number, ReadonlyMap<number, readonly NodeIndex[]>>()

  /** `rules` is for tests that put in machines which break them. */
  constructor(init: DeploymentInit, rules: Partial<KelipsRules> = {}) {
    const settings = settingsOf(init.settings, init.frozen)
    const machines = new Map<NodeIndex, KelipsMachine>()
    const all = { ...CORRECT_KELIPS, oneWay: CHEAP_CHAIN, ...rules }
    super(init, {
      codec: kelipsCodec,
      createMachine: node => {
        const machine = new KelipsMachine(settings, all)
        machines.set(node, machine)
        return machine
      },
      lookupBudgetMs: settings.lookupBudgetMs,
      // Who asks sends every request itself.
      style: 'iterative',
      lies: KELIPS_LIES,
      answer: answerOf,
      traffic: of => new KelipsTraffic(of)
    })
    this.#settings = settings
    this.#machines = machines
  }

  protected adopt(nodes: readonly NodeIndex[]): void {
    const { simulation } = this
    const { network } = this.init
    const { contacts: count, groups, proximity } = this.#settings
    for (const node of nodes) simulation.start(node)
    simulation.runFor(SIGNED_US)
    const ideal = new IdealGroups(
      nodes.map(node => simulation.keyOf(node)),
      groups === undefined ? undefined : levelOf(groups)
    )
    const lives = nodes.map(node => this.#machines.get(node)!.life!)
    const random = simulation.random.of('ideal contacts')
    const choice = { samples: count, below: (n: number) => random.below(n) }
    for (const [at, node] of nodes.entries()) {
      const known = (other: number): KnownLife => {
        const peer = nodes[other]!
        const [handle, life] = [simulation.peerOf(node, peer), lives[other]!]
        if (proximity === 'off') return { peer: handle, life }
        return { peer: handle, life, rttMs: network.roundTripUs(node, peer) / US_PER_MS }
      }
      const { members, contacts } = ideal.tables(at, count, choice)
      simulation.command(node, {
        type: 'adopt',
        level: ideal.level,
        members: members.map(known),
        contacts: contacts.map(known)
      })
    }
  }

  protected rootOf(key: Key, truth: RingTruth): NodeIndex | undefined {
    return truth.nearestByXor(key)
  }

  protected standingIn(notice: KelipsNotice): Standing | undefined {
    if (notice.type !== 'mode') return undefined
    return notice.mode === 'member' ? 'member' : 'out'
  }

  protected keysOf(node: NodeIndex): Key[] {
    return [this.simulation.keyOf(node)]
  }

  /** Its machine does not tell of single steps, and counts what others met for it. */
  protected override timeoutsOf(_begun: Begun, told: Told): number {
    return told.timeouts
  }

  /** As the first peer that lives sees it; while their number changes, others may be one step behind. */
  protected override get groups(): number {
    const [first] = this.#machines.values()
    return 2 ** (first?.state.level ?? 0)
  }

  protected override groupOf(key: Key): number {
    return groupOf(key, Math.log2(this.groups))
  }

  override onDeath(node: NodeIndex): void {
    super.onDeath(node)
    this.#machines.delete(node)
  }

  /** Whoever had it for a member or a contact has noticed. */
  watchRepair(dead: NodeIndex): () => boolean {
    const knowing = [...this.#machines.keys()].filter(node => this.#knows(node, dead))
    return () => !knowing.some(node => this.#knows(node, dead))
  }

  override wholeness(): number {
    // Members stay who they are while they are looked at.
    this.#groupsNow.clear()
    return super.wholeness()
  }

  /** It knows all members of the group that it takes for its own. */
  protected isInPlace(node: NodeIndex): boolean {
    const { level, view } = this.#machines.get(node)!.state
    const { simulation } = this
    const group = this.#groupsAt(level).get(groupOf(simulation.keyOf(node), level))!
    return group.every(other => other === node || view.find(simulation.peerOf(node, other)) >= 0)
  }

  /** All members by their groups, sorted once for each level that members are at. */
  #groupsAt(level: number): ReadonlyMap<number, readonly NodeIndex[]> {
    const known = this.#groupsNow.get(level)
    if (known !== undefined) return known
    const groups = Map.groupBy(this.members.nodes, node => groupOf(this.simulation.keyOf(node), level))
    this.#groupsNow.set(level, groups)
    return groups
  }

  #knows(node: NodeIndex, other: NodeIndex): boolean {
    const state = this.#machines.get(node)?.state
    if (state === undefined) return false
    const peer = this.simulation.peerOf(node, other)
    return state.view.find(peer) >= 0 || state.contacts.table.find(peer) >= 0
  }

  /** Members, contacts and tuples; beside their tables each peer that is known is a key and a contact. */
  state(node: NodeIndex): { entries: number; bytes: number } {
    const { view, contacts, origins, tuples } = this.#machines.get(node)!.state
    const peers = view.size + contacts.table.size
    const known = (peers + origins.table.size) * entryBytes(this.simulation.contactOf(node))
    const tables = view.byteLength + contacts.byteLength + origins.byteLength + tuples.byteLength
    return { entries: peers + tuples.size, bytes: known + tables }
  }
}

/** Nobody lies here, and signatures have no bytes. */
function answerOf(question: KelipsQuestion): KelipsTypes['answer'] {
  switch (question.type) {
    case 'sign':
      return { type: 'signed', signatures: question.statements.map(() => NO_SIGNATURE) }
    case 'check':
      return { type: 'checked', good: question.signed.map(() => true) }
    default:
      throw new Error(`The lab answers questions of ${question.type} for all overlays.`)
  }
}

function settingsOf(settings: Settings, frozen: boolean): KelipsSettings {
  const number = (key: string) => settings[key] as number
  return kelipsSettings({
    groups: number('groups') === 0 ? undefined : number('groups'),
    contacts: number('contacts'),
    gossipMs: number('gossip-ms'),
    heartbeatMs: number('heartbeat-ms'),
    targets: number('targets'),
    contactTargets: number('contact-targets'),
    memberRation: number('member-ration'),
    contactRation: number('contact-ration'),
    originRation: number('origin-ration'),
    tupleRation: number('tuple-ration'),
    gossipBytesPerS: number('gossip-bytes-per-s'),
    news: settings.news as 'at-once' | 'by-round',
    proximity: settings.proximity as 'on' | 'off',
    mergeMs: number('merge-ms'),
    replicas: number('replicas'),
    lookupBudgetMs: number('lookup-budget-ms'),
    // Nobody starts again with what it saved.
    saveMs: 0,
    // As many as a real peer opens.
    routing: { ownLinks: OWN_LINKS_MAX, ...(frozen && INDEPENDENT_CALLS), ...defencesOf(settings) }
  })
}

export const kelips: Adapter = {
  overlay: 'kelips',
  deploy: init => new KelipsDeployment(init)
}
