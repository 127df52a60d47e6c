/**
 * One connection of a network between peers of one machine: what goes and comes by it waits for the line of its peer, and
 * as long as the way to the other end is. Nothing waits without bound: whoever sends more than fits is told to wait, and
 * the other end is when more comes than fits.
 */
import type { AbstractMultiaddrConnection } from '@libp2p/utils'
import type { Line } from './line.ts'

/** Of one connection in one direction, on the way and before the line. */
export const ON_THE_WAY_BYTES_MAX = 1_048_576
/** Before a line there waits what it carries in this time, and so much at least: as in a socket's buffer. */
const WAITING_MS = 500
export const WAITING_BYTES_MIN = 16_384
const MS_PER_S = 1_000

export interface Lines {
  readonly up: Line
  readonly down: Line
}

type Data = Parameters<AbstractMultiaddrConnection['sendData']>[0]
type Received = Parameters<AbstractMultiaddrConnection['onData']>[0]

/** Bytes that one connection may have before a line. */
export function waitingMax({ bytesPerS }: Line): number {
  if (bytesPerS === undefined) return ON_THE_WAY_BYTES_MAX
  const inTime = Math.floor((bytesPerS * WAITING_MS) / MS_PER_S)
  return Math.max(WAITING_BYTES_MIN, Math.min(ON_THE_WAY_BYTES_MAX, inTime))
}

/**
 * Lays a connection over these lines and so many milliseconds each way. All comes in its order, and so does the end. A
 * reset does not wait: what is on its way is lost, as it is with a peer that dies.
 */
export function layConnection(connection: AbstractMultiaddrConnection, lines: Lines, ms: number): void {
  const { sendReset } = connection
  const dropOut = layOut(connection, lines.up, ms)
  const dropIn = layIn(connection, lines.down, ms)
  const drop = () => {
    dropOut()
    dropIn()
  }
  connection.sendReset = error => {
    drop()
    sendReset.call(connection, error)
  }
  // The other end is gone: its socket takes nothing, and says no more that it does.
  connection.addEventListener('close', drop)
}

/** Gives what throws away all that is under way. */
function layOut(connection: AbstractMultiaddrConnection, line: Line, ms: number): () => void {
  const lane = line.lane()
  const way = new Way(ms)
  const laneMax = waitingMax(line)
  const { sendData, sendClose, safeDispatchEvent } = connection
  let isOver = false
  let isFull = false
  const closing = new Set<() => void>()
  const isUnderWay = () => lane.bytes + way.bytes > 0
  const fits = (part: number) =>
    !isFull && lane.bytes < laneMax * part && lane.bytes + way.bytes < ON_THE_WAY_BYTES_MAX * part
  const onRoom = () => {
    if (connection.writableNeedsDrain && fits(1 / 2)) safeDispatchEvent.call(connection, 'drain')
    if (isUnderWay()) return
    for (const resolve of closing) resolve()
  }
  const write = (piece: Data) => {
    try {
      // A socket that is full takes what it is given all the same, piece by piece.
      for (let left = piece; left.byteLength > 0; ) {
        const { sentBytes, canSendMore } = sendData.call(connection, left)
        isFull = !canSendMore
        left = left.sublist(sentBytes)
      }
    } catch (error) {
      connection.abort(error as Error)
    }
    if (isFull) lane.stop()
    onRoom()
  }
  connection.sendData = data => {
    const { byteLength } = data
    if (isOver) return { sentBytes: byteLength, canSendMore: true }
    // The list is the sender's, who goes on with it.
    for (const piece of piecesOf(data, line.pieceBytes, (from, to) => data.sublist(from, to)))
      lane.add(piece.byteLength, () => way.add(piece.byteLength, () => write(piece)))
    return { sentBytes: byteLength, canSendMore: fits(1) }
  }
  // What the socket has room for is not what there is room for here.
  connection.safeDispatchEvent = ((type: string, detail?: object) => {
    if (type !== 'drain') return safeDispatchEvent.call(connection, type as 'drain', detail as never)
    isFull = false
    lane.go()
    onRoom()
    return true
  }) as typeof safeDispatchEvent
  /** Until nothing is under way. What does not come to that, for its socket stays full, waits as long as the signal says. */
  const emptied = async (signal: AbortSignal | undefined) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = () => reject(signal?.reason)
    closing.add(resolve)
    signal?.addEventListener('abort', onAbort)
    try {
      signal?.throwIfAborted()
      await promise
    } finally {
      closing.delete(resolve)
      signal?.removeEventListener('abort', onAbort)
    }
  }
  connection.sendClose = async options => {
    if (isUnderWay()) await emptied(options?.signal)
    await sendClose.call(connection, options)
  }
  return () => {
    isOver = true
    lane.drop()
    way.drop()
    onRoom()
  }
}

