/**
 * The line of one peer in one direction. All its connections share it in turn, as they share the simulator's access links:
 * who sends much does not hold up who sends little. Turns are by bytes, not by pieces, by deficit round robin (Shreedhar and
 * Varghese 1995).
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
  /** Of one turn. What is handed over in larger pieces holds the others up for longer at a time. */
  readonly pieceBytes: number
  /** With something to carry, the one whose turn it is first. */
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
    return new Lane(this.pieceBytes, lane => this.#enter(lane))
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
    for (let lane = this.#turns[0]; lane !== undefined; lane = this.#turns[0]) {
      const carried = lane
      const bytes = carried.begin()
      if (bytes === undefined) {
        this.#turns.shift()
        carried.endTurn()
        continue
      }
      if (this.bytesPerS !== undefined) this.#doneMs += (bytes * MS_PER_S) / this.bytesPerS
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
  readonly #turnBytes: number
  readonly #onTurn: (lane: Lane) => void
  #pieces: Piece[] = []
  #onLine: Piece | undefined
  /** What it may have carried yet: of its turn, and what the one before was too short for. */
  #credit = 0
  #isInTurn = false
  #isStopped = false
  #bytes = 0

  constructor(turnBytes: number, onTurn: (lane: Lane) => void) {
    this.#turnBytes = turnBytes
    this.#onTurn = onTurn
  }

  /** That wait, or are being carried. */
  get bytes(): number {
    return this.#bytes
  }

  /** `pass` is called when the line has carried it, and throws nothing. */
  add(bytes: number, pass: () => void): void {
    this.#pieces.push({ bytes, pass })
    this.#bytes += bytes
    this.#takeTurn()
  }

  /** Nothing more is carried until `go`: where it goes there is no room. What is on the line has been let in. */
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
    this.#onLine = undefined
    this.#bytes = 0
  }

  /** Puts a piece on the line. Gives its bytes; nothing where its turn is over. */
  begin(): number | undefined {
    const first = this.#isStopped ? undefined : this.#pieces[0]
    if (first === undefined || first.bytes > this.#credit) return undefined
    this.#credit -= first.bytes
    this.#onLine = this.#pieces.shift()
    return first.bytes
  }

  /** The line has carried what `begin` put on it. */
  pass(): void {
    const piece = this.#onLine
    if (piece === undefined) return
    this.#onLine = undefined
    this.#bytes -= piece.bytes
    piece.pass()
  }

  /** Who has nothing to carry saves nothing up. */
  endTurn(): void {
    this.#isInTurn = false
    if (this.#isStopped || this.#pieces.length === 0) this.#credit = 0
    this.#takeTurn()
  }

  #takeTurn(): void {
    if (this.#isInTurn || this.#isStopped || this.#pieces.length === 0) return
    this.#isInTurn = true
    this.#credit += this.#turnBytes
    this.#onTurn(this)
  }
}
