/** How links end, and how nodes do: each side hears of it as it would from a real host, and when it would. */
import type { Link, LinkEnd, MachineTypes } from '@servent/overlay/machine'
import { END_ARRIVES } from './event-queue-deeds.ts'
import { CLOSING, DOWN, type End, endOf, OPENING, OVERFLOWED, TAKEN, UNKNOWN, UP } from './links.ts'
import { CLOSED, RESET } from './links-traffic.ts'
import { RUNNING } from './node.ts'
import type { World } from './simulation-world.ts'
import { TRACE_LINK_DOWN, TRACE_UNREACHABLE } from './trace.ts'
import type { NodeIndex } from './types.ts'

const STOPS = 'The overlay stops.'

/** For the trace. */
const KINDS: readonly LinkEnd['kind'][] = [
  'closed',
  'reset',
  'local',
  'malformed',
  'overflow',
  'limit',
  'idle',
  'duplicate',
  'stopped'
]

export class Endings<T extends MachineTypes> {
  readonly #world: World<T>

  constructor(world: World<T>) {
    this.#world = world
  }

  /** Its machine asks for it: what it sent goes first. */
  close(node: NodeIndex, link: Link, reason: string): void {
    const { links, access } = this.#world
    const end = endOf(link)
    if (!links.has(link) || links.owner(end) !== node || links.state(end) !== UP) return
    if (access.drains(end, { kind: 'local', message: reason }, CLOSED)) return
    this.finish(end, { kind: 'local', message: reason }, CLOSED)
  }

  /** The end is down on its own side, and the other side hears of it after what was sent. */
  finish(end: End, why: LinkEnd, how: typeof CLOSED | typeof RESET): void {
    const { links } = this.#world
    const node = links.owner(end)
    const link = this.#leave(end, how)
    this.tellDown(node, link, why.kind, why.message)
  }

  /** It breaks on this side alone: the other side learns of it when it sends. */
  reset(end: End, message: string): void {
    const { links, openings } = this.#world
    if (!this.#isLive(end)) return
    const state = links.state(end)
    if (state === OPENING) {
      openings.fail(links.id(end), message)
      return
    }
    const node = links.owner(end)
    const wasTaken = state === TAKEN
    const link = this.replace(end)
    if (!wasTaken) {
      this.tellDown(node, link, 'reset', message)
      return
    }
    const peer = this.#world.links.other(end) + 1
    this.#world.runner.tell(node, { type: 'unreachable', peer, reason: message }, TRACE_UNREACHABLE, peer)
  }

  /** The end goes without a word to either side; gives its number. */
  replace(end: End): Link {
    const { links, access, traffic, metrics } = this.#world
    const link = links.id(end)
    access.forget(end)
    traffic.forget(link)
    if (this.#isLive(end ^ 1)) metrics.linksEnded += 1
    links.leave(end)
    return link
  }

  tellDown(node: NodeIndex, link: Link, kind: LinkEnd['kind'], message: string): void {
    const input = { type: 'link-down', link, end: { kind, message } } as const
    this.#world.runner.tell(node, input, TRACE_LINK_DOWN, link ^ (KINDS.indexOf(kind) << 27))
  }

  /** A node hears that the other side has ended the link. */
  arrive(link: Link, how: number): void {
    const { links, nodes, access } = this.#world
    const end = endOf(link)
    if (!links.has(link)) return
    if (!this.#isLive(end)) return
    const state = links.state(end)
    const node = links.owner(end)
    if (nodes.status(node) !== RUNNING) {
      this.replace(end)
    } else if (state === TAKEN || state === OPENING) {
      this.reset(end, 'The connection broke.')
    } else {
      const why = access.closingOf(end)
      this.replace(end)
      if (why !== undefined) this.tellDown(node, link, why.kind, why.message)
      else if (how === CLOSED) this.tellDown(node, link, 'closed', 'The remote peer closed the link.')
      else this.tellDown(node, link, 'reset', 'The connection broke.')
    }
  }

  /** The network breaks a link: both sides hear of it at once. */
  breakLink(link: Link): void {
    const { links, schedule } = this.#world
    const end = endOf(link)
    if (!links.has(link)) return
    for (const own of [end, end ^ 1])
      schedule.post(schedule.nowUs, END_ARRIVES, links.id(own), RESET, 0, undefined)
  }

  /** All ends that a node has left, when its process is gone and its system tells the other sides. */
  crash(node: NodeIndex): void {
    const { links, openings } = this.#world
    for (const end of links.endsOf(node)) {
      if (links.state(end) === OPENING) openings.callOff(end)
      else this.#leave(end, RESET)
    }
  }

  /** Opens are called off; everything else stays as the other sides see it. */
  silence(node: NodeIndex): void {
    const { links, openings, access } = this.#world
    for (const end of links.endsOf(node)) {
      if (links.state(end) === OPENING) openings.callOff(end)
      else access.forget(end)
    }
  }

  /** A node that was silent begins anew and knows of no link. */
  forget(node: NodeIndex): void {
    const { links, traffic } = this.#world
    for (const end of links.endsOf(node)) traffic.forgotten(end, this.replace(end))
  }

  /** Opens of a node that stops. */
  callOffAll(node: NodeIndex): void {
    const { links, openings } = this.#world
    for (const end of links.endsOf(node)) {
      if (links.state(end) === OPENING) openings.callOff(end)
      else if (links.state(end) === TAKEN) this.#leave(end, RESET)
    }
  }

  /** Links of a node that has stopped: what waits is sent, and then they close. */
  stop(node: NodeIndex): void {
    const { links, access } = this.#world
    for (const end of links.endsOf(node)) {
      const state = links.state(end)
      if (state === UP && access.drains(end, { kind: 'stopped', message: STOPS }, CLOSED)) continue
      if (state === CLOSING) continue
      this.#leave(end, state === OVERFLOWED ? RESET : CLOSED)
    }
  }

  #leave(end: End, how: typeof CLOSED | typeof RESET): Link {
    const { links, access, traffic, metrics } = this.#world
    const link = links.id(end)
    access.forget(end)
    // What a crash leaves behind a partition is lost; what a close leaves is not.
    if (how === RESET) traffic.forget(link)
    if (this.#isLive(end ^ 1)) {
      traffic.end(end, how)
      metrics.linksEnded += 1
    }
    links.leave(end)
    return link
  }

  #isLive(end: End): boolean {
    const state = this.#world.links.state(end)
    return state !== DOWN && state !== UNKNOWN
  }
}
