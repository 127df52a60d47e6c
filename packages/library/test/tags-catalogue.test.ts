/** Tags in the catalogue: found, kept, read later where they were not, and gone with the bytes that they are of. */
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { openDatabase, prepareWriter } from '@servent/database'
import type { Library } from '@servent/library'
import { matches, parseQuery, type SharedFile } from '@servent/overlay'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { migrateLibrary, STEPS } from '../src/schema.ts'
import { flac, mp3 } from './helpers/media.ts'
import { bytes, openLibrary, record, until, type Workplace, workplace, write } from './helpers.ts'

const settings = { watch: false }

async function tagsOf(library: Library): Promise<Record<string, SharedFile['tags']>> {
  const tags: Record<string, SharedFile['tags']> = {}
  for await (const file of library.files()) tags[file.name] = file.tags
  return tags
}

async function found(library: Library, text: string): Promise<string[]> {
  return (await library.match(parseQuery(text), 100)).map(({ name }) => name).sort()
}

/** Makes of a catalogue what the program before this one had. */
function makeOld({ databasePath }: Workplace): void {
  const database = openDatabase(databasePath)
  database.transaction(() => {
    database.sql.exec(`DROP TABLE library_untagged; ALTER TABLE library_content DROP COLUMN tags;
      UPDATE servent_versions SET version = 1 WHERE component = 'library'`)
    const files = database.sql.prepare('SELECT id, name FROM library_file').all()
    for (const { id, name } of files) {
      prepareWriter(database.sql, 'DELETE FROM library_words WHERE rowid = ?').run(id!)
      const words = String(name).replace(/\W+/g, ' ').toLowerCase()
      prepareWriter(database.sql, 'INSERT INTO library_words (rowid, words) VALUES (?, ?)').run(id!, words)
    }
  })
  database.close()
}

describe('a search', () => {
  test('finds by words in name and tags together, by tags, and not by what is not wanted', async () => {
    const place = workplace()
    write(place.folder, {
      '01 track.mp3': mp3({ artist: 'Miles Davis', title: 'So What', year: '1959', genre: 'Modal Jazz' }),
      '02 track.mp3': mp3({ artist: 'John Coltrane', title: 'Naïma', year: '1960', genre: 'Jazz' }),
      'miles davis.mp3': mp3({ title: 'Blue in Green', artist: 'Bill Evans' }),
      '03.flac': flac({ artist: '周杰伦', title: '青花瓷 😀' }),
      'miles.txt': 'no music'
    })
    const library = await openLibrary(place, { settings })
    await library.share(place.folder)
    expect(await found(library, 'miles')).toEqual(['01 track.mp3', 'miles davis.mp3', 'miles.txt'])
    expect(await found(library, 'track miles WHAT 1959')).toEqual(['01 track.mp3'])
    expect(await found(library, 'artist=davis')).toEqual(['01 track.mp3'])
    expect(await found(library, 'artist="davis miles" year=1959')).toEqual(['01 track.mp3'])
    expect(await found(library, 'track artist=davis year=1960')).toEqual([])
    expect(await found(library, 'naima')).toEqual(['02 track.mp3'])
    expect(await found(library, 'track -modal')).toEqual(['02 track.mp3'])
    expect(await found(library, 'genre=jazz -coltrane')).toEqual(['01 track.mp3'])
    expect(await found(library, '青花瓷')).toEqual(['03.flac'])
    expect(await found(library, 'track bitrate=128')).toEqual(['01 track.mp3', '02 track.mp3'])
    expect(await found(library, 'track bitrate=320')).toEqual([])
    expect(await found(library, 'track 44100')).toEqual([])
    expect(await found(library, 'artist=周杰伦 type:audio/flac')).toEqual(['03.flac'])
    expect(await found(library, 'miles artist=evans')).toEqual(['miles davis.mp3'])
  })

  test('gives what the reference gives, whatever is in names and tags', async () => {
    const WORDS = [
      'miles',
      'Davis',
      'café',
      '東京',
      '京都',
      'ﬁne',
      'Straße',
      '2024',
      'blue',
      'AND',
      '😀',
      "it's"
    ]
    const text = fc
      .array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 3 })
      .map(words => words.join(' '))
    const file = fc.record({ name: text, artist: text, title: text })
    const files = fc.sample(file, { numRuns: 80, seed: 11 })
    const place = workplace()
    for (const [n, { name, artist, title }] of files.entries())
      write(place.folder, { [`${n} ${name}.flac`]: flac({ artist, title, album: `n${n}` }) })
    const library = await openLibrary(place, { settings })
    await library.share(place.folder)
    const all: SharedFile[] = []
    for await (const one of library.files()) all.push(one)
    let hits = 0
    const part = fc.tuple(fc.constantFrom('', '', '-', 'artist=', 'title='), fc.constantFrom(...WORDS))
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(part, { minLength: 1, maxLength: 3, selector: ([kind]) => kind }),
        async parts => {
          const asked = (() => {
            try {
              return parseQuery(parts.map(([kind, word]) => `${kind}"${word}"`).join(' '))
            } catch {
              return undefined
            }
          })()
          if (asked === undefined) return
          const names = (await library.match(asked, 1000)).map(({ name }) => name).sort()
          expect(names).toEqual(
            all
              .filter(one => matches(asked, one))
              .map(({ name }) => name)
              .sort()
          )
          hits += names.length
        }
      ),
      { numRuns: 300, seed: 12 }
    )
    expect(hits).toBeGreaterThan(200)
  })
})

