/** The table of hostile names of the threat model, then the property that holds for every name. */
import { posix, win32 } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nameKey, numberedName, safeFileName } from '../src/safe-file-name.ts'

const DEVICES = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])$/i

const bytes = (text: string): number => Buffer.byteLength(text)

describe('a name from a peer', () => {
  test.each([
    ['an honest name', 'Bach - Air (1731).flac', 'Bach - Air (1731).flac'],
    ['another script', '東京物語.mkv', '東京物語.mkv'],
    ['traversal', '../../etc/passwd', '__.._etc_passwd'],
    ['traversal of Windows', '..\\..\\boot.ini', '__.._boot.ini'],
    ['an absolute path', '/etc/passwd', '_etc_passwd'],
    ['the parent', '..', 'unnamed'],
    ['the folder itself', '.', 'unnamed'],
    ['nothing', '', 'unnamed'],
    ['spaces alone', ' \t\n ', 'unnamed'],
    ['NUL', 'a.txt\0.exe', 'a.txt.exe'],
    ['a drive letter', 'C:\\Windows\\a.dll', 'C__Windows_a.dll'],
    ['a drive-relative path', 'C:a.dll', 'C_a.dll'],
    ['a UNC path', '\\\\server\\share\\a', '__server_share_a'],
    ['a device path', '\\\\.\\PhysicalDrive0', '__._PhysicalDrive0'],
    ['an alternate stream', 'a.txt:evil.exe', 'a.txt_evil.exe'],
    ['a device', 'CON', '_CON'],
    ['a device in lower case with an extension', 'lpt1.txt', '_lpt1.txt'],
    ['a device with two extensions', 'nul.tar.gz', '_nul.tar.gz'],
    ['a device before spaces', 'aux .txt', '_aux .txt'],
    ['a device with a superscript', 'COM¹.log', '_COM¹.log'],
    ['a console', 'CONOUT$', '_CONOUT$'],
    ['no device', 'CONTENT.txt', 'CONTENT.txt'],
    ['a short name of 8 and 3', 'PROGRA~1.EXE', 'PROGRA_1.EXE'],
    ['trailing dots and spaces', 'a.txt. . .', 'a.txt'],
    ['a hidden file', '.bashrc', '_bashrc'],
    ['a right-to-left override', 'photo\u202egpj.exe', 'photogpj.exe'],
    ['isolates and marks', 'a\u2066b\u2069c\u200e\u200f\u061cd', 'abcd'],
    ['zero-width characters', 'pay\u200bpal\u200d\u2060\ufeff.txt', 'paypal.txt'],
    ['control characters', 'a\x1b[31m\x07\x9bb', 'a[31mb'],
    ['a new line that would forge a log line', 'a\n{"level":50}', 'a {_level__50}'],
    ['line separators', 'a\u2028b\u2029c', 'a b c'],
    ['invisible tags', 'a\u{e0041}\u{e007f}b', 'ab'],
    ['a soft hyphen', 'a\u00adb', 'ab'],
    ['a lone high surrogate', 'a\ud800b', 'a_b'],
    ['a lone low surrogate', '\udc00', '_'],
    ['decomposed accents', 'cafe\u0301', 'caf\u00e9'],
    ['spaces that push the extension out of sight', `a.pdf${' '.repeat(99)}.exe`, 'a.pdf .exe'],
    ['wildcards and pipes', 'a*b?c|d<e>f"g', 'a_b_c_d_e_f_g']
  ])('%s', (_what, name, safe) => {
    expect(safeFileName(name)).toBe(safe)
  })

  test('bytes that are no UTF-8 become _', () => {
    expect(safeFileName(Uint8Array.of(0x61, 0xff, 0x62))).toBe('a_b')
    // Overlong forms of "/" are no UTF-8 either.
    expect(safeFileName(Uint8Array.of(0x61, 0xc0, 0xaf, 0x62))).toBe('a__b')
  })

  test('255 bytes stay, and one more is cut', () => {
    expect(safeFileName(`${'a'.repeat(251)}.mp3`)).toBe(`${'a'.repeat(251)}.mp3`)
    expect(safeFileName(`${'a'.repeat(252)}.mp3`)).toBe(`${'a'.repeat(251)}.mp3`)
  })

  test('a cut falls between code points and keeps the extension', () => {
    const safe = safeFileName(`${'\u{1f3b5}'.repeat(100)}.flac`)
    expect(safe).toBe(`${'\u{1f3b5}'.repeat(62)}.flac`)
    expect(bytes(safe)).toBe(253)
  })

  test('what looks like an extension and is a sentence is cut as any text', () => {
    const safe = safeFileName(`a.${'b'.repeat(300)}`)
    expect(safe).toBe(`a.${'b'.repeat(253)}`)
  })

  test('bytes are left free on request', () => {
    expect(bytes(safeFileName(`${'é'.repeat(300)}.txt`, { reserveBytes: 20 }))).toBeLessThanOrEqual(235)
  })

  test('a fallback of the caller stands for nothing', () => {
    expect(safeFileName('\u200b', { fallback: 'bafy' })).toBe('bafy')
  })
})

