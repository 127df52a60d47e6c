/** What the machine of a structured overlay speaks of beside its own: an overlay's unions extend these. */
import type { Contact, Effects, Key, MachineTypes, Peer } from '@servent/overlay/machine'
import type { LookupFailure, LookupPurpose, RoutingMessage } from './messages.ts'
import type { RecordKind, StoredRecord, StoreOutcome } from './store-messages.ts'

/** Who forwards. `semi-recursive`: each hop does, and the root answers straight to an origin that it is linked with. */
export type LookupStyle = 'semi-recursive' | 'recursive' | 'iterative'

export type RoutingCommand =
  /** Finds the root of a key: told by `looked-up`. */
  | { readonly type: 'lookup'; readonly key: Key; readonly style?: LookupStyle }
  /** Stores records of this peer at the roots of their keys: told by `published`. */
  | { readonly type: 'publish'; readonly records: readonly StoredRecord[] }
  /** Reads records under a key, page by page: told by `records` and at last `records-end`. */
  | { readonly type: 'fetch'; readonly kind: RecordKind; readonly key: Key; readonly limit: number }
  /** Asks the homes of all words for their counts at once, and the rarest for the records: told as `fetch`. */
  | { readonly type: 'fetch-rarest'; readonly keys: readonly Key[]; readonly limit: number }
  /**
   * Reads a value from `quorum` holders (0: as many as meet every acknowledged write), and repairs those that have
   * none or an older one.
   */
  | { readonly type: 'read-value'; readonly key: Key; readonly quorum: number }
  /** Nobody waits for the answer of this command any more. */
  | { readonly type: 'give-up'; readonly command: number }

export type RoutingNotice =
  | {
      readonly type: 'looked-up'
      readonly command: number
      readonly root: Contact
      readonly replicas: readonly Contact[]
      readonly hops: number
      readonly timeouts: number
      readonly elapsedMs: number
    }
  | {
      readonly type: 'lookup-failed'
      readonly command: number
      readonly reason: LookupFailure
      readonly hops: number
      readonly timeouts: number
      readonly elapsedMs: number
    }
  /** Each step of each lookup that this peer had a hand in, where the setting `traceLookups` is on. */
  | LookupStep
  | {
      readonly type: 'published'
      readonly command: number
      /** One for each record of the command, in its order; `unreachable` where no root took it. */
      readonly outcomes: readonly (StoreOutcome | 'unreachable')[]
      /** Holders of each record that are known to have it, its root among them. */
      readonly copies: readonly number[]
    }
  | {
      readonly type: 'records'
      readonly command: number
      readonly records: readonly StoredRecord[]
      /** As `records-end` says it, as far as it is known by now. */
      readonly total: number
      readonly hops: number
      readonly elapsedMs: number
    }
  | {
      readonly type: 'records-end'
      readonly command: number
      /** How many there are, also beyond the limit; `COUNT_MAX` where more exist than one key may keep. */
      readonly total: number
      /** What this peer itself sent and received for it: of a lookup its first message and what came back. */
      readonly traffic: { readonly messages: number; readonly bytes: number }
      readonly failure?: LookupFailure
    }
  | {
      readonly type: 'value-read'
      readonly command: number
      /** The newest by the validator, where any holder has one. */
      readonly record?: StoredRecord
      readonly holders: number
      /** Fewer answered than the quorum, or than a key has holders by this peer's tables: others may have a newer one. */
      readonly incomplete?: true
      readonly failure?: LookupFailure
    }

export interface LookupStep {
  readonly type: 'lookup-step'
  /** Hexadecimal of the origin's PeerId, and the origin's id of the lookup. */
  readonly origin: string
  readonly id: number
  readonly key: Key
  readonly purpose: LookupPurpose
  readonly what: 'sent' | 'acknowledged' | 'silent' | 'arrived' | 'failed'
  /** Whom this peer sent it to or heard from; this peer itself where it arrived. */
  readonly peer: Peer
  readonly root: boolean
  readonly hops: number
}

/** Work of the world: signatures, and which of two values is the newer. */
export type RoutingQuestion =
  /** Which of these records are what they say: signed by their publisher, subject and expiry as stated. */
  | { readonly type: 'verify'; readonly records: readonly StoredRecord[] }
  /** Which of these values under one key is the best, by the validator of its key. */
  | { readonly type: 'select'; readonly key: Key; readonly records: readonly StoredRecord[] }

export type RoutingAnswer =
  | { readonly type: 'verified'; readonly good: readonly boolean[] }
  | { readonly type: 'selected'; readonly index: number }

export interface RoutingTypes extends MachineTypes {
  message: RoutingMessage
  command: RoutingCommand
  notice: RoutingNotice
  question: RoutingQuestion
  answer: RoutingAnswer
}

/** The effects of any overlay whose unions hold those of `RoutingTypes`. */
export type RoutingEffects = Effects<RoutingTypes>
