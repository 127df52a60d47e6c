/**
 * Where a verb writes to: data to one stream, talk to the other, and what each of them can show. Colours and
 * lines that are written over are for terminals; NO_COLOR (https://no-color.org) and `--no-color` end them.
 */
import { styleText } from 'node:util'

/** The part of a stream that is used: `process.stdout`, or a test's list of what was written. */
export interface Sink {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

type Style = Parameters<typeof styleText>[0]

/** Of a terminal that does not say. */
const COLUMNS_DEFAULT = 80
/** Of one that says nonsense, as some emulators do while they start. */
const COLUMNS_MIN = 20

export class Output {
  readonly #sink: Sink
  readonly #quiet: boolean
  readonly #color: boolean
  /** Whether a line may be written over. */
  readonly live: boolean

  constructor(
    sink: Sink,
    options: {
      color?: boolean
      quiet?: boolean
      json?: boolean
      env?: Readonly<Record<string, string | undefined>>
    } = {}
  ) {
    const { env = {}, quiet = false, json = false } = options
    const terminal = sink.isTTY === true && env.TERM !== 'dumb'
    this.#sink = sink
    this.#quiet = quiet
    this.#color = terminal && options.color !== false && !env.NO_COLOR
    this.live = terminal && !quiet && !json
  }

  /** The width of the terminal. */
  get columns(): number {
    return Math.max(COLUMNS_MIN, this.#sink.columns ?? COLUMNS_DEFAULT)
  }

  /** The width that lines must keep: none where this is no terminal. */
  get columnsMax(): number | undefined {
    return this.#sink.isTTY === true ? this.columns : undefined
  }

  /** Writes a line. What comes from others must have been made safe before. */
  line(text = ''): void {
    if (!this.#quiet) this.#sink.write(`${text}\n`)
  }

  lines(texts: readonly string[]): void {
    for (const text of texts) this.line(text)
  }

  /** Writes as it is. */
  raw(text: string): void {
    if (!this.#quiet) this.#sink.write(text)
  }

  style(style: Style, text: string): string {
    return this.#color ? styleText(style, text, { validateStream: false }) : text
  }
}
