/**
 * Requests and answers over links that are up or are opened for them. One timer serves all requests: it is set to
 * the first time at which something is due.
 * An id is taken only from the peer that it was sent to; what comes late is dropped. Trying again is the caller's matter.
 */
import {
  type Effects,
  type Input,
  type Link,
  type LinkEnd,
  type MachineTypes,
  type Peer,
  SELF
} from '@servent/overlay/machine'
import { PendingCalls } from './calls-pending.ts'
import {
  type Call,
  type CallDone,
  type CallFailure,
  DoneRequest,
  isMissable,
  type LinkEvents,
  mayGoAgain,
  type Request,
  Tell
} from './calls-types.ts'
import { CALLS_MAX, CALLS_PER_PEER_MAX, CLOCK_GRAIN_MS, ID_MAX } from './constants.ts'
import { isUp, LINKS_TIMER, Links, type Neighbour, NO_LINK } from './links.ts'
import { ROUTER_SETTINGS, type RouterSettings } from './router-settings.ts'

/** The first of the calls under way is due. */
export const CALLS_TIMER = 'calls'

type Unreachable = Extract<Input<MachineTypes>, { type: 'unreachable' }>

export class Calls<T extends MachineTypes> {
  readonly #settings: RouterSettings
  /** Types of messages that answer requests. */
  readonly #answers: ReadonlySet<string>
  readonly #events: LinkEvents<T>
  readonly #links: Links<T>
  readonly #pending = new PendingCalls<T>()
  #nextId = 0
  /** When the timer of calls fires. */
  #timerMs = Number.POSITIVE_INFINITY

  constructor(
    answers: ReadonlySet<string>,
    events: LinkEvents<T> = {},
    settings: RouterSettings = ROUTER_SETTINGS
  ) {
    this.#answers = answers
    this.#events = events
    this.#settings = settings
    this.#links = new Links<T>(settings)
  }

