/**
 * What walkers add to the wire, all of it ours.
 *
 * The handshake's header `X-Servent-Walk: 0.1` says that a servent hands walkers on. A walker is a Query with TTL 1
 * and the GGEP extension `SVNT.W`, two bytes: which walker of its search it is, and how many links it may go. Its
 * payload stays as it is from link to link, and the links that it came over stand in the header's hops. All walkers
 * of a search share one GUID.
 *
 * A walker's question to its origin, and the origin's word that it may go on, are vendor messages under the query's
 * GUID: `SVNT`, selector 1 or 2, version 1, and one byte, which walker.
 */
import { VENDOR, WALK_STEPS_MAX } from './constants.ts'
import type { GgepExtension, Guid, OtherMessage, QueryMessage } from './messages.ts'
import { vendorMessage, vendorMessageOf } from './vendor-wire.ts'

/** Lower-case, as headers are kept. */
export const WALK_HEADER = 'x-servent-walk'
export const WALK_VERSION = '0.1'
const WALK = `${VENDOR}.W`
const WALK_BYTES = 2
const WORD_BYTES = 1
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
  const data = Uint8Array.of(walker)
  const selector = SELECTORS[type]
  return vendorMessage({ guid, ttl }, { vendor: VENDOR, selector, version: WORD_VERSION, data })
}

/** Nothing: a message of another kind, or of a version that is not known. */
export function walkWordOf(message: OtherMessage): WalkWord | undefined {
  const { vendor, selector, version, data } = vendorMessageOf(message) ?? {}
  if (vendor !== VENDOR || version !== WORD_VERSION || data?.length !== WORD_BYTES) return undefined
  const [walker] = data as unknown as [number]
  if (selector === SELECTORS.ask) return { type: 'ask', walker }
  return selector === SELECTORS.go ? { type: 'go', walker } : undefined
}
