/**
 * The contract of machines, and what hostile peers may not do: whatever comes in, in whatever order, Kelips's machine
 * never throws, keeps every bound, sends no more than it may for a message, and has everybody in the right table.
 */
import { BOOTSTRAP_PEERS_MAX, LOST_PEERS_MAX } from '@servent/key-routing/machine'
import {
  type Contact,
  type Effects,
  type Input,
  keyOfPeer,
  type Link,
  type Machine,
  type Peer
} from '@servent/overlay/machine'
import { checkMachine, type Step, testContact } from '@servent/overlay/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CHAIN_LENGTH,
  CORRECT_KELIPS,
  DEAD_MAX,
  groupOf,
  KelipsMachine,
  type KelipsMessage,
  type KelipsSettings,
  type KelipsTables,
  type KelipsTypes,
  PEER_PREFIX_BYTES,
  SENDS_PER_MESSAGE_MAX,
  TUPLES_PER_KEY_MAX
} from '../src/machine.ts'
import { answerOf } from './support/network.ts'

const PREFIX = new Uint8Array(16)
const CONTACTS = 2
/** The time of day at which `RecordingEffects` begins. */
const NOW_MS = 1_800_000_000_000

const number = fc.integer({ min: 1, max: 12 })
const contact: fc.Arbitrary<Contact> = fc.oneof(
  { weight: 9, arbitrary: number.map(testContact) },
  // Ids that are no PeerIds, and one that is too long to be any.
  fc.record({ id: fc.uint8Array({ minLength: 0, maxLength: 50 }), addresses: fc.constant([]) })
)
const id = fc.integer({ min: 0, max: 20 })
const level = fc.integer({ min: 0, max: 4 })
const bytes = fc.constant(PREFIX)
/** With a chain that goes nowhere every heartbeat is one of it: so they are believed, and go on to the rules. */
const value = fc.oneof({ weight: 5, arbitrary: bytes }, fc.uint8Array({ minLength: 16, maxLength: 16 }))
const life = fc.record({
  contact,
  startS: fc.integer({ min: NOW_MS / 1000 - 60, max: NOW_MS / 1000 + 100 }),
  beat: fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 0, max: 10 }) },
    { weight: 1, arbitrary: fc.constantFrom(CHAIN_LENGTH - 1, CHAIN_LENGTH) }
  ),
  value,
  signature: fc.constant(new Uint8Array(0)),
  level
})
const lives = fc.array(life, { maxLength: 12 })
const beats = fc.array(
  fc.record({
    peer: number.map(at => keyPrefix(at)),
    beat: fc.integer({ min: 0, max: CHAIN_LENGTH }),
    value
  }),
  { maxLength: 12 }
)
const key = fc.constantFrom(0, 1, 64, 128, 200).map(first => new Uint8Array(32).fill(first))
const tuple = fc.record({
  kind: fc.constantFrom('provider' as const, 'word' as const, 'value' as const),
  prefix: key.map(whole => whole.slice(0, 16)),
  provider: contact,
  sequence: id,
  expiresMs: fc.integer({ min: 0, max: 4000 }).map(seconds => NOW_MS + seconds * 1000),
  withdrawn: fc.boolean(),
  signature: fc.constant(new Uint8Array(0))
})
const tuples = fc.array(tuple, { maxLength: 12 })
const heartbeatMs = fc.constantFrom(4000, 4000, 4000, 5000)
const estimate = fc.integer({ min: 0, max: 8 * 256 })
const outcome = fc.constantFrom('kept' as const, 'older' as const, 'full' as const, 'not-root' as const)
const count = fc.integer({ min: 0, max: 70 })
const want = fc.constantFrom('provider' as const, 'word' as const, 'value' as const, 'peer' as const)
const kind = fc.constantFrom('provider' as const, 'word' as const, 'value' as const)
const record = fc.record({
  kind,
  key,
  publisher: contact,
  sequence: id,
  expiresMs: fc.integer({ min: 0, max: 4000 }).map(seconds => NOW_MS + seconds * 1000),
  subject: bytes,
  body: fc.uint8Array({ maxLength: 8 })
})
const records = fc.array(record, { maxLength: 4 })
const type = <const T extends string>(name: T) => fc.constant(name)

