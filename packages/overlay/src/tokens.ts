/**
 * Tokens of a name: what two peers must agree on so that one finds what the other has.
 *
 * The rule, version 1. A text is decomposed (NFKD). Accents are taken off: the combining marks of Latin,
 * Greek and Cyrillic, the points of Hebrew and the short vowels of Arabic; vowel signs of Indic and other
 * scripts stay. What is left is folded code point by code point (so that ς is σ wherever it stands, ß is ss,
 * İ and ı are i, đ is d), composed (NFKC), and cut into runs of letters, marks and digits. Scripts that are
 * written without spaces give overlapping pairs of characters instead of whole runs, a lone character itself.
 * Which ones these are is written here as ranges of code points and does not depend on anybody's tables.
 */
import { QUERY_TEXT_BYTES_MAX } from './limits.ts'

export const TOKENS_VERSION = 1

/** UTF-16 units of a text that are read; the rest is ignored. Sixteen times the longest query or name. */
export const TOKEN_TEXT_UNITS_MAX = 16 * QUERY_TEXT_BYTES_MAX
/** Tokens of one text. A name of 255 bytes cannot have more; of longer texts the first are taken. */
export const TOKENS_MAX = 128
/** Code points of one token; a longer run is cut. */
export const TOKEN_CHARACTERS_MAX = 64

type Range = readonly [first: number, last: number]

/** Marks that are taken off. */
const ACCENTS: readonly Range[] = [
  [0x0300, 0x036f], // combining diacritical marks
  [0x0483, 0x0489], // Cyrillic
  [0x0591, 0x05bd], // Hebrew accents and points
  [0x05bf, 0x05bf],
  [0x05c1, 0x05c2],
  [0x05c4, 0x05c5],
  [0x05c7, 0x05c7],
  [0x064b, 0x0652], // Arabic short vowels
  [0x0670, 0x0670],
  [0x1ab0, 0x1aff],
  [0x1dc0, 0x1dff],
  [0x20d0, 0x20ff],
  [0xa66f, 0xa672], // Cyrillic
  [0xa674, 0xa67d],
  [0xfe20, 0xfe2f]
]

/** Characters that are not seen and do not part words: they are left out. */
const INVISIBLE: readonly Range[] = [
  [0x00ad, 0x00ad], // soft hyphen
  [0x034f, 0x034f],
  [0x061c, 0x061c],
  [0x0640, 0x0640], // Arabic tatweel, which only stretches a word
  [0x17b4, 0x17b5], // Khmer inherent vowels
  [0x200c, 0x200f], // joiners and direction marks
  [0x202a, 0x202e],
  [0x2060, 0x2069],
  [0xfe00, 0xfe0f], // variation selectors
  [0xfeff, 0xfeff],
  [0xe0100, 0xe01ef]
]

/** Letters and marks of scripts without spaces, digits and punctuation left out. */
const UNSPACED: readonly Range[] = [
  [0x0e01, 0x0e3a], // Thai
  [0x0e40, 0x0e4e],
  [0x0e81, 0x0ebd], // Lao
  [0x0ec0, 0x0ece],
  [0x0edc, 0x0edf],
  [0x1000, 0x103f], // Myanmar
  [0x1050, 0x108f],
  [0x109a, 0x109d],
  [0x1780, 0x17b3], // Khmer
  [0x17b6, 0x17d3],
  [0x17d7, 0x17d7],
  [0x17dc, 0x17dd],
  [0x3005, 0x3007], // ideographic iteration mark, closing mark, zero
  [0x3021, 0x3029],
  [0x3031, 0x3035],
  [0x3038, 0x303c],
  [0x3041, 0x3096], // Hiragana
  [0x3099, 0x309a],
  [0x309d, 0x309f],
  [0x30a1, 0x30fa], // Katakana
  [0x30fc, 0x30ff],
  [0x3105, 0x312f], // Bopomofo
  [0x31a0, 0x31bf],
  [0x31f0, 0x31ff],
  [0x3400, 0x4dbf], // Han
  [0x4e00, 0x9fff],
  [0xa9e0, 0xa9ef], // Myanmar
  [0xa9fa, 0xa9fe],
  [0xaa60, 0xaa76],
  [0xaa7a, 0xaa7f],
  [0xf900, 0xfaff],
  [0x1aff0, 0x1afff], // Kana
  [0x1b000, 0x1b16f],
  [0x20000, 0x3fffd] // Han
]

/** Latin letters that have no decomposition, and what people type for them. */
const PLAIN: Readonly<Record<string, string>> = {
  đ: 'd',
  ð: 'd',
  ħ: 'h',
  ł: 'l',
  ø: 'o',
  ŧ: 't',
  æ: 'ae',
  œ: 'oe',
  þ: 'th'
}

const LETTER_OR_DIGIT = /^[\p{L}\p{N}]$/u
const MARK = /^\p{M}$/u

/** The tokens of a text in their order, repeats removed, at most `TOKENS_MAX`. */
export function tokens(text: string): string[] {
  const found = new Set<string>()
  const add = (token: string): boolean => found.size < TOKENS_MAX && found.add(token) !== undefined
  let word: string[] = []
  let pairs: string[] = []
  const end = () => {
    if (word.length > 0) add(word.slice(0, TOKEN_CHARACTERS_MAX).join(''))
    if (pairs.length === 1) add(pairs[0]!)
    for (let index = 1; index < pairs.length; index += 1) add(pairs[index - 1]! + pairs[index]!)
    word = []
    pairs = []
  }
  for (const character of foldText(text)) {
    if (isIn(UNSPACED, character.codePointAt(0)!)) {
      if (word.length > 0) end()
      pairs.push(character)
    } else if (LETTER_OR_DIGIT.test(character)) {
      if (pairs.length > 0) end()
      word.push(character)
    } else if (word.length > 0 && MARK.test(character)) {
      word.push(character)
    } else {
      end()
    }
  }
  end()
  return [...found]
}

function foldText(text: string): string {
  let folded = ''
  for (const character of text.slice(0, TOKEN_TEXT_UNITS_MAX).normalize('NFKD')) {
    const codePoint = character.codePointAt(0)!
    if (isIn(ACCENTS, codePoint) || isIn(INVISIBLE, codePoint)) continue
    folded += foldCharacter(character)
  }
  return folded.normalize('NFKC')
}

/**
 * Up and down again folds more than down alone: ς by Σ, ſ by S, ı by I, and ß by SS (ẞ needs the first step
 * to become ß). One code point at a time, for in a longer text Σ becomes σ or ς by what stands around it.
 */
function foldCharacter(character: string): string {
  let folded = ''
  for (const lower of character.toLowerCase().toUpperCase()) {
    const one = lower.toLowerCase()
    folded += PLAIN[one] ?? one
  }
  return folded
}

function isIn(ranges: readonly Range[], codePoint: number): boolean {
  if (codePoint < ranges[0]![0]) return false
  let low = 0
  let high = ranges.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const [first, last] = ranges[middle]!
    if (codePoint < first) high = middle - 1
    else if (codePoint > last) low = middle + 1
    else return true
  }
  return false
}
