/** What the lab and a node that it started say to each other, over the channel that Node opens between two processes. */
import type { OverlayId } from '@servent/lab/backend'
import type { Conditions } from './access.ts'
import type { LookupAnswer, PeerLook, SearchAnswer, Wanted } from './types.ts'

/** PeerIds in text form, and milliseconds there and back. */
export type RoundTrips = readonly (readonly [peerId: string, ms: number])[]

/** What a node is asked for, each with one answer. */
export interface Asks {
  /** The folder's files, and nothing else. Resolves when all are hashed. */
  share(folder: string): Promise<void>
  joined(): Promise<void>
  settled(): Promise<void>
  lookup(wanted: Wanted): Promise<LookupAnswer>
  search(words: readonly string[], enough: number | null): Promise<SearchAnswer>
  look(): Promise<PeerLook>
  cutOff(peerIds: readonly string[]): Promise<void>
}

export type ToPeer =
  /** First of all. */
  | {
      readonly type: 'begin'
      readonly overlay: OverlayId
      readonly peerId: string
      readonly roundTrips: RoundTrips
      readonly conditions: Conditions
    }
  /** Somebody comes. */
  | { readonly type: 'round-trips'; readonly roundTrips: RoundTrips }
  | {
      readonly type: 'ask'
      readonly id: number
      readonly act: keyof Asks
      readonly given: readonly unknown[]
    }

export type FromPeer =
  /** The program's own word, as it tells any parent. */
  | { readonly event: 'ready'; readonly addresses: readonly string[] }
  | { readonly event: 'error'; readonly message: string }
  | { readonly event: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly event: 'failed'; readonly id: number; readonly message: string }
