/**
 * Messages and ends of links on their way: each direction of a link is ordered, whatever the network draws, and
 * nothing is lost while the link is up. What a partition cuts off waits and goes when it heals, as TCP would
 * have it, until the link is given up.
 */
import { type Input, type Link, type MachineTypes, PRIORITY_MAX } from '@servent/overlay/machine'
import { END_ARRIVES, END_DOWNLINK, SILENCE_NOTICED, STALL_RETRY } from './event-queue-deeds.ts'
import { DOWNLINK, MESSAGE } from './event-queue-schedule.ts'
import { type End, endOf, OVERFLOWED, UNKNOWN, UP } from './links.ts'
import { TurnOrder } from './links-order.ts'
import { SILENT } from './node.ts'
import type { World } from './simulation-world.ts'
import type { NodeIndex } from './types.ts'

/** How the other side hears of the end of a link. */
export const CLOSED = 0
export const RESET = 1

/** How often what a partition cut off is tried again: between TCP's first retransmissions and its later ones. */
const STALL_RETRY_US = 1_000_000

/** No link. */
const NOBODY = -1

/** What waits behind a partition: messages in their order, and at last the end of the link. */
interface Stalled {
  readonly sinceUs: number
  readonly messages: unknown[]
  readonly bytes: number[]
  end: number | undefined
}

export class LinkTraffic<T extends MachineTypes> {
  readonly #world: World<T>
  readonly #stalled = new Map<Link, Stalled>()
  /** Links to silent nodes that were written to, and will be given up. */
  readonly #doomed = new Set<Link>()
  readonly #order: TurnOrder
  /** Whose messages are being handled, and when they came. */
  #turnLink: Link = NOBODY
  #turnUs = 0

  constructor(world: World<T>) {
    this.#world = world
    this.#order = new TurnOrder(world.schedule)
  }

