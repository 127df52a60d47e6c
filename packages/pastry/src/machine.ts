/**
 * Pastry as a pure machine. Its rules are those of Rowstron and Druschel (Middleware 2001) with the dependability of
 * MSPastry (Castro et al., DSN 2004), and stand in the files named after them; here inputs are led to them. Lookups
 * and records are `@servent/key-routing`'s, which takes its inputs first.
 */
import {
  KeyRouter,
  type LookupDone,
  type Membership,
  RecordKeeper,
  ROUTING_ANSWERS,
  routingOf,
  type StoreCalls,
  storeOf
} from '@servent/key-routing/machine'
import {
  type Effects,
  type Input,
  keyToHex,
  type LinkEnd,
  type Machine,
  type Peer,
  SELF
} from '@servent/overlay/machine'
import { UNLIKE_KEPT_MS } from './constants.ts'
import { estimateSize, tableProbeMs } from './failure-rate.ts'
import { keep } from './held-lookups.ts'
import { adoptTables } from './ideal.ts'
import { fail, suspect, takeLeaf } from './leaf-rules.ts'
import { depart, leave } from './leave.ts'
import { gather, probeForeign, tryJoin } from './life-rules.ts'
import { type Fx, PastryNode } from './node.ts'
import { slotOf } from './node-ids.ts'
import { onMessage, onNotReady } from './node-messages.ts'
import { nextHops, PastryRouting, rootOf } from './overlay-routing.ts'
import { arm, disarm, onTimer } from './rounds.ts'
import type { PastryRules } from './rules.ts'
import { armSaving, onSaveTimer, PEERS_SAVED_AS, SAVE_TIMER } from './save.ts'
import { pastrySettings } from './settings.ts'
import { isNearer, secondStageAsks } from './table-rules.ts'
import type {
  NodeView,
  PastryCommand,
  PastryMode,
  PastrySettings,
  PastryTables,
  PastryTypes
} from './types.ts'

export * from './constants.ts'
export * from './ideal.ts'
export type * from './messages.ts'
export { compareCloseness, slotOf } from './node-ids.ts'
export type { PastryRules } from './rules.ts'
export { PASTRY_SETTINGS, pastrySettings } from './settings.ts'
export type * from './types.ts'

const ANSWERS: ReadonlySet<string> = new Set([
  ...ROUTING_ANSWERS,
  'join-answer',
  'leaf-probe-answer',
  'row',
  'neighbours'
])

/** Pastry as it should be. */
export const CORRECT_PASTRY: PastryRules = {
  slotOf,
  fail,
  nextHops,
  isActive: ({ mode }) => mode === 'member',
  rootOf,
  takeLeaf,
  keep,
  isNearer,
  secondStageAsks
}

export class PastryMachine implements Machine<PastryTypes> {
  readonly #node: PastryNode
  readonly #router: KeyRouter<PastryTypes>

