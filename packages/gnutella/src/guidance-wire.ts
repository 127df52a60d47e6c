/**
 * What leaf guidance adds to the wire (Solares, Proposal for Leaf Guidance of Dynamic Queries, 2003): bit 12 of a
 * query's flags, by which a leaf says that it will guide its ultrapeers, and two vendor messages under the query's GUID,
 * BEAR 11, which asks the leaf for a number, and BEAR 12, which tells it.
 */
import { QUERY_GUIDED, QUERY_MARKED, VENDOR_MESSAGE_TTL } from './constants.ts'
import type { Guid, OtherMessage, QueryMessage } from './messages.ts'
import { GUIDANCE_OVER } from './tier-constants.ts'
import { vendorMessage, vendorMessageOf } from './vendor-wire.ts'

const BEARSHARE = 'BEAR'
const REQUEST = 11
const RESPONSE = 12
const VERSION = 1
const COUNT_BYTES = 2

/** `results`: as many as the leaf kept, or `GUIDANCE_OVER`. */
export type Guidance = { readonly type: 'request' } | { readonly type: 'response'; readonly results: number }

export function guidanceMessage(guid: Guid, guidance: Guidance): OtherMessage {
  const isRequest = guidance.type === 'request'
  const data = new Uint8Array(isRequest ? 0 : COUNT_BYTES)
  if (!isRequest) new DataView(data.buffer).setUint16(0, Math.min(guidance.results, GUIDANCE_OVER), true)
  const selector = isRequest ? REQUEST : RESPONSE
  return vendorMessage(
    { guid, ttl: VENDOR_MESSAGE_TTL },
    { vendor: BEARSHARE, selector, version: VERSION, data }
  )
}

/** Nothing: a message of another kind, or of a version that is not known. */
export function guidanceOf(message: OtherMessage): Guidance | undefined {
  const { vendor, selector, version, data } = vendorMessageOf(message) ?? {}
  if (vendor !== BEARSHARE || version !== VERSION || data === undefined) return undefined
  if (selector === REQUEST && data.length === 0) return { type: 'request' }
  if (selector !== RESPONSE || data.length !== COUNT_BYTES) return undefined
  return { type: 'response', results: new DataView(data.buffer, data.byteOffset).getUint16(0, true) }
}

/** Whether a leaf says that it guides who asks for it. */
export function isGuided({ flags }: QueryMessage): boolean {
  return (flags & QUERY_MARKED) !== 0 && (flags & QUERY_GUIDED) !== 0
}
