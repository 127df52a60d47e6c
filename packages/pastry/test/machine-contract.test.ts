/**
 * The contract of machines, and what hostile peers may not do: whatever comes in, in whatever order, Pastry's machine
 * never throws, keeps every bound, and its tables stay in order.
 */
import type { Contact, Effects, Input, Link, Machine, Peer } from '@servent/overlay/machine'
import { checkMachine, type Step, testContact } from '@servent/overlay/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  COLUMNS_MAX,
  PastryMachine,
  type PastryMessage,
  type PastrySettings,
  type PastryTables,
  type PastryTypes,
  SENDS_PER_MESSAGE_MAX
} from '../src/machine.ts'

const LEAF_SET = 4
const peer = fc.integer({ min: 1, max: 16 })
const contact: fc.Arbitrary<Contact> = fc.oneof(
  { weight: 5, arbitrary: peer.map(testContact) },
  // Ids that are no PeerIds, and one that is too long to be any.
  fc.record({ id: fc.uint8Array({ minLength: 0, maxLength: 50 }), addresses: fc.constant([]) })
)
const contacts = fc.array(contact, { maxLength: 40 })
const ids = fc.array(
  contact.map(({ id }) => id),
  { maxLength: 20 }
)
const id = fc.integer({ min: 0, max: 20 })
const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
const leafState = {
  id,
  standing: fc.constantFrom('member' as const, 'member' as const, 'joining' as const, 'out' as const),
  leafSet: fc.constantFrom(LEAF_SET, LEAF_SET, LEAF_SET, 16),
  digitBits: fc.constantFrom(4, 4, 4, 2),
  leaves: contacts,
  failed: ids,
  probePeriodMs: fc.nat({ max: 100_000 })
}
const type = <const T extends string>(name: T) => fc.constant(name)

const message: fc.Arbitrary<PastryMessage> = fc.oneof(
  fc.record({
    type: type('join-request'),
    id,
    row: fc.nat({ max: 70 }),
    neighbours: fc.boolean(),
    silent: ids
  }),
  fc.record({
    type: type('join-answer'),
    id,
    standing: leafState.standing,
    leafSet: leafState.leafSet,
    digitBits: leafState.digitBits,
    root: fc.boolean(),
    entries: contacts,
    neighbours: contacts,
    leaves: contacts,
    hops: contacts
  }),
  fc.record({ type: type('leaf-probe'), ...leafState }),
  fc.record({ type: type('leaf-probe-answer'), ...leafState }),
  fc.record({ type: type('heartbeat') }),
  fc.record({
    type: type('row-request'),
    id,
    row: fc.nat({ max: 70 }),
    column: fc.nat({ max: COLUMNS_MAX })
  }),
  fc.record({ type: type('row'), id, entries: contacts }),
  fc.record({ type: type('announce'), entries: contacts }),
  fc.record({ type: type('neighbours-request'), id }),
  fc.record({ type: type('neighbours'), id, neighbours: contacts }),
  fc.record({ type: type('distance'), distanceUs: fc.nat({ max: 100_000_000 }) }),
  fc.record({ type: type('leave'), leaves: contacts }),
  fc.record({ type: type('pong'), id }),
  fc.record({
    type: type('lookup'),
    id,
    origin: contact,
    key,
    purpose: fc.constant('user' as const),
    replyBy: fc.constantFrom('direct' as const, 'path' as const),
    hops: fc.integer({ min: 1, max: 130 }),
    timeouts: fc.nat({ max: 3 }),
    budgetMs: fc.nat({ max: 20_000 }),
    root: fc.boolean(),
    silent: ids
  }),
  fc.record({
    type: type('lookup-failed'),
    origin: contact.map(({ id }) => id),
    id,
    reason: fc.constantFrom('no-route' as const, 'not-ready' as const),
    hops: fc.nat({ max: 3 }),
    timeouts: fc.nat({ max: 3 })
  }),
  fc.record({
    type: type('next-hops-request'),
    id,
    key,
    purpose: fc.constant('table' as const),
    root: fc.boolean(),
    silent: ids
  })
)

