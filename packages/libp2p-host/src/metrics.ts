/**
 * What a host counts. Counting is an addition in memory; libp2p's metrics ask for the figures when somebody
 * wants them (pull), so that nothing is paid for them otherwise.
 */
import type { Metrics } from '@libp2p/interface'
import { MESSAGE_TYPES_MAX } from './limits.ts'

const OTHER = 'other'

export const HOST_COUNTERS = [
  'linksOpened',
  'linksAccepted',
  'linksEnded',
  'inboundRefused',
  'opensFailed',
  'messagesDropped',
  'malformed',
  'overflows',
  'messageRateHits',
  'byteRateHits',
  'limitHits',
  'noticesFailed',
  'asksRefused',
  'savesFailed',
  'peersRefused'
] as const

export type HostCounter = (typeof HOST_COUNTERS)[number]

interface TypeCounts {
  sentMessages: number
  sentBytes: number
  receivedMessages: number
  receivedBytes: number
}

export class HostMetrics {
  readonly #counts = new Map<HostCounter, number>(HOST_COUNTERS.map(name => [name, 0]))
  readonly #types = new Map<string, TypeCounts>()

  count(counter: HostCounter, by = 1): void {
    this.#counts.set(counter, this.#counts.get(counter)! + by)
  }

  sent(type: string, bytes: number): void {
    const counts = this.#of(type)
    counts.sentMessages += 1
    counts.sentBytes += bytes
  }

  received(type: string, bytes: number): void {
    const counts = this.#of(type)
    counts.receivedMessages += 1
    counts.receivedBytes += bytes
  }

  /** Flat, for snapshots: the counters, totals, and `sent.<type>.messages` and the like. */
  read(): Record<string, number> {
    const read: Record<string, number> = Object.fromEntries(this.#counts)
    const totals: TypeCounts = { sentMessages: 0, sentBytes: 0, receivedMessages: 0, receivedBytes: 0 }
    for (const [type, counts] of this.#types) {
      read[`sent.${type}.messages`] = counts.sentMessages
      read[`sent.${type}.bytes`] = counts.sentBytes
      read[`received.${type}.messages`] = counts.receivedMessages
      read[`received.${type}.bytes`] = counts.receivedBytes
      for (const key of Object.keys(totals) as (keyof TypeCounts)[]) totals[key] += counts[key]
    }
    return { ...read, ...totals }
  }

  /** Registers with libp2p under `servent_<overlay>_…`. `gauges` gives what is true now. */
  register(metrics: Metrics | undefined, overlay: string, gauges: () => Record<string, number>): void {
    if (metrics === undefined) return
    const prefix = `servent_${overlay}`
    metrics.registerCounterGroup(`${prefix}_events_total`, {
      label: 'event',
      help: `What happened to links and messages of ${overlay}`,
      calculate: () => Object.fromEntries(this.#counts)
    })
    for (const key of ['sentMessages', 'sentBytes', 'receivedMessages', 'receivedBytes'] as const) {
      const name = key.replace(/[A-Z]/, letter => `_${letter.toLowerCase()}`)
      metrics.registerCounterGroup(`${prefix}_${name}_total`, {
        label: 'type',
        help: `By type of message of ${overlay}`,
        calculate: () => Object.fromEntries([...this.#types].map(([type, counts]) => [type, counts[key]]))
      })
    }
    metrics.registerMetricGroup(`${prefix}_state`, {
      label: 'gauge',
      help: `Links, queues and questions of ${overlay}`,
      calculate: gauges
    })
  }

  #of(type: string): TypeCounts {
    const known = this.#types.get(type)
    if (known !== undefined) return known
    if (this.#types.size >= MESSAGE_TYPES_MAX && type !== OTHER) return this.#of(OTHER)
    const counts = { sentMessages: 0, sentBytes: 0, receivedMessages: 0, receivedBytes: 0 }
    this.#types.set(type, counts)
    return counts
  }
}
