/**
 * Access links of nodes whose bandwidth is bounded. What a node sends waits in a queue for each link (the
 * host's own `LinkQueue`, with its priorities, marks and overflow), and the uplink takes from the queues in
 * turn, a message at a time. What comes in waits for the downlink in the order in which it arrives.
 */
import { type Link, type LinkEnd, LinkQueue, type MachineTypes } from '@servent/overlay/machine'
import { grownFloat64 } from './event-queue-arrays.ts'
import { FLUSH_OVER, UPLINK_FREE } from './event-queue-deeds.ts'
import { CLOSING, DOWN, type End, endOf, OVERFLOWED, UNKNOWN } from './links.ts'
import { CLOSED, RESET } from './links-traffic.ts'
import type { World } from './simulation-world.ts'
import { TRACE_PRESSURE } from './trace.ts'
import type { NodeIndex } from './types.ts'

interface Sender {
  readonly queue: LinkQueue<unknown>
  /** Why it is closing. */
  closing: LinkEnd | undefined
  how: typeof CLOSED | typeof RESET
  isInTurn: boolean
  /** The machine is being told of the overflow. */
  takesLastWord: boolean
}

interface Uplink {
  /** Links with something to send, the next one first. */
  readonly turns: Link[]
  isBusy: boolean
  /** Which life of the node it serves. */
  readonly life: number
}

interface Sending {
  readonly message: unknown
  readonly bytes: number
}

export class AccessLinks<T extends MachineTypes> {
  readonly #world: World<T>
  /** Bytes a second; 0 where there is no bound. Empty where the network knows of no bounds at all. */
  #up = new Float64Array(0)
  #down = new Float64Array(0)
  #downFreeUs = new Float64Array(0)
  readonly #senders = new Map<End, Sender>()
  readonly #uplinks = new Map<NodeIndex, Uplink>()

  constructor(world: World<T>) {
    this.#world = world
  }

  add(node: NodeIndex): void {
    const bandwidth = this.#world.network.bandwidthBytesPerS?.(node)
    if (bandwidth === undefined) return
    if (!(bandwidth.up > 0 && bandwidth.down > 0))
      throw new RangeError(`Node ${node} has ${bandwidth.up} bytes/s up and ${bandwidth.down} down.`)
    if (node >= this.#up.length) {
      const length = Math.max(16, (node + 1) * 2)
      this.#up = grownFloat64(this.#up, length)
      this.#down = grownFloat64(this.#down, length)
      this.#downFreeUs = grownFloat64(this.#downFreeUs, length)
    }
    this.#up[node] = bandwidth.up
    this.#down[node] = bandwidth.down
  }

  /** Whether the node's access link bounds what it sends and receives. */
  isSlow(node: NodeIndex): boolean {
    return node < this.#up.length && this.#up[node] !== 0
  }

  push(end: End, message: unknown, priority: number): void {
    const { metrics } = this.#world
    const sender = this.#sender(end)
    const { dropped, level } = sender.queue.push(message, metrics.price(message), priority)
    metrics.dropped += dropped.length
    if (level === 'overflow') {
      metrics.dropped += 1
      this.#overflow(end, sender)
      return
    }
    if (level !== undefined) this.#press(end, level)
    this.#takeTurn(end, sender)
  }

