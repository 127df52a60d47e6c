/**
 * Latencies from a measured matrix: one row a line, separated by tabs or spaces, round trips in milliseconds,
 * zero from each host to itself. That is the form of NetLatency-Data and, but for its head, of King's data.
 * The file is the caller's business.
 */
import type { Random } from '../random.ts'
import type { NodeIndex } from '../types.ts'
import { ModelError } from './errors.ts'
import type { LatencyModel } from './latency.ts'

/** Twice what p2psim's King data has: 16 MiB of figures. */
export const MATRIX_ROWS_MAX = 2048
/** Longer than any measurement waits. */
export const MATRIX_ROUND_TRIP_MS_MAX = 60_000
/** Of what is no figure, as an error has it. */
const FIGURE_CHARACTERS_MAX = 80

/** Microseconds, row after row. */
interface Matrix {
  readonly rows: number
  readonly roundTripsUs: Uint32Array
}

/**
 * Nodes take rows in an order that `random` shuffles; when all are taken, the next ones take them again. Two
 * nodes of one row are as far apart as that host is from the one nearest to it.
 *
 * @throws ModelError  the text is no square matrix of such figures; the message names the line
 */
export function matrixLatency(text: string, random: Random): LatencyModel {
  const { rows, roundTripsUs } = parseMatrix(text)
  const nearestUs = nearestOf(rows, roundTripsUs)
  const order = shuffled(rows, random)
  const between = (from: NodeIndex, to: NodeIndex): number => {
    const [row, column] = [order[from % rows]!, order[to % rows]!]
    return row === column ? nearestUs[row]! : roundTripsUs[row * rows + column]!
  }
  return {
    roundTripUs: (a, b) => Math.floor((between(a, b) + between(b, a)) / 2),
    oneWayUs: (from, to) => Math.floor(between(from, to) / 2)
  }
}

function parseMatrix(text: string): Matrix {
  const lines = text.split('\n').flatMap((line, at) => {
    const said = line.trim()
    return said === '' ? [] : [{ said, number: at + 1 }]
  })
  const rows = lines.length
  if (rows < 2) throw new ModelError(`A matrix of latencies has at least two rows, not ${rows}.`)
  if (rows > MATRIX_ROWS_MAX)
    throw new ModelError(`A matrix of latencies has at most ${MATRIX_ROWS_MAX} rows, not ${rows}.`)
  const roundTripsUs = new Uint32Array(rows * rows)
  for (const [row, { said, number }] of lines.entries()) {
    const figures = said.split(/[\t ]+/)
    if (figures.length !== rows)
      throw new ModelError(
        `Line ${number}: row ${row + 1} of ${rows} has ${figures.length} figures, and a matrix is square.`
      )
    for (const [column, figure] of figures.entries()) {
      const where = `Line ${number}, column ${column + 1}`
      roundTripsUs[row * rows + column] = Math.floor(1000 * parseMs(figure, where, row === column))
    }
  }
  return { rows, roundTripsUs }
}

function parseMs(text: string, where: string, isToItself: boolean): number {
  const ms = Number(text)
  const figure = text.slice(0, FIGURE_CHARACTERS_MAX)
  if (!(ms >= 0 && ms <= MATRIX_ROUND_TRIP_MS_MAX))
    throw new ModelError(`${where}: ${figure} is no round trip from 0 to ${MATRIX_ROUND_TRIP_MS_MAX} ms.`)
  if (isToItself && ms !== 0)
    throw new ModelError(`${where}: ${figure} ms from a host to itself. The diagonal is zero.`)
  return ms
}

function nearestOf(rows: number, roundTripsUs: Uint32Array): Uint32Array {
  return Uint32Array.from({ length: rows }, (_, row) => {
    let nearest = Number.MAX_SAFE_INTEGER
    for (let column = 0; column < rows; column += 1)
      if (column !== row) nearest = Math.min(nearest, roundTripsUs[row * rows + column]!)
    return nearest
  })
}

/** 0 to length - 1 in an order of chance (Fisher and Yates). */
function shuffled(length: number, random: Random): Uint16Array {
  const order = Uint16Array.from({ length }, (_, place) => place)
  for (let place = length - 1; place > 0; place -= 1) {
    const other = random.below(place + 1)
    const moved = order[place]!
    order[place] = order[other]!
    order[other] = moved
  }
  return order
}
