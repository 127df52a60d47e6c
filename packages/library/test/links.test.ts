/** Nothing outside of a shared folder is ever shared, and nothing but files is opened. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ContentId } from '@servent/overlay'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openInside } from '../src/safe-open.ts'
import { bytes, idOf, namesOf, openLibrary, until, workplace, write } from './helpers.ts'

async function swapInALoop(folder: string, outside: string): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('./fixtures/swap-folder.ts', import.meta.url))
  const swapper = spawn(process.execPath, [script, folder, outside], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(async () => {
    swapper.kill('SIGKILL')
    if (swapper.exitCode === null && swapper.signalCode === null) await once(swapper, 'exit')
  })
  await once(swapper.stdout!, 'data')
  return swapper
}

describe('symbolic links', () => {
  test('to files and folders outside are not followed, nor are those inside, nor loops', async () => {
    const place = workplace()
    write(place.outside, { 'secret.txt': 'secret', 'folder/deep.txt': 'deep' })
    write(place.folder, { 'mine.txt': 'mine', 'sub/own.txt': 'own' })
    symlinkSync(join(place.outside, 'secret.txt'), join(place.folder, 'link.txt'))
    symlinkSync(place.outside, join(place.folder, 'link'))
    symlinkSync('../sub', join(place.folder, 'sub/loop'))
    symlinkSync('/no/where', join(place.folder, 'dangling'))
    const library = await openLibrary(place)
    await library.share(place.folder)
    expect(await namesOf(library)).toEqual(['mine.txt', 'own.txt'])
  })

  test('that are put in place of a shared file or folder lead nowhere', async () => {
    const place = workplace()
    // The twin outside has the same bytes, times aside: only where it lies tells them apart.
    write(place.outside, { 'file.txt': 'the same', 'sub/other.txt': 'other' })
    write(place.folder, { 'file.txt': 'the same', 'sub/other.txt': 'other' })
    const library = await openLibrary(place, { settings: { watch: false } })
    await library.share(place.folder)
    rmSync(join(place.folder, 'file.txt'))
    symlinkSync(join(place.outside, 'file.txt'), join(place.folder, 'file.txt'))
    renameSync(join(place.folder, 'sub'), join(place.folder, '.sub'))
    symlinkSync(join(place.outside, 'sub'), join(place.folder, 'sub'))
    for (const content of ['the same', 'other']) {
      expect(await library.open(ContentId.parse(idOf(content)))).toBeUndefined()
    }
    await library.rescan()
    expect(await namesOf(library)).toEqual([])
  })

  test('in place of the shared folder itself take everything away', async () => {
    const place = workplace()
    write(place.folder, { 'file.txt': 'mine' })
    write(place.outside, { 'file.txt': 'secret' })
    const library = await openLibrary(place, { settings: { watch: false } })
    await library.share(place.folder)
    renameSync(place.folder, `${place.folder}.aside`)
    symlinkSync(place.outside, place.folder)
    await library.rescan()
    expect(await namesOf(library)).toEqual([])
    await until(library, () => library.roots()[0]?.present === false)
  })
})

describe('a folder that is swapped with a link to another, in a loop', () => {
  test('P3: gives no byte of the other, neither while it is hashed nor while it is served', async () => {
    const place = workplace()
    const sub = join(place.folder, 'sub')
    const names = Array.from({ length: 20 }, (_, n) => `file ${n}.bin`)
    write(sub, Object.fromEntries(names.map((name, n) => [name, bytes(40_000, n)])))
    write(place.outside, Object.fromEntries(names.map((name, n) => [name, bytes(40_000, n + 1000)])))
    write(place.outside, { 'only outside.bin': bytes(10, 5000) })
    const inside = new Set(names.map((_, n) => idOf(bytes(40_000, n))))
    await swapInALoop(sub, place.outside)
    const library = await openLibrary(place, { settings: { watch: false, settleMs: 1 } })
    const seen = new Set<string>()
    library.subscribe(changes => {
      for (const { file } of changes) seen.add(String(file.id))
    })
    let served = 0
    const endMs = performance.now() + 3000
    while (performance.now() < endMs) {
      await library.share(place.folder)
      for (const { id } of await library.list({ limit: 100 })) {
        const reader = id === undefined ? undefined : await library.open(id)
        if (reader === undefined) continue
        const content = await reader.read(0, reader.file.size).catch(() => undefined)
        await reader.close()
        if (content === undefined) continue
        expect(idOf(content)).toBe(String(id))
        expect(inside.has(String(id))).toBe(true)
        served += 1
      }
    }
    expect([...seen].filter(id => !inside.has(id))).toEqual([])
    // The test says something only if the folder was there now and then.
    expect(seen.size).toBeGreaterThan(0)
    expect(served).toBeGreaterThan(0)
  })

  // Without O_NOFOLLOW or the question where the open file lies, outside bytes come within milliseconds.
  test.each([
    [true, 'the system says where it lies'],
    [false, 'the path is resolved again']
  ])('is never opened outside (%s: %s)', async proc => {
    const place = workplace()
    const sub = join(realpathSync(place.folder), 'sub')
    write(sub, { 'file.txt': 'inside' })
    write(place.outside, { 'file.txt': 'outside' })
    const swapper = await swapInALoop(sub, place.outside)
    const opened = { inside: 0, outside: 0, refused: 0 }
    const endMs = performance.now() + 1500
    while (performance.now() < endMs) {
      try {
        const { handle } = await openInside(join(sub, 'file.txt'), { proc })
        const text = (await handle.readFile()).toString() as 'inside' | 'outside'
        await handle.close()
        opened[text] += 1
      } catch {
        opened.refused += 1
      }
    }
    expect(swapper.exitCode).toBeNull()
    expect(opened.outside).toBe(0)
    expect(opened.refused).toBeGreaterThan(0)
    if (proc) expect(opened.inside).toBeGreaterThan(0)
    // Looking several times hardly ever finds the folder there each time; one that stays is opened either way.
    write(place.folder, { 'still.txt': 'inside' })
    const { handle } = await openInside(join(place.folder, 'still.txt'), { proc })
    expect((await handle.readFile()).toString()).toBe('inside')
    await handle.close()
  })
})

describe.skipIf(process.platform === 'win32')('what is no regular file', () => {
  test('is not opened: pipes, sockets and devices are passed over', async () => {
    const place = workplace()
    write(place.folder, { 'file.txt': 'mine' })
    execFileSync('mkfifo', [join(place.folder, 'pipe')])
    const server = createServer().listen(join(place.folder, 'socket'))
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    symlinkSync('/dev/zero', join(place.folder, 'zero'))
    const library = await openLibrary(place)
    expect(await library.share(place.folder)).toMatchObject({ files: 1, problems: [] })
    await expect(library.share(join(place.folder, 'pipe'))).rejects.toMatchObject({
      name: 'NotShareableError'
    })
    await expect(library.share(join(place.folder, 'socket'))).rejects.toMatchObject({
      name: 'NotShareableError'
    })
  })

  test('in a file’s place does not make anybody wait', async () => {
    const place = workplace()
    const path = join(place.folder, 'file.txt')
    writeFileSync(path, 'mine')
    const library = await openLibrary(place, { settings: { watch: false } })
    const { ids } = await library.share(place.folder)
    rmSync(path)
    execFileSync('mkfifo', [path])
    const waited = await Promise.race([library.open(ids[0]!), sleep(5000, 'waited', { ref: false })])
    expect(waited).toBeUndefined()
    await expect(openInside(path)).rejects.toMatchObject({ name: 'OutsideError' })
    rmSync(path)
    mkdirSync(path)
    await expect(openInside(path)).rejects.toThrow()
  })
})
