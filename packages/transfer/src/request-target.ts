/**
 * What a request's target names. By content: `/ipfs/<cid>`, as IPFS gateways have it. By Gnutella's ways:
 * `/get/<index>/<name>` (0.4, section 3) and `/uri-res/N2R?<urn>` (HUGE 0.94, section 3). Ours:
 * `/servent/hashes/<cid>?height=&index=&count=`, a BEP 52 hash request. Pure.
 */
import { ContentId } from '@servent/overlay'
import { base32upper } from 'multiformats/bases/base32'

export type Resource =
  | { readonly type: 'content'; readonly id: ContentId }
  | { readonly type: 'sha1'; readonly sha1: Uint8Array }
  | { readonly type: 'index'; readonly index: number; readonly name: string }
  | {
      readonly type: 'hashes'
      readonly id: ContentId
      readonly height: number
      readonly index: number
      readonly count: number
    }
  /** A target that nothing answers, with the status that says so. */
  | { readonly type: 'refused'; readonly status: 400 | 404 | 406; readonly reason: string }

const SHA1_BYTES = 20
const INDEX_MAX = 2 ** 32 - 1

export function parseTarget(target: string): Resource {
  const cut = target.indexOf('?')
  const path = cut === -1 ? target : target.slice(0, cut)
  const query = cut === -1 ? '' : target.slice(cut + 1)
  try {
    if (path.startsWith('/ipfs/')) return content(path.slice('/ipfs/'.length), query)
    if (path.startsWith('/get/')) return indexed(path.slice('/get/'.length))
    if (path === '/uri-res/N2R') return urn(query)
    if (path.startsWith('/servent/hashes/')) return hashes(path.slice('/servent/hashes/'.length), query)
  } catch (error) {
    return refused(400, (error as Error).message)
  }
  return refused(404, 'Nothing has this address here. Files are at /ipfs/<cid>.')
}

function content(cid: string, query: string): Resource {
  const format = new URLSearchParams(query).get('format')
  if (format !== null && format !== 'raw') return refused(406, 'Only format=raw is given.')
  return { type: 'content', id: ContentId.parse(cid) }
}

function indexed(rest: string): Resource {
  const match = /^(\d{1,10})\/([^/]+)\/?$/.exec(rest)
  if (match === null) return refused(400, 'A file by its index is at /get/<index>/<name>.')
  const index = Number(match[1])
  if (index > INDEX_MAX) return refused(404, 'An index has 32 bits.')
  return { type: 'index', index, name: decodeURIComponent(match[2]!) }
}

function urn(query: string): Resource {
  const [scheme, space, ...rest] = decodeURIComponent(query).split(':')
  const value = rest.join(':')
  if (scheme?.toLowerCase() === 'urn') {
    if (space?.toLowerCase() === 'cid') return { type: 'content', id: ContentId.parse(value) }
    if (space?.toLowerCase() === 'sha1') {
      const sha1 = base32upper.baseDecode(value.toUpperCase())
      if (sha1.length === SHA1_BYTES && value.length === 32) return { type: 'sha1', sha1 }
      return refused(400, 'A urn:sha1 has 32 characters of base32.')
    }
  }
  return refused(404, 'This server resolves urn:sha1 and urn:cid.')
}

function hashes(cid: string, query: string): Resource {
  const parameters = new URLSearchParams(query)
  const [height, index, count] = ['height', 'index', 'count'].map(name => {
    const text = parameters.get(name) ?? ''
    return /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  }) as [number, number, number]
  if (!Number.isSafeInteger(height + index + count)) {
    return refused(400, 'A request for hashes says height, index and count, each a number.')
  }
  return { type: 'hashes', id: ContentId.parse(cid), height, index, count }
}

function refused(status: 400 | 404 | 406, reason: string): Resource {
  return { type: 'refused', status, reason }
}

/** `urn:sha1:` and 32 characters of base32 (HUGE 0.94, section 2). */
export function sha1Urn(sha1: Uint8Array): string {
  return `urn:sha1:${base32upper.baseEncode(sha1)}`
}
