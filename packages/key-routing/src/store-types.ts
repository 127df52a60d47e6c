/** What the keeper of records needs from lookups and calls, and what it is told by its overlay. */
import type { Input, Key, Peer } from '@servent/overlay/machine'
import type { Calls } from './calls.ts'
import type { CallOutcome } from './calls-types.ts'
import type { LookupDone } from './lookup-types.ts'
import type { RoutingMessage } from './messages.ts'
import type { KeyRouting } from './routing.ts'
import type { StoreLimits } from './store-constants.ts'
import type { StoredRecord } from './store-messages.ts'
import type { RoutingEffects, RoutingTypes } from './types.ts'

/** The part of `Calls` that the keeper uses. */
export type StoreCalls = Pick<Calls<RoutingTypes>, 'nextId' | 'request' | 'linkOf' | 'peerOf'>

export type RequestOutcome = CallOutcome<RoutingMessage>

/** Finds the root of a key. `done` is called once, perhaps before this returns. */
export type FindRoot = (key: Key, done: LookupDone<RoutingTypes>, effects: RoutingEffects) => void

export interface StoreSettings {
  /** Copies of a record beside the root's. 0: the root alone. */
  readonly replicas: number
  /** Holders that must have a record before it is acknowledged, the root among them: a majority by default. */
  readonly writeQuorum?: number
  /** How often a root compares its records with its replicas', in milliseconds; 0 is never. */
  readonly repairMs: number
  /** What copying, hand-over and pulling may take, bytes a second; a leave takes what links do. */
  readonly repairBytesPerS: number
  readonly limits: StoreLimits
  /**
   * Whether the body of a record is what the record's fields say, signature aside: pure. Left out where bodies
   * are made up, as in a simulation.
   */
  readonly inspect?: (record: StoredRecord, wallMs: number) => boolean
}

/** What status and lab show of the records that a peer keeps. Plain data. */
export interface StoreSnapshot {
  readonly records: number
  readonly bytes: number
  /** Of keys that this peer is the root of. */
  readonly rootRecords: number
  readonly keys: number
  readonly byKind: Readonly<Record<string, { readonly records: number; readonly bytes: number }>>
  readonly counters: Readonly<Record<string, number>>
  /** Collections by name: how many are in each, and its bound. */
  readonly sizes: Readonly<Record<string, readonly [size: number, max: number]>>
}

/** What a router does with its keeper of records: `RecordKeeper` is one. */
export interface RecordStore {
  /**
   * Takes what is its own and says so: messages of records, the commands `publish`, `fetch`, `fetch-rarest`,
   * `read-value` and `give-up`, timers whose names begin with `store/`, and answers to its questions. Answers
   * to its requests come through `StoreCalls`.
   */
  handle(input: Input<RoutingTypes>, effects: RoutingEffects): boolean
  /** The overlay calls it when what it is the root of, or a replica set, may have changed. */
  onTablesChanged(effects: RoutingEffects): void
  /** Gives all that it keeps to those who keep it when this peer is gone, before an overlay leaves in good order. */
  handOverAll(done: (effects: RoutingEffects) => void, effects: RoutingEffects): void
  /**
   * The overlay has left. What is still being handed over ends there, and whoever waits for it is not told; until the
   * overlay is ready again nobody is told that anything is kept here.
   */
  left(effects: RoutingEffects): void
  heldPeers(hold: (peer: Peer) => void): void
  snapshot(): StoreSnapshot
}

export interface StoreDeps {
  readonly calls: StoreCalls
  readonly routing: KeyRouting
  readonly findRoot: FindRoot
}
