/**
 * What walkers add to the wire, all of it ours.
 *
 * The handshake's header `X-Servent-Walk: 0.1` says that a servent hands walkers on. A walker is a Query with TTL 1
 * and the GGEP extension `SVNT.W`, two bytes: which walker of its search it is, and how many links it may go. Its
 * payload stays as it is from link to link, and the links that it came over stand in the header's hops. All walkers
 * of a search share one GUID.
 *
 * A walker's question to its origin, and the origin's word that it may go on, are vendor messages (0x31; draft 0.6,
 * 2.2.8: four characters, a selector and a version of 16 bits each, little-endian) under the query's GUID: `SVNT`,
 * selector 1 or 2, version 1, and one byte, which walker.
 */
import { decodeText, Reader, StoringSink } from './bytes.ts'
import { VENDOR, VENDOR_MESSAGE, WALK_STEPS_MAX } from './constants.ts'
import type { GgepExtension, Guid, OtherMessage, QueryMessage } from './messages.ts'

/** Lower-case, as headers are kept. */
export const WALK_HEADER = 'x-servent-walk'
export const WALK_VERSION = '0.1'
const WALK = `${VENDOR}.W`
const WALK_BYTES = 2
const WORD_BYTES = VENDOR.length + 2 + 2 + 1
const SELECTORS = { ask: 1, go: 2 } as const
const WORD_VERSION = 1

export interface Walk {
  /** Which walker of its search, from 0. */
  readonly walker: number
  /** Links that it may go, 1 to `WALK_STEPS_MAX`. */
  readonly steps: number
}

/** `ask`: may this walker go on? `go`: it may. No word is the end of it. */
export interface WalkWord {
  readonly type: keyof typeof SELECTORS
  readonly walker: number
}

export function walkExtension({ walker, steps }: Walk): GgepExtension {
  return { id: WALK, data: Uint8Array.of(walker, steps) }
}

/** What makes a query a walker; nothing where it is none, or what it says of itself is not understood. */
export function walkOf({ ggep }: QueryMessage): Walk | undefined {
  if (ggep.length === 0) return undefined
  const extension = ggep.find(({ id }) => id === WALK)
  if (extension === undefined || extension.deflated === true || extension.data.length !== WALK_BYTES)
    return undefined
  const [walker, steps] = extension.data as unknown as [number, number]
  return steps === 0 ? undefined : { walker, steps: Math.min(steps, WALK_STEPS_MAX) }
}

export function walkWord(guid: Guid, ttl: number, { type, walker }: WalkWord): OtherMessage {
  const sink = new StoringSink(WORD_BYTES)
  sink.text(VENDOR)
  sink.u16(SELECTORS[type])
  sink.u16(WORD_VERSION)
  sink.u8(walker)
  return { type: 'other', descriptor: VENDOR_MESSAGE, guid, ttl, hops: 0, payload: sink.stored }
}

/** Nothing: a message of another kind, or of a version that is not known. */
export function walkWordOf({ descriptor, payload }: OtherMessage): WalkWord | undefined {
  if (descriptor !== VENDOR_MESSAGE || payload.length !== WORD_BYTES) return undefined
  const reader = new Reader(payload)
  if (decodeText(reader.take(VENDOR.length)) !== VENDOR) return undefined
  const selector = reader.u16()
  const version = reader.u16()
  if (version !== WORD_VERSION) return undefined
  const walker = reader.u8()
  if (selector === SELECTORS.ask) return { type: 'ask', walker }
  return selector === SELECTORS.go ? { type: 'go', walker } : undefined
}
