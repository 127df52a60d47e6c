/**
 * One line on the terminal that is written over again and again. Where it cannot be written over it is not written
 * at all, for a log full of bars helps nobody; what takes long says a plain line now and then instead.
 */
import { formatPercent } from './format.ts'
import type { Output } from './output.ts'
import { truncate } from './width.ts'

/** Ten a second look smooth; more only cost time. */
const REDRAW_MS_MIN = 100
/** Between two plain lines, and before the first. */
export const PLAIN_MS = 10_000
const BAR_COLUMNS = 20
const ERASE_LINE = '\r\x1b[K'

export class ProgressLine {
  readonly #output: Output
  readonly #log: Output
  readonly #now: () => number
  #drawnMs = Number.NEGATIVE_INFINITY
  #saidMs: number | undefined
  #shown = false

  /** `log` takes plain lines. */
  constructor(output: Output, log: Output, now: () => number = () => performance.now()) {
    this.#output = output
    this.#log = log
    this.#now = now
  }

  /**
   * Shows the text, unless the last one is too young; where it cannot be written over, the plain one if there is
   * any. Texts must be safe.
   */
  show(text: string, plain?: string): void {
    const nowMs = this.#now()
    if (!this.#output.live) {
      this.#saidMs ??= nowMs
      if (plain === undefined || nowMs - this.#saidMs < PLAIN_MS) return
      this.#saidMs = nowMs
      this.#log.line(plain)
      return
    }
    if (nowMs - this.#drawnMs < REDRAW_MS_MIN) return
    this.#drawnMs = nowMs
    this.#shown = true
    // One column less than there are: many terminals break the line at the last one.
    this.#output.raw(`${ERASE_LINE}${truncate(text, this.#output.columns - 1)}`)
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown) this.#output.raw(ERASE_LINE)
    this.#shown = false
    this.#drawnMs = Number.NEGATIVE_INFINITY
  }
}

/** `███████████▌──────── 78 %`: words beside the picture, for those who do not see it. */
export function bar(part: number, whole: number): string {
  const eighths = whole === 0 ? 0 : Math.floor((part / whole) * BAR_COLUMNS * 8)
  const full = Math.min(BAR_COLUMNS, Math.floor(eighths / 8))
  const rest = full < BAR_COLUMNS ? ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8]! : ''
  const picture = `${'█'.repeat(full)}${rest}`
  return `${picture}${'─'.repeat(BAR_COLUMNS - full - rest.length)} ${formatPercent(part, whole).padStart(5)}`
}
