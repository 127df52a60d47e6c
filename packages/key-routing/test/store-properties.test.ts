/** Whatever comes, in whatever order: a machine that holds a router with a keeper of records keeps the contract. */
import type { Effects, Input, Key, Machine, Peer } from '@servent/overlay/machine'
import { checkMachine, type MachineSubject, type Step, testContact } from '@servent/overlay/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CALLS_PER_PEER_MAX,
  KeyRouter,
  type KeyRouting,
  type NextHop,
  RecordKeeper,
  type RoutingMessage,
  type RoutingTypes,
  STORE_LIMITS,
  STORE_SETTINGS,
  type StoredRecord,
  type StoreSnapshot
} from '../src/machine.ts'
import { answerOf, BAD } from './record-ring.ts'
import { keyAt } from './solo.ts'

interface Types extends RoutingTypes {
  snapshot: StoreSnapshot
}

/** It is the root of every second key; whoever is linked is a replica and the next hop. */
class Tables implements KeyRouting {
  readonly ready = true
  readonly linked: Peer[] = []

  rootOf(key: Key) {
    return key[0]! % 2 === 0 ? { from: keyAt(key[0]! - 1), to: keyAt(key[0]!) } : undefined
  }

  nextHops(_: Key, limit: number, silent: (peer: Peer) => boolean): NextHop[] {
    return this.linked
      .filter(peer => !silent(peer))
      .slice(0, limit)
      .map(peer => ({ peer, root: true }))
  }

  replicas(_: Key, count: number): Peer[] {
    return this.linked.slice(0, count)
  }

  onSilent(peer: Peer): void {
    if (this.linked.includes(peer)) this.linked.splice(this.linked.indexOf(peer), 1)
  }
}

const LIMITS = { ...STORE_LIMITS, recordsMax: 12, keyRecordsMax: 4, publisherRecordsMax: 6 }

class Keeping implements Machine<Types> {
  readonly #tables = new Tables()
  readonly #router: KeyRouter<Types>
  readonly #keeper: RecordKeeper

  constructor() {
    this.#router = new KeyRouter<Types>({
      routing: this.#tables,
      links: {
        onLinked: (peer, _, effects) => {
          if (!this.#tables.linked.includes(peer)) this.#tables.linked.push(peer)
          this.#router.tablesChanged(effects)
        },
        onUnlinked: (peer, _, effects) => {
          this.#tables.onSilent(peer)
          this.#router.tablesChanged(effects)
        }
      }
    })
    const router = this.#router
    const settings = { ...STORE_SETTINGS, limits: LIMITS, repairMs: 10_000 }
    this.#keeper = new RecordKeeper(settings, {
      calls: router.calls as never,
      routing: this.#tables,
      findRoot: (key, done, effects) =>
        router.lookup(key, { purpose: 'user' }, done as never, effects as never)
    })
    router.use(this.#keeper)
  }

  handle(input: Input<Types>, effects: Effects<Types>): void {
    this.#router.handle(input, effects)
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const peer of this.#tables.linked) hold(peer)
    this.#router.heldPeers(hold)
  }

  snapshot(): StoreSnapshot {
    return this.#keeper.snapshot()
  }
}

const subject: MachineSubject<Types, Keeping> = {
  create: () => new Keeping(),
  // An answer may let all that waited for a peer go on.
  fanOutMax: CALLS_PER_PEER_MAX,
  sizes: machine => machine.snapshot().sizes,
  answer: answerOf
}

const WALL = 1_800_000_000_000
const key = fc.nat({ max: 5 }).map(keyAt)
const ids = fc.nat({ max: 30 })
const record: fc.Arbitrary<StoredRecord> = fc
  .record({
    kind: fc.constantFrom('provider' as const, 'word' as const, 'value' as const),
    key,
    publisher: fc.integer({ min: 0, max: 4 }).map(testContact),
    sequence: fc.nat({ max: 5 }),
    expiresMs: fc.constantFrom(WALL - 1, WALL + 5000, WALL + 100_000, WALL * 2),
    subject: fc.nat({ max: 3 }).map(keyAt),
    body: fc.constantFrom(Uint8Array.of(1), Uint8Array.of(BAD), new Uint8Array(400)),
    withdrawn: fc.boolean()
  })
  .map(({ withdrawn, ...fields }) => ({
    ...fields,
    subject: fields.kind === 'value' ? new Uint8Array(0) : fields.subject,
    ...(withdrawn && fields.kind !== 'value' && { withdrawn })
  }))