  /** Settings out of their range are taken for the nearest that is in it. `rules` is for tests of the checker. */
  constructor(settings: Partial<PastrySettings> = {}, rules: PastryRules = CORRECT_PASTRY) {
    const all = pastrySettings(settings)
    const node = new PastryNode(all, rules)
    this.#node = node
    const routing = new PastryRouting(node)
    this.#router = new KeyRouter<PastryTypes>({
      routing,
      settings: routingOf(all),
      answers: ANSWERS,
      links: {
        onUnlinked: (peer, end, effects) => onUnlinked(node, peer, end, effects),
        onUnreachable: (peer, _reason, effects) => suspect(node, peer, effects)
      }
    })
    node.router = this.#router
    node.deliver = (link, message, effects) => {
      this.#router.handle({ type: 'message', link, message }, effects)
    }
    const { calls } = this.#router
    node.keeper = new RecordKeeper(storeOf(all), {
      calls: calls as unknown as StoreCalls,
      routing,
      findRoot: (key, done, effects) =>
        this.#router.lookup(
          key,
          { purpose: 'user' },
          done as unknown as LookupDone<PastryTypes>,
          effects as unknown as Fx
        )
    })
    this.#router.use(node.keeper)
  }

  handle(input: Input<PastryTypes>, effects: Effects<PastryTypes>): void {
    const node = this.#node
    if (node.stopped) return
    node.nowMs = effects.nowMs()
    node.peers = effects.peers
    if (input.type === 'message') {
      this.#hear(input.link)
      const { message } = input
      if (message.type === 'lookup-failed' && message.reason === 'not-ready')
        onNotReady(node, input.link, effects)
      if (node.mode === 'joining' && node.entering && node.rules.keep(node, input.link, message, effects))
        return
    }
    if (this.#router.handle(input, effects)) return
    switch (input.type) {
      case 'start':
        node.begin(effects)
        node.cache.load(input.saved.get(PEERS_SAVED_AS), node.peers)
        armSaving(node, effects)
        gather(node, effects)
        break
      case 'stop':
        depart(node, effects)
        node.stopped = true
        break
      case 'contact':
        onContact(node, input.peer, effects)
        break
      case 'message':
        onMessage(node, input.link, input.message, effects)
        break
      case 'command':
        onCommand(node, input.command, effects)
        break
      case 'timer':
        if (input.timer === SAVE_TIMER) onSaveTimer(node, effects)
        else onTimer(node, input.timer, effects)
        break
    }
  }

  /** Whatever a peer of the tables says, it lives. */
  #hear(link: number): void {
    const { heard, maintenance, nowMs } = this.#node
    const peer = this.#router.calls.peerOf(link)
    if (maintenance && peer !== undefined && heard.has(peer)) heard.set(peer, nowMs)
  }

  heldPeers(hold: (peer: Peer) => void): void {
    this.#router.heldPeers(hold)
    this.#node.heldPeers(hold)
  }

  /** The tables themselves, for observers who look after every event. */
  get view(): NodeView {
    const { mode, key, leaves, table, neighbourhood } = this.#node
    return {
      mode,
      key,
      smaller: leaves.smaller,
      larger: leaves.larger,
      table,
      neighbours: neighbourhood.peers
    }
  }

  /** Keys of the records that it keeps for the network, for observers: hexadecimal, each once, in no order. */
  heldKeys(): string[] {
    const keys = new Set<string>()
    for (const { key } of this.#node.keeper.records()) keys.add(keyToHex(key))
    return [...keys]
  }

  /** Collections by name: how many are in each, and its bound. */
  sizes(): Readonly<Record<string, readonly [size: number, max: number]>> {
    return this.#node.sizes()
  }

  get mode(): PastryMode {
    return this.#node.mode
  }

  /** For the service, which asks before each call. */
  get membership(): Membership {
    const { mode, leaves, metMs } = this.#node
    return { isMember: mode === 'member', others: leaves.members.length, sinceMs: metMs }
  }

  snapshot(): PastryTables {
    const node = this.#node
    const { settings, leaves, table, neighbourhood, cache } = node
    return {
      mode: node.mode,
      leafSet: settings.leafSet,
      digitBits: settings.digitBits,
      key: node.key === undefined ? '' : keyToHex(node.key),
      smaller: [...leaves.smaller],
      larger: [...leaves.larger],
      table: [...table.entries()].map(({ slot, peer, distanceMs }) => ({
        row: table.rowOf(slot),
        column: slot & (table.columns - 1),
        peer,
        distanceMs
      })),
      neighbours: neighbourhood.peers.map(peer => ({
        peer,
        distanceMs: neighbourhood.distanceMs(peer) ?? 0
      })),
      remembered: [...new Set([...cache.bootstrap.peers, ...cache.lost.peers])],
      maintenance: node.maintenance,
      tableProbeMs: node.mode === 'member' ? tableProbeMs(node) : 0,
      sizeEstimate: node.mode === 'member' ? estimateSize(node) : 0,
      routing: this.#router.snapshot(),
      store: node.keeper.snapshot(),
      counters: { ...node.counters }
    }
  }
}

function onContact(node: PastryNode, peer: Peer, fx: Fx): void {
  const unlikeMs = node.unlike.get(peer) ?? Number.NEGATIVE_INFINITY
  if (peer === SELF || node.nowMs - unlikeMs < UNLIKE_KEPT_MS) return
  const isNew = !node.cache.bootstrap.peers.includes(peer)
  node.cache.bootstrap.add(peer)
  if (isNew) reachOut(node, peer, fx)
}

/** Who has no ring, or is alone in it, does not wait for the next round. */
function reachOut(node: PastryNode, peer: Peer | undefined, fx: Fx): void {
  if (node.mode === 'joining') tryJoin(node, fx)
  else if (node.mode === 'member' && node.leaves.isEmpty && node.maintenance) probeForeign(node, fx, peer)
}

/** A link that ended in good order, or for lack of use, says nothing of its peer; one that broke does. */
function onUnlinked(node: PastryNode, peer: Peer, end: LinkEnd, fx: Fx): void {
  if (end.kind === 'reset') suspect(node, peer, fx)
}

function onCommand(node: PastryNode, command: PastryCommand, fx: Fx): void {
  switch (command.type) {
    case 'join': {
      const contacts = (command.contacts ?? []).filter(peer => peer !== SELF)
      for (const peer of contacts) node.cache.bootstrap.add(peer, true)
      if (node.mode === 'idle') gather(node, fx)
      else reachOut(node, contacts[0], fx)
      break
    }
    case 'maintenance':
      setMaintenance(node, command.on, fx)
      break
    case 'adopt':
      adoptTables(node, command.tables, fx)
      break
    case 'leave':
      leave(node, fx)
      break
  }
}

function setMaintenance(node: PastryNode, on: boolean, fx: Fx): void {
  if (node.maintenance === on) return
  node.maintenance = on
  if (on) arm(node, fx)
  else disarm(fx)
}
