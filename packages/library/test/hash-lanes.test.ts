/** What comes to pass with a file between the end of its hashing and its being written down. */
import { chmodSync, lstatSync } from 'node:fs'
import { join } from 'node:path'
import { openDatabase } from '@servent/database'
import { expect, onTestFinished, test } from 'vitest'
import { Disk, DiskNotes } from '../src/disk.ts'
import { HashLanes } from '../src/hash-lanes.ts'
import { Pacer } from '../src/pacer.ts'
import { Problems } from '../src/problems.ts'
import { migrateLibrary } from '../src/schema.ts'
import { stampOf } from '../src/stamp.ts'
import { Store } from '../src/store.ts'
import { StoreTree } from '../src/store-tree.ts'
import { TagReader } from '../src/tag-reader.ts'
import { bytes, workplace, write } from './helpers.ts'

const SHARE = -7

interface Meanwhile {
  /** Its bytes have just been read. */
  readonly read?: (path: string) => void
  /** A scan looks at it before what was found is written down. */
  readonly scan?: (store: Store, id: number) => void
}

/** One file that nobody waits for is hashed. */
function hashed({ read, scan }: Meanwhile) {
  const place = workplace()
  write(place.folder, { 'a.bin': bytes(20_000, 1) })
  const path = join(place.folder, 'a.bin')
  const database = openDatabase(place.databasePath)
  migrateLibrary(database)
  const [store, tree] = [new Store(database), new StoreTree(database)]
  const done: (number | null)[] = []
  let id = 0
  const writes = (work: () => void): void => {
    database.transaction(work)
    store.takeChanges()
  }
  writes(() => {
    const stamp = stampOf(lstatSync(path, { bigint: true }))
    id = store.add(
      { folder: tree.folder(place.folder, null), name: 'a.bin', type: '', stamp },
      null,
      Date.now()
    )
  })
  let isRead = false
  let isScanned = false
  const lanes = new HashLanes({
    store,
    tree,
    tags: new TagReader({ log: () => {} }),
    problems: new Problems(() => {}),
    pacer: new Pacer(),
    disk: new Disk(new DiskNotes(), () => 1, []),
    settleMs: 10,
    isPrivate: () => false,
    write: writes,
    // Lanes ask when they come for more, so the first time after the file was read it is not written down yet.
    isScanning: () => {
      if (scan === undefined || !isRead || isScanned) return false
      isScanned = true
      writes(() => scan(store, id))
      return true
    },
    onBytes: () => {
      isRead = true
      read?.(path)
    },
    onDone: (_, due) => void done.push(due),
    onFailure: error => {
      throw error
    }
  })
  lanes.start()
  onTestFinished(async () => {
    await lanes.stop()
    database.close()
  })
  return { done, row: () => store.file(id)! }
}

test('a share that begins to wait for it is told', async () => {
  const { done, row } = hashed({ scan: (store, id) => store.setDue(id, SHARE) })
  await expect.poll(() => done).toEqual([SHARE])
  expect(row()).toMatchObject({ due: null, content: expect.any(Number) })
})

test('when it was renamed or linked while it was read, it is hashed once more, though every lane rests', async () => {
  let reads = 0
  const { row } = hashed({
    read: path => {
      reads += 1
      if (reads === 1) chmodSync(path, 0o600)
    }
  })
  await expect.poll(() => reads).toBe(2)
  await expect.poll(row).toMatchObject({ due: null, content: expect.any(Number) })
})
