/** What cannot be read is told, and nothing else stops for it. */
import { chmodSync, chownSync, mkdirSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CONTENT_SIZE_BYTES_MAX, NAME_BYTES_MAX } from '@servent/overlay'
import { expect, onTestFinished, test } from 'vitest'
import { refusal } from '../src/scan.ts'
import { namesOf, openLibrary, until, type Workplace, workplace, write } from './helpers.ts'

const NOBODY = 65_534

/** Permissions do not hold for root, so where the tests run as root they are somebody else for a while. */
function asSomebodyElse(place: Workplace): void {
  if (process.getuid?.() !== 0) return
  const top = dirname(place.folder)
  for (const path of [top, place.folder, dirname(place.databasePath)]) chownSync(path, NOBODY, NOBODY)
  process.seteuid!(NOBODY)
  onTestFinished(() => process.seteuid!(0))
}

test.skipIf(process.platform === 'win32')(
  'unreadable files and folders are told, and shared once they can be read',
  async () => {
    const place = workplace()
    write(place.folder, { 'fine.txt': 'fine', 'locked.txt': 'locked', 'closed/inside.txt': 'inside' })
    chmodSync(join(place.folder, 'locked.txt'), 0)
    chmodSync(join(place.folder, 'closed'), 0)
    onTestFinished(() => chmodSync(join(place.folder, 'closed'), 0o755))
    asSomebodyElse(place)
    const library = await openLibrary(place, { settings: { watch: false } })
    const { files, problems } = await library.share(place.folder)
    expect(files).toBe(1)
    expect([...problems].sort((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
      { path: join(place.folder, 'closed'), reason: 'This user may not read it.' },
      { path: join(place.folder, 'locked.txt'), reason: 'This user may not read it.' }
    ])
    await until(library, () => library.problems().length === 2)
    const locked = (await library.list({ limit: 9 })).find(({ name }) => name === 'locked.txt')
    expect(locked).toMatchObject({ state: 'unreadable', reason: 'This user may not read it.' })
    if (process.getuid?.() === 0) process.seteuid!(0)
    chmodSync(join(place.folder, 'locked.txt'), 0o644)
    chmodSync(join(place.folder, 'closed'), 0o755)
    await library.share(place.folder)
    expect(await namesOf(library)).toEqual(['fine.txt', 'inside.txt', 'locked.txt'])
    await until(library, () => library.problems().length === 0)
  }
)

test.skipIf(process.platform !== 'linux')('a name that is not UTF-8 is told', async () => {
  const place = workplace()
  mkdirSync(join(place.folder, 'sub'))
  writeFileSync(Buffer.concat([Buffer.from(join(place.folder, 'sub/bad ')), Buffer.of(0xff, 0xfe)]), 'x')
  write(place.folder, { 'sub/\n"odd" name\u202e.txt': 'odd' })
  const library = await openLibrary(place)
  const { files, problems } = await library.share(place.folder)
  expect(files).toBe(1)
  expect(problems).toEqual([
    { path: join(place.folder, 'sub/bad \ufffd\ufffd'), reason: 'Its name is not valid UTF-8. Rename it.' }
  ])
})

test('a file may have 4 TiB, and not a byte more', async () => {
  expect(refusal('/a/b', { size: BigInt(CONTENT_SIZE_BYTES_MAX) })).toBeUndefined()
  expect(refusal('/a/b', { size: BigInt(CONTENT_SIZE_BYTES_MAX) + 1n })).toBe('It has more than 4 TiB.')
  const place = workplace()
  write(place.folder, { 'huge.img': '' })
  truncateSync(join(place.folder, 'huge.img'), CONTENT_SIZE_BYTES_MAX + 1)
  const library = await openLibrary(place, { settings: { watch: false } })
  expect(await library.share(place.folder)).toMatchObject({
    files: 0,
    problems: [{ path: join(place.folder, 'huge.img'), reason: 'It has more than 4 TiB.' }]
  })
})

test('a name may have 255 bytes of UTF-8', () => {
  const size = 1n
  expect(refusal(`/a/${'é'.repeat(127)}x`, { size })).toBeUndefined()
  expect(refusal(`/a/${'é'.repeat(128)}`, { size })).toBe(
    `Its name has more than ${NAME_BYTES_MAX} bytes. Rename it.`
  )
})

test('a file that is gone before it is hashed is no problem', async () => {
  const place = workplace()
  write(place.folder, { 'a.txt': 'a' })
  const library = await openLibrary(place)
  const shared = library.share(place.folder)
  renameSync(join(place.folder, 'a.txt'), join(place.outside, 'a.txt'))
  expect((await shared).problems).toEqual([])
})
