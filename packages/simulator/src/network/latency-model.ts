/** Models of latency by name, as command lines and plans write them. */
import type { Random } from '../random.ts'
import { ModelError } from './errors.ts'
import { constantLatency, exponentialLatency, type LatencyModel, uniformLatency } from './latency.ts'
import { matrixLatency } from './matrix.ts'
import { wideArea } from './wide-area.ts'

/** Of any figure in a name. */
export const ROUND_TRIP_MS_MAX = 60_000

const FORMS =
  'planetlab, constant:MS, uniform:MS-MS, exponential:MS or matrix:FILE, where MS is a round trip in milliseconds'

/**
 * `planetlab` (the synthetic wide area), `constant:50`, `uniform:20-80`, `exponential:100` (each message by
 * itself, with this mean), `matrix:FILE`.
 *
 * @param random      the salt of the network: each seed gives another one of the same kind
 * @param readMatrix  gives the text of the file that is named
 * @throws ModelError  the text names no model; the message says which there are
 */
export function latencyModel(
  text: string,
  random: Random,
  readMatrix?: (file: string) => string
): LatencyModel {
  const colon = text.indexOf(':')
  const [name, rest] = colon === -1 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)]
  if (text === 'planetlab') return wideArea(random)
  if (name === 'constant') return constantLatency(roundTripMs(text, rest))
  if (name === 'exponential') return exponentialLatency(roundTripMs(text, rest))
  if (name === 'uniform') {
    const [from, to, ...more] = rest.split('-')
    const [fromMs, toMs] = [roundTripMs(text, from), roundTripMs(text, to)]
    if (more.length > 0 || fromMs > toMs)
      throw new ModelError(`"${text}" goes from the shorter to the longer round trip: uniform:20-80.`)
    return uniformLatency(fromMs, toMs, random)
  }
  if (name === 'matrix' && rest !== '') {
    if (readMatrix === undefined) throw new ModelError(`"${text}" names a file, and none can be read here.`)
    return matrixLatency(readMatrix(rest), random)
  }
  throw new ModelError(`"${text}" is no model of latency. There are ${FORMS}.`)
}

function roundTripMs(text: string, figure: string | undefined): number {
  const ms = /^\d+(\.\d+)?$/.test(figure ?? '') ? Number(figure) : Number.NaN
  if (!(ms <= ROUND_TRIP_MS_MAX))
    throw new ModelError(
      `"${text}" has no round trip from 0 to ${ROUND_TRIP_MS_MAX} milliseconds. There are ${FORMS}.`
    )
  return ms
}
