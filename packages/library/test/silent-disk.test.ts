/**
 * A disk that does not answer: calls to it stand still. Made with a FUSE file system that nobody is behind, over a
 * shared folder: that takes root and /dev/fuse.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Library } from '@servent/library'
import { ContentId, parseQuery } from '@servent/overlay'
import { describe, expect, onTestFinished, test } from 'vitest'
import { DiskNotes } from '../src/disk.ts'
import { DiskGate } from '../src/disk-gate.ts'
import { DiskWatch } from '../src/disk-watch.ts'
import { waitsForDisk } from '../src/hung.ts'
import { DISK_CALLS_MAX, DISK_LOOKS, STOP_MS } from '../src/limits.ts'
import { bytes, idOf, namesOf, openLibrary, record, until, workplace, write } from './helpers.ts'

const DISK_SILENT_MS = 300
const STOP_WHILE_SILENT = fileURLToPath(new URL('./fixtures/stop-while-silent.ts', import.meta.url))
const HOLD = fileURLToPath(new URL('./fixtures/hold-mount.ts', import.meta.url))

function canMount(): boolean {
  try {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Calls to a folder stand still until `end`, after which it is what it was before. */
async function silence(folder: string): Promise<{ end: () => Promise<void> }> {
  const holder = spawn(process.execPath, [HOLD, folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exit = once(holder, 'exit')
  let isOver = false
  const end = async (): Promise<void> => {
    if (isOver) return
    isOver = true
    // The mount goes out of sight first, so that nobody sees one that fails.
    spawnSync('umount', ['-l', folder])
    holder.kill('SIGKILL')
    await exit
  }
  onTestFinished(end)
  await Promise.race([
    once(holder.stdout!, 'data'),
    exit.then(([code]) => {
      throw new Error(`Nothing is mounted: the mounting process ended with ${code}.`)
    })
  ])
  return { end }
}

const settings = { watch: false, diskSilentMs: DISK_SILENT_MS }
const rootAt = (library: Library, path: string) => library.roots().find(root => root.path === path)

describe.skipIf(!canMount())('a shared folder whose disk does not answer (as root, with /dev/fuse)', () => {
  test('is withdrawn and told, holds nobody up, and is back without hashing', async () => {
    const place = workplace()
    const silent = join(place.folder, 'silent')
    const fine = join(place.folder, 'fine')
    write(silent, { 'far away.bin': bytes(3_000_000), 'sub/deep.txt': 'deep' })
    write(fine, { 'near by.txt': 'near' })
    const library = await openLibrary(place, { settings })
    await library.share(silent)
    await library.share(fine)
    await until(library, () => library.progress().phase === 'idle')
    const before = await library.list({ limit: 9 })
    const seen = record(library)
    const disk = await silence(silent)
    const rescan = library.rescan()
    // Nobody who searches or is served waits for the indexing thread.
    expect(await library.match(parseQuery('near'), 9)).toHaveLength(1)
    const reader = (await library.open(ContentId.parse(idOf('near'))))!
    expect(Buffer.from(await reader.read(0, 4)).toString()).toBe('near')
    await reader.close()
    await until(library, () => rootAt(library, silent)?.present === false)
    await rescan
    expect(rootAt(library, silent)).toMatchObject({ present: false, reason: 'Its disk does not answer.' })
    expect(rootAt(library, fine)).toMatchObject({ present: true, files: 1 })
    expect(seen.toSorted()).toEqual(['removed deep.txt', 'removed far away.bin'])
    expect(library.totals.files).toBe(1)
    expect(waitsForDisk()).toBe(true)
    // Other folders are looked at as ever, and new ones shared.
    write(fine, { 'new.txt': 'new' })
    await library.rescan()
    await until(library, async () => (await namesOf(library)).join() === 'near by.txt,new.txt')
    write(place.outside, { 'other.txt': 'other' })
    expect(await library.share(place.outside)).toMatchObject({ files: 1 })
    await expect(library.share(join(silent, 'sub'))).rejects.toMatchObject({
      name: 'NotShareableError',
      message: expect.stringContaining('Its disk does not answer.')
    })
    await until(library, () => library.progress().phase === 'idle')
    let hashed = 0
    const rested = library.progress()
    const looking = setInterval(() => {
      if (library.progress() !== rested) hashed = Math.max(hashed, library.progress().bytes)
    }, 5)
    onTestFinished(() => clearInterval(looking))
    await disk.end()
    await until(library, () => rootAt(library, silent)?.present === true)
    await until(library, () => library.totals.files === 5)
    expect((await library.list({ limit: 9 })).slice(0, 2)).toEqual(before.slice(0, 2))
    expect(hashed).toBe(0)
    expect(waitsForDisk()).toBe(false)
  })

  test('is unshared all the same, and another one shared under its number', async () => {
    const place = workplace()
    write(place.folder, { 'a.txt': 'a' })
    write(place.outside, { 'b.txt': 'b' })
    const library = await openLibrary(place, { settings })
    await library.share(place.folder)
    const disk = await silence(place.folder)
    const rescan = library.rescan()
    await until(library, () => library.roots()[0]?.present === false)
    await rescan
    expect(await library.unshare(place.folder)).toEqual({ files: 0 })
    expect(await library.share(place.outside)).toMatchObject({ files: 1 })
    await disk.end()
    await until(library, () => !waitsForDisk())
    expect(await namesOf(library)).toEqual(['b.txt'])
  })

  test('does not keep the library from opening, and is back afterwards', async () => {
    const place = workplace()
    write(place.folder, { 'a.txt': 'a' })
    const first = await openLibrary(place, { settings })
    await first.share(place.folder)
    await first.stop()
    const disk = await silence(place.folder)
    const second = await openLibrary(place, { settings })
    expect(second.totals.files).toBe(0)
    expect(second.roots()).toMatchObject([{ present: false, reason: 'Its disk does not answer.' }])
    await disk.end()
    await until(second, () => second.totals.files === 1)
  })

  test('does not keep the library from stopping, while the thread waits for it', async () => {
    const place = workplace()
    write(place.folder, { 'a.txt': 'a' })
    const library = await openLibrary(place, { settings: { watch: false, diskSilentMs: 60_000 } })
    await library.share(place.folder)
    const disk = await silence(place.folder)
    const rescan = library.rescan().catch(error => (error as Error).name)
    const startMs = performance.now()
    await library.stop()
    // It is given its time to finish, and left alone then.
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(STOP_MS)
    expect(await rescan).toBe('LibraryStoppedError')
    expect(waitsForDisk()).toBe(true)
    await disk.end()
    await expect.poll(waitsForDisk).toBe(false)
  })

  test('does not keep a process from ending', async () => {
    const place = workplace()
    write(place.folder, { 'a.txt': 'a' })
    const program = spawn(
      process.execPath,
      ['--conditions=source', STOP_WHILE_SILENT, place.databasePath, place.folder],
      { stdio: ['pipe', 'pipe', 'inherit'] }
    )
    const exit = once(program, 'exit')
    onTestFinished(() => void program.kill('SIGKILL'))
    expect(String((await once(program.stdout!, 'data'))[0])).toBe('shared\n')
    const disk = await silence(place.folder)
    program.stdin!.write('go on\n')
    expect(String((await once(program.stdout!, 'data'))[0])).toBe('stopped\n')
    expect(await exit).toEqual([null, 'SIGKILL'])
    await disk.end()
  })

  test('that is asked to be shared is refused, once and for as long as it is silent', async () => {
    const place = workplace()
    write(place.folder, { 'a.txt': 'a' })
    write(place.outside, { 'b.txt': 'b' })
    const library = await openLibrary(place, { settings })
    await library.share(place.outside)
    const disk = await silence(place.folder)
    const refusal = {
      name: 'NotShareableError',
      message: `${place.folder} cannot be shared. Its disk does not answer.`
    }
    await expect(library.share(place.folder)).rejects.toMatchObject(refusal)
    await expect(library.share(place.folder)).rejects.toMatchObject(refusal)
    await disk.end()
    await expect.poll(waitsForDisk).toBe(false)
    expect(await library.share(place.folder)).toMatchObject({ files: 1 })
  })

  test('takes no more threads than it may from those who are served from other disks', async () => {
    const place = workplace()
    const silent = join(place.folder, 'silent')
    write(silent, {
      'one.bin': bytes(3_000_000, 1),
      'two.bin': bytes(3_000_000, 2),
      'three.bin': bytes(9, 3)
    })
    const near = mkdtempSync('/dev/shm/servent-library-')
    onTestFinished(() => rmSync(near, { recursive: true }))
    write(near, { 'near.txt': 'near' })
    const library = await openLibrary(place, { settings })
    await library.share(silent)
    await library.share(near)
    const disk = await silence(silent)
    const ids = [1, 2].map(seed => ContentId.parse(idOf(bytes(3_000_000, seed))))
    const third = ContentId.parse(idOf(bytes(9, 3)))
    const opened = await Promise.all([...ids, ...ids, third].map(id => library.open(id)))
    expect(opened).toEqual([undefined, undefined, undefined, undefined, undefined])
    expect(waitsForDisk()).toBe(true)
    const reader = (await library.open(ContentId.parse(idOf('near'))))!
    expect(Buffer.from(await reader.read(0, 4)).toString()).toBe('near')
    await reader.close()
    await disk.end()
    await expect.poll(waitsForDisk).toBe(false)
    // What was opened too late was closed, and the files are there as before.
    await library.rescan()
    const again = (await library.open(third))!
    expect(await again.read(0, 9)).toHaveLength(9)
    await again.close()
  })
})

describe('calls to one disk', () => {
  /** Calls that end when they are told to. */
  function calls() {
    const ends: ((value: string) => void)[] = []
    const call = () => new Promise<string>(resolve => ends.push(resolve))
    return { ends, call }
  }

  test('are so many at a time; the others wait, and other disks’ do not', async () => {
    const gate = new DiskGate(60_000)
    const { ends, call } = calls()
    const done: string[] = []
    const ask = (device: string) => gate.run(device, call).then(value => done.push(value))
    const asked = Array.from({ length: DISK_CALLS_MAX + 1 }, () => ask('a'))
    const other = ask('b')
    expect(ends).toHaveLength(DISK_CALLS_MAX + 1)
    ends[DISK_CALLS_MAX]!('of b')
    await other
    ends[0]!('first')
    await asked[0]
    await expect.poll(() => ends.length).toBe(DISK_CALLS_MAX + 2)
    for (const end of ends) end('rest')
    await Promise.all(asked)
    expect(done).toEqual(['of b', 'first', ...new Array(DISK_CALLS_MAX).fill('rest')])
  })

  test('that are late fail, nobody is let in until they end, and what came then is dropped or finished', async () => {
    const gate = new DiskGate(20)
    const { ends, call } = calls()
    const dropped: string[] = []
    const silent = { name: 'DiskSilentError', code: 'ETIMEDOUT' }
    const asked = Array.from({ length: DISK_CALLS_MAX + 1 }, () =>
      gate.run('a', call, value => dropped.push(value))
    )
    for (const one of asked) await expect(one).rejects.toMatchObject(silent)
    expect(waitsForDisk()).toBe(true)
    await expect(gate.run('a', call)).rejects.toMatchObject(silent)
    const finished = Promise.withResolvers<void>()
    await gate.finish('a', async () => finished.resolve())
    expect(ends).toHaveLength(DISK_CALLS_MAX)
    for (const end of ends) end('late')
    await finished.promise
    expect(dropped).toEqual(new Array(DISK_CALLS_MAX).fill('late'))
    expect(waitsForDisk()).toBe(false)
    expect(await gate.run('a', async () => 'answers')).toBe('answers')
  })
})

describe('the eye on the indexing thread', () => {
  test('tells of one call that is under way at each look, and of none that follow one another', async () => {
    const notes = new DiskNotes()
    const told = Promise.withResolvers<number>()
    const watch = new DiskWatch(notes, DISK_LOOKS * 2, caller => told.resolve(caller))
    onTestFinished(() => watch.stop())
    let calls = 0
    const { promise: many, resolve } = Promise.withResolvers<void>()
    const timer = setInterval(() => {
      notes.begin(0, 7)
      calls += 1
      if (calls === 4 * DISK_LOOKS) resolve()
    }, 1)
    await Promise.race([many, told.promise.then(caller => expect(caller).toBe('nobody'))])
    clearInterval(timer)
    notes.begin(1, 8)
    notes.end(0)
    expect(await told.promise).toBe(8)
  })
})
