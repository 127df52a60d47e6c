/**
 * A network of machines in virtual time, with the real codec between them, and an observer that sees every
 * descriptor that leaves. A node shares files; its records are signed by nobody, and `verify` reads them.
 */
import {
  ContentId,
  type Effects,
  type FileRecord,
  type Link,
  type LinkCodec,
  type LinkEnd,
  type Machine,
  type Peer,
  PeerInterner,
  peerIdText,
  type RequestId,
  type SaveQuestion,
  type Timer,
  tokens
} from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { GnutellaMachine } from '../src/machine.ts'
import type { GnutellaMessage, HitResult } from '../src/messages.ts'
import { addHashes } from '../src/qrp-hash.ts'
import type {
  Claim,
  GnutellaAnswer,
  GnutellaCommand,
  GnutellaNotice,
  GnutellaQuestion,
  GnutellaSettings,
  GnutellaTypes,
  SeenTiers,
  Wanted
} from '../src/types.ts'
import { gnutellaCodec } from '../src/wire.ts'

export const LATENCY_MS = 20

export interface Sent {
  readonly atMs: number
  readonly from: number
  readonly to: number
  readonly message: GnutellaMessage
  readonly priority: number
}

export type Observer = (sent: Sent) => void

interface HalfLink {
  readonly link: Link
  readonly node: TestNode
  readonly codec: LinkCodec<GnutellaMessage>
  other: HalfLink
  open: boolean
}

/** A record of nobody's hand: what it says, as text. */
export function recordOf(
  provider: string,
  file: { name: string; size: number; expiresMs?: number }
): Uint8Array {
  return Buffer.from(JSON.stringify({ provider, expiresMs: 4e12, ...file }))
}

export class TestNode implements Effects<GnutellaTypes> {
  readonly number: number
  readonly peerId: string
  readonly machine: Machine<GnutellaTypes>
  readonly peers: PeerInterner
  readonly network: SmallNetwork
  readonly files: { index: number; name: string; size: number; expiresMs?: number }[] = []
  readonly notices: GnutellaNotice[] = []
  readonly halves = new Map<Link, HalfLink>()
  readonly timers = new Map<Timer, number>()
  saved = new Map<string, Uint8Array>()
  matchesAsked = 0
  /** A gater that lets nobody in. */
  refusesInbound = false
  alive = true
  #seed: number
  #requests = 0

  constructor(network: SmallNetwork, number: number, machine: Machine<GnutellaTypes>) {
    this.network = network
    this.number = number
    this.machine = machine
    this.#seed = number * 7919 + 2
    const self = testContact(number)
    this.peerId = peerIdText(self.id)
    this.peers = new PeerInterner(() => self)
  }

  share(...names: string[]): this {
    for (const name of names) this.files.push({ index: this.files.length + 1, name, size: 1000 })
    return this
  }

  /** Tells its machine the words of what it shares, as a service does. */
  tellWords({ firewalled = false } = {}): this {
    const hashes = new Set<number>()
    for (const { name } of this.files) addHashes({ name, tags: {}, urns: [] }, hashes)
    this.command({ type: 'sharing', files: this.files.length, kibibytes: this.files.length, firewalled })
    this.command({ type: 'words', hashes: Uint32Array.from(hashes) })
    return this
  }

  tiers(): SeenTiers {
    return this.machine.snapshot().tiers!
  }

