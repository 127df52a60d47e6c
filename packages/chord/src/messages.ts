/**
 * What Chord's nodes say to each other beside lookups and records (`@servent/key-routing`). A node of the ring
 * is a peer and the index of one of its places: its key is the peer's own for index 0, and else the SHA-256 of
 * the peer's key and the index as one byte. So nobody can claim a key: whoever receives a node computes it.
 *
 * Ids are those of `Calls`: whole numbers of 32 bits, unique among the requests that their sender has not had
 * answered; an answer repeats the id of its request. `index` names the place of the receiver that is spoken to,
 * `sender` that of the one who speaks. Messages without an id ask for nothing back.
 */
import type { RoutingMessage } from '@servent/key-routing/machine'
import type { Contact } from '@servent/overlay/machine'

export interface RingNode {
  readonly contact: Contact
  /** Below `VIRTUAL_NODES_MAX`. */
  readonly index: number
}

/**
 * Asks for the receiver's predecessor and successor list: stabilisation (ToN figure 7, Zave's
 * stabilizeFromSuccessor and stabilizeFromPredecessor), a join, a look at a candidate.
 */
export interface NeighboursRequest {
  readonly type: 'neighbours-request'
  readonly id: number
  readonly index: number
  /** The version of the receiver's tables that the asker has, 0 for none. They are left out where it still holds. */
  readonly version: number
  /** Which of the asker's places asks. */
  readonly sender: number
}

/**
 * How a place stands. `ring`: a member of a ring. `forming`: a member of a ring that has not r + 1 members yet;
 * its list is everybody it knows. `out`: not a member, so that whoever has it in its list must drop it.
 */
export type Standing = 'ring' | 'forming' | 'out'

export interface Neighbours {
  readonly type: 'neighbours'
  readonly id: number
  readonly standing: Standing
  /** Changes whenever predecessor or list change; whole, 32 bits, never 0. Of a place that is `out`, 0. */
  readonly version: number
  /** The version is the one that was asked with: predecessor and list are left out. */
  readonly unchanged: boolean
  /** r of the sender: rings of unlike r do not mix, so whoever has another one counts as dead. */
  readonly listLength: number
  readonly predecessor?: RingNode
  /** Clockwise from the sender, at most `SUCCESSORS_MAX`. */
  readonly successors: readonly RingNode[]
}

/** `sender` believes itself to be the predecessor of the receiver (ToN's notify, Zave's rectify). */
export interface Notify {
  readonly type: 'notify'
  readonly index: number
  readonly sender: number
}

/**
 * A node that may follow the receiver, nearer than its first successor: told to an old predecessor when a new
 * one came (ToN section VI-A), and along two rings that merge. The receiver looks at it before it believes, and
 * passes it on where it lies further.
 */
export interface Candidate {
  readonly type: 'candidate'
  readonly index: number
  readonly node: RingNode
  /** Times that it was passed on, at most `CANDIDATE_STEPS_MAX`. */
  readonly steps: number
}

/** The sender leaves of its own accord (ToN section IV-E.4): its neighbours are to link to each other. */
export interface Leave {
  readonly type: 'leave'
  readonly sender: number
  readonly predecessor?: RingNode
  /** At most `SUCCESSORS_MAX`. */
  readonly successors: readonly RingNode[]
}

/** Asks for distinct fingers, as a joiner's first guesses (ToN section IV-E.1). */
export interface FingersRequest {
  readonly type: 'fingers-request'
  readonly id: number
  readonly index: number
}

export interface Fingers {
  readonly type: 'fingers'
  readonly id: number
  /** At most `FINGERS_MAX`. */
  readonly fingers: readonly RingNode[]
}

/** A peer that takes part in a ring that forms, with all of its places. */
export interface Member {
  readonly contact: Contact
  /** 1 to `VIRTUAL_NODES_MAX`. */
  readonly virtualNodes: number
}

/**
 * How a newcomer speaks to a contact, and how peers exchange who takes part while there are fewer than r + 1 of
 * them. The sender wants to be a member and names all members that it knows beside itself.
 */
export interface MembersRequest {
  readonly type: 'members-request'
  readonly id: number
  /** r of the sender. Rings of unlike r do not mix. */
  readonly listLength: number
  readonly virtualNodes: number
  /** At most `FORMING_MEMBERS_MAX`. */
  readonly members: readonly Member[]
}

/**
 * `ring`: join by looking up your key; `members` are then the ring's founders, as long as they are remembered:
 * one of them that was not there when it formed builds its tables by itself. `forming`: `members` are all who
 * take part, the asker among them if there was room. `out`: the sender is no member itself yet.
 */
export interface Members {
  readonly type: 'members'
  readonly id: number
  readonly standing: Standing
  readonly listLength: number
  readonly virtualNodes: number
  /** At most `FORMING_MEMBERS_MAX`, without the sender. */
  readonly members: readonly Member[]
}

export type RingRequest = NeighboursRequest | FingersRequest | MembersRequest
export type RingAnswer = Neighbours | Fingers | Members
export type RingMessage = RingRequest | RingAnswer | Notify | Candidate | Leave

export type ChordMessage = RoutingMessage | RingMessage
