/**
 * What p2psim says when it ends (`p2psim/node.C`, `print_stats`): lines as `LOOKUP_RATES:: success:0.997 incorrect:0.000`
 * between `<-----STATS----->` and `<-----ENDSTATS----->`. All else in a log is passed over.
 */
import { PlanError } from '../errors.ts'

export const P2PSIM_LOG_BYTES_MAX = 16_777_216
export const P2PSIM_LOG_LINES_MAX = 1_000_000
/** Of lines that are read; kinds of messages are a few dozen. */
const FIELDS_MAX = 256

/** Others are passed over: where p2psim has nothing to print of a line, the next stands in it. */
const LINES = ['BW_PER_TYPE', 'LOOKUP_RATES', 'CORRECT_LOOKUPS', 'INCORRECT_LOOKUPS', 'FAILED_LOOKUPS']
const BEGIN = '<-----STATS----->'
const END = '<-----ENDSTATS----->'

export interface P2psimStats {
  /** Bytes of all messages, 20 each and 4 for each id. */
  readonly bytes: number
  readonly lookups: { readonly correct: number; readonly incorrect: number; readonly failed: number }
  /** Of correct lookups; nothing where there was none. */
  readonly latencyMs: number | undefined
  readonly hops: number | undefined
}

/** @throws PlanError  it is too long, has no statistics, or a line of theirs that says something else */
export function parseStats(text: string, name: string): P2psimStats {
  if (Buffer.byteLength(text) > P2PSIM_LOG_BYTES_MAX)
    throw new PlanError(
      `${name} has more than ${P2PSIM_LOG_BYTES_MAX} bytes: that is no log of one run of p2psim.`
    )
  const fields = new Map<string, ReadonlyMap<string, number>>()
  let isInside = false
  let count = 0
  for (let at = 0; at < text.length; ) {
    count += 1
    if (count > P2PSIM_LOG_LINES_MAX)
      throw new PlanError(
        `${name} has more than ${P2PSIM_LOG_LINES_MAX} lines: that is no log of one run of p2psim.`
      )
    const newline = text.indexOf('\n', at)
    const end = newline < 0 ? text.length : newline
    // Of other lines, which may be as long as the log, no more is looked at than tells them apart.
    const line = text.slice(at, isInside ? end : Math.min(end, at + BEGIN.length)).trim()
    if (line === BEGIN) isInside = true
    else if (line === END) isInside = false
    else if (isInside) {
      const match = /^([A-Z_0-9]{1,40}):: ?(.*)$/.exec(line)
      if (match !== null && LINES.includes(match[1]!))
        fields.set(match[1]!, fieldsOf(match[2]!, `${name}:${count}`))
    }
    at = end + 1
  }
  if (isInside || !fields.has('LOOKUP_RATES'))
    throw new PlanError(`${name} has no whole statistics of p2psim: it was ended before it had printed them.`)
  const numberOf = (line: string, field: string): number => {
    const value = fields.get(line)?.get(field)
    if (value === undefined)
      throw new PlanError(`${name} has statistics of p2psim without ${field} of ${line}.`)
    return value
  }
  const countOf = (kind: string) => numberOf(`${kind}_LOOKUPS`, 'numlookups')
  const correct = countOf('CORRECT')
  return {
    bytes: [...(fields.get('BW_PER_TYPE')?.values() ?? [])].reduce((sum, bytes) => sum + bytes, 0),
    lookups: { correct, incorrect: countOf('INCORRECT'), failed: countOf('FAILED') },
    latencyMs: correct === 0 ? undefined : numberOf('CORRECT_LOOKUPS', 'lookup_median'),
    hops: correct === 0 ? undefined : numberOf('CORRECT_LOOKUPS', 'hops_mean')
  }
}

/** `success:0.997 incorrect:0.000`. What is no number, as a part of no lookups, is left out. */
function fieldsOf(text: string, where: string): ReadonlyMap<string, number> {
  const words = text.split(' ').filter(word => word !== '')
  if (words.length > FIELDS_MAX)
    throw new PlanError(`${where} has ${words.length} figures, and ${FIELDS_MAX} at most.`)
  const fields = new Map<string, number>()
  for (const word of words) {
    const colon = word.lastIndexOf(':')
    const [key, figure] = [word.slice(0, colon), word.slice(colon + 1)]
    if (/^-?(nan|inf)$/.test(figure)) continue
    if (colon < 1 || !/^\d+(\.\d+)?(e\+?\d+)?$/.test(figure))
      throw new PlanError(`${where}: ${JSON.stringify(word.slice(0, 80))} is no figure of p2psim’s.`)
    fields.set(key, Number(figure))
  }
  return fields
}