describe('tags', () => {
  test('are there after a restart, and nothing is read again', async () => {
    const place = workplace()
    write(place.folder, { 'a.mp3': mp3({ artist: 'Ann', title: 'One' }) })
    const first = await openLibrary(place, { settings })
    await first.share(place.folder)
    const before = await tagsOf(first)
    await first.stop()
    const second = await openLibrary(place, { settings })
    const seen = record(second)
    await second.rescan()
    expect(await tagsOf(second)).toEqual(before)
    expect(await found(second, 'artist=ann')).toEqual(['a.mp3'])
    expect(seen).toEqual([])
  })

  test('are those of the bytes: a file that is written anew has new ones', async () => {
    const place = workplace()
    const path = join(place.folder, 'a.mp3')
    writeFileSync(path, mp3({ artist: 'Ann', title: 'One' }))
    const library = await openLibrary(place, { settings })
    await library.share(place.folder)
    const seen = record(library)
    writeFileSync(path, mp3({ artist: 'Bob', title: 'Other' }))
    await library.share(place.folder)
    expect(await tagsOf(library)).toMatchObject({ 'a.mp3': { artist: 'Bob', title: 'Other' } })
    expect([await found(library, 'ann'), await found(library, 'bob')]).toEqual([[], ['a.mp3']])
    expect(seen).toEqual(['removed a.mp3', 'added a.mp3'])
    writeFileSync(path, bytes(5000))
    await library.share(place.folder)
    expect(await tagsOf(library)).toEqual({ 'a.mp3': {} })
    expect(await found(library, 'bob')).toEqual([])
  })

  test('stay with a file that is renamed or copied, and come to one that is named as music', async () => {
    const place = workplace()
    const content = mp3({ artist: 'Ann', title: 'One' })
    write(place.folder, { 'a.mp3': content, 'song.bin': mp3({ artist: 'Bob', title: 'Two' }) })
    const library = await openLibrary(place, { settings })
    await library.share(place.folder)
    expect(await tagsOf(library)).toMatchObject({ 'a.mp3': { artist: 'Ann' }, 'song.bin': {} })
    renameSync(join(place.folder, 'a.mp3'), join(place.folder, 'b.mp3'))
    write(place.folder, { 'copy/of.mp3': content })
    renameSync(join(place.folder, 'song.bin'), join(place.folder, 'song.mp3'))
    await library.share(place.folder)
    expect(await found(library, 'artist=ann')).toEqual(['b.mp3'])
    expect(await found(library, 'ann one of')).toEqual(['of.mp3'])
    await until(library, async () => (await found(library, 'artist=bob'))[0] === 'song.mp3')
    expect(await tagsOf(library)).toMatchObject({ 'song.mp3': { artist: 'Bob', title: 'Two' } })
  })
})

