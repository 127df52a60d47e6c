/**
 * A running hash of what happened, when, and in which order. It covers each input that a machine was told: its
 * time, its node, its kind, which link, peer, timer, command or answer it was about, and the length of a message;
 * each act of the plan, by its time; and each message that was sent on a link, by its type, length and priority.
 * What is in a message, a command, an answer or a save it does not cover: where that changes what a machine does,
 * the next sending or timer tells. Two lanes of 32 bits, mixed as MurmurHash3 mixes (Austin Appleby).
 */

/** Kinds of events in the trace. */
export const TRACE_START = 0
export const TRACE_STOP = 1
export const TRACE_CONTACT = 2
export const TRACE_LINK_UP = 3
export const TRACE_LINK_DOWN = 4
export const TRACE_UNREACHABLE = 5
export const TRACE_MESSAGE = 6
export const TRACE_PRESSURE = 7
export const TRACE_COMMAND = 8
export const TRACE_TIMER = 9
export const TRACE_ANSWER = 10
export const TRACE_ACT = 11

export class TraceHash {
  #high = 0x243f6a88
  #low = 0x13198a2e

  /** Takes a whole number; its lowest 32 bits count. */
  add(word: number): void {
    let high = Math.imul(this.#high ^ word, 0xcc9e2d51)
    high = (high << 15) | (high >>> 17)
    this.#high = (Math.imul(high, 5) + 0x6b64) | 0
    let low = Math.imul(this.#low ^ word, 0x1b873593)
    low = (low << 13) | (low >>> 19)
    this.#low = (Math.imul(low, 5) + 0x6543) | 0
  }

  /** 16 hexadecimal digits. */
  get hex(): string {
    return hexOf(finished(this.#high ^ this.#low)) + hexOf(finished(this.#low))
  }
}

function finished(lane: number): number {
  let mixed = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

function hexOf(word: number): string {
  return word.toString(16).padStart(8, '0')
}

/** A word that stands for a text in the trace. */
export function wordOf(text: string): number {
  let word = text.length
  for (let index = 0; index < text.length; index += 1)
    word = (Math.imul(word, 31) + text.charCodeAt(index)) | 0
  return word
}

/** Spreads a length over the bits of a word. */
export function lengthWord(bytes: number): number {
  return Math.imul(bytes, 0x9e3779b1)
}