function layIn(connection: AbstractMultiaddrConnection, line: Line, ms: number): () => void {
  const lane = line.lane()
  const way = new Way(ms)
  const laneMax = waitingMax(line)
  const { onData, onTransportClosed, sendPause, sendResume } = connection
  let isOver = false
  let isPausedHere = false
  let isPausedAbove = false
  let isPaused = false
  const pause = () => {
    const wasPaused = isPaused
    isPaused = isPausedHere || isPausedAbove
    if (isPaused !== wasPaused) (isPaused ? sendPause : sendResume).call(connection)
  }
  const fits = (part: number) =>
    lane.bytes < laneMax * part && lane.bytes + way.bytes < ON_THE_WAY_BYTES_MAX * part
  const onRoom = () => {
    if (!isPausedHere || !fits(1 / 2)) return
    isPausedHere = false
    pause()
  }
  connection.onData = data => {
    // Nothing is nothing to carry.
    if (data.byteLength === 0) return onData.call(connection, data)
    // What a socket has read yet comes after its reset.
    if (isOver) return
    way.add(data.byteLength, () => {
      for (const piece of piecesOf<Received>(data, line.pieceBytes, (from, to) => data.subarray(from, to)))
        lane.add(piece.byteLength, () => {
          onData.call(connection, piece)
          onRoom()
        })
    })
    if (isPausedHere || fits(1)) return
    isPausedHere = true
    pause()
  }
  connection.onTransportClosed = error => {
    // Who closes here has nothing to wait for.
    if (isOver || error !== undefined || connection.status !== 'open')
      onTransportClosed.call(connection, error)
    else way.add(0, () => lane.add(0, () => onTransportClosed.call(connection)))
  }
  connection.sendPause = () => {
    isPausedAbove = true
    pause()
  }
  connection.sendResume = () => {
    isPausedAbove = false
    pause()
  }
  return () => {
    isOver = true
    lane.drop()
    way.drop()
  }
}

/** Its parts, none longer than this. */
function piecesOf<T extends { readonly byteLength: number }>(
  data: T,
  bytesMax: number,
  cut: (from: number, to: number) => T
): T[] {
  const { byteLength } = data
  const count = Math.ceil(byteLength / bytesMax)
  return Array.from({ length: count }, (_, at) =>
    cut(at * bytesMax, Math.min(byteLength, (at + 1) * bytesMax))
  )
}

/** The way to the other end. */
class Way {
  readonly #ms: number
  readonly #timers = new Set<NodeJS.Timeout>()
  bytes = 0

  constructor(ms: number) {
    this.#ms = ms
  }

  /** Timers of one length end in the order in which they were set. */
  add(bytes: number, arrive: () => void): void {
    if (this.#ms === 0) {
      arrive()
      return
    }
    this.bytes += bytes
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.bytes -= bytes
      arrive()
    }, this.#ms)
    this.#timers.add(timer)
  }

  drop(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.bytes = 0
  }
}