  /** What a machine says to a link whose overflow it is being told of. */
  lastWord(end: End, message: unknown, priority: number): void {
    const sender = this.#senders.get(end)
    if (sender?.takesLastWord !== true) return
    sender.queue.push(message, this.#world.metrics.price(message), priority)
  }

  beginLastWord(link: Link): void {
    const end = endOf(link)
    if (!this.#world.links.has(link) || this.#world.links.state(end) !== OVERFLOWED) return
    this.#sender(end).takesLastWord = true
  }

  /** The last word goes out, and then the link is down. */
  endLastWord(link: Link): void {
    const { links, endings } = this.#world
    const end = endOf(link)
    if (!links.has(link) || links.state(end) !== OVERFLOWED) return
    const sender = this.#sender(end)
    sender.takesLastWord = false
    if (sender.queue.length === 0) endings.finish(end, sender.closing!, RESET)
    else this.#close(end, sender, sender.closing!, CLOSED)
  }

  /** True where something waits to be sent: the link closes when that is done. */
  drains(end: End, why: LinkEnd, how: typeof CLOSED | typeof RESET): boolean {
    const sender = this.#senders.get(end)
    if (sender === undefined || (sender.queue.length === 0 && !this.#isSending(end))) return false
    this.#close(end, sender, why, how)
    return true
  }

  closingOf(end: End): LinkEnd | undefined {
    return this.#senders.get(end)?.closing
  }

  /** A link has spent its time on what waited. */
  flushOver(link: Link): void {
    const { links, endings } = this.#world
    const end = endOf(link)
    const closing = this.#senders.get(end)?.closing
    if (links.has(link) && links.state(end) === CLOSING && closing !== undefined)
      endings.finish(end, closing, closing.kind === 'overflow' ? RESET : CLOSED)
  }

  forget(end: End): void {
    if (this.#senders.size > 0) this.#senders.delete(end)
  }

  /** A node is gone: so is what its uplink was about to send. */
  reset(node: NodeIndex): void {
    this.#uplinks.delete(node)
  }

  /** The uplink has sent a message. */
  uplinkFree(node: NodeIndex, link: Link, life: number, sent: Sending): void {
    const { links, traffic, endings } = this.#world
    const uplink = this.#uplinks.get(node)
    if (uplink === undefined || uplink.life !== life) return
    uplink.isBusy = false
    this.#sending.delete(node)
    const end = endOf(link)
    if (links.has(link) && links.state(end) !== DOWN && links.state(end) !== UNKNOWN) {
      traffic.transmit(end, sent.message, sent.bytes)
      const sender = this.#senders.get(end)
      if (sender?.closing !== undefined && sender.queue.length === 0 && links.state(end) === CLOSING)
        endings.finish(end, sender.closing, sender.how)
    }
    this.#pump(node, uplink)
  }

  /** When the downlink has brought in what reaches it now. */
  downlinkUs(node: NodeIndex, bytes: number): number {
    const { nowUs } = this.#world.schedule
    const fromUs = Math.max(nowUs, this.#downFreeUs[node]!)
    const doneUs = fromUs + Math.ceil((bytes * 1e6) / this.#down[node]!)
    this.#downFreeUs[node] = doneUs
    return doneUs
  }

  /** By node, the link whose message its uplink is sending. */
  readonly #sending = new Map<NodeIndex, Link>()

  #isSending(end: End): boolean {
    const { links } = this.#world
    return this.#sending.get(links.owner(end)) === links.id(end)
  }

  #sender(end: End): Sender {
    let sender = this.#senders.get(end)
    if (sender === undefined) {
      const queue = new LinkQueue<unknown>(this.#world.limits)
      sender = { queue, closing: undefined, how: CLOSED, isInTurn: false, takesLastWord: false }
      this.#senders.set(end, sender)
    }
    return sender
  }

  #takeTurn(end: End, sender: Sender): void {
    const { links, nodes } = this.#world
    const node = links.owner(end)
    let uplink = this.#uplinks.get(node)
    if (uplink === undefined) {
      uplink = { turns: [], isBusy: false, life: nodes.life(node) }
      this.#uplinks.set(node, uplink)
    }
    if (!sender.isInTurn) {
      sender.isInTurn = true
      uplink.turns.push(links.id(end))
    }
    this.#pump(node, uplink)
  }

  #pump(node: NodeIndex, uplink: Uplink): void {
    const { links, metrics, schedule } = this.#world
    while (!uplink.isBusy) {
      const link = uplink.turns.shift()
      if (link === undefined) return
      const end = endOf(link)
      const sender = links.has(link) ? this.#senders.get(end) : undefined
      const next = sender?.queue.shift()
      if (sender === undefined || next === undefined) {
        if (sender !== undefined) sender.isInTurn = false
        continue
      }
      uplink.isBusy = true
      this.#sending.set(node, link)
      sender.isInTurn = sender.queue.length > 0
      if (sender.isInTurn) uplink.turns.push(link)
      metrics.price(next.message)
      metrics.sent(node)
      const doneUs = schedule.nowUs + Math.ceil((next.bytes * 1e6) / this.#up[node]!)
      const sent: Sending = { message: next.message, bytes: next.bytes }
      schedule.post(doneUs, UPLINK_FREE, node, link, uplink.life, sent)
      // Told last: what the machine sends in answer finds the uplink busy.
      if (next.level !== undefined && sender.closing === undefined) this.#press(end, next.level)
    }
  }

  #press(end: End, level: 'low' | 'high' | 'overflow'): void {
    const { links, runner } = this.#world
    const link = links.id(end)
    const detail = link ^ (level.length << 27)
    runner.tell(links.owner(end), { type: 'pressure', link, level }, TRACE_PRESSURE, detail)
  }

  #overflow(end: End, sender: Sender): void {
    const { links, limits, metrics } = this.#world
    links.setState(end, OVERFLOWED)
    sender.closing = {
      kind: 'overflow',
      message: `More than ${limits.queueBytesMax} bytes waited to be sent.`
    }
    metrics.dropped += sender.queue.length
    while (sender.queue.shift() !== undefined);
    this.#press(end, 'overflow')
  }

  #close(end: End, sender: Sender, why: LinkEnd, how: typeof CLOSED | typeof RESET): void {
    const { links, schedule, limits } = this.#world
    links.setState(end, CLOSING)
    sender.closing = why
    sender.how = how
    const link = links.id(end)
    schedule.post(schedule.nowUs + limits.stopFlushUs, FLUSH_OVER, link, 0, 0, undefined)
    this.#takeTurn(end, sender)
  }
}
