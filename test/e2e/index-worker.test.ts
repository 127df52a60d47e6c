/** The thread of the index in SQLite as the executable carries it: one text, which needs no file beside it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { indexWorkerFrom, SqliteIndex } from '@servent/keyword-index/sqlite'
import { afterAll, beforeAll, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const BUILT = join(ROOT, 'packages/keyword-index/dist/sqlite-worker.js')

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'servent-index-worker-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('keeps and finds files', async () => {
  const file = join(folder, 'index-worker.cjs')
  const { bundle } = await import(join(ROOT, 'scripts/bundle.mjs'))
  await bundle(BUILT, file)
  const source = await readFile(file, 'utf8')
  await rm(file)
  const path = join(folder, 'index.db')
  const words = ['blue', 'train']
  const open = () => SqliteIndex.open({ path, worker: indexWorkerFrom(source) })
  const index = await open()
  await index.add('ann', [
    { key: 'Blue Train.flac', words, size: 1, type: 'audio/flac', body: Uint8Array.of(7) }
  ])
  await index.close()
  const again = await open()
  const { hits } = await again.search({ words, limit: 10 })
  expect(hits.map(({ owner, file }) => [owner, file.key, [...file.body]])).toEqual([
    ['ann', 'Blue Train.flac', [7]]
  ])
  await again.close()
})
