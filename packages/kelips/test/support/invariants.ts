/**
 * What must hold of a Kelips network, seen by an observer who knows everybody: K1 to K4 and K6 as the reference
 * numbers them; K5, of lookups, is asked of a network with `lookUp`. After every event the tables of whom it happened to
 * are looked at, and every message of gossip that comes in.
 */
import { nameOf } from '@servent/key-routing/machine'
import type { NodeIndex } from '@servent/simulator'
import {
  CHAIN_LENGTH,
  CONTACTS_DEFAULT,
  FAREWELLS_MAX,
  GOSSIP_BURST_BYTES,
  GOSSIP_BYTES_MAX,
  GOSSIP_TUPLES_MAX,
  type Gossip,
  groupOf,
  kelipsSettings,
  RENDEZVOUS_BURST_BYTES,
  RENDEZVOUS_BYTES_PER_S
} from '../../src/machine.ts'
import { tupleName } from '../../src/publish.ts'
import { groupByteLength } from '../../src/wire-group.ts'
import type { KelipsNetwork } from './network.ts'

export class InvariantError extends Error {
  override readonly name = 'InvariantError'
  readonly invariant: string

  constructor(invariant: string, what: string) {
    super(`${invariant}: ${what}`)
    this.invariant = invariant
  }
}

interface Beaten {
  startS: number
  beat: number
}

/** Tuples are many, and looked at once in so many checks. */
const TUPLES_EVERY = 64

/** An expired entry is gone with the next round, which comes within five quarters of its period. */
const ROUNDS_MOST = 2

export class InvariantChecker {
  readonly #network: KelipsNetwork
  /** By node and peer, the latest heartbeat that was seen. */
  readonly #seen = new Map<number, Beaten>()
  /** By node, the longest time that its tables had: they shrink when many die at once, and their times with them. */
  readonly #longestMs = new Map<NodeIndex, { view: number; contacts: number }>()
  readonly #sent = new Map<NodeIndex, { gossip: number; told: number; atMs: number }>()
  /** By node, the latest heartbeat that it can have shown. */
  readonly #shown = new Map<NodeIndex, Beaten>()
  checks = 0
  /** Messages of gossip that were looked at, and those of them to members nearest to a key, which have no ration. */
  messages = 0
  longTold = 0

  readonly #liars: ReadonlySet<NodeIndex>