test('names that a file system may take for one have one key', () => {
  expect(nameKey('ReadMe.TXT')).toBe(nameKey('README.txt'))
  expect(nameKey('caf\u00e9')).toBe(nameKey('cafe\u0301'))
  expect(nameKey('STRASSE')).toBe(nameKey('straße'))
  expect(nameKey('a')).not.toBe(nameKey('b'))
})

test('a number goes before the extension, and the name stays within 255 bytes', () => {
  expect(numberedName('a.txt', 0)).toBe('a.txt')
  expect(numberedName('a.txt', 1)).toBe('a (1).txt')
  expect(numberedName('archive', 12)).toBe('archive (12)')
  const long = numberedName(`${'a'.repeat(251)}.txt`, 100)
  expect(bytes(long)).toBe(255)
  expect(long.endsWith('a (100).txt')).toBe(true)
})

const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc
    .array(
      fc.oneof(
        fc.constantFrom(
          '..',
          '.',
          '/',
          '\\',
          ':',
          '\0',
          'C:',
          'con',
          'NUL',
          'lpt1',
          ' ',
          '\u202e',
          '~1',
          '\n'
        ),
        fc.constantFrom('\ud800', '\udc00', '\u200b', '\ufffd', 'é', 'e\u0301', '\u{1f600}', '%2f', '*'),
        fc.string({ maxLength: 5 })
      ),
      { maxLength: 80 }
    )
    .map(parts => parts.join(''))
)

test('P3: every name becomes a direct child of the folder, under posix and win32 rules', () => {
  fc.assert(
    fc.property(nasty, fc.integer({ min: 0, max: 120 }), (name, reserveBytes) => {
      const safe = safeFileName(name, { reserveBytes })
      expect(posix.dirname(posix.resolve('/folder', safe))).toBe('/folder')
      expect(posix.basename(posix.resolve('/folder', safe))).toBe(safe)
      expect(win32.dirname(win32.resolve('C:\\folder', safe))).toBe('C:\\folder')
      expect(win32.basename(win32.resolve('C:\\folder', safe))).toBe(safe)
      expect(bytes(safe)).toBeLessThanOrEqual(255 - reserveBytes)
      expect(safe.isWellFormed()).toBe(true)
      expect(safe).toBe(safe.normalize('NFC'))
      expect(safe).not.toMatch(/[\p{Cc}\p{Default_Ignorable_Code_Point}\u2028\u2029]|^[. ]|[. ]$/u)
      expect(safe.split('.')[0]!.trim()).not.toMatch(DEVICES)
      expect(safeFileName(safe, { reserveBytes })).toBe(safe)
    }),
    { numRuns: 20_000 }
  )
})
