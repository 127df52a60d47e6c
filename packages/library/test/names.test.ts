/** Every trap that a name can be, as real files: shared under exactly that name, or told why not. */
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { parseQuery } from '@servent/overlay'
import { describe, expect, onTestFinished, test } from 'vitest'
import { FOLDER_DEPTH_MAX } from '../src/limits.ts'
import { idOf, namesOf, openLibrary, until, workplace, write } from './helpers.ts'

const settings = { watch: false }

/** Each is shared under its own name. With a word of it, where it has one, it is found. */
const SHARED: readonly (readonly [what: string, name: string, word?: string])[] = [
  ['a newline', 'two\nlines.txt', 'lines'],
  ['a tab and a carriage return', 'tab\tand\rreturn.txt', 'return'],
  ['a leading dash', '-rf', 'rf'],
  ['two leading dashes', '--help.txt', 'help'],
  ['a space at the end', 'ends with space ', 'ends'],
  ['a dot at the end', 'ends with dot.', 'dot'],
  ['a space at the beginning', '  begins.txt', 'begins'],
  ['nothing but a space', ' '],
  ['nothing but spaces', '   '],
  ['a device of Windows', 'con.txt', 'con'],
  ['another one', 'LPT1', 'lpt1'],
  ['quotes of both kinds', `"double" 'single'.txt`, 'double'],
  ['a backslash', 'back\\slash.txt', 'slash'],
  ['what a shell would do', '$(touch x); `id` && *.txt', 'touch'],
  ['what SQL would do', "'; DROP TABLE library_file; --", 'drop'],
  ['a percent sign and underscores', '100%_sure_.txt', '100'],
  ['a stream of Windows', 'name.txt:stream', 'stream'],
  ['a NUL of other alphabets', '\u2400.txt'],
  ['an escape sequence', '\u001b[31mred\u001b[0m.txt', '31mred'],
  ['a delete character', 'a\u007fb.txt'],
  ['letters put together (NFC)', 'caf\u00e9 one.txt', 'cafe'],
  ['letters in parts (NFD)', 'cafe\u0301 one.txt', 'cafe'],
  ['an emoji of several parts', '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}.jpg'],
  ['a flag', '\u{1f1e9}\u{1f1ea}.png'],
  ['writing from right to left', '\u05e9\u05dc\u05d5\u05dd.txt', '\u05e9\u05dc\u05d5\u05dd'],
  ['marks that turn the order round', 'photo\u202egpj.exe', 'photogpj'],
  ['spaces without width', 'zero\u200bwidth\ufeff.txt'],
  ['a line separator', 'line\u2028separator.txt', 'separator'],
  ['capitals', 'READ me.TXT', 'read'],
  ['the same in small letters', 'read me.txt', 'read'],
  ['a private character', '\ue000\u{f0000}.bin'],
  ['255 bytes of ASCII', 'x'.repeat(255)],
  ['255 bytes of other letters', `${'\u00e9'.repeat(127)}x`],
  ['many dots', 'a....b', 'b'],
  ['marks that pile up', `z${'\u0301'.repeat(100)}.txt`]
]