  /** A fresh id, 31 bits, for requests and for questions to the world alike. */
  nextId(): number {
    // Numbers of 31 bits are what engines keep without an object for each.
    do this.#nextId = (this.#nextId + 1) & ID_MAX
    while (this.#pending.request(this.#nextId) !== undefined)
    return this.#nextId
  }

  linkOf(peer: Peer): Link | undefined {
    const neighbour = this.#links.of(peer)
    return neighbour === undefined || !isUp(neighbour) ? undefined : neighbour.link
  }

  peerOf(link: Link): Peer | undefined {
    return this.#links.at(link)?.peer
  }

  /** Smoothed round trip in milliseconds; nothing before the first answer. Forgotten with the last hold and link. */
  rttMs(peer: Peer): number | undefined {
    return this.#links.of(peer)?.rttMs
  }

  /** One more link would take the place of another, here or at the host. */
  get holdsEnough(): boolean {
    return this.#links.own >= this.#settings.heldLinks
  }

  /** Peers with a link, in no order that means anything. */
  *linked(): Iterable<Peer> {
    for (const neighbour of this.#links.all()) if (isUp(neighbour)) yield neighbour.peer
  }

  /** The link to this peer is not closed for being unused. `by` names a table: each holds and releases alone. */
  hold(peer: Peer, by: string): void {
    this.#links.hold(peer, by)
  }

  release(peer: Peer, by: string, effects: Effects<T>): void {
    const neighbour = this.#links.release(peer, by)
    if (neighbour === undefined || neighbour.holders !== 0) return
    neighbour.usedMs = effects.nowMs()
    this.#links.watchIdle(neighbour, effects)
    this.#links.drop(neighbour)
  }

  /**
   * Opens a link where none is up or being opened: told by `onLinked`, or by `onUnreachable` unless only a place was
   * lacking. False: this peer may have no more links of its own.
   */
  open(peer: Peer, effects: Effects<T>): boolean {
    if (peer === SELF) return false
    const neighbour = this.#links.obtain(peer)
    const opens = this.#connect(neighbour, effects)
    if (!opens) this.#links.drop(neighbour)
    return opens
  }

  /**
   * Sends a message that wants an answer, once there is a link, and calls `done` once: perhaps before this
   * returns, where the bounds of this peer leave no room. The type of the answer is the caller's to check.
   * `patienceMs` is for an answer that takes longer than the way there and back.
   */
  request(
    peer: Peer,
    message: T['message'] & { readonly id: number },
    priority: number,
    done: CallDone<T>,
    effects: Effects<T>,
    patienceMs = 0
  ): void {
    this.ask(new DoneRequest<T>(message.id, done, patienceMs), peer, message, priority, effects)
  }

  /** Sends a message that wants no answer, once there is a link. It is lost where there comes none. */
  tell(peer: Peer, message: T['message'], priority: number, effects: Effects<T>): void {
    const neighbour = this.#links.of(peer)
    if (neighbour === undefined || !isUp(neighbour)) {
      this.begin(new Tell<T>(), peer, message, priority, effects)
    } else {
      neighbour.usedMs = effects.nowMs()
      effects.send(neighbour.link, message, priority)
    }
  }

  /** As `request`, for a request that is an object of its own. */
  ask(request: Request<T>, peer: Peer, message: T['message'], priority: number, effects: Effects<T>): void {
    if (this.#pending.claim(request)) this.begin(request, peer, message, priority, effects)
    else request.onFailed('busy', effects)
  }

  /** Begins a call, which may fail at once. It must not be under way. */
  begin(call: Call<T>, peer: Peer, message: T['message'], priority: number, effects: Effects<T>): void {
    call.peer = peer
    call.message = message
    call.priority = priority
    call.link = NO_LINK
    call.sentAgain = false
    if (peer === SELF) {
      this.#refuse(call, undefined, 'unreachable', effects)
      return
    }
    const neighbour = this.#links.obtain(peer)
    const full = this.#pending.size >= CALLS_MAX || neighbour.pending >= CALLS_PER_PEER_MAX
    if (full || !this.#connect(neighbour, effects)) {
      this.#refuse(call, neighbour, 'busy', effects)
    } else if (!isUp(neighbour)) {
      this.#enter(call, neighbour)
      this.#wait(call, neighbour, effects)
    } else {
      this.#send(call, neighbour, effects)
      if (call.onSent()) {
        this.#pending.forget(call)
      } else {
        this.#enter(call, neighbour)
        this.#arm(call.dueMs, effects)
      }
    }
  }

  /** A time after which a call that is nothing but a wait fails as `silent`; one under way gets a new time. */
  wait(call: Call<T>, dueMs: number, effects: Effects<T>): void {
    call.dueMs = dueMs
    if (call.at < 0) {
      call.peer = SELF
      call.link = NO_LINK
      this.#pending.add(call)
    }
    this.#arm(dueMs, effects)
  }

  /** The call has what it waited for. `answered`: by its peer just now, so that the round trip is known. */
  end(call: Call<T>, answered: boolean, effects: Effects<T>): void {
    if (call.at < 0) return
    const neighbour = this.#leave(call)
    this.#disarm(effects)
    if (neighbour === undefined) return
    // An answer that takes longer than a round trip says nothing of the round trip.
    if (answered && call.link !== NO_LINK && call.patienceMs === 0)
      neighbour.answered(effects.nowMs() - call.sentMs)
    this.#links.drop(neighbour)
  }

  /** Lookups keep a count there. */
  neighbourAt(link: Link): Neighbour<T> | undefined {
    return this.#links.at(link)
  }

  relayEnded(peer: Peer): void {
    this.#links.relayEnded(peer)
  }

  /** True for what concerns calls alone. Link events are passed on by `LinkEvents`. */
  handle(input: Input<T>, effects: Effects<T>): boolean {
    switch (input.type) {
      case 'start':
        // What an earlier run asked must not be answered to this one.
        this.#nextId = effects.random() & ID_MAX
        return false
      case 'link-up':
        this.#onLinkUp(input.link, input.peer, input.inbound, effects)
        return true
      case 'link-down':
        this.#onLinkDown(input.link, input.end, effects)
        return true
      case 'unreachable':
        this.#onUnreachable(input, effects)
        return true
      case 'message':
        return this.#onMessage(input.link, input.message as { type: string; id: number }, effects)
      case 'timer':
        if (input.timer === CALLS_TIMER) this.#onTimer(effects)
        else if (input.timer === LINKS_TIMER) this.#links.closeIdle(effects)
        else return false
        return true
      default:
        return false
    }
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const neighbour of this.#links.all()) hold(neighbour.peer)
  }

  /** Collections by name, and how many are in each. */
  sizes(): Readonly<Record<'calls' | 'neighbours' | 'links' | 'own', number>> {
    const { size: neighbours, linked: links, own } = this.#links
    return { calls: this.#pending.size, neighbours, links, own }
  }

  #onMessage(link: Link, message: { type: string; id: number }, effects: Effects<T>): boolean {
    const neighbour = this.#links.at(link)
    if (neighbour !== undefined) neighbour.usedMs = effects.nowMs()
    if (!this.#answers.has(message.type)) return false
    const request = this.#pending.request(message.id)
    if (request !== undefined && request.peer === neighbour?.peer && request.link !== NO_LINK) {
      this.end(request, true, effects)
      request.onAnswer(message, effects)
    }
    return true
  }

  #onLinkUp(link: Link, peer: Peer, inbound: boolean, effects: Effects<T>): void {
    const neighbour = this.#links.up(peer, link, inbound, effects.nowMs())
    const { waiting } = neighbour
    neighbour.waiting = undefined
    for (const call of waiting ?? []) {
      // One of those before it may have ended it.
      if (call.at < 0 || call.link !== NO_LINK) continue
      this.#send(call, neighbour, effects)
      if (call.onSent()) this.#leave(call)
      else this.#arm(call.dueMs, effects)
    }
    this.#links.watchIdle(neighbour, effects)
    this.#events.onLinked?.(peer, inbound, effects)
  }

  #onLinkDown(link: Link, end: LinkEnd, effects: Effects<T>): void {
    const neighbour = this.#links.down(link)
    if (neighbour === undefined) return
    for (const call of neighbour.pending === 0 ? [] : this.#pending.on(link)) {
      if (call.at < 0 || call.link !== link) continue
      if (mayGoAgain(call, end)) this.#again(call, neighbour, effects)
      else this.#fail(call, 'link-down', effects)
    }
    // While a link was being closed nothing could be opened in its place.
    if (neighbour.link === NO_LINK && neighbour.waiting !== undefined && !neighbour.opening) {
      if (!this.#connect(neighbour, effects)) this.#failWaiting(neighbour, 'busy', effects)
    }
    if (isMissable(end) && this.#links.isMissed(neighbour)) this.#connect(neighbour, effects)
    if (neighbour.link === NO_LINK) this.#events.onUnlinked?.(neighbour.peer, end, effects)
    this.#links.drop(neighbour)
  }

  /** The link was one of two, or was closed for lack of use: what was sent may not have been read. */
  #again(call: Call<T>, neighbour: Neighbour<T>, effects: Effects<T>): void {
    call.link = NO_LINK
    call.sentAgain = true
    if (isUp(neighbour)) {
      this.#send(call, neighbour, effects)
      this.#arm(call.dueMs, effects)
    } else if (this.#connect(neighbour, effects)) this.#wait(call, neighbour, effects)
    else this.#fail(call, 'busy', effects)
  }

  /** A peer that has no room for a connection lives: those who wait may ask it later. Room here is not its matter. */
  #onUnreachable({ peer, reason, noRoom }: Unreachable, effects: Effects<T>): void {
    const neighbour = this.#links.of(peer)
    const mayLive = noRoom === 'here' || (noRoom === 'there' && neighbour?.turnedAway() === true)
    if (neighbour !== undefined) {
      if (!mayLive) neighbour.hadRoom()
      this.#links.opening(neighbour, false)
      if (!isUp(neighbour)) this.#failWaiting(neighbour, mayLive ? 'busy' : 'unreachable', effects)
    }
    if (!mayLive) this.#events.onUnreachable?.(peer, reason, effects)
    if (neighbour !== undefined) this.#links.drop(neighbour)
  }

  #failWaiting(neighbour: Neighbour<T>, why: CallFailure, effects: Effects<T>): void {
    const { waiting } = neighbour
    neighbour.waiting = undefined
    for (const call of waiting ?? [])
      if (call.at >= 0 && call.link === NO_LINK && call.peer === neighbour.peer)
        this.#fail(call, why, effects)
  }

  #onTimer(effects: Effects<T>): void {
    this.#timerMs = Number.POSITIVE_INFINITY
    const dueMs = effects.nowMs() + CLOCK_GRAIN_MS
    for (const call of this.#pending.due(dueMs)) {
      // One of those before it may have ended it, or begun it anew.
      if (call.at < 0 || call.dueMs > dueMs) continue
      const waited = call.peer !== SELF && call.link === NO_LINK
      if (call.link !== NO_LINK) this.#links.of(call.peer)?.silent()
      this.#fail(call, waited ? 'unreachable' : 'silent', effects)
    }
    const nextMs = this.#pending.nextMs()
    if (nextMs !== Number.POSITIVE_INFINITY) this.#arm(nextMs, effects)
  }

  #fail(call: Call<T>, why: CallFailure, effects: Effects<T>): void {
    const neighbour = this.#leave(call)
    call.onFailed(why, effects)
    if (neighbour !== undefined) this.#links.drop(neighbour)
  }