const message: fc.Arbitrary<KelipsMessage> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: type('gossip'), level, estimate, lives, beats, tuples }) },
  fc.record({ type: type('join'), id, level, heartbeatMs, life }),
  fc.record({ type: type('welcome'), id, level, estimate, heartbeatMs, lives }),
  fc.record({
    type: type('state-request'),
    id,
    part: fc.constantFrom('members' as const, 'contacts' as const, 'tuples' as const),
    from: count,
    level
  }),
  fc.record({ type: type('state'), id, lives, tuples, next: count }),
  fc.record({ type: type('find'), id, key, want, after: count, ttl: fc.integer({ min: 0, max: 8 }) }),
  fc.record({
    type: type('providers'),
    id,
    covers: fc.boolean(),
    hops: id,
    timeouts: id,
    total: fc.integer({ min: 0, max: TUPLES_PER_KEY_MAX }),
    tuples,
    nearest: fc.array(contact, { maxLength: 16 })
  }),
  fc.record({ type: type('offer'), id, life, tuples }),
  fc.record({
    type: type('offered'),
    id,
    outcomes: fc.array(outcome, { maxLength: 12 }),
    known: count,
    refreshS: count
  }),
  fc.record({ type: type('ping'), id }),
  fc.record({ type: type('pong'), id }),
  fc.record({ type: type('get'), id, kind, key, after: count, limit: count }),
  fc.record({ type: type('page'), id, total: count, records, next: count }),
  fc.record({
    type: type('store'),
    id,
    as: fc.constantFrom('root' as const, 'replica' as const, 'hand-over' as const),
    records
  }),
  fc.record({
    type: type('stored'),
    id,
    outcomes: fc.array(outcome, { maxLength: 4 }),
    copies: fc.array(count, { maxLength: 4 })
  })
)

