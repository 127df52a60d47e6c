/**
 * What must hold of a Kelips network, seen by an observer who knows everybody: K1 to K4 and K6 as the reference
 * numbers them, after every so many events; K5, of lookups, is asked of a network with `lookUp`.
 */
import type { NodeIndex } from '@servent/simulator'
import { CONTACTS_DEFAULT, GOSSIP_BURST_BYTES, groupOf } from '../../src/machine.ts'
import type { KelipsNetwork } from './network.ts'

export class InvariantError extends Error {
  override readonly name = 'InvariantError'
  readonly invariant: string

  constructor(invariant: string, what: string) {
    super(`${invariant}: ${what}`)
    this.invariant = invariant
  }
}

/** An expired entry is gone with the next round, which comes within five quarters of its period. */
const ROUNDS_MOST = 2

export class InvariantChecker {
  readonly #network: KelipsNetwork
  /** By node and peer, the latest heartbeat that was seen. */
  readonly #seen = new Map<number, { startS: number; beat: number }>()
  /** By node, the longest time that its tables had: they shrink when many die at once, and their times with them. */
  readonly #longestMs = new Map<NodeIndex, { view: number; contacts: number }>()
  readonly #sent = new Map<NodeIndex, { bytes: number; atMs: number }>()
  checks = 0

  constructor(network: KelipsNetwork) {
    this.#network = network
  }

  check(): void {
    this.checks += 1
    for (const node of this.#network.simulation.aliveNodes()) this.#checkNode(node)
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
    const sent = this.#sent.get(node) ?? { bytes: 0, atMs: nowMs }
    if (!this.#sent.has(node)) this.#sent.set(node, { bytes: counters.gossipBytes, atMs: nowMs })
    const most = GOSSIP_BURST_BYTES + (settings.gossipBytesPerS * (nowMs - sent.atMs)) / 1000
    if (this.#sent.has(node) && counters.gossipBytes - sent.bytes > most + 1)
      throw new InvariantError(
        'K3 bytes',
        `${node} sent ${counters.gossipBytes - sent.bytes} bytes of ${most}`
      )
  }

  /** Of one peer at one node, for ever. */
  #checkBeat(node: NodeIndex, other: NodeIndex, startS: number, beat: number): void {
    const name = node * 65_536 + other
    const last = this.#seen.get(name)
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