const records = fc.array(record, { maxLength: 6 })
const hashes = fc.array(fc.integer({ min: 0, max: 2 ** 52 - 1 }), { maxLength: 16, minLength: 16 })
const message: fc.Arbitrary<RoutingMessage> = fc.oneof(
  fc.record({
    type: fc.constant('store' as const),
    id: ids,
    as: fc.constantFrom('root' as const, 'replica' as const, 'hand-over' as const),
    records
  }),
  fc.record({
    type: fc.constant('stored' as const),
    id: ids,
    outcomes: fc.array(fc.constantFrom('kept' as const, 'not-root' as const, 'busy' as const), {
      maxLength: 7
    }),
    copies: fc.constant([])
  }),
  fc.record({
    type: fc.constant('get' as const),
    id: ids,
    kind: fc.constantFrom('word' as const, 'value' as const),
    key,
    after: fc.nat({ max: 4 }),
    limit: fc.nat({ max: 4 })
  }),
  fc.record({
    type: fc.constant('page' as const),
    id: ids,
    records,
    total: fc.nat({ max: 9 }),
    next: fc.nat()
  }),
  fc.record({
    type: fc.constant('digest-request' as const),
    id: ids,
    from: key,
    to: key,
    prefix: fc.array(fc.nat({ max: 15 }), { maxLength: 3 }),
    digest: fc.nat()
  }),
  fc.record({
    type: fc.constant('digest-answer' as const),
    id: ids,
    what: fc.constantFrom('same' as const, 'branches' as const, 'all' as const, 'busy' as const),
    hashes
  }),
  fc.record({ type: fc.constant('pull' as const), id: ids, from: key, to: key, fingerprints: hashes })
)
const command = fc.oneof(
  fc.record({ type: fc.constant('publish' as const), records }),
  fc.record({ type: fc.constant('fetch' as const), kind: fc.constant('word' as const), key, limit: ids }),
  fc.record({
    type: fc.constant('fetch-rarest' as const),
    keys: fc.array(key, { maxLength: 3 }),
    limit: ids
  }),
  fc.record({ type: fc.constant('read-value' as const), key, quorum: fc.nat({ max: 5 }) }),
  fc.record({ type: fc.constant('give-up' as const), command: ids })
)
const pick = fc.nat({ max: 9 })
const peer = fc.integer({ min: 1, max: 5 })
const step: fc.Arbitrary<Step<Types>> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('message' as const), pick, message }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('command' as const), command }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('link-up' as const), peer, inbound: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('answer' as const), pick, fails: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('link-down' as const),
      pick,
      kind: fc.constant('reset' as const)
    })
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('unreachable' as const), pick }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('advance' as const),
      byMs: fc.constantFrom(10, 700, 5000, 40_000)
    })
  }
)

/** Of a failure that is to be run again: what it printed. */
const SEED = Number(process.env.SERVENT_FUZZ_SEED ?? Date.now() % 0x7fff_ffff)
const PATH = process.env.SERVENT_FUZZ_PATH
const RUNS = 150
/** Of 1260 times so many runs the fewest sent 903 messages: fewer than this, and the steps reach nothing any more. */
const SENT_MIN = 300

describe('the machine of a keeper of records', () => {
  it(`keeps the contract and its bounds: SERVENT_FUZZ_SEED=${SEED}`, () => {
    let sent = 0
    const property = fc.property(fc.array(step, { maxLength: 60, size: 'max' }), steps => {
      sent += checkMachine(subject, steps).sent
    })
    const result = fc.check(property, {
      numRuns: RUNS,
      seed: SEED,
      ...(PATH !== undefined && { path: PATH })
    })
    const again = `SERVENT_FUZZ_SEED=${SEED} SERVENT_FUZZ_PATH=${result.counterexamplePath} runs it again`
    if (result.failed)
      throw new Error(`${again}.\n${fc.defaultReportMessage(result)}`, { cause: result.errorInstance })
    if (PATH === undefined) expect(sent).toBeGreaterThan(SENT_MIN)
  })
})
