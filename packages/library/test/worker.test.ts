/** The indexing thread runs from the sources without a build, from another place, and keeps this thread free. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { createLibraryWorker } from '@servent/library'
import { parseQuery } from '@servent/overlay'
import { expect, test } from 'vitest'
import { longestTurn, namesOf, openLibrary, workplace, write } from './helpers.ts'

test('runs from TypeScript by type stripping, and finds the sources of other rooms', () => {
  // A process of its own, as plain as it gets: what vitest resolves for its own modules does not count.
  const script = `
    const { createLibraryWorker } = await import(${JSON.stringify(new URL('../src/create-worker.ts', import.meta.url).href)})
    const worker = createLibraryWorker()
    worker.on('message', message => { console.log(message.error.name); worker.terminate() })
    worker.on('error', () => {})
    worker.postMessage({ type: 'open', databasePath: ${JSON.stringify(fileURLToPath(import.meta.url))}, settings: {}, privateFolders: [], publicFolders: [] })
  `
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  expect(said.trim()).toBe('CorruptDatabaseError')
})

test('can be started from elsewhere, as a bundle does', async () => {
  const place = workplace()
  write(place.folder, { 'a.txt': 'a' })
  const source = `import(${JSON.stringify(new URL('../src/worker.ts', import.meta.url).href)})`
  let started = 0
  const library = await openLibrary(place, {
    worker: () => {
      started += 1
      return new Worker(source, { eval: true, execArgv: ['--conditions=source'] })
    }
  })
  expect(await library.share(place.folder)).toMatchObject({ files: 1 })
  expect(started).toBe(1)
})

test('does not start outside of a thread', async () => {
  await expect(import('../src/worker.ts')).rejects.toThrow(/createLibraryWorker/)
  const idle = createLibraryWorker()
  idle.postMessage({ type: 'stop' })
  expect(await new Promise(resolve => idle.once('exit', resolve))).toBe(0)
})

test('2,000 files are walked, hashed, searched and listed without holding this thread for 50 ms', async () => {
  const place = workplace()
  write(
    place.folder,
    Object.fromEntries(
      Array.from({ length: 2000 }, (_, n) => [`folder ${n % 20}/song ${n}.mp3`, `song number ${n}`])
    )
  )
  const library = await openLibrary(place)
  let heard = 0
  library.subscribe(changes => {
    heard += changes.length
  })
  const turn = await longestTurn(async () => {
    const { files, ids, more } = await library.share(place.folder)
    expect({ files, ids: ids.length, more }).toEqual({ files: 2000, ids: 1000, more: 1000 })
    await library.match(parseQuery('song type:video'), 10)
    await namesOf(library)
    await library.list({ limit: 1000, under: join(place.folder, 'folder 19') })
  })
  expect(heard).toBe(2000)
  expect(turn.cpuMs).toBeLessThan(50)
  expect(turn.p99Ms - turn.idleP99Ms).toBeLessThan(50)
})