describe('an old catalogue', () => {
  test('is migrated; its media files are shared at once and get their tags, once', async () => {
    const place = workplace()
    write(place.folder, {
      'a.mp3': mp3({ artist: 'Ann', title: 'One' }),
      'b.flac': flac({ artist: 'Bob', title: 'Two' }),
      'c.mp3': bytes(5000),
      'd.txt': 'text',
      'e.mp3': mp3({ artist: 'Eve', title: 'Gone' })
    })
    const before = await openLibrary(place, { settings })
    await before.share(place.folder)
    const tags = await tagsOf(before)
    await before.stop()
    makeOld(place)
    renameSync(join(place.folder, 'e.mp3'), join(place.outside, 'e.mp3'))

    const library = await openLibrary(place, { settings })
    const seen = record(library)
    const phases = new Set([library.progress().filesTotal])
    await until(library, async () => {
      phases.add(library.progress().filesTotal)
      return (
        (await found(library, 'artist=bob')).length === 1 && (await found(library, 'artist=ann')).length === 1
      )
    })
    const { 'e.mp3': _, ...rest } = tags
    expect(await tagsOf(library)).toEqual(rest)
    expect(phases).toEqual(new Set([0]))
    const told = (name: string) => seen.filter(line => line.endsWith(name))
    expect([told('a.mp3'), told('b.flac')]).toEqual([
      ['removed a.mp3', 'added a.mp3'],
      ['removed b.flac', 'added b.flac']
    ])
    // What has no tags is no news.
    expect([told('c.mp3'), told('d.txt'), told('e.mp3')]).toEqual([[], [], ['removed e.mp3']])

    renameSync(join(place.outside, 'e.mp3'), join(place.folder, 'e.mp3'))
    await library.share(place.folder)
    await until(library, async () => (await found(library, 'artist=eve')).length === 1)
    await library.stop()
    const database = openDatabase(place.databasePath)
    expect(database.sql.prepare('SELECT * FROM library_untagged').all()).toEqual([])
    database.close()
  })

  test('of which a file has changed meanwhile gets no tags of other bytes', async () => {
    const place = workplace()
    const path = join(place.folder, 'a.mp3')
    writeFileSync(path, mp3({ artist: 'Ann', title: 'One' }))
    const before = await openLibrary(place, { settings })
    const { ids } = await before.share(place.folder)
    await before.stop()
    makeOld(place)
    writeFileSync(path, mp3({ artist: 'Bob', title: 'Two' }))
    const library = await openLibrary(place, { settings })
    await until(library, async () => (await found(library, 'artist=bob')).length === 1)
    expect(await library.get(ids[0]!)).toBeUndefined()
    expect(await found(library, 'ann')).toEqual([])
  })

  test('has each step of its tables once, whichever it begins with', () => {
    const database = openDatabase(':memory:')
    database.migrate('library', STEPS.slice(0, 1))
    const sql = `INSERT INTO library_folder VALUES (1, NULL, '/a');
      INSERT INTO library_content (cid, size, sha1) VALUES (x'01', 1, x'01'), (x'02', 1, x'02'), (x'03', 1, x'03');
      INSERT INTO library_file (folder, name, type, size, inode, written, changed, state, content) VALUES
        (1, 'a', 'audio/mpeg', 1, '', '', '', 1, 1), (1, 'b', 'video/mp4', 1, '', '', '', 1, 2),
        (1, 'c', 'video/mp4', 1, '', '', '', 1, 2), (1, 'd', 'text/plain', 1, '', '', '', 1, 3)`
    database.sql.exec(sql)
    migrateLibrary(database)
    migrateLibrary(database)
    const untagged = database.sql.prepare('SELECT content FROM library_untagged').all()
    expect(untagged.map(({ content }) => content)).toEqual([1, 2])
    database.close()
  })
})

test('where tags cannot be read now, files are shared without, and have them after the next start', async () => {
  const place = workplace()
  write(place.folder, { 'a.mp3': mp3({ artist: 'Ann', title: 'One' }), 'b.txt': 'b' })
  const source = `import(${JSON.stringify(new URL('../src/worker.ts', import.meta.url).href)})`
  const execArgv = ['--conditions=source']
  // The text with which it would start the other thread is none.
  const worker = () =>
    new Worker(source, { eval: true, execArgv, workerData: { source: 'throw new Error()' } })
  const first = await openLibrary(place, { settings, worker })
  expect((await first.share(place.folder)).files).toBe(2)
  expect(await tagsOf(first)).toEqual({ 'a.mp3': {}, 'b.txt': {} })
  await first.stop()
  const second = await openLibrary(place, { settings })
  await until(second, async () => (await found(second, 'artist=ann')).length === 1)
})

test('a thread that was started from a text starts the other one from it', async () => {
  const place = workplace()
  write(place.folder, { 'a.mp3': mp3({ artist: 'Ann', title: 'One' }) })
  const source = `import(${JSON.stringify(new URL('../src/worker.ts', import.meta.url).href)})`
  const worker = () =>
    new Worker(source, { eval: true, execArgv: ['--conditions=source'], workerData: { source } })
  const library = await openLibrary(place, { settings, worker })
  await library.share(place.folder)
  expect(await found(library, 'artist=ann')).toEqual(['a.mp3'])
})
