/** One machine under a test's hand: links that are up in one call, and what came out since the last look. */
import {
  ContentId,
  type Input,
  type Link,
  type LinkEnd,
  type LinkOrigin,
  peerIdText,
  type Timer,
  unsignedRecord
} from '@servent/overlay/machine'
import { type Effect, RecordingEffects, testContact } from '@servent/overlay/testing'
import { SUPERNODES_MAX, SUPERNODES_PER_MESSAGE_MAX } from '../src/constants.ts'
import type {
  FastTrackAnswer,
  FastTrackCommand,
  FastTrackMessage,
  FastTrackQuestion,
  FastTrackSettings,
  FastTrackTypes,
  HelloMessage,
  QueryMessage,
  Result,
  Wanted,
  WelcomeMessage
} from '../src/machine.ts'
import { FastTrackMachine } from '../src/machine.ts'

/** Keeps timers, so that a test can let time pass. */
class TimedEffects extends RecordingEffects<FastTrackTypes> {
  readonly timers = new Map<Timer, number>()

  override setTimer(timer: Timer, afterMs: number): void {
    super.setTimer(timer, afterMs)
    this.timers.set(timer, this.now + afterMs)
  }

  override cancelTimer(timer: Timer): void {
    super.cancelTimer(timer)
    this.timers.delete(timer)
  }
}

export const WANTED: Wanted = {
  words: ['blue'],
  without: [],
  mediaType: '',
  terms: [],
  content: new Uint8Array(0),
  limit: 200
}

let ids = 0
export function query(fields: Partial<QueryMessage> = {}): QueryMessage {
  ids += 1
  return { type: 'query', id: ids.toString(16).padStart(32, '0'), ttl: 2, hops: 0, wanted: WANTED, ...fields }
}

export const hello = (wants: HelloMessage['wants'], fields: Partial<HelloMessage> = {}): HelloMessage => ({
  type: 'hello',
  wants,
  isSupernode: wants === 'peering',
  isReachable: true,
  uploadKbps: 0,
  uptimeS: 0,
  addresses: [],
  supernodesWanted: wants === 'probe' ? SUPERNODES_PER_MESSAGE_MAX : SUPERNODES_MAX,
  ...fields
})

export const welcome = (
  wants: HelloMessage['wants'],
  fields: Partial<WelcomeMessage> = {}
): WelcomeMessage => ({
  type: 'welcome',
  wants,
  isAccepted: true,
  isSupernode: true,
  users: 10,
  usersMax: 150,
  ...fields
})

/** A result of `WANTED`, or by name of something else, of a peer by its number. */
export function result(provider: number, index: number, name = 'kind of blue.flac'): Result {
  const contact = testContact(provider)
  const record = unsignedRecord({
    id: ContentId.fromRoot(new Uint8Array(32).fill(5), 1000),
    size: 1000,
    name,
    type: 'audio/flac',
    tags: {},
    provider: peerIdText(contact.id),
    sequence: 1,
    expiresMs: 4e12
  })
  return { index, record, contact }
}

export class TestPeer {
  readonly machine: FastTrackMachine
  readonly effects: TimedEffects
  #links = 0
  #requests = 1000

  constructor(settings: Partial<FastTrackSettings> = {}, saved = new Map<string, Uint8Array>(), seed = 1) {
    this.machine = new FastTrackMachine(settings)
    this.effects = new TimedEffects({ seed })
    this.handle({ type: 'start', saved })
    this.command({ type: 'circumstances', isReachable: true, uploadKbps: 0 })
  }

  handle(input: Input<FastTrackTypes>): void {
    this.machine.handle(input, this.effects)
  }

  peer(number: number): number {
    return this.effects.peers.intern(testContact(number))
  }

  /** A new link; nothing is said on it by the other side. Peers are numbers of `testContact`. */
  link(peer: number, inbound = true, origin?: LinkOrigin): Link {
    this.#links += 1
    const from = origin === undefined ? {} : { origin }
    this.handle({ type: 'link-up', link: this.#links, peer: this.peer(peer), inbound, ...from })
    return this.#links
  }

  /** A link that the machine opened, by the handle that it opened it to. */
  linkOf(handle: number): Link {
    this.#links += 1
    this.handle({ type: 'link-up', link: this.#links, peer: handle, inbound: false })
    return this.#links
  }

  /** A link of a supernode with its hello said and answered; what that sent is forgotten. */
  bond(peer: number, wants: HelloMessage['wants'], fields: Partial<HelloMessage> = {}): Link {
    const link = this.link(peer)
    this.from(link, hello(wants, fields))
    this.take()
    return link
  }

  from(link: Link, ...messages: FastTrackMessage[]): void {
    for (const message of messages) this.handle({ type: 'message', link, message })
  }

  down(link: Link, kind: LinkEnd['kind'] = 'closed'): void {
    this.handle({ type: 'link-down', link, end: { kind, message: kind } })
  }

  command(command: FastTrackCommand): number {
    this.#requests += 1
    this.handle({ type: 'command', id: this.#requests, command })
    return this.#requests
  }

  /** Lets time pass, and fires the machine's timers as they fall due. */
  pass(ms: number): void {
    const endMs = this.effects.now + ms
    for (;;) {
      const due = [...this.effects.timers].sort((a, b) => a[1] - b[1])[0]
      if (due === undefined || due[1] > endMs) break
      const [timer, atMs] = due
      this.effects.timers.delete(timer)
      this.effects.advance(Math.max(0, atMs - this.effects.now))
      this.handle({ type: 'timer', timer })
    }
    this.effects.advance(endMs - this.effects.now)
  }

  take(): Effect<FastTrackTypes>[] {
    return this.effects.take()
  }

  /** Messages since the last look, to one link or to all. */
  sent(link?: Link): FastTrackMessage[] {
    return this.effects.sent(link)
  }

  typesTo(link: Link): string[] {
    return this.sent(link).map(({ type }) => type)
  }

  /** Numbers of the peers that links were opened to since the last look. */
  opened(): number[] {
    return this.effects.log.flatMap(effect => (effect.type === 'open' ? [effect.peer] : []))
  }

  closed(): Link[] {
    return this.effects.log.flatMap(effect => (effect.type === 'close' ? [effect.link] : []))
  }

  /** Questions since the last look. */
  asked(): { id: number; question: FastTrackQuestion }[] {
    return this.effects.log.flatMap(effect =>
      effect.type === 'ask' ? [{ id: effect.id, question: effect.question as FastTrackQuestion }] : []
    )
  }

  answer(id: number, answer: FastTrackAnswer): void {
    this.handle({ type: 'answer', id, answer })
  }

  /** Answers the last question of a kind, which must be there. */
  answerLast(type: FastTrackQuestion['type'], answer: FastTrackAnswer): void {
    const asked = this.asked().findLast(({ question }) => question.type === type)
    if (asked === undefined) throw new Error(`Nothing asked ${type}.`)
    this.answer(asked.id, answer)
  }

  bondOf(peer: number): string | undefined {
    return this.machine.snapshot().neighbours.find(({ peerId }) => peerId === peerName(peer))?.bond
  }

  nameOf(peer: number): string {
    return peerName(peer)
  }

  counter(name: string): number {
    const count = this.machine.snapshot().counters[name]
    if (count === undefined) throw new Error(`There is no counter ${name}.`)
    return count
  }
}

export const peerName = (peer: number): string => peerIdText(testContact(peer).id)
