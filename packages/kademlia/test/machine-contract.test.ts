/**
 * The contract of machines, and what hostile peers may not do: whatever comes in, in whatever order, Kademlia's machine
 * never throws, keeps every bound, and its buckets stay in order.
 */
import type { StoredRecord } from '@servent/key-routing/machine'
import {
  type Contact,
  commonPrefixBits,
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
  KAD_LOOKUPS_MAX,
  KAD_SENDS_PER_MESSAGE_MAX,
  KademliaMachine,
  type KademliaMessage,
  type KademliaTables,
  type KademliaTypes,
  NEWCOMERS_MAX,
  VALUES_WAITING_MAX
} from '../src/machine.ts'

const K = 3
const peer = fc.integer({ min: 1, max: 14 })
const contact: fc.Arbitrary<Contact> = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 40 }).map(testContact) },
  // Ids that are no PeerIds, and one that is too long to be any.
  fc.record({ id: fc.uint8Array({ minLength: 0, maxLength: 50 }), addresses: fc.constant([]) })
)
const contacts = fc.array(contact, { maxLength: 40 })
const id = fc.nat(20)
const key = fc.oneof(
  fc.uint8Array({ minLength: 32, maxLength: 32 }),
  peer.map(number => keyOfPeer(testContact(number).id))
)
const record: fc.Arbitrary<StoredRecord> = fc.record({
  kind: fc.constantFrom('word' as const, 'value' as const),
  key,
  publisher: contact,
  sequence: fc.nat(5),
  expiresMs: fc.constantFrom(0, 1_800_000_100_000, 2_800_000_000_000),
  subject: key,
  body: fc.constant(new Uint8Array(4))
})
const of = <const T extends string>(type: T) => fc.constant(type)
const purpose = fc.constantFrom('user' as const, 'table' as const)
const message = fc.oneof(
  fc.record({ type: of('ping'), id }),
  fc.record({ type: of('ping'), id, client: fc.constant(true as const) }),
  fc.record({ type: of('pong'), id }),
  fc.record({ type: of('find-node'), id, key, purpose }),
  { weight: 4, arbitrary: fc.record({ type: of('closer-peers'), id, closer: contacts }) },
  fc.record({ type: of('get-providers'), id, key, purpose }),
  fc.record({ type: of('providers'), id, closer: contacts, providers: contacts }),
  fc.record({ type: of('add-provider'), key, provider: contact }),
  fc.record({ type: of('get-value'), id, key, purpose }),
  fc.record({ type: of('value-found'), id, closer: contacts, record }),
  fc.record({ type: of('put-value'), id, record }),
  fc.record({ type: of('value-put'), id, record }),
  fc.record({ type: of('files-question'), id, words: fc.array(key, { minLength: 1, maxLength: 3 }) }),
  fc.record({ type: of('files-answer'), id, records: fc.array(record, { maxLength: 5 }), more: fc.boolean() })
) as fc.Arbitrary<KademliaMessage>

const command = fc.oneof(
  fc.record({ type: of('maintenance'), on: fc.boolean() }),
  fc.constant({ type: 'join' as const }),
  fc.record({ type: of('lookup'), key }),
  fc.record({ type: of('publish'), records: fc.array(record, { maxLength: 6 }) }),
  fc.record({ type: of('fetch'), kind: fc.constantFrom('provider', 'word', 'value'), key, limit: fc.nat(9) }),
  fc.record({ type: of('fetch-rarest'), keys: fc.array(key, { maxLength: 4 }), limit: fc.nat(9) }),
  fc.record({ type: of('read-value'), key, quorum: fc.nat(3) }),
  fc.record({ type: of('give-up'), command: fc.nat(30) })
) as fc.Arbitrary<KademliaTypes['command']>

