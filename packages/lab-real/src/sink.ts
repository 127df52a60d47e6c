/** Where the samples of a run go as they come, each once, and come back from when it is over. Plain data: it may be sent. */
import type { Phase } from '@servent/lab/backend'
import type { PeerLook } from './types.ts'

/** Of one lookup. `number`: its place in the plan's order. */
export interface LookupSample {
  readonly number: number
  /** In which part of the measured time it was asked, where a partition parts it. */
  readonly phase?: Phase
  /** `unissued`: nobody was there to ask, or who asked died before the answer. */
  readonly status: 'correct' | 'incorrect' | 'failed' | 'unissued'
  readonly hops?: number | undefined
  readonly hopsAsPublished?: number | undefined
  readonly timeouts?: number | undefined
  readonly latencyUs?: number
  /** Over the direct round trip, where that is not 0. */
  readonly stretch?: number
  /** Of its messages, over all peers; nothing where none are counted. */
  readonly names?: readonly string[] | undefined
}

/** Of one search. */
export interface SearchSample {
  readonly number: number
  readonly phase?: Phase
  readonly status: 'asked' | 'failed' | 'unissued'
  readonly wanted: number
  readonly found: number
  readonly right: number
  /** Of results, and of the file whose words were asked for. */
  readonly results: { readonly wanted: number; readonly right: number }
  readonly sought: { readonly wanted: boolean; readonly right: boolean }
  readonly firstHitUs?: number | undefined
  readonly names?: readonly string[] | undefined
}

/** Of one peer, over the part of the measured time in which it lived. */
export interface PeerSample {
  readonly node: number
  readonly isServer: boolean
  readonly aliveUs: number
  /** It was there from the beginning to the end. */
  readonly isSteady: boolean
  readonly livesAtEnd: boolean
  /** As it was when the measured time, or itself, began; nothing: with nothing. */
  readonly first: PeerLook | undefined
  readonly last: PeerLook
  /** What it sent for questions until all of them were over. */
  readonly questions: PeerLook['questions']
}

export interface Samples {
  readonly lookups: readonly LookupSample[]
  readonly searches: readonly SearchSample[]
  readonly peers: readonly PeerSample[]
}

/** Of one run. */
export interface Sink {
  lookup(sample: LookupSample): Promise<void>
  search(sample: SearchSample): Promise<void>
  peer(sample: PeerSample): Promise<void>
  /** All that was given, from wherever it came, in any order. Asked for once, when the run is over. */
  all(): Promise<Samples>
}

export class LocalSink implements Sink {
  readonly #lookups: LookupSample[] = []
  readonly #searches: SearchSample[] = []
  readonly #peers: PeerSample[] = []

  async lookup(sample: LookupSample): Promise<void> {
    this.#lookups.push(sample)
  }

  async search(sample: SearchSample): Promise<void> {
    this.#searches.push(sample)
  }

  async peer(sample: PeerSample): Promise<void> {
    this.#peers.push(sample)
  }

  async all(): Promise<Samples> {
    return { lookups: this.#lookups, searches: this.#searches, peers: this.#peers }
  }
}
