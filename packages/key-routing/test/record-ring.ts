/**
 * A ring of machines that keep records, in the simulator. Who is in the ring an observer tells them, some time
 * after it changed: what a ring's own maintenance does in the end. Bodies of records are made up; one whose first
 * byte is `BAD` has no good signature.
 */
import {
  betweenRightClosed,
  type Codec,
  compareKeys,
  type Effects,
  type Input,
  type Key,
  keyToHex,
  type Machine,
  type MachineTypes,
  type Peer
} from '@servent/overlay/machine'
import { type NetworkModel, type NodeIndex, Simulation, WALL_START_MS } from '@servent/simulator'
import {
  type KeyRange,
  KeyRouter,
  type KeyRouting,
  type NextHop,
  RecordKeeper,
  type RecordKind,
  type RoutingAnswer,
  type RoutingCommand,
  type RoutingEffects,
  type RoutingMessage,
  type RoutingNotice,
  type RoutingQuestion,
  routingByteLength,
  routingTypeOf,
  STORE_SETTINGS,
  type StoredRecord,
  type StoreSettings,
  type StoreSnapshot
} from '../src/machine.ts'
import { keyAt } from './solo.ts'

export const BAD = 0xff

type RingCommand =
  | RoutingCommand
  /** Clockwise from this peer, all others that are in the ring. */
  | { readonly type: 'ring'; readonly around: readonly Peer[] }
  | { readonly type: 'leave' }

interface RingTypes extends MachineTypes {
  message: RoutingMessage
  command: RingCommand
  notice: RoutingNotice
  question: RoutingQuestion
  answer: RoutingAnswer
  snapshot: StoreSnapshot
}

class Tables implements KeyRouting {
  ready = false
  around: readonly Peer[] = []
  readonly #keyOf: (peer: Peer) => Key
  readonly #onSilent: (peer: Peer) => void

  constructor(keyOf: (peer: Peer) => Key, onSilent: (peer: Peer) => void) {
    this.#keyOf = keyOf
    this.#onSilent = onSilent
  }

  rootOf(key: Key, silent: (peer: Peer) => boolean): KeyRange | undefined {
    if (!this.ready) return undefined
    const before = this.around.toReversed().find(peer => !silent(peer)) ?? 0
    const [from, to] = [this.#keyOf(before), this.#keyOf(0)]
    return betweenRightClosed(key, from, to) ? { from, to } : undefined
  }

  /** Everybody is known: the root itself, and those after it where it is silent. */
  nextHops(key: Key, limit: number, silent: (peer: Peer) => boolean): readonly NextHop[] {
    const first = this.around.findIndex((peer, index) =>
      betweenRightClosed(key, this.#keyOf(this.around[index - 1] ?? 0), this.#keyOf(peer))
    )
    if (first < 0) return []
    return this.around
      .slice(first)
      .filter(peer => !silent(peer))
      .slice(0, limit)
      .map(peer => ({ peer, root: true }))
  }

  replicas(_key: Key, count: number): readonly Peer[] {
    return this.around.slice(0, count)
  }

  onSilent(peer: Peer): void {
    this.around = this.around.filter(other => other !== peer)
    this.#onSilent(peer)
  }
}

export class KeeperMachine implements Machine<RingTypes> {
  keeper: RecordKeeper | undefined
  readonly #settings: StoreSettings
  #router: KeyRouter<RingTypes> | undefined
  #tables: Tables | undefined

  constructor(settings: StoreSettings) {
    this.#settings = settings
  }

  handle(input: Input<RingTypes>, effects: Effects<RingTypes>): void {
    if (this.#router === undefined) this.#build(effects)
    if (input.type === 'command' && input.command.type === 'ring') {
      this.#tables!.around = input.command.around
      this.#tables!.ready = true
      this.#router!.tablesChanged(effects)
    } else if (input.type === 'command' && input.command.type === 'leave') {
      const id = input.id
      this.keeper!.handOverAll(
        later => later.notify({ type: 'published', command: id, outcomes: [], copies: [] }),
        effects as unknown as RoutingEffects
      )
    } else this.#router!.handle(input, effects)
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const peer of this.#tables?.around ?? []) hold(peer)
    this.#router?.heldPeers(hold)
  }

  snapshot(): StoreSnapshot {
    return this.keeper!.snapshot()
  }

  #build(effects: Effects<RingTypes>): void {
    this.#tables = new Tables(
      peer => effects.peers.key(peer),
      () => {}
    )
    this.#router = new KeyRouter<RingTypes>({ routing: this.#tables })
    const router = this.#router
    this.keeper = new RecordKeeper(this.#settings, {
      calls: router.calls as never,
      routing: this.#tables,
      findRoot: (key, done, own) =>
        router.lookup(key, { purpose: 'user' }, done as never, own as unknown as Effects<RingTypes>)
    })
    router.use(this.keeper)
  }
}

