/**
 * How links come about, as `@servent/libp2p-host` has them: one for each pair of peers. When both sides open at
 * once, the one that the lower PeerId opened stays; a link whose other end is lost gives way to a new one.
 *
 * An `open` takes until the dialled peer has the link, and who dialled has it one way later. Before its last leg
 * it is dialling: nobody else can have seen it yet.
 */
import type { Link, MachineTypes, Peer } from '@servent/overlay/machine'
import { LINK_BREAKS, OPEN_ARRIVES, OPEN_FAILS, OPEN_UP } from './event-queue-deeds.ts'
import { type End, endOf, OPENING, TAKEN, UP } from './links.ts'
import { RUNNING, SILENT } from './node.ts'
import type { World } from './simulation-world.ts'
import { TRACE_LINK_UP, TRACE_UNREACHABLE } from './trace.ts'
import type { NodeIndex } from './types.ts'

/** What two handshakes cost beside their way: signatures, keys and what reads them. */
const DIAL_SETUP_US = 2_000
const NO_PLACE = 'There is no place for another link.'
const NO_STREAM = 'No stream within the time for an open.'
/** No end. */
const NONE = -1

/**
 * Until a dialled peer has the link: TCP's handshake there and back, and Noise's last message with all that
 * comes after it.
 */
export function dialUsByDefault(thereUs: number, backUs: number, againUs: number): number {
  return thereUs + backUs + againUs + DIAL_SETUP_US
}

export class Openings<T extends MachineTypes> {
  readonly #world: World<T>
  /** Opens that arrived and wait for what becomes of the other side's own, by that one. */
  readonly #held = new Map<Link, { readonly link: Link; readonly openedUs: number }>()

  constructor(world: World<T>) {
    this.#world = world
  }

