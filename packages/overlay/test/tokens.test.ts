import {
  TOKEN_CHARACTERS_MAX,
  TOKEN_TEXT_UNITS_MAX,
  TOKENS_MAX,
  TOKENS_VERSION,
  tokens
} from '@servent/overlay/machine'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

test('the rule has a version, which changes when any of what follows does', () => {
  expect(TOKENS_VERSION).toBe(1)
})

describe('names', () => {
  test.each([
    // English
    ['Miles Davis - So What (Live).flac', ['miles', 'davis', 'so', 'what', 'live', 'flac']],
    ["don't_stop.me.now", ['don', 't', 'stop', 'me', 'now']],
    ['02 Track 02', ['02', 'track']],
    ['AC/DC', ['ac', 'dc']],
    // German
    ['Straße nach Köln', ['strasse', 'nach', 'koln']],
    ['STRASSE, STRAẞE', ['strasse']],
    // Turkish
    ['İstanbul ISTANBUL ıstanbul istanbul', ['istanbul']],
    ['ışık çağı', ['isik', 'cagi']],
    // Vietnamese
    ['Đường về nhà', ['duong', 've', 'nha']],
    // Polish, Danish, Icelandic, French
    ['Łódź Øresund Þór œuvre Æon', ['lodz', 'oresund', 'thor', 'oeuvre', 'aeon']],
    // Greek: a final sigma is a sigma
    ['Ὀδυσσεύς ΟΔΥΣΣΕΥΣ οδυσσευσ', ['οδυσσευσ']],
    // Russian and Ukrainian
    ['Ёлка Елка їжак', ['елка', 'іжак']],
    // Hebrew with points, Arabic with short vowels and a stretched letter
    ['שָׁלוֹם שלום', ['שלום']],
    ['مُحَمَّد محـــمد', ['محمد']],
    // Hindi: vowel signs stay
    ['हिन्दी फ़िल्म गाने', ['हिन्दी', 'फ़िल्म', 'गाने']],
    // Korean has spaces
    ['한국어 노래 모음', ['한국어', '노래', '모음']],
    // Chinese, Japanese and Thai have none
    ['七龙珠', ['七龙', '龙珠']],
    ['進撃の巨人 第3話.mkv', ['進撃', '撃の', 'の巨', '巨人', '第', '3', '話', 'mkv']],
    ['ドラゴンボール', ['ドラ', 'ラゴ', 'ゴン', 'ンボ', 'ボー', 'ール']],
    ['スター・ウォーズ', ['スタ', 'ター', 'ウォ', 'ォー', 'ーズ']],
    ['佐々木', ['佐々', '々木']],
    ['เพลงไทย', ['เพ', 'พล', 'ลง', 'งไ', 'ไท', 'ทย']],
    ['ພາສາລາວ', ['ພາ', 'າສ', 'ສາ', 'າລ', 'ລາ', 'າວ']],
    ['ភាសា', ['ភា', 'ាស', 'សា']],
    ['မြန်မာ', ['မြ', 'ြန', 'န်', '်မ', 'မာ']],
    ['𠮷野家', ['𠮷野', '野家']],
    // scripts meet
    ['AKB48の歌', ['akb48', 'の歌']],
    ['大 mix 大', ['大', 'mix']],
    // wide, narrow and ligated forms
    ['Ｆｕｌｌ　ｗｉｄｔｈ', ['full', 'width']],
    ['ﾊﾟﾋﾟﾌﾟ', ['パピ', 'ピプ']],
    ['ﬁle ſhip x²', ['file', 'ship', 'x2']],
    // what is not seen does not part a word
    ['so\u00adft ze\u200dro bi\u202edi\u2066x\u2069', ['soft', 'zero', 'bidix']],
    // and what parts it
    ['one\u200btwo\u0000three\u00a0four\nfive', ['one', 'two', 'three', 'four', 'five']],
    ['🎵 music 🎵', ['music']],
    ['', []],
    ['--- ... ///', []],
    ['\u0301\u093f', []],
    ['\ud800x\udc00', ['x']]
  ])('%s', (name, expected) => {
    expect(tokens(name)).toEqual(expected)
  })
})