const codec: Codec<RoutingMessage> = {
  byteLength: routingByteLength,
  typeOf: routingTypeOf,
  open: () => {
    throw new Error('The simulator carries messages as they are.')
  }
}

export function answerOf(question: RoutingQuestion): RoutingAnswer {
  if (question.type === 'verify')
    return { type: 'verified', good: question.records.map(({ body }) => body[0] !== BAD) }
  let best = -1
  for (const [index, record] of question.records.entries()) {
    if (record.body[0] === BAD) continue
    if (best < 0 || record.sequence > question.records[best]!.sequence) best = index
  }
  return { type: 'selected', index: best }
}

export interface RecordRingInit {
  readonly nodes: number
  readonly seed?: string
  readonly settings?: Partial<StoreSettings>
  /** Of one node, beside those of all. */
  readonly settingsOf?: (node: NodeIndex) => Partial<StoreSettings>
  readonly network?: NetworkModel
  /** From a change of the ring until its members know, in milliseconds. */
  readonly detectMs?: number
  readonly observer?: { readonly every: number; check(ring: RecordRing): void }
}

export class RecordRing {
  readonly simulation: Simulation<RingTypes>
  readonly notices: { readonly node: NodeIndex; readonly notice: RoutingNotice; readonly atMs: number }[] = []
  readonly members = new Set<NodeIndex>()
  readonly detectMs: number

  constructor(init: RecordRingInit) {
    const { nodes, seed = 'records', settings, settingsOf, network, detectMs = 500, observer } = init
    this.detectMs = detectMs
    const all = { ...STORE_SETTINGS, ...settings }
    this.simulation = new Simulation<RingTypes>({
      seed,
      codec,
      createMachine: node => new KeeperMachine({ ...all, ...settingsOf?.(node) }),
      answer: question => answerOf(question),
      onNotice: (node, notice, nowUs) => this.notices.push({ node, notice, atMs: nowUs / 1000 }),
      ...(network !== undefined && { network }),
      ...(observer !== undefined && {
        observer: { every: observer.every, check: () => observer.check(this) }
      })
    })
    for (let node = 0; node < nodes; node += 1) this.add()
    this.tellAll()
  }

  /** One more, which the others hear of after `detectMs`. */
  join(): NodeIndex {
    const node = this.add()
    this.changed()
    return node
  }

  crash(node: NodeIndex): void {
    this.simulation.crash(node)
    this.members.delete(node)
    this.changed()
  }

  changed(): void {
    this.simulation.after(this.detectMs * 1000, () => this.tellAll())
  }

  add(): NodeIndex {
    const node = this.simulation.addNode()
    this.simulation.start(node)
    this.members.add(node)
    return node
  }

  tellAll(): void {
    const order = this.inOrder()
    for (const [place, node] of order.entries()) {
      const around = [...order.slice(place + 1), ...order.slice(0, place)]
      const peers = around.map(other => this.simulation.peerOf(node, other))
      this.simulation.command(node, { type: 'ring', around: peers })
    }
  }