  /** Where some lie, their tables and what they send are not looked at. */
  constructor(
    network: KelipsNetwork,
    { liars = new Set() }: { readonly liars?: ReadonlySet<NodeIndex> } = {}
  ) {
    this.#network = network
    this.#liars = liars
    if (liars.size === 0) network.gossip.push(message => this.#checkMessage(message))
  }

  check(): void {
    const { simulation } = this.#network
    const handled = [...this.#network.takeHandled()].filter(node => simulation.alive(node))
    this.checks += handled.length
    for (const node of handled) this.#noteShown(node)
    for (const node of handled) this.#checkNode(node)
    if (this.checks % TUPLES_EVERY < handled.length) this.checkTuples()
  }

  #noteShown(node: NodeIndex): void {
    const { chain, nowMs } = this.#network.machine(node).state
    if (chain?.signature !== undefined)
      this.#shown.set(node, { startS: chain.startS, beat: chain.beatAt(nowMs) })
  }

  /** K3: the rations of one message, each with what belongs to it. */
  #checkMessage(message: Gossip): void {
    this.messages += 1
    const { tuples, lives, beats } = message
    const { memberRation, contactRation, originRation, tupleRation } = kelipsSettings(this.#network.settings)
    const bytes = groupByteLength(message)
    if (bytes > GOSSIP_BYTES_MAX) throw new InvariantError('K3 message', `it has ${bytes} bytes`)
    const providers = new Set(tuples.map(({ provider }) => nameOf(provider.id)))
    const isTold = beats.length === 0 && lives.every(({ contact }) => providers.has(nameOf(contact.id)))
    if (tuples.length > tupleRation && isTold) this.longTold += 1
    if (tuples.length > (isTold ? GOSSIP_TUPLES_MAX : tupleRation))
      throw new InvariantError('K3 message', `it has ${tuples.length} tuples`)
    const farewells = beats.filter(({ beat }) => beat === CHAIN_LENGTH).length
    if (farewells > FAREWELLS_MAX) throw new InvariantError('K3 message', `it has ${farewells} farewells`)
    // Of the sender one, and with each tuple its provider's.
    const most = 1 + memberRation + contactRation + originRation + tuples.length
    const entries = lives.length + beats.length - farewells
    if (entries > most) throw new InvariantError('K3 message', `it has ${entries} lives of ${most}`)
  }

  /** K2: whatever is kept under a provider's name it has said itself. */
  checkTuples(): void {
    const { simulation } = this.#network
    for (const node of simulation.aliveNodes()) {
      if (this.#liars.has(node)) continue
      const { tuples } = this.#network.machine(node).state
      for (let row = 0; row < tuples.size; row += 1) {
        const provider = simulation.nodeOfPeer(node, tuples.originAt(row))
        const tuple = tuples.tupleAt(row)
        const said = this.#network.machine(provider).state.ownTuples.get(tupleName(tuple))
        if (said === undefined || said.sequence < tuple.sequence)
          throw new InvariantError('K2 forged', `${node} has a tuple of ${provider} that this one never said`)
      }
    }
  }

  #checkNode(node: NodeIndex): void {
    const { simulation } = this.#network
    const { state } = this.#network.machine(node)
    const { view, contacts, level, counters, settings } = state
    const nowMs = simulation.nowUs / 1000
    const own = groupOf(simulation.keyOf(node), level)
    const perGroup = new Map<number, number>()
    const longest = this.#longestMs.get(node) ?? { view: 0, contacts: 0 }
    longest.view = Math.max(longest.view, state.memberTimeoutMs())
    longest.contacts = Math.max(longest.contacts, state.contactTimeoutMs())
    this.#longestMs.set(node, longest)
    for (const [name, table] of [
      ['view', view],
      ['contacts', contacts.table]
    ] as const)
      for (let row = 0; row < table.size; row += 1) {
        const other = simulation.nodeOfPeer(node, table.peerAt(row))
        const group = groupOf(simulation.keyOf(other), level)
        if ((name === 'view') !== (group === own))
          throw new InvariantError(
            'K1 groups',
            `${other} of group ${group} is in the ${name} of ${node}, of ${own}`
          )
        if (name === 'contacts') perGroup.set(group, (perGroup.get(group) ?? 0) + 1)
        this.#checkBeat(node, other, table.startAt(row), table.beatAt(row))
        const timeoutMs = longest[name]
        const heardMsAgo = nowMs - table.heardMs(row)
        if (heardMsAgo > timeoutMs + ROUNDS_MOST * settings.gossipMs)
          throw new InvariantError(
            'K4 expiry',
            `${node} has not heard of ${other} for ${heardMsAgo} ms of ${timeoutMs}`
          )
      }
    for (const [group, count] of perGroup)
      if (count > (settings.contacts ?? CONTACTS_DEFAULT))
        throw new InvariantError('K1 contacts', `${node} has ${count} contacts of group ${group}`)
    const { gossipBytes, rendezvousBytes } = counters
    const sent = this.#sent.get(node) ?? { gossip: gossipBytes, told: rendezvousBytes, atMs: nowMs }
    this.#sent.set(node, sent)
    const seconds = (nowMs - sent.atMs) / 1000
    this.#checkBytes(node, gossipBytes - sent.gossip, GOSSIP_BURST_BYTES + settings.gossipBytesPerS * seconds)
    this.#checkBytes(
      node,
      rendezvousBytes - sent.told,
      RENDEZVOUS_BURST_BYTES + RENDEZVOUS_BYTES_PER_S * seconds
    )
  }

  #checkBytes(node: NodeIndex, bytes: number, most: number): void {
    if (bytes > most + 1) throw new InvariantError('K3 bytes', `${node} sent ${bytes} bytes of ${most}`)
  }

  /** Of one peer at one node, for ever. */
  #checkBeat(node: NodeIndex, other: NodeIndex, startS: number, beat: number): void {
    const name = node * 65_536 + other
    const last = this.#seen.get(name)
    const shown = this.#shown.get(other)
    if (shown !== undefined && (startS > shown.startS || (startS === shown.startS && beat > shown.beat)))
      throw new InvariantError(
        'K2 forged',
        `${node} has heartbeat ${beat} of ${other}, which has shown ${shown.beat}`
      )
    if (last !== undefined && (startS < last.startS || (startS === last.startS && beat < last.beat)))
      throw new InvariantError(
        'K2 heartbeats',
        `that of ${other} went back from ${last.beat} to ${beat} at ${node}`
      )
    if (last === undefined) this.#seen.set(name, { startS, beat })
    else {
      last.startS = startS
      last.beat = beat
    }
  }

  /** K6: whoever joined so long ago is known by so many of its group. */
  checkJoiner(joiner: NodeIndex, share: number): void {
    const { simulation } = this.#network
    const { level } = this.#network.machine(joiner).state
    const group = groupOf(simulation.keyOf(joiner), level)
    const same = simulation
      .aliveNodes()
      .filter(node => node !== joiner && groupOf(simulation.keyOf(node), level) === group)
    const knowing = same.filter(node => this.#network.membersOf(node).includes(joiner))
    if (knowing.length < share * same.length)
      throw new InvariantError('K6 joiners', `${joiner} is known by ${knowing.length} of ${same.length}`)
  }
}
