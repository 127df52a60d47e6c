/** What is under way between this peer and another, and who is told of links. `Calls` runs it. */
import {
  type Effects,
  type Link,
  type LinkEnd,
  type MachineTypes,
  type Peer,
  SELF
} from '@servent/overlay/machine'
import { NO_LINK } from './links.ts'

/** `busy`: there was no place for it, here or there, which says nothing of whether the other peer lives. */
export type CallFailure = 'silent' | 'unreachable' | 'link-down' | 'busy'

export type CallOutcome<M> = { readonly answer: M } | { readonly failed: CallFailure }

export type CallDone<T extends MachineTypes> = (
  outcome: CallOutcome<T['message']>,
  effects: Effects<T>
) => void

/** What an overlay hears of links. It may use the link at once. */
export interface LinkEvents<T extends MachineTypes> {
  onLinked?(peer: Peer, inbound: boolean, effects: Effects<T>): void
  /** There is no link to the peer any more. Requests to it have failed before. */
  onUnlinked?(peer: Peer, end: LinkEnd, effects: Effects<T>): void
  onUnreachable?(peer: Peer, reason: string, effects: Effects<T>): void
}

/** Something under way: it ends by `Calls.end`, or by `onFailed`, after which it is not under way any more. */
export abstract class Call<T extends MachineTypes> {
  peer: Peer = SELF
  /** What it was sent on; `NO_LINK` while it waits. */
  link: Link = NO_LINK
  message: T['message'] | undefined = undefined
  priority = 0
  sentMs = 0
  /** How much longer than a round trip its answer may take. */
  patienceMs = 0
  dueMs = 0
  /** Over a second link, since the first one ended in good order: no third one is tried. */
  sentAgain = false
  /** Its place among those under way; -1 where it is not. */
  at = -1

  abstract onFailed(why: CallFailure, effects: Effects<T>): void

  /** The message left. True: nothing is waited for, and the call has ended. */
  onSent(): boolean {
    return false
  }
}

/** A call whose answer bears its id. */
export abstract class Request<T extends MachineTypes> extends Call<T> {
  readonly id: number

  constructor(id: number) {
    super()
    this.id = id
  }

  abstract onAnswer(answer: T['message'], effects: Effects<T>): void
}

/** A request that is nothing but what is done with its answer. */
export class DoneRequest<T extends MachineTypes> extends Request<T> {
  readonly #done: CallDone<T>

  constructor(id: number, done: CallDone<T>, patienceMs = 0) {
    super(id)
    this.#done = done
    this.patienceMs = patienceMs
  }

  override onAnswer(answer: T['message'], effects: Effects<T>): void {
    this.#done({ answer }, effects)
  }

  override onFailed(failed: CallFailure, effects: Effects<T>): void {
    this.#done({ failed }, effects)
  }
}

/** Wants no answer. */
export class Tell<T extends MachineTypes> extends Call<T> {
  override onSent(): boolean {
    return true
  }

  override onFailed(): void {}
}

/** A wait for somebody who may be slow, after which somebody else is asked, too (`Calls.wait`). */
export class Hedge<T extends MachineTypes> extends Call<T> {
  readonly #onDue: (effects: Effects<T>) => void

  constructor(onDue: (effects: Effects<T>) => void) {
    super()
    this.#onDue = onDue
  }

  override onFailed(_why: CallFailure, effects: Effects<T>): void {
    this.#onDue(effects)
  }
}

/** Whoever ends a link so says nothing of itself by that: it may have had no use for it, or no room. */
export function isInGoodOrder({ kind }: LinkEnd): boolean {
  return kind === 'closed' || kind === 'idle' || kind === 'room'
}

/** Where this peer itself needed the room, no link takes the place of the one that gave way. */
export function isMissable(end: LinkEnd): boolean {
  return isInGoodOrder(end) && end.kind !== 'room'
}

/** Whether the other side closed a link that it did not need: what was sent last on it may not have been read. */
export function mayBeUnread(end: LinkEnd): boolean {
  return end.kind === 'duplicate' || isInGoodOrder(end)
}

/** Whether what was sent on a link that ended may be sent on another one: it may not have been read. */
export function mayGoAgain<T extends MachineTypes>(call: Call<T>, end: LinkEnd): boolean {
  return end.kind === 'duplicate' || (isInGoodOrder(end) && !call.sentAgain)
}
