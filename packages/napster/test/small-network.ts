/**
 * A network of machines in virtual time, with the real codec between them, and an observer that sees every message
 * that leaves. Each node shares files and, where it is a server, has an index.
 */
import {
  type Effects,
  type Link,
  type LinkCodec,
  type LinkEnd,
  type Machine,
  type Peer,
  PeerInterner,
  type RequestId,
  type SaveQuestion,
  type Timer
} from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { NapsterMachine } from '../src/machine.ts'
import type { NapsterMessage, SharedRecord } from '../src/messages.ts'
import type {
  NapsterAnswer,
  NapsterCommand,
  NapsterNotice,
  NapsterQuestion,
  NapsterSettings,
  NapsterTables,
  NapsterTypes
} from '../src/types.ts'
import { napsterCodec } from '../src/wire.ts'
import { NaiveIndex } from './naive-index.ts'
import { answerVerify, peerIdOf, recordOf, type TestFile, wantedOf } from './peer.ts'

export const LATENCY_MS = 20

export interface Sent {
  readonly atMs: number
  readonly from: number
  readonly to: number
  readonly message: NapsterMessage
}

interface HalfLink {
  readonly link: Link
  readonly node: TestNode
  readonly codec: LinkCodec<NapsterMessage>
  other: HalfLink
  open: boolean
}

export class TestNode implements Effects<NapsterTypes> {
  readonly number: number
  readonly peerId: string
  readonly machine: Machine<NapsterTypes>
  readonly peers: PeerInterner
  readonly network: SmallNetwork
  readonly index = new NaiveIndex()
  files: TestFile[] = []
  readonly notices: NapsterNotice[] = []
  readonly halves = new Map<Link, HalfLink>()
  readonly timers = new Map<Timer, number>()
  readonly saved = new Map<string, Uint8Array>()
  alive = true
  /** Takes what comes and answers nothing. */
  silent = false
  /** How long the index takes. */
  indexMs = 1
  #seed: number
  #requests = 0
  #nextIndex = 0
  #pass = -1
  #cursor = 0

  constructor(network: SmallNetwork, number: number, machine: Machine<NapsterTypes>) {
    this.network = network
    this.number = number
    this.machine = machine
    this.#seed = number * 7919 + 1
    this.peerId = peerIdOf(number)
    this.peers = new PeerInterner(() => testContact(number))
  }

  get tables(): NapsterTables {
    return this.machine.snapshot()
  }

  /** PeerId of the server that it is logged in at. */
  get server(): number | undefined {
    const { server } = this.tables
    return server === null ? undefined : this.network.numberOf(server)
  }

  counter(name: string): number {
    const count = this.tables.counters[name]
    if (count === undefined) throw new Error(`There is no counter ${name}.`)
    return count
  }