describe('properties', () => {
  const text = fc.string({ unit: 'binary', maxLength: 60 })
  const name = fc.oneof(
    text,
    fc.string({ unit: fc.constantFrom(...'aÄßİıςΣσſẞéが進กำहि한ﾊﾟ ́̈-'), maxLength: 30 })
  )

  test('composed and decomposed forms of a name give the same tokens', () => {
    fc.assert(
      fc.property(name, some => {
        expect(tokens(some.normalize('NFD'))).toEqual(tokens(some.normalize('NFC')))
      }),
      { numRuns: 2000 }
    )
  })

  test('so does every character of the plane that is used most, inside a word', () => {
    for (let codePoint = 0; codePoint < 0x10000; codePoint += 1) {
      // Han and Hangul are many and all alike.
      if ((codePoint >= 0x3400 && codePoint < 0xa000) || (codePoint >= 0xac00 && codePoint < 0xf900)) continue
      const text = `x${String.fromCodePoint(codePoint)}y`
      const expected = tokens(text).join(' ')
      if (
        expected !== tokens(text.normalize('NFD')).join(' ') ||
        expected !== tokens(text.toLowerCase()).join(' ')
      ) {
        expect.fail(`U+${codePoint.toString(16)}: ${expected}`)
      }
    }
  })

  test('so do small and capital letters of words with letters of every kind', () => {
    for (const some of ['straße', 'ὀδυσσεύς', 'déjà vu', 'ёлка', 'łódź', 'ﬁle'])
      expect(tokens(some.toUpperCase())).toEqual(tokens(some))
  })

  test('a token is its own token, so that it can be asked for', () => {
    const assigned = fc.string({ unit: 'grapheme', maxLength: 40 })
    fc.assert(
      fc.property(fc.oneof(assigned, name), some => {
        expect(tokens(some).map(token => tokens(token))).toEqual(tokens(some).map(token => [token]))
      }),
      { numRuns: 2000 }
    )
  })

  test('no token is empty, stands twice, or holds white space, and the bounds hold for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 6000, size: 'max' }), some => {
        const found = tokens(some)
        expect(found.length).toBeLessThanOrEqual(TOKENS_MAX)
        expect(new Set(found).size).toBe(found.length)
        for (const token of found) expect(token).toMatch(/^[^\s]{1,200}$/u)
      }),
      { numRuns: 30 }
    )
  })
})

describe('limits', () => {
  test('TOKENS_MAX', () => {
    const words = (count: number) => Array.from({ length: count }, (_, index) => `w${index}`)
    expect(tokens(words(TOKENS_MAX).join(' '))).toEqual(words(TOKENS_MAX))
    expect(tokens(words(TOKENS_MAX + 1).join(' '))).toEqual(words(TOKENS_MAX))
  })

  test('a name of 255 bytes stays under it, however it is written', () => {
    const han = String.fromCodePoint(...Array.from({ length: 85 }, (_, index) => 0x4e00 + index))
    expect(tokens(han)).toHaveLength(84)
    const two = Array.from({ length: 85 }, (_, index) =>
      String.fromCharCode(97 + (index % 26), 97 + Math.floor(index / 26))
    ).join(' ')
    expect(tokens(two)).toHaveLength(85)
  })

  test('TOKEN_CHARACTERS_MAX: a longer run is cut, and asked for it is cut alike', () => {
    const exact = 'x'.repeat(TOKEN_CHARACTERS_MAX)
    expect(tokens(exact)).toEqual([exact])
    expect(tokens(`${exact}y`)).toEqual([exact])
    expect(tokens('𝔘'.repeat(TOKEN_CHARACTERS_MAX))).toEqual(['u'.repeat(TOKEN_CHARACTERS_MAX)])
  })

  test('TOKEN_TEXT_UNITS_MAX: what comes after it is not read', () => {
    const filler = ' '.repeat(TOKEN_TEXT_UNITS_MAX - 1)
    expect(tokens(`${filler}a`)).toEqual(['a'])
    expect(tokens(`${filler}.a`)).toEqual([])
  })

  test('a text that grows under normalisation stays bounded', () => {
    // U+FDFA is 18 characters in NFKC.
    expect(tokens('\ufdfa'.repeat(TOKEN_TEXT_UNITS_MAX)).length).toBeLessThanOrEqual(TOKENS_MAX)
  })
})