  /**
   * A machine is called: what it sends now goes by priority. Messages that come together by one link are one turn
   * of a host, which sends when it is over.
   */
  beginCall(input: Input<T>): void {
    const link = input.type === 'message' ? input.link : NOBODY
    const { nowUs } = this.#world.schedule
    if (link !== NOBODY && link === this.#turnLink && nowUs === this.#turnUs) return
    this.#turnLink = link
    this.#turnUs = nowUs
    this.#order.begin()
  }

  /** @throws RangeError  the priority is out of range: an error of the machine */
  send(node: NodeIndex, link: Link, message: T['message'], priority: number): void {
    const { links, metrics, access, runner } = this.#world
    if ((priority & PRIORITY_MAX) !== priority)
      throw new RangeError(`A priority is a whole number from 0 to ${PRIORITY_MAX}, not ${priority}.`)
    const end = endOf(link)
    if (!links.has(link) || links.owner(end) !== node) return
    const state = links.state(end)
    if (state !== UP) {
      if (state === OVERFLOWED) access.lastWord(end, message, priority)
      return
    }
    const bytes = metrics.price(message)
    runner.recordSending(metrics.pricedWord ^ (priority << 24))
    if (access.isSlow(node)) {
      access.push(end, message, priority)
      return
    }
    metrics.sent(node)
    const slot = this.#depart(end, message, bytes, this.#order.overtaken(end, priority))
    this.#order.add(end, priority, slot)
  }

  /** A message leaves its node now. */
  transmit(end: End, message: unknown, bytes: number): void {
    this.#depart(end, message, bytes, 0)
  }

  /** Gives the slot that it travels in; -1 where it waits, before the last `overtaken` that do. */
  #depart(end: End, message: unknown, bytes: number, overtaken: number): number {
    const { links, schedule, nodes, network, access } = this.#world
    const node = links.owner(end)
    const to = links.other(end)
    if (network.usable !== undefined && this.#isCut(end, node, to)) {
      const stalled = this.#stall(end)
      const place = stalled.messages.length - overtaken
      stalled.messages.splice(place, 0, message)
      stalled.bytes.splice(place, 0, bytes)
      return -1
    }
    if (nodes.status(to) === SILENT) this.doom(end)
    const kind = access.isSlow(to) ? DOWNLINK : MESSAGE
    return schedule.postMessage(this.#arrivalUs(end, node, to), kind, links.id(end ^ 1), message, bytes)
  }

  /** The other side hears that the link has ended, after all that was sent before. */
  end(end: End, how: typeof CLOSED | typeof RESET): void {
    const { links, schedule, access } = this.#world
    const node = links.owner(end)
    const to = links.other(end)
    if (this.#world.network.usable !== undefined && this.#isCut(end, node, to)) {
      this.#stall(end).end = how
      return
    }
    // In good order it comes after the messages that wait for the downlink. A reset throws these away.
    const kind = how === CLOSED && access.isSlow(to) ? END_DOWNLINK : END_ARRIVES
    schedule.post(this.#arrivalUs(end, node, to), kind, links.id(end ^ 1), how, 0, undefined)
  }

  /** What its node had sent and a partition holds back is lost. */
  forget(link: Link): void {
    if (this.#stalled.size > 0) this.#stalled.delete(link)
  }

  /**
   * Something came for an end that is no more, though its other end does not know: that one learns it now, from
   * the system of whose end it was, whether its process is there or not.
   */
  bounce(end: End): void {
    const { links, nodes } = this.#world
    if (nodes.status(links.owner(end)) === SILENT) this.doom(end ^ 1)
    else this.#refuse(end)
  }

  /** A node that was silent has lost an end: what was sent to that meanwhile is sent again, and refused. */
  forgotten(end: End, link: Link): void {
    if (this.#world.links.has(link) && this.#doomed.has(this.#world.links.id(end ^ 1))) this.#refuse(end)
  }

  #refuse(end: End): void {
    const { links } = this.#world
    if (links.state(end) === UNKNOWN) return
    // Once is enough.
    links.setState(end, UNKNOWN)
    this.end(end, RESET)
  }

  /** Tries again what a partition held back. */
  retry(link: Link): void {
    const { links, schedule, limits, endings } = this.#world
    const stalled = this.#stalled.get(link)
    const end = endOf(link)
    if (stalled === undefined) return
    if (!links.has(link)) {
      this.#stalled.delete(link)
    } else if (this.#world.usable(links.owner(end), links.other(end))) {
      this.#stalled.delete(link)
      for (const [index, message] of stalled.messages.entries())
        this.transmit(end, message, stalled.bytes[index]!)
      if (stalled.end !== undefined) this.end(end, stalled.end as typeof CLOSED | typeof RESET)
    } else if (schedule.nowUs - stalled.sinceUs >= limits.stallTimeoutUs) {
      this.#stalled.delete(link)
      endings.reset(end, 'What was sent was not acknowledged in time.')
    } else {
      schedule.post(schedule.nowUs + STALL_RETRY_US, STALL_RETRY, link, 0, 0, undefined)
    }
  }

  /** What was sent to a silent node was not acknowledged for so long that the link is given up. */
  giveUp(link: Link): void {
    const { links, endings } = this.#world
    this.#doomed.delete(link)
    // A node that was silent never takes its links up again, even where it is revived.
    if (links.has(link)) endings.reset(endOf(link), 'What was sent was not acknowledged in time.')
  }

  #isCut(end: End, node: NodeIndex, to: NodeIndex): boolean {
    return this.#stalled.has(this.#world.links.id(end)) || !this.#world.usable(node, to)
  }

  #arrivalUs(end: End, node: NodeIndex, to: NodeIndex): number {
    const { links } = this.#world
    let atUs = this.#world.schedule.nowUs + this.#world.oneWayUs(node, to)
    const lastUs = links.arrivalUs(end)
    if (atUs < lastUs) atUs = lastUs
    else links.setArrivalUs(end, atUs)
    return atUs
  }

  #stall(end: End): Stalled {
    const { links, schedule } = this.#world
    const link = links.id(end)
    let stalled = this.#stalled.get(link)
    if (stalled === undefined) {
      stalled = { sinceUs: schedule.nowUs, messages: [], bytes: [], end: undefined }
      this.#stalled.set(link, stalled)
      schedule.post(schedule.nowUs + STALL_RETRY_US, STALL_RETRY, link, 0, 0, undefined)
    }
    return stalled
  }

  /** What an end sent to a silent node is never acknowledged. */
  doom(end: End): void {
    const { links, schedule, limits } = this.#world
    const link = links.id(end)
    if (this.#doomed.has(link) || limits.stallTimeoutUs === Number.POSITIVE_INFINITY) return
    this.#doomed.add(link)
    schedule.post(schedule.nowUs + limits.stallTimeoutUs, SILENCE_NOTICED, link, 0, 0, undefined)
  }
}