const step: fc.Arbitrary<Step<KelipsTypes>> = fc.oneof(
  fc.record({ type: type('contact'), peer: number }),
  { weight: 2, arbitrary: fc.record({ type: type('link-up'), peer: number, inbound: fc.boolean() }) },
  fc.record({
    type: type('link-down'),
    pick: fc.nat(9),
    kind: fc.constantFrom('closed' as const, 'reset' as const, 'idle' as const)
  }),
  fc.record({ type: type('unreachable'), pick: fc.nat(9) }),
  { weight: 8, arbitrary: fc.record({ type: type('message'), pick: fc.nat(9), message }) },
  {
    weight: 8,
    arbitrary: fc.record({
      type: type('answer'),
      pick: fc.nat(9),
      fails: fc.nat(9).map(chance => chance === 0)
    })
  },
  { weight: 3, arbitrary: fc.record({ type: type('advance'), byMs: fc.integer({ min: 0, max: 20_000 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: type('command'),
      command: fc.oneof(
        fc.record({ type: type('maintenance'), on: fc.constantFrom(true, true, true, false) }),
        fc.constantFrom({ type: 'join' as const }, { type: 'join' as const }, { type: 'leave' as const }),
        fc.record({ type: type('lookup'), key }),
        fc.record({ type: type('fetch'), kind, key, limit: count }),
        fc.record({ type: type('fetch-rarest'), keys: fc.array(key, { maxLength: 3 }), limit: count }),
        fc.record({ type: type('read-value'), key, quorum: fc.integer({ min: 0, max: 4 }) }),
        fc.record({ type: type('publish'), records })
      )
    })
  }
)

function keyPrefix(peer: number): Uint8Array {
  return keyOfPeer(testContact(peer).id).slice(0, PEER_PREFIX_BYTES)
}

/** Gives answers the ids of requests that wait, so that what hostile peers answer is taken for an answer. */
class Answered implements Machine<KelipsTypes> {
  readonly machine: KelipsMachine
  readonly #asked = new Map<Link, number[]>()
  #peers: Effects<KelipsTypes>['peers'] | undefined

  constructor(settings: Partial<KelipsSettings>) {
    this.machine = new KelipsMachine(settings, { ...CORRECT_KELIPS, oneWay: () => undefined })
  }

  handle(input: Input<KelipsTypes>, effects: Effects<KelipsTypes>): void {
    this.#peers = effects.peers
    this.machine.handle(this.#matched(input), {
      peers: effects.peers,
      nowMs: () => effects.nowMs(),
      wallMs: () => effects.wallMs(),
      random: () => effects.random(),
      open: peer => effects.open(peer),
      close: (link, reason) => effects.close(link, reason),
      send: (link, sent, priority) => {
        if ('id' in sent && !ANSWERS.has(sent.type)) {
          const ids = this.#asked.get(link) ?? []
          this.#asked.set(link, [...ids, sent.id].slice(-4))
        }
        effects.send(link, sent, priority)
      },
      setTimer: (timer, afterMs) => effects.setTimer(timer, afterMs),
      cancelTimer: timer => effects.cancelTimer(timer),
      ask: (request, question) => effects.ask(request, question),
      save: (saved, content) => effects.save(saved, content),
      notify: notice => effects.notify(notice)
    })
  }

  heldPeers(hold: (peer: Peer) => void): void {
    this.machine.heldPeers(hold)
  }

  snapshot(): KelipsTables {
    return this.machine.snapshot()
  }

  /** Members of other groups, contacts of the own one, and more contacts of one than there may be. */
  get disorder(): number {
    const { view, contacts, level: own } = this.machine.state
    const peers = this.#peers
    if (peers === undefined) return 0
    const groupAt = (peer: Peer): number => groupOf(peers.key(peer), own)
    const self = groupAt(0)
    let found = 0
    const perGroup = new Map<number, number>()
    for (let row = 0; row < view.size; row += 1) if (groupAt(view.peerAt(row)) !== self) found += 1
    for (let row = 0; row < contacts.table.size; row += 1) {
      const group = groupAt(contacts.table.peerAt(row))
      perGroup.set(group, (perGroup.get(group) ?? 0) + 1)
      if (group === self) found += 1
    }
    for (const known of perGroup.values()) if (known > CONTACTS) found += 1
    return found
  }

  #matched(input: Input<KelipsTypes>): Input<KelipsTypes> {
    if (input.type !== 'message' || !('id' in input.message) || !ANSWERS.has(input.message.type)) return input
    const ids = this.#asked.get(input.link)
    if (ids === undefined) return input
    return { ...input, message: { ...input.message, id: ids[input.message.id % ids.length]! } }
  }
}

const ANSWERS: ReadonlySet<string> = new Set([
  'pong',
  'stored',
  'page',
  'welcome',
  'state',
  'providers',
  'offered'
])

describe('the machine keeps its contract and sends no more than it may for a message', () => {
  it.each([1, 4])(
    'with %i groups, whatever comes',
    groups => {
      let sent = 0
      let members = 0
      let kept = 0
      fc.assert(
        fc.property(fc.array(step, { minLength: 40, maxLength: 120, size: 'max' }), steps => {
          const result = checkMachine<KelipsTypes, Answered>(
            {
              create: () => new Answered({ groups, contacts: CONTACTS, mergeMs: 5000, saveMs: 10_000 }),
              fanOutMax: SENDS_PER_MESSAGE_MAX,
              answer: answerOf,
              sizes: subject => {
                const { state } = subject.machine
                members = Math.max(members, state.view.size)
                kept = Math.max(kept, state.tuples.size)
                return {
                  disorder: [subject.disorder, 0],
                  dead: [state.dead.size, DEAD_MAX],
                  remembered: [subject.snapshot().remembered.length, BOOTSTRAP_PEERS_MAX + LOST_PEERS_MAX],
                  // Every provider that is known has a tuple here.
                  origins: [state.origins.table.size, state.tuples.size]
                }
              }
            },
            steps
          )
          sent += result.sent
        }),
        { numRuns: 150, seed: 7, endOnFailure: true }
      )
      console.log(`${sent} sent, at most ${members} members and ${kept} tuples`)
      expect(sent).toBeGreaterThan(1000)
      expect(members).toBeGreaterThan(2)
      expect(kept).toBeGreaterThan(4)
    },
    60_000
  )
})