const step: fc.Arbitrary<Step<PastryTypes>> = fc.oneof(
  fc.record({ type: type('contact'), peer }),
  { weight: 2, arbitrary: fc.record({ type: type('link-up'), peer, inbound: fc.boolean() }) },
  fc.record({
    type: type('link-down'),
    pick: fc.nat(9),
    kind: fc.constantFrom('closed' as const, 'reset' as const, 'idle' as const)
  }),
  fc.record({ type: type('unreachable'), pick: fc.nat(9) }),
  { weight: 8, arbitrary: fc.record({ type: type('message'), pick: fc.nat(9), message }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: type('advance'), byMs: fc.integer({ min: 0, max: 20_000 }) })
  },
  fc.record({
    type: type('command'),
    command: fc.oneof(
      fc.record({ type: type('maintenance'), on: fc.boolean() }),
      fc.constant({ type: 'leave' as const }),
      fc.constant({ type: 'join' as const }),
      fc.record({ type: type('lookup'), key })
    )
  })
)

/** How far out of order the tables of a machine are: 0 as long as nobody could disturb them. */
function disorder(machine: PastryMachine): number {
  const { smaller, larger, table } = machine.view
  let found = 0
  for (const side of [smaller, larger]) {
    if (side.length > LEAF_SET / 2 || new Set(side).size !== side.length || side.includes(0)) found += 1
  }
  let entries = 0
  for (let slot = 0; slot < table.slots; slot += 1) {
    if (table.at(slot) === 0) found += 1
    if (table.at(slot) > 0) entries += 1
  }
  return entries === table.size ? found : found + 1
}

const REQUESTS: ReadonlySet<string> = new Set([
  'join-request',
  'leaf-probe',
  'row-request',
  'neighbours-request',
  'next-hops-request',
  'ping'
])

/** Gives answers the ids of requests that wait, so that what hostile peers answer is taken for an answer. */
class Answered implements Machine<PastryTypes> {
  readonly machine: PastryMachine
  readonly #asked = new Map<Link, number[]>()

  constructor(settings: Partial<PastrySettings>) {
    this.machine = new PastryMachine(settings)
  }

  handle(input: Input<PastryTypes>, effects: Effects<PastryTypes>): void {
    this.machine.handle(this.#matched(input), {
      peers: effects.peers,
      nowMs: () => effects.nowMs(),
      wallMs: () => effects.wallMs(),
      random: () => effects.random(),
      open: peer => effects.open(peer),
      close: (link, reason) => effects.close(link, reason),
      send: (link, sent, priority) => {
        if ('id' in sent && REQUESTS.has(sent.type)) {
          const ids = this.#asked.get(link) ?? []
          this.#asked.set(link, [...ids, sent.id].slice(-4))
        }
        effects.send(link, sent, priority)
      },
      setTimer: (timer, afterMs) => effects.setTimer(timer, afterMs),
      cancelTimer: timer => effects.cancelTimer(timer),
      ask: (request, question) => effects.ask(request, question),
      save: (key, bytes) => effects.save(key, bytes),
      notify: notice => effects.notify(notice)
    })
  }

  heldPeers(hold: (peer: Peer) => void): void {
    this.machine.heldPeers(hold)
  }

  snapshot(): PastryTables {
    return this.machine.snapshot()
  }

  #matched(input: Input<PastryTypes>): Input<PastryTypes> {
    if (input.type !== 'message' || !('id' in input.message) || REQUESTS.has(input.message.type)) return input
    const ids = this.#asked.get(input.link)
    if (ids === undefined) return input
    return { ...input, message: { ...input.message, id: ids[input.message.id % ids.length]! } }
  }
}

describe('the machine keeps its contract and sends no more than it may for a message', () => {
  it.each(['on', 'off'] as const)(
    'proximity %s, whatever comes',
    proximity => {
      let sent = 0
      fc.assert(
        fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), steps => {
          const result = checkMachine<PastryTypes, Answered>(
            {
              create: () =>
                new Answered({
                  leafSet: LEAF_SET,
                  proximity,
                  neighbourhood: 4,
                  heartbeatMs: 2000,
                  leafExchangeMs: 2000,
                  rowMs: 3000,
                  neighbourhoodMs: 3000,
                  mergeMs: 5000
                }),
              fanOutMax: SENDS_PER_MESSAGE_MAX,
              sizes: ({ machine }) => ({ disorder: [disorder(machine), 0], ...machine.sizes() })
            },
            steps
          )
          sent += result.sent
        }),
        { numRuns: 150, seed: 7 }
      )
      expect(sent).toBeGreaterThan(500)
    },
    120_000
  )
})
