/**
 * The contract of machines, and what hostile peers may not do: whatever comes in, in whatever order, Chord's
 * machine never throws, keeps every bound, and its lists stay in order.
 */
import { BOOTSTRAP_PEERS_MAX, LOST_PEERS_MAX } from '@servent/key-routing/machine'
import type { Contact, Effects, Input, Link, Machine, Peer } from '@servent/overlay/machine'
import { checkMachine, type Step, testContact } from '@servent/overlay/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ChordMachine,
  type ChordMessage,
  type ChordSettings,
  type ChordTables,
  type ChordTypes,
  FINGERS_MAX,
  FORMING_MEMBERS_MAX,
  type RingNode,
  SENDS_PER_MESSAGE_MAX,
  VIRTUAL_NODES_MAX
} from '../src/machine.ts'

const R = 4
const peer = fc.integer({ min: 1, max: 12 })
const contact: fc.Arbitrary<Contact> = fc.oneof(
  peer.map(testContact),
  // Ids that are no PeerIds, and one that is too long to be any.
  fc.record({ id: fc.uint8Array({ minLength: 0, maxLength: 50 }), addresses: fc.constant([]) })
)
const node: fc.Arbitrary<RingNode> = fc.record({
  contact,
  index: fc.integer({ min: 0, max: VIRTUAL_NODES_MAX - 1 })
})
const nodes = fc.array(node, { maxLength: 40 })
const index = fc.integer({ min: 0, max: 3 })
const id = fc.integer({ min: 0, max: 20 })
const member = fc.record({ contact, virtualNodes: fc.integer({ min: 0, max: 40 }) })
const members = fc.array(member, { maxLength: 80 })
const standing = fc.constantFrom('ring' as const, 'forming' as const, 'out' as const)
const listLength = fc.constantFrom(R, R, R, 7)

const message: fc.Arbitrary<ChordMessage> = fc.oneof(
  fc.record({ type: fc.constant('neighbours-request' as const), id, index, version: id, sender: index }),
  fc.record({
    type: fc.constant('neighbours' as const),
    id,
    standing,
    version: id,
    unchanged: fc.boolean(),
    listLength,
    predecessor: node,
    successors: nodes
  }),
  fc.record({ type: fc.constant('notify' as const), index, sender: index }),
  fc.record({ type: fc.constant('candidate' as const), index, node, steps: fc.integer({ min: 0, max: 40 }) }),
  fc.record({ type: fc.constant('leave' as const), sender: index, predecessor: node, successors: nodes }),
  fc.record({ type: fc.constant('fingers-request' as const), id, index }),
  fc.record({ type: fc.constant('fingers' as const), id, fingers: nodes }),
  fc.record({
    type: fc.constant('members-request' as const),
    id,
    listLength,
    virtualNodes: fc.integer({ min: 1, max: 3 }),
    members
  }),
  fc.record({
    type: fc.constant('members' as const),
    id,
    standing,
    listLength,
    virtualNodes: fc.integer({ min: 1, max: 3 }),
    members
  })
)

const step: fc.Arbitrary<Step<ChordTypes>> = fc.oneof(
  fc.record({ type: fc.constant('contact' as const), peer }),
  { weight: 2, arbitrary: fc.record({ type: fc.constant('link-up' as const), peer, inbound: fc.boolean() }) },
  fc.record({
    type: fc.constant('link-down' as const),
    pick: fc.nat(9),
    kind: fc.constantFrom('closed' as const, 'reset' as const, 'idle' as const)
  }),
  fc.record({ type: fc.constant('unreachable' as const), pick: fc.nat(9) }),
  { weight: 6, arbitrary: fc.record({ type: fc.constant('message' as const), pick: fc.nat(9), message }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('advance' as const), byMs: fc.integer({ min: 0, max: 20_000 }) })
  },
  fc.record({
    type: fc.constant('command' as const),
    command: fc.oneof(
      fc.record({ type: fc.constant('maintenance' as const), on: fc.boolean() }),
      fc.constant({ type: 'leave' as const }),
      fc.constant({ type: 'join' as const }),
      fc.record({
        type: fc.constant('lookup' as const),
        key: fc.uint8Array({ minLength: 32, maxLength: 32 })
      })
    )
  })
)

/** How far out of order the lists of a machine are: 0 as long as nobody could disturb them. */
function disorder(machine: ChordMachine): number {
  let found = 0
  for (const place of machine.places) {
    if (place.successors.length > R) found += 1
    if (new Set(place.successors).size !== place.successors.length) found += 1
    if (place.successors.includes(place.index)) found += 1
  }
  return found
}

/** Gives answers the ids of requests that wait, so that what hostile peers answer is taken for an answer. */
class Answered implements Machine<ChordTypes> {
  readonly machine: ChordMachine
  readonly #asked = new Map<Link, number[]>()

  constructor(settings: Partial<ChordSettings>) {
    this.machine = new ChordMachine(settings)
  }

  handle(input: Input<ChordTypes>, effects: Effects<ChordTypes>): void {
    this.machine.handle(this.#matched(input), {
      peers: effects.peers,
      nowMs: () => effects.nowMs(),
      wallMs: () => effects.wallMs(),
      random: () => effects.random(),
      open: peer => effects.open(peer),
      close: (link, reason) => effects.close(link, reason),
      send: (link, sent, priority) => {
        if ('id' in sent && /request|ping/.test(sent.type)) {
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

  snapshot(): ChordTables {
    return this.machine.snapshot()
  }

  #matched(input: Input<ChordTypes>): Input<ChordTypes> {
    if (input.type !== 'message' || !('id' in input.message) || /request/.test(input.message.type))
      return input
    const ids = this.#asked.get(input.link)
    if (ids === undefined) return input
    const answered = ids[input.message.id % ids.length]!
    return { ...input, message: { ...input.message, id: answered } }
  }
}

describe('P5: the machine keeps its contract and sends no more than it may for a message', () => {
  it.each([1, 3])(
    'with %i places, whatever comes',
    virtualNodes => {
      let sent = 0
      fc.assert(
        fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), steps => {
          const result = checkMachine<ChordTypes, Answered>(
            {
              create: () =>
                new Answered({
                  successors: R,
                  virtualNodes,
                  stabiliseMs: 2000,
                  fixFingersMs: 2000,
                  mergeMs: 5000
                }),
              fanOutMax: SENDS_PER_MESSAGE_MAX,
              sizes: ({ machine }) => {
                const { forming, remembered, places } = machine.snapshot()
                return {
                  disorder: [disorder(machine), 0],
                  forming: [forming.length, FORMING_MEMBERS_MAX],
                  remembered: [remembered.length, BOOTSTRAP_PEERS_MAX + LOST_PEERS_MAX],
                  fingers: [Math.max(...places.map(({ fingers }) => fingers.length)), FINGERS_MAX],
                  successors: [Math.max(...places.map(({ successors }) => successors.length)), R]
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
    },
    60_000
  )
})
