/** The `Range` header of one request, after RFC 9110, section 14. Pure. */

/** Bytes `start` to `end`, `end` not included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** Longer runs of digits are no position in any file. */
const DIGITS_MAX = 16
const SINGLE = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i

/**
 * What a request asks for of a file of `size` bytes: a range, `unsatisfiable`, or `whole` where there is no
 * valid `Range`. One of several ranges is answered whole too, as 14.2 allows: ranges that overlap a thousand
 * times are a known way to make a server work.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'whole' | 'unsatisfiable' {
  const match = header === undefined ? null : SINGLE.exec(header)
  if (match === null) return 'whole'
  const [, first = '', last = ''] = match
  if (first === '') {
    if (last === '') return 'whole'
    const suffix = position(last)
    if (suffix === 0) return 'unsatisfiable'
    // A suffix of an empty file is satisfiable, and no Content-Range can say so (14.1.2).
    return size === 0 ? 'whole' : { start: Math.max(0, size - suffix), end: size }
  }
  const start = position(first)
  if (last !== '' && position(last) < start) return 'whole'
  if (start >= size) return 'unsatisfiable'
  return { start, end: last === '' ? size : Math.min(size, position(last) + 1) }
}

/** Where an answer's bytes lie and of how many: the client's side of `Content-Range`. */
export function parseContentRange(header: string | undefined): (ByteRange & { size: number }) | undefined {
  const match = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/i.exec(header ?? '')
  if (match === null) return undefined
  const [start, last, size] = match.slice(1).map(Number) as [number, number, number]
  if (last < start || last >= size || !Number.isSafeInteger(size)) return undefined
  return { start, end: last + 1, size }
}

function position(digits: string): number {
  return digits.length > DIGITS_MAX
    ? Number.MAX_SAFE_INTEGER
    : Math.min(Number(digits), Number.MAX_SAFE_INTEGER)
}
