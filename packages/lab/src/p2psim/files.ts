/**
 * p2psim's files, as its sources read them (sit/dht on GitHub: `topologies/e2egraph.C`,
 * `eventgenerators/fileeventgenerator.C`, `events/p2pevent.C`, `p2psim/network.C`). Addresses count from 1, times are
 * whole milliseconds, and a latency is one way. Address 1 is one more than the plan has: the well-known node through
 * which all join, and which never goes, for p2psim prints what it measured when that one ends.
 */
import type { LatencyModel } from '@servent/simulator'
import type { Schedule } from './schedule.ts'

const WELL_KNOWN = 1
/** Of place 0. */
const FIRST_ADDRESS = 2
const US_PER_MS = 1000

export const addressOf = (place: number) => place + FIRST_ADDRESS

/** Round trips between the peers that are there first, and the well-known node, which has those of the next one. */
export function topologyText(network: LatencyModel, places: number): string {
  const count = places + 1
  const nodeAt = (address: number) => (address === WELL_KNOWN ? places : address - FIRST_ADDRESS)
  const lines = [`topology E2EGraph ${count}`, 'failure_model NullFailureModel', '']
  for (let address = 1; address <= count; address += 1) lines.push(`node ${address}`)
  for (let one = 1; one <= count; one += 1)
    for (let other = one + 1; other <= count; other += 1) {
      const us = network.roundTripUs(nodeAt(one), nodeAt(other)) / 2
      lines.push(`${one},${other} ${Math.max(1, Math.round(us / US_PER_MS))}`)
    }
  return `${lines.join('\n')}\n`
}

export interface EventTexts {
  /** Until the measured time begins: what it costs to come to that. */
  readonly before: string
  readonly whole: string
}

/**
 * `keys`: what is looked up is a key of 64 bits, or the address that a peer has then. Who comes back has another address, the
 * next that nobody ever had.
 */
export function eventTexts(
  { places, events, fromMs }: Schedule,
  keys: 'bits' | 'addresses',
  endMs: number
): EventTexts {
  const lines: { readonly atMs: number; readonly line: string }[] = [
    { atMs: 1, line: `node 1 ${WELL_KNOWN} join wellknown=${WELL_KNOWN}` }
  ]
  const current = Array.from({ length: places }, (_, place) => addressOf(place))
  const wasThere = new Set<number>()
  let highest = addressOf(places - 1)
  for (const event of events) {
    const { atMs, place } = event
    const line = `node ${atMs} ${addressOf(place)} ${event.type}`
    if (event.type === 'lookup') {
      const key = keys === 'bits' ? bitsOf(event.key) : current[event.target]!.toString(16)
      lines.push({ atMs, line: `${line} key=${key}` })
    } else if (event.type === 'join') {
      if (wasThere.has(place)) {
        highest += 1
        current[place] = highest
      }
      wasThere.add(place)
      lines.push({ atMs, line: `${line} wellknown=${WELL_KNOWN}` })
    } else lines.push({ atMs, line })
  }
  const upTo = (ms: number) =>
    `${[...lines.filter(({ atMs }) => atMs < ms).map(({ line }) => line), `simulator ${ms} exit`].join('\n')}\n`
  return { before: upTo(fromMs), whole: upTo(endMs) }
}

/** A key's first 64 bits, in hexadecimal; p2psim takes no 0 for a key. */
function bitsOf(key: Uint8Array): string {
  const bits = Buffer.from(key.subarray(0, 8)).toString('hex').toUpperCase()
  return /^0+$/.test(bits) ? '1' : bits
}