  /** @throws RangeError  no such peer, or this one itself: an error of the machine */
  open(node: NodeIndex, peer: Peer): void {
    const { links, nodes, limits, schedule, network, chance, runner } = this.#world
    const other = peer - 1
    if (!Number.isInteger(peer) || other < 0 || other >= nodes.size || other === node)
      throw new RangeError(`A machine opens peers that it knows; ${peer} is none.`)
    if (links.find(node, other) >= 0) return
    if (links.counts[node]! >= limits.linksMax) {
      const input = { type: 'unreachable', peer, reason: NO_PLACE } as const
      runner.tell(node, input, TRACE_UNREACHABLE, peer)
      return
    }
    const end = links.allocate(node, other)
    links.setState(end, OPENING)
    links.enter(end)
    const link = links.id(end)
    const { nowUs } = schedule
    const lastLegUs = this.#world.oneWayUs(node, other)
    let dialUs: number | undefined
    if (network.dialUs === undefined) {
      const [thereUs, backUs] = [this.#world.oneWayUs(node, other), this.#world.oneWayUs(other, node)]
      dialUs = dialUsByDefault(thereUs, backUs, lastLegUs)
    } else {
      dialUs = network.dialUs(node, other, chance)
    }
    if (!this.#world.usable(node, other)) {
      this.#failAt(nowUs + limits.openTimeoutUs, link, NO_STREAM)
    } else if (dialUs === undefined) {
      const backUs = this.#world.oneWayUs(other, node)
      this.#failAt(nowUs + lastLegUs + backUs, link, 'This peer cannot be dialled.')
    } else {
      if (!(dialUs >= 0)) throw new RangeError(`The network says that a dial takes ${dialUs} us.`)
      links.setArrivalUs(end, nowUs + dialUs)
      // Not of use before the other side sends: until then it says when the last leg begins.
      links.setArrivalUs(end + 1, Math.max(nowUs, nowUs + dialUs - lastLegUs))
      schedule.post(nowUs + dialUs, OPEN_ARRIVES, link, 0, nowUs, undefined)
    }
  }

  /** An open reaches the dialled peer; true where that one has the link now. */
  arrive(link: Link, openedUs: number): boolean {
    const { links, nodes, schedule, limits, runner } = this.#world
    const end = endOf(link)
    if (!links.has(link) || links.state(end) !== OPENING) return false
    const node = links.owner(end)
    const to = links.owner(end + 1)
    const status = nodes.status(to)
    if (status === SILENT || !this.#world.usable(node, to) || !this.#world.usable(to, node)) {
      const atUs = Math.max(schedule.nowUs, openedUs + limits.openTimeoutUs)
      this.#failAt(atUs, link, NO_STREAM)
      return false
    }
    if (status !== RUNNING) {
      this.#failAt(schedule.nowUs + this.#world.oneWayUs(to, node), link, 'The connection was refused.')
      return false
    }
    const own = links.find(to, node)
    if (own < 0 || links.state(own) !== OPENING) return this.#take(end, own)
    const isNegotiating = schedule.nowUs >= links.arrivalUs(own + 1)
    if (isNegotiating && this.#world.identities.isLower(to, node)) {
      this.#held.set(links.id(own), { link, openedUs })
      this.waits(link, openedUs)
      return false
    }
    this.callOff(own)
    if (this.#take(end, NONE)) return true
    const input = { type: 'unreachable', peer: node + 1, reason: NO_PLACE } as const
    runner.tell(to, input, TRACE_UNREACHABLE, node + 1)
    return false
  }

  /** The one that it reached does nothing for now: its opener does not wait for ever. */
  waits(link: Link, openedUs: number): void {
    const { schedule, limits } = this.#world
    const atUs = Math.max(schedule.nowUs, openedUs + limits.openTimeoutUs)
    this.#failAt(atUs, link, NO_STREAM)
  }

  /** Who dialled hears that the other side has the link, or had no place for it. */
  up(link: Link, hasPlace: boolean): void {
    const { links, endings } = this.#world
    const end = endOf(link)
    if (!links.has(link) || links.state(end) !== TAKEN) return
    const node = links.owner(end)
    links.setState(end, UP)
    this.#settle(link)
    this.#tellUp(node, links.owner(end + 1), link, false)
    if (!hasPlace && links.has(link)) endings.reset(end, NO_PLACE)
  }

  /** An open came to nothing. Where the other side's own waited for that, it takes its place. */
  fail(link: Link, reason: string): void {
    const { links, metrics, runner } = this.#world
    const end = endOf(link)
    if (!links.has(link) || links.state(end) !== OPENING) return
    const node = links.owner(end)
    const peer = links.owner(end + 1) + 1
    const held = this.#held.get(link)
    this.#held.delete(link)
    links.leave(end)
    metrics.opensFailed += 1
    // Who opened it may have ended meanwhile, or be cut off: then this open has nothing but its own end.
    if (held !== undefined && this.arrive(held.link, held.openedUs)) return
    runner.tell(node, { type: 'unreachable', peer, reason }, TRACE_UNREACHABLE, peer)
  }

  /** Nothing is told of it any more. */
  callOff(end: End): void {
    const { links } = this.#world
    const link = links.id(end)
    links.leave(end)
    this.#settle(link)
  }

  /** Both sides have a link, at once. Nothing happens where they have or open one. */
  connect(a: NodeIndex, b: NodeIndex): void {
    const { links, schedule } = this.#world
    if (links.find(a, b) >= 0 || links.find(b, a) >= 0) return
    const end = links.allocate(a, b)
    for (const own of [end, end + 1]) {
      links.setState(own, UP)
      links.setArrivalUs(own, schedule.nowUs)
      links.enter(own)
    }
    this.#arm(end)
    const [link, other] = [links.id(end), links.id(end + 1)]
    this.#tellUp(a, b, link, false)
    this.#tellUp(b, a, other, true)
  }

  /**
   * The dialled peer has the link, where it has a place for it; `lost` is an end of its own that the opener
   * knows nothing of any more.
   */
  #take(end: End, lost: End): boolean {
    const { links, limits, schedule, endings } = this.#world
    const [node, to] = [links.owner(end), links.owner(end + 1)]
    const { nowUs } = schedule
    const upUs = nowUs + this.#world.oneWayUs(to, node)
    const hasPlace =
      lost >= 0 || (links.counts[to]! < limits.linksMax && links.inboundCounts[to]! < limits.inboundLinksMax)
    links.setState(end, TAKEN)
    links.setArrivalUs(end + 1, upUs)
    schedule.post(upUs, OPEN_UP, links.id(end), hasPlace ? 1 : 0, 0, undefined)
    if (!hasPlace) return false
    const link = links.id(end + 1)
    // Its machine was not told yet that a link which it opened is up: it never hears of that one.
    const wasTold = lost >= 0 && links.state(lost) !== TAKEN
    // The old end goes first, so that `find` sees the new one when the machine hears of it.
    const replaced = lost >= 0 ? endings.replace(lost) : NONE
    links.setState(end + 1, UP)
    links.enter(end + 1)
    this.#arm(end)
    if (wasTold) endings.tellDown(to, replaced, 'duplicate', 'Another link takes its place.')
    this.#tellUp(to, node, link, true)
    return true
  }

  #tellUp(node: NodeIndex, other: NodeIndex, link: Link, inbound: boolean): void {
    const { init, runner } = this.#world
    const up = { type: 'link-up', link, peer: other + 1, inbound } as const
    const input = init.originOf === undefined ? up : { ...up, origin: init.originOf(other) }
    runner.tell(node, input, TRACE_LINK_UP, link)
  }

  /** Counts a link, and draws when it breaks. */
  #arm(end: End): void {
    const { links, network, chance, schedule, metrics } = this.#world
    metrics.linksOpened += 1
    const afterUs = network.resetAfterUs?.(links.owner(end), links.owner(end + 1), chance)
    if (afterUs !== undefined)
      schedule.post(schedule.nowUs + afterUs, LINK_BREAKS, links.id(end), 0, 0, undefined)
  }

  #failAt(atUs: number, link: Link, reason: string): void {
    this.#world.schedule.post(atUs, OPEN_FAILS, link, 0, 0, reason)
  }

  /** An own open is over: what waited for it is judged again. */
  #settle(link: Link): void {
    const held = this.#held.get(link)
    if (held === undefined) return
    this.#held.delete(link)
    const { schedule } = this.#world
    schedule.post(schedule.nowUs, OPEN_ARRIVES, held.link, 0, held.openedUs, undefined)
  }
}
