/** Sets of blocks, the sidecar under damage, and what is looked at after a kill. */
import { fstatSync } from 'node:fs'
import { type FileHandle, open, stat, writeFile } from 'node:fs/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { BlockSet } from '../src/block-set.ts'
import { PartFile, partPath } from '../src/part-file.ts'
import { LOOK_AHEAD_BLOCKS, recheck } from '../src/recheck.ts'
import { Sidecar } from '../src/sidecar.ts'
import { Desk } from './helpers/desk.ts'
import { randomBytes, TestShare } from './helpers/share.ts'

const MiB = 2 ** 20

test('a set of blocks is a set', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 70 }),
      fc.array(fc.tuple(fc.nat(69), fc.boolean())),
      (count, steps) => {
        const blocks = new BlockSet(count)
        const model = new Set<number>()
        for (const [block, add] of steps) {
          if (block >= count) continue
          if (add) blocks.add(block)
          else blocks.delete(block)
          if (add) model.add(block)
          else model.delete(block)
        }
        const all = Array.from({ length: count }, (_value, block) => block)
        expect(all.filter(block => blocks.has(block))).toEqual([...model].sort((a, b) => a - b))
        expect(blocks.size).toBe(model.size)
        expect(blocks.isFull).toBe(model.size === count)
        for (const block of all) {
          expect(blocks.nextMissing(block)).toBe(
            all.find(other => other >= block && !model.has(other)) ?? count
          )
        }
        expect(new BlockSet(count, blocks.bytes.slice()).size).toBe(blocks.size)
      }
    )
  )
})

describe('on the disk', () => {
  let desk: Desk
  beforeEach(async () => {
    desk = await Desk.make()
    await desk.open()
  })
  afterEach(() => desk.remove())

  const bytes = randomBytes(5 * MiB + 9)
  const share = new TestShare()
  const { id } = share.add('a', bytes)
  const piece = async () => (await share.open(id))!.hashes(6, 0, 8)
  const path = () => partPath(desk.folder, 'a', id)
  const tree = () => path().replace(/\.part$/, '.tree.part')
  const block = (index: number) => bytes.subarray(index * MiB, (index + 1) * MiB)

  test('the hashes of a sidecar are believed only while they lead to the root', async () => {
    const part = await PartFile.create(path(), id, bytes.length)
    expect(await part.sidecar.hashOf(0)).toBeUndefined()
    await part.savePiece(0, await piece())
    await part.close()
    const sound = (await Sidecar.open(tree(), id))!
    expect(await sound.hashOf(3)).toEqual((await piece()).subarray(96, 128))
    await sound.close()
    const file = await open(tree(), 'r+')
    const { size } = await file.stat()
    await file.write(Buffer.of(1), 0, 1, size - 200)
    await file.close()
    const damaged = (await Sidecar.open(tree(), id))!
    expect(await damaged.hashOf(3)).toBeUndefined()
    await damaged.close()
  })

  test.each(['', '{}', '{"version":1}', '[]', 'x'.repeat(9999)])(
    'a sidecar that holds %j is none',
    async text => {
      await writeFile(tree(), text)
      expect(await Sidecar.open(tree(), id)).toBeUndefined()
    }
  )

  test('a sidecar of another id, or of a size that the id forbids, is none', async () => {
    const other = share.add('b', randomBytes(9)).id
    await (await PartFile.create(path(), id, bytes.length)).close()
    expect(await Sidecar.open(tree(), other)).toBeUndefined()
    await writeFile(tree(), JSON.stringify({ servent: 'part', version: 1, id, size: 64 }))
    expect(await Sidecar.open(tree(), id)).toBeUndefined()
  })

  test('after a kill, marked blocks are hashed again, and written ones that were not marked are found', async () => {
    const part = await PartFile.create(path(), id, bytes.length)
    await part.savePiece(0, await piece())
    for (const index of [0, 1, 2, 3]) await part.write(index, block(index))
    await part.write(1, block(2))
    await part.commit([0, 1])
    // Not closed in good order: there is no stamp.
    const again = (await PartFile.open(path(), id))!
    expect(again.isUnsure).toBe(true)
    await recheck(again, new AbortController().signal, () => {})
    expect([0, 1, 2, 3, 4, 5].map(index => again.blocks.has(index))).toEqual([
      true,
      false,
      true,
      true,
      false,
      false
    ])
    await again.close()
    const closed = (await PartFile.open(path(), id))!
    expect(closed.isUnsure).toBe(false)
    expect(closed.blocks.size).toBe(3)
    await closed.close()
    await part.close()
  })

  test.skipIf(process.platform === 'win32')(
    'a power cut costs no marks: head, names, pieces and bits are durable when a checkpoint ends',
    async () => {
      const probe = await open(desk.folder)
      const handles: FileHandle = Object.getPrototypeOf(probe)
      await probe.close()
      /** Inodes that were written since their last sync, and those that were ever synced. */
      const unsynced = new Set<number>()
      const synced = new Set<number>()
      for (const call of ['write', 'datasync', 'sync'] as const) {
        const real = handles[call] as (...args: unknown[]) => Promise<unknown>
        vi.spyOn(handles, call).mockImplementation(async function (this: FileHandle, ...args: unknown[]) {
          const { ino } = fstatSync(this.fd)
          const result = await real.apply(this, args)
          if (call === 'write') unsynced.add(ino)
          else {
            unsynced.delete(ino)
            synced.add(ino)
          }
          return result
        } as never)
      }
      try {
        const part = await PartFile.create(path(), id, bytes.length)
        expect([...unsynced]).toEqual([])
        expect(synced).toEqual(new Set([(await stat(tree())).ino, (await stat(desk.folder)).ino]))
        await part.savePiece(0, await piece())
        await part.write(0, block(0))
        expect(unsynced.size).toBe(1)
        await part.commit([0])
        expect([...unsynced]).toEqual([])
        await part.close()
      } finally {
        vi.restoreAllMocks()
      }
    }
  )

  test('what is looked at behind a mark covers all that can be written between two marks', () => {
    expect(LOOK_AHEAD_BLOCKS * MiB).toBeGreaterThan(64 * MiB + 64 * MiB)
  })
})
