/**
 * The contract between a protocol and its hosts.
 *
 * A protocol is a pure state machine: a host tells it what happened (`Input`), and it says what to do
 * (`Effects`). It owns no promise, clock, socket or source of chance, so one machine runs unchanged over
 * libp2p, in the simulator and on in-memory fakes. Its models are etcd's raft (`Step`, `Ready`) and
 * iroh-gossip's `proto` (`InEvent`, `OutEvent`).
 */
import type { Reach } from './addresses.ts'
import type { Peer, PeerTable } from './peers.ts'

/** A stream of this protocol to one peer: an integer that its host never gives twice while it runs. */
export type Link = number

/** Names a command or a question; chosen by whoever sends it, unique among those not yet answered. */
export type RequestId = number

/** Names a timer inside one machine. Setting it again replaces it. */
export type Timer = number | string

/** What a protocol's machine speaks of. A protocol names its own in one interface that extends this. */
export interface MachineTypes {
  /** What its codec decodes and encodes. */
  message: unknown
  /** What its service asks it for. */
  command: unknown
  /** What it tells its service. */
  notice: unknown
  /** Work that it asks the world for, beside `SaveQuestion`, which every host answers itself. */
  question: unknown
  /** What comes back for a question. */
  answer: unknown
  /** A picture of its tables for people: plain data, safe to turn into JSON. */
  snapshot: unknown
}

/** Why a link ended, and who ended it. `message` is for people; `kind` is for rules. */
export interface LinkEnd {
  readonly kind:
    | 'closed' // by the remote peer, in good order
    | 'reset' // the stream or its connection broke
    | 'local' // the machine asked for it
    | 'malformed' // the codec refused what came in
    | 'overflow' // the send queue was full of messages of higher priority
    | 'limit' // a bound of the host was reached
    | 'idle' // nothing came or went for the host's idle time
    | 'duplicate' // a second link to the same peer, and the other one stays
    | 'room' // the host needed its connection's place for another, and it was the longest unused
    | 'stopped' // the host stops
  readonly message: string
}

/** Who has no place for a link or for its connection: this peer itself, or the one that it wanted to reach. */
export type NoRoom = 'here' | 'there'

/**
 * Where the other end of a link is, by the address of the connection below it, and by nobody's word. It is for bounds on
 * how much comes from one place: addresses are dear, PeerIds are not.
 */
export interface LinkOrigin {
  /** Whoever counts as one: an address of IPv4, a /48 of IPv6. Of a relayed link the relay, of which no more is known. */
  readonly host: string
  /** What is around it: a /24 of IPv4. Otherwise as `host`. */
  readonly network: string
  readonly isRelayed: boolean
  /** From where the peer is reached; over a relay, from where that is. */
  readonly reach: Reach
}

/** How full a link's send queue is. `overflow` says that the host is about to end the link. */
export type PressureLevel = 'low' | 'high' | 'overflow'

/** Asked for when an acknowledgement depends on a save: the answer comes after the bytes are durable. */
export interface SaveQuestion {
  readonly type: 'save'
  readonly key: string
  readonly bytes: Uint8Array
}

export type Input<T extends MachineTypes> =
  /** Comes first, once. `saved` holds what `save` kept in earlier runs. */
  | { readonly type: 'start'; readonly saved: ReadonlyMap<string, Uint8Array> }
  /** Comes last. What is sent in answer is flushed before links end, as far as the host's time allows. */
  | { readonly type: 'stop' }
  /** A peer that speaks this protocol is known. It is not a link yet. */
  | { readonly type: 'contact'; readonly peer: Peer }
  | {
      readonly type: 'link-up'
      readonly link: Link
      readonly peer: Peer
      readonly inbound: boolean
      /** Absent where the network has no addresses, as a simulated one. */
      readonly origin?: LinkOrigin
    }
  /** Nothing comes from this link afterwards, and what is sent to it is dropped. */
  | { readonly type: 'link-down'; readonly link: Link; readonly end: LinkEnd }
  /** An `open` came to nothing. `noRoom`: for want of a place, which says nothing of whether the peer lives. */
  | { readonly type: 'unreachable'; readonly peer: Peer; readonly reason: string; readonly noRoom?: NoRoom }
  /** Decoded, within its limits, in the order in which it was sent. */
  | { readonly type: 'message'; readonly link: Link; readonly message: T['message'] }
  | { readonly type: 'pressure'; readonly link: Link; readonly level: PressureLevel }
  | { readonly type: 'command'; readonly id: RequestId; readonly command: T['command'] }
  | { readonly type: 'timer'; readonly timer: Timer }
  /** To an `ask`. Exactly one comes for each, `error` in place of `answer` where the work failed. */
  | { readonly type: 'answer'; readonly id: RequestId; readonly answer: T['answer'] }
  | { readonly type: 'answer'; readonly id: RequestId; readonly error: string }

/**
 * What a machine may do. Effects are recorded and carried out in their order after `handle` returns; a
 * machine is never re-entered. Equal inputs, times and random numbers give equal effects.
 */
export interface Effects<T extends MachineTypes> {
  readonly peers: PeerTable
  /** Milliseconds on a clock that never jumps; its zero means nothing. Constant during one `handle`. */
  nowMs(): number
  /** Milliseconds since 1970, for expiry and display only: this clock may jump. Constant during one `handle`. */
  wallMs(): number
  /** A whole number, uniform in [0, 2^32). */
  random(): number
  /** Ends in `link-up` or `unreachable`. Nothing happens while a link to the peer is up or being opened. */
  open(peer: Peer): void
  /** What was sent before is flushed first. Ends in `link-down` with kind `local`. */
  close(link: Link, reason: string): void
  /** Lower numbers go first, 0 to `PRIORITY_MAX`; equal ones in the order in which they were sent. */
  send(link: Link, message: T['message'], priority: number): void
  setTimer(timer: Timer, afterMs: number): void
  cancelTimer(timer: Timer): void
  ask(id: RequestId, question: T['question'] | SaveQuestion): void
  /** Kept for the next `start`; `undefined` forgets it. Not durable when this returns: see `SaveQuestion`. */
  save(key: string, bytes: Uint8Array | undefined): void
  notify(notice: T['notice']): void
}

export interface Machine<T extends MachineTypes> {
  /**
   * Synchronous and total: no input makes it throw. An assertion that fails stops this overlay with a
   * report and leaves the process alone.
   */
  handle(input: Input<T>, effects: Effects<T>): void
  /**
   * Names every peer handle in the machine's tables. A host whose table of peers is full forgets the ones
   * that are neither named nor linked; a handle that a machine does not hold is valid until `handle` returns.
   */
  heldPeers(hold: (peer: Peer) => void): void
  snapshot(): T['snapshot']
}
