/** The contract of machines: whatever comes in, in whatever order, nothing throws, and every table stays within its bound. */
import { ContentId, type FileRecord } from '@servent/overlay/machine'
import { checkMachine, type MachineSubject, type Step, testContact } from '@servent/overlay/testing'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  type FastTrackAnswer,
  FastTrackMachine,
  type FastTrackMessage,
  type FastTrackQuestion,
  type FastTrackSettings,
  type FastTrackTypes,
  SENDS_PER_MESSAGE_MAX
} from '../src/machine.ts'
import { REFUSALS } from '../src/messages.ts'
import { sizeBounds } from './laws.ts'
import { WANTED } from './peer.ts'
import { message as anyMessage } from './wire-arbitraries.ts'

const TARGET = 3

const peer = fc.integer({ min: 1, max: 14 })
const contact = peer.map(testContact)
const wants = fc.constantFrom('probe' as const, 'session' as const, 'spare' as const, 'peering' as const)
const id = fc.integer({ min: 1, max: 6 }).map(number => number.toString(16).padStart(32, '0'))
const index = fc.nat({ max: 5 })
const files = fc.array(fc.record({ index, record: fc.constant(Uint8Array.of(1, 2, 3)) }), { maxLength: 4 })

/** Messages of a small world, so that they fit each other; and now and then any other. */
const message: fc.Arbitrary<FastTrackMessage> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('hello' as const),
      wants,
      isSupernode: fc.boolean(),
      isReachable: fc.boolean(),
      uploadKbps: fc.nat({ max: 9000 }),
      uptimeS: fc.nat({ max: 9000 }),
      addresses: fc.constant([]),
      supernodesWanted: fc.nat({ max: 200 })
    })
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('welcome' as const),
      wants,
      isAccepted: fc.boolean(),
      isSupernode: fc.boolean(),
      users: fc.nat({ max: 9 }),
      usersMax: fc.nat({ max: 9 })
    })
  },
  fc.record({
    type: fc.constant('supernodes' as const),
    entries: fc.array(fc.record({ contact, users: index, seenS: index }), { maxLength: 8 }),
    heirs: fc.array(contact, { maxLength: 3 })
  }),
  fc.record({ type: fc.constant('share' as const), batch: index, files }),
  fc.record({
    type: fc.constant('unshare' as const),
    batch: index,
    indices: fc.array(index, { maxLength: 3 })
  }),
  fc.record({
    type: fc.constant('shared' as const),
    batch: index,
    refused: fc.array(index, { maxLength: 3 }),
    reasons: fc.array(fc.constantFrom(...REFUSALS), { maxLength: 4 })
  }),
  fc.record({
    type: fc.constant('query' as const),
    id,
    ttl: fc.nat({ max: 6 }),
    hops: fc.nat({ max: 6 }),
    wanted: fc.constant(WANTED)
  }),
  fc.record({
    type: fc.constant('results' as const),
    id,
    hops: fc.nat({ max: 9 }),
    results: fc.array(fc.record({ index, record: fc.constant(Uint8Array.of(1)), contact }), { maxLength: 3 })
  }),
  fc.record({ type: fc.constant('query-end' as const), id }),
  fc.constantFrom({ type: 'promote' as const }, { type: 'decline' as const }, { type: 'ping' as const }),
  fc.record({ type: fc.constant('hand-over' as const), to: fc.array(contact, { maxLength: 4 }) }),
  fc.record({ type: fc.constant('pong' as const), users: index, usersMax: index }),
  fc.record({
    type: fc.constant('push' as const),
    target: peer.map(number => testContact(number).id),
    index,
    contact,
    nonce: fc.constant(new Uint8Array(16)),
    ttl: fc.nat({ max: 6 })
  }),
  anyMessage
)

const step: fc.Arbitrary<Step<FastTrackTypes>> = fc.oneof(
  fc.record({ type: fc.constant('contact' as const), peer }),
  { weight: 3, arbitrary: fc.record({ type: fc.constant('link-up' as const), peer, inbound: fc.boolean() }) },
  fc.record({
    type: fc.constant('link-down' as const),
    pick: fc.nat(9),
    kind: fc.constantFrom('closed' as const, 'reset' as const, 'duplicate' as const)
  }),
  fc.record({ type: fc.constant('unreachable' as const), pick: fc.nat(9) }),
  { weight: 8, arbitrary: fc.record({ type: fc.constant('message' as const), pick: fc.nat(9), message }) },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('answer' as const), pick: fc.nat(9), fails: fc.boolean() })
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('advance' as const), byMs: fc.integer({ min: 0, max: 40_000 }) })
  },
  fc.record({
    type: fc.constant('pressure' as const),
    pick: fc.nat(9),
    level: fc.constantFrom('low' as const, 'high' as const, 'overflow' as const)
  }),
  fc.record({
    type: fc.constant('command' as const),
    command: fc.oneof(
      fc.record({ type: fc.constant('search' as const), wanted: fc.constant(WANTED) }),
      fc.record({ type: fc.constant('more' as const), search: fc.nat(60) }),
      fc.record({ type: fc.constant('end-search' as const), search: fc.nat(60) }),
      fc.record({
        type: fc.constant('push' as const),
        target: peer.map(number => testContact(number).id),
        index,
        nonce: fc.constant(new Uint8Array(16))
      }),
      fc.record({
        type: fc.constant('circumstances' as const),
        isReachable: fc.boolean(),
        uploadKbps: fc.constant(0)
      }),
      fc.constant({ type: 'reshare' as const }),
      fc.record({
        type: fc.constant('changed' as const),
        added: files,
        removed: fc.array(index, { maxLength: 2 })
      })
    )
  })
)

const record: FileRecord = {
  id: ContentId.fromRoot(new Uint8Array(32).fill(1), 10),
  size: 10,
  name: 'blue.flac',
  type: 'audio/flac',
  tags: {},
  provider: '',
  sequence: 1,
  expiresMs: 4e12
}

function answer(question: FastTrackQuestion): FastTrackAnswer {
  switch (question.type) {
    case 'verify':
      return { type: 'verified', records: question.claims.map(() => record) }
    case 'records':
      return question.after < 3
        ? { type: 'records', files: [{ index: question.after + 1, record: Uint8Array.of(1) }], isLast: false }
        : { type: 'records', files: [], isLast: true }
    case 'dial-back':
      return { type: 'dialled', isReachable: true }
    case 'index-add':
      return { type: 'index-added', files: question.files.length }
    case 'index-search':
    case 'index-providers':
    case 'index-browse':
      return { type: 'index-hits', hits: [], isCapped: false }
    default:
      return { type: 'index-removed', files: 0 }
  }
}

const subject = (settings: Partial<FastTrackSettings>): MachineSubject<FastTrackTypes, FastTrackMachine> => ({
  create: () => new FastTrackMachine({ ordinariesPerSupernode: TARGET, ...settings }),
  fanOutMax: SENDS_PER_MESSAGE_MAX,
  answer,
  sizes: machine => {
    const bounds = sizeBounds(TARGET)
    return Object.fromEntries(
      Object.entries(machine.sizes()).map(([name, size]) => [name, [size, bounds[name]!] as const])
    )
  }
})

it.each(['auto', 'supernode', 'ordinary'] as const)(
  'holds for a machine whose role is %s',
  role => {
    let sent = 0
    fc.assert(
      fc.property(fc.array(step, { minLength: 60, maxLength: 250, size: 'max' }), steps => {
        sent += checkMachine(subject({ role }), steps).sent
      }),
      { numRuns: 60 }
    )
    expect(sent).toBeGreaterThan(1000)
  },
  60_000
)