  command(command: GnutellaCommand): RequestId {
    this.#requests += 1
    this.machine.handle({ type: 'command', id: this.#requests, command }, this)
    return this.#requests
  }

  search(text: string, ttl?: number): RequestId {
    return this.command({ type: 'search', text, urns: [], ...(ttl === undefined ? {} : { ttl }) })
  }

  /** Names of what a search found, with the hops. */
  found(search: RequestId): string[] {
    return this.notices.flatMap(notice =>
      notice.type === 'found' && notice.search === search
        ? notice.files.map(({ record }) => `${record.name} over ${notice.hops}`)
        : []
    )
  }

  neighbours(): number[] {
    return this.machine
      .snapshot()
      .neighbours.map(({ peerId }) => this.network.numberOf(peerId))
      .sort((a, b) => a - b)
  }

  contact(number: number): void {
    this.machine.handle({ type: 'contact', peer: this.peers.intern(testContact(number)) }, this)
  }

  counter(name: string): number {
    return this.machine.snapshot().counters[name]!
  }

  nowMs(): number {
    return this.network.nowMs
  }
  wallMs(): number {
    return 1_800_000_000_000 + this.network.nowMs
  }
  random(): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0
    return (this.#seed ^ (this.#seed >>> 16)) >>> 0
  }
  open(peer: Peer): void {
    this.network.later(() => this.network.connect(this, peer))
  }
  close(link: Link): void {
    this.network.later(() => this.network.end(this, link), 0)
  }
  send(link: Link, message: GnutellaMessage, priority: number): void {
    this.network.send(this, link, message, priority)
  }
  setTimer(timer: Timer, afterMs: number): void {
    const atMs = this.network.nowMs + afterMs
    this.timers.set(timer, atMs)
    this.network.later(() => {
      if (!this.alive || this.timers.get(timer) !== atMs) return
      this.timers.delete(timer)
      this.machine.handle({ type: 'timer', timer }, this)
    }, afterMs)
  }
  cancelTimer(timer: Timer): void {
    this.timers.delete(timer)
  }
  ask(id: RequestId, question: GnutellaQuestion | SaveQuestion): void {
    this.network.later(() => {
      const answer = this.#answer(question as GnutellaQuestion)
      if (this.alive) this.machine.handle({ type: 'answer', id, answer }, this)
    }, 1)
  }
  save(key: string, bytes: Uint8Array | undefined): void {
    if (bytes === undefined) this.saved.delete(key)
    else this.saved.set(key, bytes)
  }
  notify(notice: GnutellaNotice): void {
    this.notices.push(notice)
  }

  #answer(question: GnutellaQuestion): GnutellaAnswer {
    if (question.type === 'match') {
      this.matchesAsked += 1
      const results = this.files
        .filter(({ name }) => hasAll(name, question))
        .map(
          ({ index, name, size, expiresMs }): HitResult => ({
            index,
            size,
            name,
            urns: [],
            ggep: [],
            record: recordOf(this.peerId, { name, size, ...(expiresMs === undefined ? {} : { expiresMs }) })
          })
        )
      return { type: 'match', results: results.slice(0, question.limit) }
    }
    if (question.type === 'verify') {
      const files = question.claim.results.flatMap(result => {
        const record = this.#read(question.claim, result)
        return record === undefined ? [] : [{ index: result.index, record }]
      })
      return { type: 'verify', files }
    }
    const expiresMs = question.claims.map(claim =>
      Math.min(...claim.results.map(result => this.#read(claim, result)?.expiresMs ?? 0))
    )
    return { type: 'vouch', expiresMs }
  }

  #read({ contact }: Claim, { record }: HitResult): FileRecord | undefined {
    const said = JSON.parse(Buffer.from(record!).toString()) as {
      provider: string
      expiresMs: number
      name: string
      size: number
    }
    if (said.provider !== peerIdText(contact.id) || said.expiresMs <= this.wallMs()) return undefined
    const id = ContentId.fromRoot(new Uint8Array(32).fill(said.name.length), said.size)
    return { id, type: 'text/plain', tags: {}, sequence: 1, ...said }
  }
}

function hasAll(name: string, { text }: Wanted): boolean {
  const words = tokens(name)
  return tokens(text).every(word => words.includes(word))
}

interface Event {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

/** Gives the second place. */
function swap(events: Event[], a: number, b: number): number {
  ;[events[a], events[b]] = [events[b]!, events[a]!]
  return b
}

export class SmallNetwork {
  nowMs = 0
  readonly nodes = new Map<number, TestNode>()
  readonly observers: Observer[] = []
  /** Told of what arrives: a link may be gone before what was sent on it is. */
  readonly arrivals: Observer[] = []
  readonly sent: Sent[] = []
  /** A heap. */
  readonly #events: Event[] = []
  readonly #numbers = new Map<string, number>()
  #order = 0
  #nextLink = 1

  add(
    number: number,
    settings: Partial<GnutellaSettings> = {},
    options: { machine?: Machine<GnutellaTypes>; saved?: ReadonlyMap<string, Uint8Array> } = {}
  ): TestNode {
    const node = new TestNode(this, number, options.machine ?? new GnutellaMachine(settings))
    this.nodes.set(number, node)
    this.#numbers.set(node.peerId, number)
    node.machine.handle({ type: 'start', saved: options.saved ?? new Map() }, node)
    return node
  }

  /** Nodes from 1 on, each of which knows the one before. */
  line(
    count: number,
    settings: Partial<GnutellaSettings> = {},
    make?: (number: number) => Machine<GnutellaTypes> | undefined
  ): TestNode[] {
    const nodes: TestNode[] = []
    for (let number = 1; number <= count; number += 1) {
      const machine = make?.(number)
      const node = this.add(number, settings, machine === undefined ? {} : { machine })
      if (number > 1) node.contact(number - 1)
      nodes.push(node)
      this.run(500)
    }
    return nodes
  }

  numberOf(peerId: string): number {
    return this.#numbers.get(peerId) ?? -1
  }

  later(run: () => void, afterMs = LATENCY_MS): void {
    this.#order += 1
    const events = this.#events
    let at = events.push({ atMs: this.nowMs + afterMs, order: this.#order, run }) - 1
    while (at > 0 && isBefore(events[at]!, events[(at - 1) >> 1]!)) at = swap(events, at, (at - 1) >> 1)
  }

  /** Lets time pass. */
  run(forMs: number): void {
    const endMs = this.nowMs + forMs
    while (this.#events.length > 0 && this.#events[0]!.atMs <= endMs) {
      const { atMs, run } = this.#shift()
      this.nowMs = Math.max(this.nowMs, atMs)
      run()
    }
    this.nowMs = endMs
  }

  #shift(): Event {
    const events = this.#events
    swap(events, 0, events.length - 1)
    const first = events.pop()!
    for (let at = 0; ; ) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < events.length && isBefore(events[child]!, events[least]!)) least = child
      }
      if (least === at) return first
      at = swap(events, at, least)
    }
  }

  /** Opens a link from one node to another. */
  link(from: TestNode, to: TestNode): void {
    this.connect(from, from.peers.intern(testContact(to.number)))
  }

  connect(node: TestNode, peer: Peer): void {
    const { id } = node.peers.contact(peer)
    const other = this.nodes.get(this.numberOf(peerIdText(id)))
    if (!node.alive) return
    if (other === undefined || !other.alive || other.refusesInbound) {
      node.machine.handle({ type: 'unreachable', peer, reason: 'nobody answers' }, node)
      return
    }
    // One link for each pair: the other side was faster.
    if ([...node.halves.values()].some(half => half.other.node === other)) return
    const near: HalfLink = {
      link: this.#nextLink,
      node,
      codec: gnutellaCodec.open('initiator'),
      other: undefined as never,
      open: true
    }
    const far: HalfLink = {
      link: this.#nextLink + 1,
      node: other,
      codec: gnutellaCodec.open('responder'),
      other: near,
      open: true
    }
    near.other = far
    this.#nextLink += 2
    node.halves.set(near.link, near)
    other.halves.set(far.link, far)
    node.machine.handle({ type: 'link-up', link: near.link, peer, inbound: false }, node)
    const back = other.peers.intern(testContact(node.number))
    other.machine.handle({ type: 'link-up', link: far.link, peer: back, inbound: true }, other)
  }

  send(node: TestNode, link: Link, message: GnutellaMessage, priority: number): void {
    const half = node.halves.get(link)
    if (half === undefined) return
    const sent = { atMs: this.nowMs, from: node.number, to: half.other.node.number, message, priority }
    this.sent.push(sent)
    for (const observe of this.observers) observe(sent)
    const bytes = half.codec.encode(message)
    this.later(() => {
      const { other } = half
      if (!half.open || !other.open || !other.node.alive) return
      for (const observe of this.arrivals) observe(sent)
      other.codec.decode(bytes, decoded => {
        other.node.machine.handle({ type: 'message', link: other.link, message: decoded }, other.node)
      })
    })
  }

  end(node: TestNode, link: Link): void {
    const half = node.halves.get(link)
    if (half === undefined || !half.open) return
    // What was sent before is flushed first.
    this.later(() => {
      this.#down(half, { kind: 'local', message: 'closed here' })
      this.#down(half.other, { kind: 'closed', message: 'closed there' })
    })
  }

  /** The node is gone from one moment to the next, and its links with it. */
  kill(node: TestNode): void {
    node.alive = false
    for (const half of [...node.halves.values()]) {
      half.open = false
      this.later(() => this.#down(half.other, { kind: 'reset', message: 'gone' }))
    }
  }

  /** In good order: the machine says goodbye. */
  stop(node: TestNode): void {
    node.machine.handle({ type: 'stop' }, node)
    node.alive = false
  }

  #down(half: HalfLink, end: LinkEnd): void {
    if (!half.node.halves.delete(half.link)) return
    half.open = false
    if (half.node.alive) half.node.machine.handle({ type: 'link-down', link: half.link, end }, half.node)
  }
}

/**
 * What must hold of every flood, seen from above (lecture notes, "Avoiding Excessive Traffic"): a node sends
 * a query id to each neighbour at most once, never to one that it had it from, and hits only to the
 * neighbour that it had the query from first.
 */
export function watchFloods(network: SmallNetwork): string[] {
  const wrongs: string[] = []
  const forwarded = new Set<string>()
  const hadFrom = new Map<string, number[]>()
  network.arrivals.push(({ from, to, message }) => {
    if (message.type !== 'query') return
    const key = `${message.guid} at ${to}`
    hadFrom.set(key, [...(hadFrom.get(key) ?? []), from])
  })
  network.observers.push(({ from, to, message }) => {
    if (message.type === 'query') {
      const edge = `${message.guid} ${from} to ${to}`
      if (forwarded.has(edge)) wrongs.push(`${from} sent a query to ${to} twice`)
      forwarded.add(edge)
      if (hadFrom.get(`${message.guid} at ${from}`)?.[0] === to)
        wrongs.push(`${from} sent a query back to ${to}`)
    }
    if (message.type === 'query-hit' && hadFrom.get(`${message.guid} at ${from}`)?.[0] !== to) {
      wrongs.push(`${from} sent a hit to ${to}, which is not on the way back`)
    }
  })
  return wrongs
}

/** Floods a query through a tree in which every node has as many links, and tells what an observer saw. */
export function reachOfFlood(
  links: number,
  ttl: number
): { queries: number; servents: number; wrongs: string[] } {
  const network = new SmallNetwork()
  const wrongs = watchFloods(network)
  const root = network.add(1, { neighbours: links })
  let level = [root]
  for (let depth = 1; depth <= ttl; depth += 1) {
    level = level.flatMap(parent =>
      Array.from({ length: parent === root ? links : links - 1 }, () => {
        // Who stands at the edge wants no more than its one neighbour.
        const child = network.add(network.nodes.size + 1, { neighbours: depth === ttl ? 2 : links })
        network.link(child, parent)
        return child
      })
    )
  }
  network.run(500)
  network.sent.length = 0
  root.search('blue', ttl)
  network.run(20 * LATENCY_MS)
  const queries = network.sent.filter(({ message }) => message.type === 'query')
  return { queries: queries.length, servents: new Set(queries.map(({ to }) => to)).size, wrongs }
}
