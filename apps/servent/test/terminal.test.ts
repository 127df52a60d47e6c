/** What reaches a terminal: names made harmless, columns counted, lines that fit. */

import { listingName } from '@servent/overlay'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  formatBytes,
  formatDuration,
  formatPercent,
  formatTags,
  plural,
  rowKind,
  shortPeer
} from '../src/terminal/format.ts'
import { Output } from '../src/terminal/output.ts'
import { bar, PLAIN_MS, ProgressLine } from '../src/terminal/progress.ts'
import { safe, safeJson } from '../src/terminal/safe.ts'
import { facts, table } from '../src/terminal/table.ts'
import { displayWidth, pad, truncate, wrap } from '../src/terminal/width.ts'

describe('safe', () => {
  it.each([
    ['an escape sequence', '\x1b[2J\x1b]0;owned\x07', '\\x1b[2J\\x1b]0;owned\\x07'],
    ['the one-byte form of it', '\x9b31m', '\\x9b31m'],
    ['line breaks and tabs', 'a\r\nb\tc\x00', 'a\\x0d\\x0ab\\x09c\\x00'],
    ['line breaks of Unicode', 'a\u2028b\u2029c\u0085d', 'a\\u2028b\\u2029c\\x85d'],
    ['a turned reading order', 'gpj.\u202eexe', 'gpj.\\u202eexe'],
    ['isolates', '\u2066x\u2069', '\\u2066x\\u2069'],
    ['characters of no width', 'a\u200bb\ufeffc\u00ad', 'a\\u200bb\\ufeffc\\xad'],
    ['fillers without ink', 'a\u3164\u2800', 'a\\u3164\\u2800'],
    ['tags', 'a\u{e0041}', 'a\\u{e0041}'],
    ['half a character', 'a\ud800b', 'a\ufffdb'],
    ['a tower of accents', `e${'\u0301'.repeat(50)}!`, `e${'\u0301'.repeat(4)}!`]
  ])('shows %s', (_, given, shown) => {
    expect(safe(given)).toBe(shown)
  })

  it('leaves what people write as it is', () => {
    for (const name of [
      'Béla Fleck – “Flight”.mp3',
      '周杰伦 - 青花瓷.flac',
      'ไฟล์.txt',
      'שלום.pdf',
      '🎵 été.ogg',
      'e\u0301'
    ])
      expect(safe(name)).toBe(name)
  })

  it('leaves nothing that a terminal obeys, whatever comes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        expect(safe(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
      })
    )
  })

  it('writes JSON of the same value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        const line = safeJson({ name: text.toWellFormed() })
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
        expect(JSON.parse(line)).toEqual({ name: text.toWellFormed() })
      })
    )
    expect(safeJson('\u202e\u{e0041}')).toBe('"\\u202e\\udb40\\udc41"')
  })
})

describe('width', () => {
  it.each([
    ['abc', 3],
    ['周杰伦', 6],
    ['ｱｲｳ', 3],
    ['한글', 4],
    ['e\u0301a', 2],
    ['🎵', 2],
    ['👩🏽‍🚀', 2],
    ['❤️', 2],
    ['', 0]
  ])('%s takes %i columns', (text, columns) => {
    expect(displayWidth(text)).toBe(columns)
  })

  it('cuts where a wide letter would not fit', () => {
    expect(truncate('周杰伦', 6)).toBe('周杰伦')
    expect(truncate('周杰伦', 5)).toBe('周杰…')
    expect(truncate('周杰伦', 4)).toBe('周…')
    expect(truncate('abc', 2)).toBe('a…')
    expect(truncate('abc', 1)).toBe('…')
    expect(truncate('abc', 0)).toBe('')
  })

  it('fills up to a column', () => {
    expect(pad('周', 4)).toBe('周  ')
    expect(pad('7', 3, 'right')).toBe('  7')
  })

  it('breaks lines between words', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three'])
    expect(wrap('unbreakable', 3)).toEqual(['unbreakable'])
  })
})

describe('table', () => {
  const columns = [
    { title: '#', align: 'right' as const },
    { title: 'NAME', shrinkTo: 8 },
    { title: 'SIZE', align: 'right' as const }
  ]

  it('lines up wide letters', () => {
    expect(
      table(columns, [
        ['1', '青花瓷.flac', '1.0 MB'],
        ['12', 'a.mp3', '12 B']
      ])
    ).toEqual([' #  NAME           SIZE', ' 1  青花瓷.flac  1.0 MB', '12  a.mp3          12 B'])
  })

  it('shrinks to the terminal, and only what may shrink', () => {
    const rows = [['1', '周'.repeat(40), '1.0 MB']]
    for (const width of [80, 40, 30, 21]) {
      for (const line of table(columns, rows, width))
        expect(displayWidth(line), `${width}: ${line}`).toBeLessThanOrEqual(width)
    }
    // Below that, nothing may shrink any more: the size stays whole.
    expect(table(columns, rows, 5).at(-1)).toContain('1.0 MB')
  })

  it('is whole where there is no terminal', () => {
    expect(table(columns, [['1', 'x'.repeat(500), '1 B']]).at(-1)).toContain('x'.repeat(500))
  })

  it('makes names safe', () => {
    expect(table(columns, [['1', '\x1b[31mred', '1 B']]).at(-1)).toBe('1  \\x1b[31mred   1 B')
    expect(
      facts([
        ['Name', 'a\nb'],
        ['Empty', ''],
        ['None', undefined]
      ])
    ).toEqual(['Name  a\\x0ab'])
  })
})