describe.skipIf(process.platform !== 'linux')('names', () => {
  test('of every kind are shared as they are, and found by their words', async () => {
    const place = workplace()
    for (const [n, [, name]] of SHARED.entries()) writeFileSync(join(place.folder, name), `content ${n}`)
    const library = await openLibrary(place, { settings })
    const { files, problems } = await library.share(place.folder)
    expect(problems).toEqual([])
    expect(files).toBe(SHARED.length)
    const entries = new Map((await library.list({ limit: 1000 })).map(entry => [entry.name, entry]))
    for (const [n, [what, name, word]] of SHARED.entries()) {
      const entry = entries.get(name)
      expect(String(entry?.id), what).toBe(idOf(`content ${n}`))
      expect(entry?.path, what).toBe(join(place.folder, name))
      const reader = (await library.open(entry!.id!))!
      expect(Buffer.from(await reader.read(0, reader.file.size)).toString(), what).toBe(`content ${n}`)
      await reader.close()
      if (word === undefined) continue
      const found = (await library.match(parseQuery(word), 1000)).map(file => file.name)
      expect(found, what).toContain(name)
    }
    // Names that look alike are files of their own.
    expect(await library.match(parseQuery('café'), 9)).toHaveLength(2)
    expect(await library.match(parseQuery('READ'), 9)).toHaveLength(2)
    const seen: string[] = []
    library.subscribe(changes => seen.push(...changes.map(({ type, file }) => `${type} ${file.name}`)))
    await library.rescan()
    await until(library, () => library.progress().phase === 'idle')
    expect(seen).toEqual([])
  })

  test('that begin with a dot or look temporary are left out, and shared where that is wanted', async () => {
    const place = workplace()
    for (const name of ['...', '.. ', '. ', '.\u200b', '~', 'x~'])
      writeFileSync(join(place.folder, name), name)
    const library = await openLibrary(place, { settings })
    expect(await library.share(place.folder)).toMatchObject({ files: 0, problems: [] })
    await library.stop()
    const all = { ...settings, includeHidden: true, includeTemporary: true }
    const open = await openLibrary(place, { settings: all })
    expect(await open.share(place.folder)).toMatchObject({ files: 6, problems: [] })
  })

  test.each([
    ['a lone byte', [0xff]],
    ['a sequence that is cut', [0x61, 0xe2, 0x82]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['half of a surrogate pair', [0xed, 0xa0, 0x80]],
    ['Latin-1', [0x63, 0x61, 0x66, 0xe9]]
  ])('of bytes that are no UTF-8 (%s) are told, and their neighbours shared', async (_what, name) => {
    const place = workplace()
    writeFileSync(Buffer.concat([Buffer.from(`${place.folder}/`), Buffer.from(name)]), 'not shared')
    mkdirSync(Buffer.concat([Buffer.from(`${place.folder}/`), Buffer.from(name), Buffer.from('.d')]))
    write(place.folder, { 'fine.txt': 'fine' })
    const library = await openLibrary(place, { settings })
    const { files, problems } = await library.share(place.folder)
    expect(files).toBe(1)
    expect(problems.map(({ reason }) => reason)).toEqual(
      new Array(2).fill('Its name is not valid UTF-8. Rename it.')
    )
  })

  test('of folders are traps no less', async () => {
    const place = workplace()
    const folders = SHARED.map(([, name]) => name)
    for (const [n, name] of folders.entries()) write(place.folder, { [`${name}/${n}.txt`]: `content ${n}` })
    const library = await openLibrary(place, { settings })
    expect(await library.share(place.folder)).toMatchObject({ files: folders.length, problems: [] })
    for (const [n, name] of folders.entries()) {
      const under = await library.list({ limit: 9, under: join(place.folder, name) })
      expect(under.map(entry => entry.name)).toEqual([`${n}.txt`])
    }
    // A folder that is shared and unshared by such a name, too.
    expect(await library.share(join(place.folder, '-rf'))).toMatchObject({ files: 1 })
  })

  test('at the end of a path as long as the system takes are shared, and past it told', async () => {
    const place = workplace()
    const level = 'd'.repeat(200)
    let path = place.folder
    while (path.length + level.length + 1 < 4000) path = join(path, level)
    mkdirSync(path, { recursive: true })
    // PATH_MAX is 4096 with the zero at the end.
    const longest = join(path, 'f'.repeat(Math.min(255, 4095 - path.length - 1)))
    writeFileSync(longest, 'at the end')
    // Made from inside, where paths are short: a program that goes there by name cannot.
    const script = `cd "$1" && mkdir ${level} && cd ${level} && echo past > ${'p'.repeat(200)}`
    execFileSync('sh', ['-c', script, 'sh', path])
    const library = await openLibrary(place, { settings })
    const { files, problems } = await library.share(place.folder)
    expect(files).toBe(1)
    expect(problems).toEqual([
      { path: expect.stringContaining(level), reason: 'Its path is too long to be opened.' }
    ])
    expect((await library.list({ limit: 9 }))[0]?.path).toBe(longest)
  })

  test(`of folders may lie ${FOLDER_DEPTH_MAX} deep, and no deeper`, async () => {
    const place = workplace()
    const deepest = join(place.folder, ...new Array<string>(FOLDER_DEPTH_MAX).fill('d'))
    write(deepest, { 'at.txt': 'at', 'd/past.txt': 'past' })
    const library = await openLibrary(place, { settings })
    const { files, problems } = await library.share(place.folder)
    expect(files).toBe(1)
    expect(problems).toEqual([
      { path: join(deepest, 'd'), reason: `It lies more than ${FOLDER_DEPTH_MAX} folders deep.` }
    ])
    expect(await namesOf(library)).toEqual(['at.txt'])
  })
})

describe.skipIf(process.platform === 'win32')('what is beside files', () => {
  test('links, loops, pipes and twins: each real file once, nothing from outside', async () => {
    const place = workplace()
    write(place.outside, { 'secret.txt': 'secret' })
    write(place.folder, { 'one.txt': 'one', 'empty.txt': '', 'also empty.txt': '', 'sub/two.txt': 'two' })
    linkSync(join(place.folder, 'one.txt'), join(place.folder, 'hard link.txt'))
    symlinkSync('.', join(place.folder, 'itself'))
    symlinkSync('loop b', join(place.folder, 'loop a'))
    symlinkSync('loop a', join(place.folder, 'loop b'))
    symlinkSync('..', join(place.folder, 'sub/above'))
    symlinkSync(join(place.outside, 'secret.txt'), join(place.folder, 'out.txt'))
    execFileSync('mkfifo', [join(place.folder, 'pipe.txt')])
    const library = await openLibrary(place, { settings })
    const { files, ids, problems } = await library.share(place.folder)
    expect(problems).toEqual([])
    // Five paths, three contents: a hard link is the same content, and so is all that is empty.
    expect({ files, ids: ids.map(String).toSorted() }).toEqual({
      files: 5,
      ids: ['one', '', 'two'].map(idOf).toSorted()
    })
    expect(library.totals).toEqual({ files: 3, bytes: 6 })
    const empty = (await library.list({ limit: 9 })).find(({ name }) => name === 'empty.txt')!
    const reader = (await library.open(empty.id!))!
    expect(await reader.read(0, 0)).toHaveLength(0)
    await reader.close()
  })

  test('a file that grows while it is hashed is shared when it rests, with all that it has then', async () => {
    const place = workplace()
    const path = join(place.folder, 'growing.log')
    closeSync(openSync(path, 'w'))
    const library = await openLibrary(place, { settings: { watch: false, settleMs: 20 } })
    const growing = setInterval(() => appendFileSync(path, 'more and more\n'.repeat(1000)), 5)
    onTestFinished(() => clearInterval(growing))
    const shared = library.share(place.folder)
    await until(library, () => lstatSync(path).size > 500_000)
    clearInterval(growing)
    const { size } = lstatSync(path)
    await shared
    await library.rescan()
    await until(library, async () => (await library.list({ limit: 1 }))[0]?.size === size)
    await until(library, () => library.totals.files === 1)
    const [entry] = await library.list({ limit: 1 })
    expect(String(entry?.id)).toBe(idOf('more and more\n'.repeat(size / 14)))
  })

  test('all names that the folder has come up, and no other', async () => {
    const place = workplace()
    for (const [, name] of SHARED) if (!name.startsWith(' ')) writeFileSync(join(place.folder, name), name)
    const library = await openLibrary(place, { settings })
    await library.share(place.folder)
    expect(await namesOf(library)).toEqual(readdirSync(place.folder).toSorted())
  })
})