  #refuse(call: Call<T>, neighbour: Neighbour<T> | undefined, why: CallFailure, effects: Effects<T>): void {
    this.#pending.forget(call)
    if (neighbour !== undefined) this.#links.drop(neighbour)
    call.onFailed(why, effects)
  }

  #send(call: Call<T>, neighbour: Neighbour<T>, effects: Effects<T>): void {
    const nowMs = effects.nowMs()
    call.link = neighbour.link
    call.sentMs = nowMs
    call.dueMs = nowMs + neighbour.timeoutMs(this.#settings) + call.patienceMs
    neighbour.usedMs = nowMs
    effects.send(neighbour.link, call.message as T['message'], call.priority)
  }

  #wait(call: Call<T>, neighbour: Neighbour<T>, effects: Effects<T>): void {
    neighbour.waiting ??= []
    neighbour.waiting.push(call)
    call.dueMs = effects.nowMs() + this.#settings.openTimeoutMs
    this.#arm(call.dueMs, effects)
  }

  #enter(call: Call<T>, neighbour: Neighbour<T>): void {
    neighbour.pending += 1
    this.#pending.add(call)
  }

  #leave(call: Call<T>): Neighbour<T> | undefined {
    this.#pending.remove(call)
    if (call.peer === SELF) return undefined
    const neighbour = this.#links.of(call.peer)
    if (neighbour === undefined) return undefined
    neighbour.pending -= 1
    if (call.link === NO_LINK) neighbour.waitsNoMore(call)
    return neighbour
  }

  /** False where there is no place for a link. A link that is being closed is opened again when it has ended. */
  #connect(neighbour: Neighbour<T>, effects: Effects<T>): boolean {
    if (neighbour.opening || neighbour.link !== NO_LINK) return true
    if (!this.#links.makeRoom(effects)) return false
    this.#links.opening(neighbour, true)
    effects.open(neighbour.peer)
    return true
  }

  #arm(dueMs: number, effects: Effects<T>): void {
    if (dueMs >= this.#timerMs) return
    this.#timerMs = dueMs
    effects.setTimer(CALLS_TIMER, Math.max(1, dueMs - effects.nowMs()))
  }

  #disarm(effects: Effects<T>): void {
    if (this.#pending.size > 0 || this.#timerMs === Number.POSITIVE_INFINITY) return
    this.#timerMs = Number.POSITIVE_INFINITY
    effects.cancelTimer(CALLS_TIMER)
  }
}