describe('numbers', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [999_949, '999.9 kB'],
    [999_950, '1.0 MB'],
    [212_400_000, '212.4 MB'],
    [2 ** 42, '4.4 TB']
  ])('%i bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })

  it.each([
    [{}, ''],
    [{ title: 'So What' }, 'So What'],
    [{ artist: 'Miles', title: 'So What' }, 'Miles – So What'],
    [{ artist: 'Miles', seconds: '562', bitrate: '320' }, 'Miles (9:22, 320 kbit/s)'],
    [{ seconds: '3723' }, '1:02:03'],
    [{ seconds: '59', resolution: '1920x1080' }, '0:59, 1920x1080'],
    [{ title: 'x', seconds: '-5', bitrate: '1e9', resolution: 'a lot' }, 'x'],
    [{ title: 'x', seconds: '9'.repeat(10), bitrate: '\x1b[31m' }, 'x']
  ])('tags %o', (tags, text) => {
    expect(formatTags(tags)).toBe(text)
  })

  it.each([
    [12, '12 ms'],
    [1200, '1.2 s'],
    [59_000, '59 s'],
    [720_000, '12 min'],
    [12_000_000, '3 h 20 min'],
    [180_000_000, '2 d 2 h']
  ])('%i ms are %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  it('never says that all is there before it is', () => {
    expect(formatPercent(0, 0)).toBe('0 %')
    expect(formatPercent(999_999, 1_000_000)).toBe('99 %')
    expect(formatPercent(1_000_000, 1_000_000)).toBe('100 %')
    expect(formatPercent(2 ** 42 - 1, 2 ** 42)).toBe('99 %')
  })

  it('counts in words', () => {
    expect(plural(1, 'file')).toBe('1 file')
    expect(plural(12_340, 'file')).toBe('12,340 files')
    expect(shortPeer('12D3KooWGcSLWbZRhPV9pVtCTLxxuS3w3gpUYMTVzGrsQiWiJ6Qs')).toBe('12D3KooW…QiWiJ6Qs')
  })
})

describe('progress', () => {
  const sinkOf = (isTTY: boolean) => {
    const written: string[] = []
    return { written, sink: { isTTY, columns: 40, write: (text: string) => written.push(text) } }
  }

  it('draws a bar with words beside it', () => {
    expect(bar(0, 100)).toBe('──────────────────── \u0020 0 %')
    expect(bar(78, 100)).toBe('███████████████▌──── \u002078 %')
    expect(bar(100, 100)).toBe('████████████████████ 100 %')
    expect(bar(0, 0)).toHaveLength(26)
    for (let part = 0; part <= 1000; part++) expect(displayWidth(bar(part, 1000))).toBe(26)
  })

  it('writes over one line, at most ten times a second, within the terminal', () => {
    const { written, sink } = sinkOf(true)
    let now = 0
    const line = new ProgressLine(new Output(sink), new Output(sink), () => now)
    line.show('a')
    now = 99
    line.show('b')
    now = 100
    line.show('x'.repeat(200))
    line.clear()
    expect(written).toEqual(['\r\x1b[Ka', `\r\x1b[K${'x'.repeat(38)}…`, '\r\x1b[K'])
  })

  it('is silent where there is no terminal, and where JSON or quiet is wanted', () => {
    for (const options of [
      { isTTY: false },
      { isTTY: true, json: true },
      { isTTY: true, quiet: true },
      { isTTY: true, env: { TERM: 'dumb' } }
    ]) {
      const { written, sink } = sinkOf(options.isTTY)
      const output = new Output(sink, options)
      const line = new ProgressLine(output, output)
      line.show('a')
      line.clear()
      expect(written).toEqual([])
    }
  })

  it('says a plain line each ten seconds there, where one is given, beside JSON too; nothing with quiet', () => {
    for (const [isTTY, flags, said] of [
      [false, {}, ['2\n', '4\n']],
      [true, { json: true }, ['2\n', '4\n']],
      [false, { json: true }, ['2\n', '4\n']],
      [false, { quiet: true }, []]
    ] as const) {
      const { written, sink } = sinkOf(isTTY)
      const { json = false, quiet = false } = flags as { json?: boolean; quiet?: boolean }
      let now = 500
      const talk = new Output(sink, { json, quiet: quiet || json })
      const line = new ProgressLine(talk, new Output(sink, { quiet }), () => now)
      const show = (text: string, at: number) => {
        now = 500 + at
        line.show('bar', text)
      }
      show('0', 0)
      show('1', PLAIN_MS - 1)
      show('2', PLAIN_MS)
      show('3', 2 * PLAIN_MS - 1)
      line.show('bar')
      show('4', 2 * PLAIN_MS)
      line.clear()
      expect(written).toEqual(said)
    }
  })

  it('colours terminals alone, unless told not to', () => {
    const colored = (isTTY: boolean, options = {}) =>
      new Output(sinkOf(isTTY).sink, options).style('red', 'x') !== 'x'
    expect(colored(true)).toBe(true)
    expect(colored(false)).toBe(false)
    expect(colored(true, { color: false })).toBe(false)
    expect(colored(true, { env: { NO_COLOR: '1' } })).toBe(false)
    expect(colored(true, { env: { NO_COLOR: '' } })).toBe(true)
    expect(colored(true, { env: { TERM: 'dumb' } })).toBe(false)
  })
})

it('a row that names a folder is told from a file, whatever type it says', () => {
  expect(rowKind({ name: listingName('talk.mp4'), type: 'video/mp4' })).toBe('folder')
  expect(rowKind({ name: 'talk.mp4', type: 'video/mp4' })).toBe('video')
  expect(rowKind({ name: listingName(''), type: 'text/plain' })).toBe('text')
})
