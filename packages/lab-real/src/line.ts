/**
 * The line of one peer in one direction. All its connections share it, a piece of each in turn, as they share the
 * simulator's access links: who sends much does not hold up who sends little.
 */

/** Time of the line that one piece takes, so that the others' turns come soon; and what is not worth a turn of its own. */
const PIECE_MS = 10
const PIECE_BYTES_MIN = 1_460
export const PIECE_BYTES_MAX = 65_536
/** Node's timers come as early as this. */
const DUE_MS = 0.5
const MS_PER_S = 1_000

interface Piece {
  readonly bytes: number
  readonly pass: () => void
}

export class Line {
  /** Bytes a second; nothing: no bound. */
  readonly bytesPerS: number | undefined
  /** Who hands over more at a time takes more than its turn. */
  readonly pieceBytes: number
  /** With something to carry, the next one first. */
  readonly #turns: Lane[] = []
  #isCarrying = false
  /** When what is on the line has been carried. */
  #doneMs = 0

  constructor(bytesPerS?: number) {
    this.bytesPerS = bytesPerS
    const inTime = ((bytesPerS ?? Number.POSITIVE_INFINITY) * PIECE_MS) / MS_PER_S
    this.pieceBytes = Math.floor(Math.max(PIECE_BYTES_MIN, Math.min(PIECE_BYTES_MAX, inTime)))
  }

  /** For one connection. */
  lane(): Lane {
    return new Lane(lane => this.#enter(lane))
  }

  #enter(lane: Lane): void {
    this.#turns.push(lane)
    if (this.#isCarrying) return
    this.#isCarrying = true
    this.#doneMs = Math.max(this.#doneMs, performance.now())
    this.#carry()
  }

  /** A timer that is late makes nothing slower: a piece begins when the one before it was done. */
  #carry(): void {
    for (let lane = this.#turns.shift(); lane !== undefined; lane = this.#turns.shift()) {
      const carried = lane
      if (this.bytesPerS !== undefined) this.#doneMs += (carried.firstBytes * MS_PER_S) / this.bytesPerS
      const waitsMs = this.#doneMs - performance.now()
      if (this.bytesPerS !== undefined && waitsMs > DUE_MS) {
        setTimeout(() => {
          carried.pass()
          this.#carry()
        }, waitsMs)
        return
      }
      carried.pass()
    }
    this.#isCarrying = false
  }
}

/** What one connection has for the line, in its order. */
export class Lane {
  readonly #onTurn: (lane: Lane) => void
  #pieces: Piece[] = []
  #isInTurn = false
  #isStopped = false
  #bytes = 0

  constructor(onTurn: (lane: Lane) => void) {
    this.#onTurn = onTurn
  }

  /** That wait, or are being carried. */
  get bytes(): number {
    return this.#bytes
  }

  get firstBytes(): number {
    return this.#pieces[0]?.bytes ?? 0
  }

  /** `pass` is called when the line has carried it, and throws nothing. */
  add(bytes: number, pass: () => void): void {
    this.#pieces.push({ bytes, pass })
    this.#bytes += bytes
    this.#takeTurn()
  }

  /** Nothing is carried until `go`: where it goes there is no room. */
  stop(): void {
    this.#isStopped = true
  }

  go(): void {
    this.#isStopped = false
    this.#takeTurn()
  }

  /** What waits is lost. */
  drop(): void {
    this.#pieces = []
    this.#bytes = 0
  }

  /** Its turn is over. */
  pass(): void {
    const piece = this.#isStopped ? undefined : this.#pieces.shift()
    if (piece !== undefined) {
      this.#bytes -= piece.bytes
      piece.pass()
    }
    this.#isInTurn = false
    this.#takeTurn()
  }

  #takeTurn(): void {
    if (this.#isInTurn || this.#isStopped || this.#pieces.length === 0) return
    this.#isInTurn = true
    this.#onTurn(this)
  }
}
