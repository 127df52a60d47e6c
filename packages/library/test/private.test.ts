/** What a node keeps to itself, whatever is shared and whatever the settings say. */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { openDatabase } from '@servent/database'
import { describe, expect, test } from 'vitest'
import { isOwnFile } from '../src/own-files.ts'
import { Roots } from '../src/roots.ts'
import { migrateLibrary } from '../src/schema.ts'
import { StoreTree } from '../src/store-tree.ts'
import { bytes, idOf, namesOf, openLibrary, until, workplace, write } from './helpers.ts'

const OWN = ['identity.key', 'api.token', 'servent.lock', 'servent.pid', 'daemon.json'] as const
const SECRETS = Object.fromEntries(OWN.map(name => [name, `secret ${name}`]))

describe('a public folder', () => {
  test.each([
    ['the private folder itself', 'node'],
    ['a folder around it', '.']
  ])('that is %s opens nothing', async (_, name) => {
    const place = workplace()
    const data = join(place.folder, 'node')
    write(data, { ...SECRETS, 'kept.txt': 'kept' })
    write(place.folder, { 'mine.txt': 'mine' })
    const library = await openLibrary(place, {
      databasePath: join(data, 'servent.db'),
      privateFolders: [data],
      publicFolders: [join(place.folder, name)]
    })
    await library.share(place.folder)
    expect(await namesOf(library)).toEqual(['mine.txt'])
    for (const path of [data, join(data, 'kept.txt'), ...OWN.map(own => join(data, own))]) {
      await expect(library.share(path)).rejects.toMatchObject({ name: 'NotShareableError' })
    }
  })

  test('opens the private folder that it lies in, and none that lies in it', async () => {
    const place = workplace()
    const data = dirname(place.databasePath)
    write(data, { ...SECRETS, 'downloads/got.txt': 'got', 'downloads/log/servent.log': 'log' })
    const library = await openLibrary(place, {
      privateFolders: [data, join(data, 'downloads', 'log')],
      publicFolders: [join(data, 'downloads')]
    })
    await library.share(join(data, 'downloads'))
    expect(await namesOf(library)).toEqual(['got.txt'])
  })
})

describe('the node’s own files', () => {
  test('are not shared where no folder is private', async () => {
    const place = workplace()
    const data = dirname(place.databasePath)
    write(data, { ...SECRETS, 'identity.key.0a1b': 'half a key', 'mine.txt': 'mine' })
    write(place.folder, { 'identity.key': 'somebody’s book about keys' })
    const library = await openLibrary(place, { privateFolders: [], publicFolders: [data] })
    await library.share(dirname(data))
    expect(await namesOf(library)).toEqual(['identity.key', 'mine.txt'])
    for (const name of OWN) {
      await expect(library.share(join(data, name))).rejects.toMatchObject({
        name: 'NotShareableError',
        message: /own files/
      })
    }
  })

  test('are neither shared nor opened where a catalogue says that they were', async () => {
    const place = workplace()
    const moved = join(place.folder, 'servent.db')
    const secret = bytes(100)
    write(place.folder, { 'identity.key': secret, 'mine.txt': 'mine' })
    const before = await openLibrary(place)
    await before.share(place.folder)
    await before.share(join(place.folder, 'identity.key'))
    const id = (await before.list({ limit: 9 })).find(({ name }) => name === 'identity.key')!.id!
    expect(id.toString()).toBe(idOf(secret))
    await before.stop()
    for (const end of ['', '-wal']) {
      if (existsSync(place.databasePath + end)) copyFileSync(place.databasePath + end, moved + end)
    }
    const library = await openLibrary(place, { databasePath: moved, privateFolders: [], publicFolders: [] })
    expect(await library.open(id)).toBeUndefined()
    await until(library, async () => !(await namesOf(library)).includes('identity.key'))
    expect(await namesOf(library)).toEqual(['mine.txt'])
  })

  test.each([
    ['/d/identity.key', true],
    ['/d/IDENTITY.KEY', true],
    ['/d/identity.key.0a1b', true],
    ['/d/identity.keys', false],
    ['/d/other.db', true],
    ['/d/other.db-wal', true],
    ['/d/servent.db-shm', true],
    ['/d/servent.lock-journal', true],
    ['/d/daemon.json', true],
    ['/d/sub/identity.key', false],
    ['/e/identity.key', false]
  ])('%s, of a database in /d: %s', (path, isOwn) => {
    expect(isOwnFile('/d/other.db', path)).toBe(isOwn)
  })

  test('are private to a watcher, too', () => {
    const { folder } = workplace()
    mkdirSync(join(folder, 'data'))
    const databasePath = join(folder, 'data', 'servent.db')
    const database = openDatabase(':memory:')
    migrateLibrary(database)
    const roots = new Roots({
      tree: new StoreTree(database),
      filter: () => true,
      databasePath,
      privateFolders: [],
      publicFolders: [folder]
    })
    expect(roots.isPrivate(join(folder, 'data', 'identity.key'))).toBe(true)
    expect(roots.isPrivate(`${databasePath}-wal`)).toBe(true)
    expect(roots.isPrivate(join(folder, 'data', 'other'))).toBe(false)
    database.close()
  })
})