const step: fc.Arbitrary<Step<KademliaTypes>> = fc.oneof(
  fc.record({ type: of('contact'), peer }),
  { weight: 2, arbitrary: fc.record({ type: of('link-up'), peer, inbound: fc.boolean() }) },
  fc.record({
    type: of('link-down'),
    pick: fc.nat(9),
    kind: fc.constantFrom('closed' as const, 'reset' as const, 'idle' as const)
  }),
  fc.record({ type: of('unreachable'), pick: fc.nat(9) }),
  { weight: 8, arbitrary: fc.record({ type: of('message'), pick: fc.nat(9), message }) },
  { weight: 3, arbitrary: fc.record({ type: of('advance'), byMs: fc.integer({ min: 0, max: 20_000 }) }) },
  { weight: 2, arbitrary: fc.record({ type: of('answer'), pick: fc.nat(4), fails: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ type: of('command'), command }) }
)

/** Peers of a table that are not where they belong, or of which there are too many. */
function disorder(machine: KademliaMachine): number {
  const own = keyOfPeer(testContact(0).id)
  let found = 0
  for (const [prefix, bucket] of machine.buckets.entries()) {
    if (bucket.length > K) found += 1
    for (const { key: theirs } of bucket) if (commonPrefixBits(own, theirs) !== prefix) found += 1
  }
  return found
}

const REQUESTS = new Set(['ping', 'find-node', 'get-providers', 'get-value', 'put-value', 'files-question'])

/** Gives answers the ids of requests that wait, so that what hostile peers answer is taken for an answer. */
class Answered implements Machine<KademliaTypes> {
  readonly machine = new KademliaMachine({
    k: K,
    alpha: 2,
    disjointPaths: 2,
    refreshMs: 5000,
    selfLookupMs: 5000
  })
  readonly #asked = new Map<Link, number[]>()

  handle(input: Input<KademliaTypes>, effects: Effects<KademliaTypes>): void {
    const send: Effects<KademliaTypes>['send'] = (link, sent, priority) => {
      if (REQUESTS.has(sent.type) && 'id' in sent)
        this.#asked.set(link, [...(this.#asked.get(link) ?? []), sent.id].slice(-4))
      effects.send(link, sent, priority)
    }
    this.machine.handle(this.#matched(input), {
      peers: effects.peers,
      nowMs: () => effects.nowMs(),
      wallMs: () => effects.wallMs(),
      random: () => effects.random(),
      open: one => effects.open(one),
      close: (link, reason) => effects.close(link, reason),
      send,
      setTimer: (timer, afterMs) => effects.setTimer(timer, afterMs),
      cancelTimer: timer => effects.cancelTimer(timer),
      ask: (request, question) => effects.ask(request, question),
      save: (name, bytes) => effects.save(name, bytes),
      notify: notice => effects.notify(notice)
    })
  }

  heldPeers(hold: (peer: Peer) => void): void {
    this.machine.heldPeers(hold)
  }

  snapshot(): KademliaTables {
    return this.machine.snapshot()
  }

  #matched(input: Input<KademliaTypes>): Input<KademliaTypes> {
    if (input.type !== 'message' || !('id' in input.message) || REQUESTS.has(input.message.type)) return input
    const ids = this.#asked.get(input.link)
    if (ids === undefined) return input
    const answered = ids[input.message.id % ids.length]!
    return { ...input, message: { ...input.message, id: answered } as KademliaMessage }
  }
}

describe('the machine keeps its contract and sends no more than it may for a message', () => {
  it('whatever comes', () => {
    let sent = 0
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 110 }), steps => {
        const result = checkMachine<KademliaTypes, Answered>(
          {
            create: () => new Answered(),
            fanOutMax: KAD_SENDS_PER_MESSAGE_MAX,
            answer: question =>
              question.type === 'verify'
                ? { type: 'verified', good: question.records.map(({ sequence }) => sequence % 2 === 0) }
                : { type: 'selected', index: 0 },
            sizes: ({ machine }) => {
              const { lookups, newcomers, counters } = machine.snapshot()
              return {
                disorder: [disorder(machine), 0],
                lookups: [lookups, KAD_LOOKUPS_MAX],
                newcomers: [newcomers, NEWCOMERS_MAX],
                values: [counters.valuesWaiting!, VALUES_WAITING_MAX]
              }
            }
          },
          steps
        )
        sent += result.sent
      }),
      { numRuns: 150, seed: 7 }
    )
    expect(sent).toBeGreaterThan(1000)
  }, 60_000)
})
