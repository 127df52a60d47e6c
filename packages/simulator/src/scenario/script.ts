/**
 * A scenario as text. A step stands at the beginning of a line; what came of it stands below, indented, and is
 * not read back. `#` begins a remark.
 *
 *     start a b c          nodes come up; `start c via a` is told of a
 *     link a b             a link that is there at once
 *     contact a b          a is told of b
 *     after 5s             virtual time passes: ms, s, m, h, d
 *     a> lookup x          a command, in the words of the overlay
 *     stop a               leaves in good order; so do `crash`, `silence`, `pause` and `resume` with theirs
 *     revive a             comes back with what it saved; `revive a without saved`
 *     partition a b | c    sides that do not hear each other; nodes that are not named are one more side
 *     heal                 ends every partition
 *     skew a 100ppm        its clocks run fast; `jump a -5s` moves its wall clock
 *     messages on          from here on messages are told as they arrive; `messages off`
 *     show a               its tables, in the words of the overlay
 *     expect a: text       since the last step that did something, a told this (part of a line); `expect no a: text`
 *     expect up a b        they are up; `expect down c`; other words are the overlay's
 */
import { durationUs } from '../churn/index.ts'
import { ModelError } from '../network/index.ts'

export type Step =
  | { readonly type: 'start'; readonly names: readonly string[]; readonly via: string | undefined }
  | { readonly type: 'link' | 'contact'; readonly from: string; readonly to: string }
  | { readonly type: 'after'; readonly us: number }
  | { readonly type: 'command'; readonly name: string; readonly words: string }
  | { readonly type: 'stop' | 'crash' | 'silence' | 'pause' | 'resume'; readonly names: readonly string[] }
  | { readonly type: 'revive'; readonly names: readonly string[]; readonly keepSaved: boolean }
  | { readonly type: 'partition'; readonly sides: readonly (readonly string[])[] }
  | { readonly type: 'heal' }
  | { readonly type: 'skew'; readonly name: string; readonly ppm: number }
  | { readonly type: 'jump'; readonly name: string; readonly byMs: number }
  | { readonly type: 'messages'; readonly on: boolean }
  | { readonly type: 'show'; readonly names: readonly string[] }
  | { readonly type: 'expect-told'; readonly name: string; readonly text: string; readonly not: boolean }
  | { readonly type: 'expect-state'; readonly names: readonly string[]; readonly up: boolean }
  | { readonly type: 'expect'; readonly words: string }

/** A line that cannot be read or done, or an expectation that did not come true. `line` counts from 1. */
export class ScenarioError extends Error {
  static override readonly name = 'ScenarioError'
  override readonly name = 'ScenarioError'
  readonly line: number
  constructor(line: number, message: string, cause?: unknown) {
    super(`Line ${line}: ${message}`, { cause })
    this.line = line
  }
}

const NAME = '[A-Za-z][A-Za-z0-9-]*'
const NAMES = `${NAME}(?: +${NAME})*`

/** Undefined for a line that is no step: empty, a remark, or what came of one. */
export function parseStep(line: string, number: number): Step | undefined {
  if (line.trim() === '' || /^\s|^#/.test(line)) return undefined
  const said = line.replace(/\s+#.*$/, '').trimEnd()
  for (const [pattern, read] of FORMS) {
    const match = new RegExp(`^${pattern}$`).exec(said)
    if (match !== null) return inLine(number, () => read(match))
  }
  throw new ScenarioError(number, `"${said}" is no step.`)
}

type Read = (match: RegExpExecArray) => Step

/** In the order in which they are tried: the last one takes what the overlay has words for. */
const FORMS: readonly (readonly [string, Read])[] = [
  [`start (${NAMES}?)(?: via (${NAME}))?`, m => ({ type: 'start', names: names(m[1]), via: m[2] })],
  [
    `(link|contact) (${NAME}) +(${NAME})`,
    m => ({ type: m[1] as 'link' | 'contact', from: m[2]!, to: m[3]! })
  ],
  ['after (\\S+)', m => ({ type: 'after', us: durationUs(m[1]!) })],
  [`(${NAME})> *(.+)`, m => ({ type: 'command', name: m[1]!, words: m[2]! })],
  [
    `(stop|crash|silence|pause|resume) (${NAMES})`,
    m => ({ type: m[1] as 'stop' | 'crash' | 'silence' | 'pause' | 'resume', names: names(m[2]) })
  ],
  [
    `revive (${NAMES}?)( without saved)?`,
    m => ({ type: 'revive', names: names(m[1]), keepSaved: m[2] === undefined })
  ],
  [
    `partition (${NAMES}(?: *\\| *${NAMES})*)`,
    m => ({ type: 'partition', sides: m[1]!.split('|').map(side => names(side.trim())) })
  ],
  ['heal', () => ({ type: 'heal' })],
  [`skew (${NAME}) (-?\\d+)ppm`, m => ({ type: 'skew', name: m[1]!, ppm: Number(m[2]) })],
  [
    `jump (${NAME}) (-?)(\\S+)`,
    m => ({ type: 'jump', name: m[1]!, byMs: ((m[2] === '-' ? -1 : 1) * durationUs(m[3]!)) / 1000 })
  ],
  ['messages (on|off)', m => ({ type: 'messages', on: m[1] === 'on' })],
  [`show (${NAMES})`, m => ({ type: 'show', names: names(m[1]) })],
  [
    `expect (no )?(${NAME}): *(.+)`,
    m => ({ type: 'expect-told', name: m[2]!, text: m[3]!, not: m[1] !== undefined })
  ],
  [`expect (up|down) (${NAMES})`, m => ({ type: 'expect-state', names: names(m[2]), up: m[1] === 'up' })],
  ['expect (.+)', m => ({ type: 'expect', words: m[1]! })]
]

function names(text: string | undefined): string[] {
  return (text ?? '').split(/ +/)
}

function inLine<R>(line: number, read: () => R): R {
  try {
    return read()
  } catch (error) {
    if (error instanceof ModelError) throw new ScenarioError(line, error.message)
    throw error
  }
}