  command(command: NapsterCommand): RequestId {
    this.#requests += 1
    this.machine.handle({ type: 'command', id: this.#requests, command }, this)
    return this.#requests
  }

  knows(...numbers: number[]): this {
    this.command({ type: 'servers', contacts: numbers.map(testContact) })
    return this
  }

  share(...names: string[]): this {
    const added = names.map(name => {
      this.#nextIndex += 1
      return { index: this.#nextIndex, name, size: 1_000 }
    })
    this.files.push(...added)
    this.#tell()
    this.command({ type: 'changed', added: added.map(({ index }) => index), removed: [] })
    return this
  }

  unshare(name: string): void {
    const gone = this.files.filter(file => file.name === name)
    this.files = this.files.filter(file => file.name !== name)
    this.#tell()
    this.command({ type: 'changed', added: [], removed: gone.map(({ index }) => index) })
  }

  search(text: string): RequestId {
    return this.command({ type: 'search', wanted: wantedOf(text) })
  }

  /** Names and providers of what a search found. */
  found(search: RequestId): string[] {
    return this.notices.flatMap(notice =>
      notice.type === 'found' && notice.search === search
        ? notice.files.map(
            ({ record, contact }) => `${record.name} of ${this.network.numberOfContact(contact.id)}`
          )
        : []
    )
  }

  /** How a search ended: servers that did not answer. */
  ended(search: RequestId): { unanswered: number[]; reason: string } | undefined {
    const end = this.notices.find(notice => notice.type === 'search-ended' && notice.search === search)
    if (end?.type !== 'search-ended') return undefined
    return { unanswered: end.unanswered.map(peerId => this.network.numberOf(peerId)), reason: end.reason }
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
  send(link: Link, message: NapsterMessage): void {
    if (!this.silent) this.network.send(this, link, message)
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
  ask(id: RequestId, question: NapsterQuestion | SaveQuestion): void {
    this.network.later(() => {
      if (!this.alive) return
      try {
        const answer = this.#answer(question as NapsterQuestion)
        this.machine.handle({ type: 'answer', id, answer }, this)
      } catch (error) {
        if ((error as Error).name !== 'IndexUnavailableError') throw error
        this.machine.handle({ type: 'answer', id, error: (error as Error).message }, this)
      }
    }, this.indexMs)
  }
  save(key: string, bytes: Uint8Array | undefined): void {
    if (bytes !== undefined) this.saved.set(key, bytes)
  }
  notify(notice: NapsterNotice): void {
    this.notices.push(notice)
  }

  #tell(): void {
    this.command({ type: 'sharing', files: this.files.length, firewalled: false })
  }

  #answer(question: NapsterQuestion): NapsterAnswer {
    const verdict = answerVerify(question)
    if (verdict !== undefined) return verdict
    if (question.type === 'files') {
      const files = this.files.filter(({ index }) => question.indexes.includes(index))
      return { type: 'files', files: files.map(file => this.#shared(file)), isLast: false }
    }
    if (question.type === 'next-files') {
      if (question.pass !== this.#pass) this.#cursor = 0
      this.#pass = question.pass
      const files = this.files.slice(this.#cursor, this.#cursor + question.limit)
      this.#cursor += question.limit
      return {
        type: 'files',
        files: files.map(file => this.#shared(file)),
        isLast: this.#cursor >= this.files.length
      }
    }
    return this.index.answer(question as Parameters<NaiveIndex['answer']>[0])
  }

  #shared(file: TestFile): SharedRecord {
    return { index: file.index, record: recordOf(this.peerId, file) }
  }
}

interface Event {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

const isBefore = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)

export class SmallNetwork {
  nowMs = 0
  readonly nodes = new Map<number, TestNode>()
  readonly sent: Sent[] = []
  /** A heap. */
  readonly #events: Event[] = []
  readonly #numbers = new Map<string, number>()
  #order = 0
  #nextLink = 1

  add(
    number: number,
    settings: Partial<NapsterSettings> = {},
    options: { machine?: Machine<NapsterTypes>; saved?: ReadonlyMap<string, Uint8Array> } = {}
  ): TestNode {
    const node = new TestNode(this, number, options.machine ?? new NapsterMachine(settings))
    this.nodes.set(number, node)
    this.#numbers.set(node.peerId, number)
    node.machine.handle({ type: 'start', saved: options.saved ?? new Map() }, node)
    return node
  }

  server(number: number, settings: NonNullable<NapsterSettings['server']> = {}): TestNode {
    return this.add(number, { server: settings, nick: `server${number}` })
  }

  numberOf(peerId: string): number {
    return this.#numbers.get(peerId) ?? -1
  }

  numberOfContact(id: Uint8Array): number {
    for (const { number } of this.nodes.values())
      if (Buffer.compare(testContact(number).id, id) === 0) return number
    return -1
  }

  later(run: () => void, afterMs = LATENCY_MS): void {
    this.#order += 1
    const events = this.#events
    let at = events.push({ atMs: this.nowMs + afterMs, order: this.#order, run }) - 1
    while (at > 0 && isBefore(events[at]!, events[(at - 1) >> 1]!)) at = this.#swap(at, (at - 1) >> 1)
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

  connect(node: TestNode, peer: Peer): void {
    const { id } = node.peers.contact(peer)
    const other = this.nodes.get(this.numberOfContact(id))
    if (!node.alive) return
    if (other === undefined || !other.alive) {
      node.machine.handle({ type: 'unreachable', peer, reason: 'nobody answers' }, node)
      return
    }
    // One link for each pair: the other side was faster.
    if ([...node.halves.values()].some(half => half.other.node === other)) return
    this.join(node, other)
  }

  /** A link from one node to another. */
  join(node: TestNode, other: TestNode): readonly [Link, Link] {
    const half = (own: TestNode, link: Link, role: 'initiator' | 'responder'): HalfLink => ({
      link,
      node: own,
      codec: napsterCodec.open(role),
      other: undefined as never,
      open: true
    })
    const near = half(node, this.#nextLink, 'initiator')
    const far = half(other, this.#nextLink + 1, 'responder')
    this.#nextLink += 2
    near.other = far
    far.other = near
    node.halves.set(near.link, near)
    other.halves.set(far.link, far)
    const to = node.peers.intern(testContact(other.number))
    const back = other.peers.intern(testContact(node.number))
    node.machine.handle({ type: 'link-up', link: near.link, peer: to, inbound: false }, node)
    other.machine.handle({ type: 'link-up', link: far.link, peer: back, inbound: true }, other)
    return [near.link, far.link]
  }

  send(node: TestNode, link: Link, message: NapsterMessage): void {
    const half = node.halves.get(link)
    if (half === undefined) return
    this.sent.push({ atMs: this.nowMs, from: node.number, to: half.other.node.number, message })
    const bytes = half.codec.encode(message)
    this.later(() => {
      const { other } = half
      if (!half.open || !other.open || !other.node.alive) return
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

  #down(half: HalfLink, end: LinkEnd): void {
    if (!half.node.halves.delete(half.link)) return
    half.open = false
    if (half.node.alive) half.node.machine.handle({ type: 'link-down', link: half.link, end }, half.node)
  }

  #swap(a: number, b: number): number {
    const events = this.#events
    ;[events[a], events[b]] = [events[b]!, events[a]!]
    return b
  }

  #shift(): Event {
    const events = this.#events
    this.#swap(0, events.length - 1)
    const first = events.pop()!
    for (let at = 0; ; ) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < events.length && isBefore(events[child]!, events[least]!)) least = child
      if (least === at) return first
      at = this.#swap(at, least)
    }
  }
}
