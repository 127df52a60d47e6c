/** The machine's tables for people and scripts: peers by their PeerIds, one row for each entry. */
import { type Peer, SELF } from '@servent/overlay'
import type { ChordMode, ChordNode, ChordTables } from './types.ts'

/** An entry of a table: a node of the ring, which is a peer and the index of one of its places there. */
export interface RingEntry {
  readonly peerId: string
  /** 0 but for virtual nodes. */
  readonly index: number
}

/** One place of this peer. Without virtual nodes there is one. */
export interface PlaceView {
  readonly index: number
  /** Hexadecimal. */
  readonly key: string
  /** Whether it is a member of a ring. */
  readonly member: boolean
}

/** What Chord adds to an overlay's snapshot. `place` is the index of the place whose table it is. */
export interface ChordView {
  readonly mode: ChordMode
  /** What the mode means, in a sentence. */
  readonly meaning: string
  /** Whether the ring is proven to stay right through joins and failures. */
  readonly theoremsHold: boolean
  /** r: the same at all peers of a network. */
  readonly successorListLength: number
  readonly places: readonly PlaceView[]
  readonly predecessors: readonly ({ readonly place: number } & RingEntry)[]
  /** Clockwise, the first at rank 1. */
  readonly successors: readonly ({ readonly place: number; readonly rank: number } & RingEntry)[]
  /** The furthest first: each lies at least 2^exponent beyond the place. */
  readonly fingers: readonly ({ readonly place: number; readonly exponent: number } & RingEntry)[]
  /** PeerIds of the members of a ring that forms, without this peer. */
  readonly forming: readonly string[]
  /** PeerIds of peers by whom a ring is joined again, or a foreign one is found. */
  readonly remembered: readonly string[]
}

export function chordView(tables: ChordTables, nameOf: (peer: Peer) => string): ChordView {
  const { mode, theoremsHold, successorListLength, places, forming, remembered } = tables
  const entry = ({ peer, index }: ChordNode): RingEntry => ({ peerId: nameOf(peer), index })
  return {
    mode,
    meaning: meaningOf(mode, successorListLength, theoremsHold),
    theoremsHold,
    successorListLength,
    places: places.map(({ index, key, member }) => ({ index, key, member })),
    predecessors: places.flatMap(({ index, predecessor }) =>
      predecessor === null ? [] : [{ place: index, ...entry(predecessor) }]
    ),
    successors: places.flatMap(({ index, successors }) =>
      successors.map((node, rank) => ({ place: index, rank: rank + 1, ...entry(node) }))
    ),
    fingers: places.flatMap(({ index, fingers }) =>
      fingers.map(({ exponent, ...node }) => ({ place: index, exponent, ...entry(node) }))
    ),
    forming: forming.map(nameOf),
    remembered: remembered.map(nameOf)
  }
}

function meaningOf(mode: ChordMode, listLength: number, theoremsHold: boolean): string {
  switch (mode) {
    case 'idle':
      return 'Not begun: no contact is known, and nobody has called.'
    case 'joining':
      return 'Looking for a ring to join; until there is one, lookups fail at once.'
    case 'forming':
      return `Fewer than ${listLength + 1} members: each knows all others and answers from that. The ring is not yet proven to survive any ${listLength - 1} failures at a time.`
    case 'ring':
      if (!theoremsHold)
        return `A ring in which this peer knows fewer than ${listLength} successors: it has shrunk below ${listLength + 1} members, or is not mended yet. It serves lookups, and is not proven to survive any ${listLength - 1} failures at a time.`
      return `A ring of at least ${listLength + 1} members, which stays right as long as no ${listLength} neighbours in a row fail between two rounds.`
  }
}

/** What each peer is to this one, for the table of neighbours. */
export function rolesOf({ places, forming }: ChordTables): ReadonlyMap<Peer, string> {
  const roles = new Map<Peer, Set<string>>()
  const add = (peer: Peer, role: string) => {
    // A place of its own follows another where it has several.
    if (peer === SELF) return
    const known = roles.get(peer)
    if (known === undefined) roles.set(peer, new Set([role]))
    else known.add(role)
  }
  for (const { predecessor, successors, fingers } of places) {
    for (const { peer } of successors) add(peer, 'successor')
    if (predecessor !== null) add(predecessor.peer, 'predecessor')
    for (const { peer } of fingers) add(peer, 'finger')
  }
  for (const peer of forming) add(peer, 'member')
  return new Map([...roles].map(([peer, names]) => [peer, [...names].join(' ')]))
}
