/** A folder from one real daemon to another by its ticket: paused, killed and gone on with; partial where files are gone. */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Daemon } from './harness.ts'

const FILES = 40
const FILE_BYTES = 60_000
/** The whole takes four seconds. */
const RATE = (FILES * FILE_BYTES) / 4

let sharer: Daemon
let music: string
const contents = new Map<string, Buffer>()
beforeAll(async () => {
  sharer = await Daemon.start()
  music = join(sharer.home, 'Music')
  for (let file = 0; file < FILES; file += 1) {
    const path = `Disc ${file % 3}/${file}.ogg`
    const bytes = randomBytes(FILE_BYTES)
    contents.set(path, bytes)
    await mkdir(join(music, `Disc ${file % 3}`), { recursive: true })
    await writeFile(join(music, path), bytes)
  }
}, 60_000)
afterAll(() => sharer[Symbol.asyncDispose]())

async function wholeFiles(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  return found
    .filter(entry => entry.isFile() && !entry.name.endsWith('.part'))
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

it('a folder arrives as one download, through Ctrl-C and kill -9', async () => {
  const shared = await sharer.run(['share', 'Music'])
  const ticket = /^Ticket {2}(servent1\S+)$/m.exec(shared.out)![1]!
  expect((await sharer.run(['ticket', music])).out.trim()).toBe(ticket)

  const flags = ['--max-download-rate', String(RATE)]
  await using first = await Daemon.start({ flags })
  const paused = await first.run(['--json', 'get', ticket], {
    onProcess: child => {
      child.stdout!.on('data', text => {
        if (/"filesDone":[5-9]/.test(String(text))) child.kill('SIGINT')
      })
    }
  })
  expect(paused.code).toBe(130)
  const [row] = (await first.json(['downloads'])).downloads
  expect(row).toMatchObject({ name: 'Music', phase: 'paused', files: FILES, totalBytes: FILES * FILE_BYTES })
  expect(row.filesDone).toBeGreaterThanOrEqual(5)
  const listed = (await first.json(['downloads', '--files', row.id])).files
  expect(listed.filter(({ isDone }: { isDone: boolean }) => isDone)).toHaveLength(row.filesDone)

  // Gone on with by a beginning of its id, and killed when more is there.
  let killing: Promise<unknown> | undefined
  await first.run(['--json', 'get', row.id.slice(0, 20)], {
    onProcess: child => {
      child.stdout!.on('data', text => {
        if (/"filesDone":1[2-9]/.test(String(text))) killing ??= first.end('SIGKILL')
      })
    }
  })
  await killing
  const folder = join(first.dataDir, 'downloads', 'Music')
  const kept = await wholeFiles(folder)
  expect(kept.length).toBeGreaterThanOrEqual(12)

  const second = await Daemon.start({ home: first.home })
  try {
    const done = await second.json(['get', ticket])
    expect(done).toMatchObject({ event: 'done', path: folder, files: FILES, bytes: FILES * FILE_BYTES })
    expect(await wholeFiles(folder)).toEqual([...contents.keys()].sort())
    for (const [path, bytes] of contents) expect(bytes.equals(await readFile(join(folder, path)))).toBe(true)
    expect(await readdir(join(first.dataDir, 'downloads'))).toEqual(['Music'])
    expect((await second.run(['downloads'])).out).toMatch(/Music \(40 of 40 files\) +done +100 %/)
  } finally {
    await second.end()
  }
}, 120_000)

it('what is gone is named, the rest arrives, and the exit code is 4', async () => {
  const { ticket } = await sharer.json(['share', 'Music'])
  await rm(join(music, 'Disc 1', '4.ogg'))
  await using stranger = await Daemon.start()
  const output = join(stranger.home, 'Mine')
  const ran = await stranger.run(['get', ticket, '--output', output])
  expect([ran.code, ran.err]).toEqual([
    4,
    expect.stringContaining('1 of 40 files could not be fetched: "Disc 1/4.ogg"')
  ])
  expect(await wholeFiles(output)).toEqual(
    [...contents.keys()].filter(path => path !== 'Disc 1/4.ogg').sort()
  )
}, 120_000)

it('a wish finds what was shared, and its row is fetched', async () => {
  await using seeker = await Daemon.start({ flags: ['--bootstrap', sharer.address] })
  await sharer.json(['share', 'Music'])
  expect((await seeker.run(['wish', '7', 'ogg', '--type', 'audio'])).out).toBe('Wish  1  7 ogg\n')
  await expect
    .poll(async () => (await seeker.json(['wishes'])).wishes[0].newHits, { timeout: 60_000 })
    .toBe(1)
  const { rows } = await seeker.json(['wishes', '1'])
  expect(rows).toMatchObject([{ row: 1, name: '7.ogg', isNew: true }])
  expect((await seeker.json(['wishes', '1'])).rows).toEqual([])
  const done = await seeker.json(['get', '1.1'])
  expect(contents.get('Disc 1/7.ogg')!.equals(await readFile(done.path))).toBe(true)
  expect((await seeker.run(['unwish', '1'])).code).toBe(0)
  expect((await seeker.json(['wishes'])).wishes).toEqual([])
}, 120_000)