  inOrder(): NodeIndex[] {
    const keyOf = (node: NodeIndex) => this.simulation.keyOf(node)
    return [...this.members].sort((a, b) => compareKeys(keyOf(a), keyOf(b)))
  }

  /** Root first, then those that should hold copies. */
  holdersOf(key: Key, count = 1 + STORE_SETTINGS.replicas): NodeIndex[] {
    const order = this.inOrder()
    const root = order.findIndex((node, place) =>
      betweenRightClosed(key, this.simulation.keyOf(order.at(place - 1)!), this.simulation.keyOf(node))
    )
    return [...order.slice(root), ...order.slice(0, root)].slice(0, count)
  }

  keeper(node: NodeIndex): RecordKeeper {
    return (this.simulation.machine(node) as KeeperMachine).keeper!
  }

  /** Members that hold this record, or a newer version of it. */
  holding(record: StoredRecord): NodeIndex[] {
    return [...this.members].filter(node => {
      for (const held of this.keeper(node).records()) if (isVersionOf(held, record)) return true
      return false
    })
  }

  /** A record of one node under a key. */
  record(publisher: NodeIndex, key: Key, fields: Partial<StoredRecord> = {}): StoredRecord {
    const kind: RecordKind = fields.kind ?? 'word'
    return {
      kind,
      key,
      publisher: this.simulation.contactOf(publisher),
      sequence: 1,
      expiresMs: WALL_START_MS + 24 * 3_600_000,
      subject: kind === 'value' ? new Uint8Array(0) : keyAt(7),
      body: new Uint8Array(200),
      ...fields
    }
  }

  run(ms: number): void {
    this.simulation.runFor(ms * 1000)
  }

  /** Gives a command and lets time pass until its last notice. */
  ask<K extends RoutingNotice['type']>(
    node: NodeIndex,
    command: RingCommand,
    last: K,
    ms = 30_000
  ): Extract<RoutingNotice, { type: K }> {
    const id = this.simulation.command(node, command)
    for (let passed = 0; passed < ms; passed += 50) {
      const found = this.told(node, id).find(notice => notice.type === last)
      if (found !== undefined) return found as Extract<RoutingNotice, { type: K }>
      this.run(50)
    }
    throw new Error(`No ${last} came for ${command.type}.`)
  }

  told(node: NodeIndex, command: number): RoutingNotice[] {
    return this.notices.flatMap(({ node: own, notice }) =>
      own === node && 'command' in notice && notice.command === command ? [notice] : []
    )
  }

  publish(node: NodeIndex, records: readonly StoredRecord[]) {
    return this.ask(node, { type: 'publish', records }, 'published')
  }

  /** All records that a node reads under a key, with the total that it is told. */
  fetch(node: NodeIndex, key: Key, { kind = 'word' as RecordKind, limit = 4096 } = {}) {
    const from = this.notices.length
    const end = this.ask(node, { type: 'fetch', kind, key, limit }, 'records-end')
    const records = this.notices
      .slice(from)
      .flatMap(({ notice }) =>
        notice.type === 'records' && notice.command === end.command ? notice.records : []
      )
    return { ...end, records }
  }

  counter(node: NodeIndex, name: string): number {
    return this.keeper(node).snapshot().counters[name] ?? -1
  }
}

export function isVersionOf(held: StoredRecord, record: StoredRecord): boolean {
  const isSame =
    held.kind === record.kind &&
    keyToHex(held.key) === keyToHex(record.key) &&
    (held.kind === 'value' ||
      (String(held.subject) === String(record.subject) &&
        String(held.publisher.id) === String(record.publisher.id)))
  return isSame && held.sequence >= record.sequence
}

/** A key from a number, spread over the ring as hashes are. */
export function spreadKey(number: number): Key {
  const key = new Uint8Array(32)
  let state = (number * 2654435761 + 0x9e3779b9) >>> 0
  for (let index = 0; index < 32; index += 1) {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + index) >>> 0
    key[index] = state >>> 24
  }
  return key
}
