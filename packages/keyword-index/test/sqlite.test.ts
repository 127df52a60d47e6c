/** The store in SQLite: what all stores do. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SqliteIndex } from '../src/sqlite.ts'
import { describeStore } from './conformance.ts'

const folder = mkdtempSync(join(tmpdir(), 'servent-index-'))
let files = 0

describeStore('the store in SQLite', {
  open: init => SqliteIndex.open({ path: join(folder, `${++files}.db`), ...init }),
  stop: async () => rmSync(folder, { recursive: true, force: true })
})
