/** One router alone: its tables are what the test says, its peers are links that the test speaks for. */
import {
  type Contact,
  type Key,
  keyOfPeer,
  type Link,
  type LinkEnd,
  type Peer,
  type Timer
} from '@servent/overlay/machine'
import { type Effect, RecordingEffects, testContact } from '@servent/overlay/testing'
import {
  type Found,
  type KeyRange,
  KeyRouter,
  type KeyRouterInit,
  type KeyRouting,
  type Lookup,
  type LookupResult,
  type NextHop,
  type RootBelief,
  type RouterSettings,
  type RoutingCommand,
  type RoutingMessage,
  type RoutingTypes,
  routerSettings
} from '../src/machine.ts'

/** A key whose first byte is the number, and whose others are 0. */
export function keyAt(first: number): Key {
  const key = new Uint8Array(32)
  key[0] = first
  return key
}

/** Tables that say what they were told to say. */
export class FixedRouting implements KeyRouting {
  ready = true
  /** Asked for each key: the range that this peer is the root of. */
  root: (key: Key, silent: (peer: Peer) => boolean) => KeyRange | undefined = () => undefined
  hops: NextHop[] = []
  copies: Peer[] = []
  isPlausibleRange?: (root: Peer, range: KeyRange) => boolean
  ownRanges?: () => readonly KeyRange[]
  believeRoot?: (root: Peer, key: Key, to: Key) => RootBelief
  doubted?: NonNullable<KeyRouting['doubted']>
  /** Whom `onSilent` told of. */
  readonly silent: Peer[] = []

  rootOf(key: Key, silent: (peer: Peer) => boolean): KeyRange | undefined {
    return this.root(key, silent)
  }

  nextHops(_key: Key, limit: number, silent: (peer: Peer) => boolean, _asRoot?: boolean): readonly NextHop[] {
    return this.hops.filter(hop => !silent(hop.peer)).slice(0, limit)
  }

  replicas(_key: Key, count: number): readonly Peer[] {
    return this.copies.slice(0, count)
  }

  onSilent(peer: Peer): void {
    this.silent.push(peer)
  }
}

export class Solo {
  readonly effects = new RecordingEffects<RoutingTypes>()
  readonly routing = new FixedRouting()
  readonly router: KeyRouter
  readonly results: LookupResult[] = []
  /** What the overlay heard of links. */
  readonly heard: string[] = []
  /** Links that this peer closed. */
  readonly closed: Link[] = []
  /** Peers that it asked its host to open. */
  readonly opened: Peer[] = []
  readonly #timers = new Map<Timer, number>()
  #nextLink: Link = 1
  #nextCommand = 1
  /** What of the log was carried out. */
  #log: readonly Effect<RoutingTypes>[] = []
  #seen = 0

  constructor(settings: Partial<RouterSettings> = {}, init: Partial<KeyRouterInit<RoutingTypes>> = {}) {
    this.router = new KeyRouter({
      routing: this.routing,
      settings: routerSettings(settings),
      links: {
        onLinked: (peer, inbound) => this.heard.push(`linked ${peer}${inbound ? ' inbound' : ''}`),
        onUnlinked: (peer, end) => this.heard.push(`unlinked ${peer}: ${end.kind}`),
        onUnreachable: peer => this.heard.push(`unreachable ${peer}`)
      },
      ...init
    })
    this.give({ type: 'start', saved: new Map() })
  }

  /** The handle of `testContact(number)`. */
  peer(number: number): Peer {
    return this.effects.peers.intern(testContact(number))
  }

  give(input: Parameters<KeyRouter['handle']>[0]): boolean {
    const taken = this.router.handle(input, this.effects)
    this.#carryOut()
    return taken
  }

  link(number: number, inbound = false): Link {
    const link = this.#nextLink
    this.#nextLink += 1
    this.give({ type: 'link-up', link, peer: this.peer(number), inbound })
    return link
  }

  down(link: Link, kind: LinkEnd['kind'] = 'reset'): void {
    this.give({ type: 'link-down', link, end: { kind, message: '' } })
  }

  unreachable(number: number): void {
    this.give({ type: 'unreachable', peer: this.peer(number), reason: 'nobody is there' })
  }

  /** A message comes in on a link; gives what it caused to be sent, as `link: type`. */
  message(link: Link, message: RoutingMessage): string[] {
    this.effects.take()
    this.give({ type: 'message', link, message })
    return this.said()
  }

  command(command: RoutingCommand): number {
    const id = this.#nextCommand
    this.#nextCommand += 1
    this.give({ type: 'command', id, command })
    return id
  }

  lookup(key: Key, options: Partial<Parameters<KeyRouter['lookup']>[1]> = {}): void {
    this.router.lookup(
      key,
      { purpose: 'user', ...options },
      result => this.results.push(result),
      this.effects
    )
    this.#carryOut()
  }

  /** Runs something that has effects. */
  act(run: () => void): void {
    run()
    this.#carryOut()
  }

  /** Lets time pass; timers fire when theirs has come. */
  advance(byMs: number): void {
    const endMs = this.effects.now + byMs
    for (;;) {
      const due = [...this.#timers].filter(([, atMs]) => atMs <= endMs).sort((a, b) => a[1] - b[1])[0]
      if (due === undefined) break
      this.effects.now = Math.max(this.effects.now, due[1])
      this.#timers.delete(due[0])
      this.give({ type: 'timer', timer: due[0] })
    }
    this.effects.now = endMs
  }

  get timers(): number {
    return this.#timers.size
  }

  /** Everything that was sent since the last `take` of the effects. */
  said(): string[] {
    return this.effects.log.flatMap(effect =>
      effect.type === 'send' ? [`${effect.link}: ${effect.message.type}`] : []
    )
  }

  /** The last message of a type that was sent. */
  last<K extends RoutingMessage['type']>(type: K): Extract<RoutingMessage, { type: K }> {
    const sent = this.effects.sent().filter(message => message.type === type)
    const message = sent.at(-1)
    if (message === undefined) throw new Error(`No ${type} was sent.`)
    return message as Extract<RoutingMessage, { type: K }>
  }

  #carryOut(): void {
    const { log } = this.effects
    if (log !== this.#log) this.#seen = 0
    this.#log = log
    for (const effect of log.slice(this.#seen) as Effect<RoutingTypes>[]) {
      if (effect.type === 'set-timer') this.#timers.set(effect.timer, this.effects.now + effect.afterMs)
      else if (effect.type === 'cancel-timer') this.#timers.delete(effect.timer)
      else if (effect.type === 'open') this.opened.push(effect.peer)
      else if (effect.type === 'close') this.closed.push(effect.link)
    }
    this.#seen = log.length
  }
}

/** A lookup as it comes from a peer that forwards it. */
export function lookupFrom(origin: Contact, fields: Partial<Lookup> = {}): Lookup {
  return {
    type: 'lookup',
    id: 77,
    origin,
    key: keyAt(5),
    purpose: 'user',
    replyBy: 'direct',
    hops: 1,
    timeouts: 0,
    budgetMs: 4000,
    root: false,
    silent: [],
    ...fields
  }
}

/** What a root says of a lookup, for any key. */
export function foundBy(
  root: Contact,
  lookup: Pick<Lookup, 'origin' | 'id'>,
  fields: Partial<Found> = {}
): Found {
  const key = keyOfPeer(root.id)
  return {
    type: 'found',
    origin: lookup.origin.id,
    id: lookup.id,
    root,
    from: key,
    to: key,
    replicas: [],
    hops: 1,
    timeouts: 0,
    ...fields
  }
}
