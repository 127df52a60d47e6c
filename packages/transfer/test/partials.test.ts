/** What is given of `.part` files: never a byte that is not verified, whatever stands on the disk, and for how long. */
import { mkdtemp, open, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ContentId, PARTIAL_INDEX_MIN } from '@servent/overlay'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { parseAvailableRanges } from '../src/available-ranges.ts'
import { readHashes } from '../src/hash-answer.ts'
import { FileServer, PARTIAL_LIMITS, Partials } from '../src/index.ts'
import { PartFile, partPath } from '../src/part-file.ts'
import { recheck } from '../src/recheck.ts'
import { Asker } from './helpers/ask.ts'
import { randomBytes, TestShare } from './helpers/share.ts'

const MiB = 2 ** 20
const COUNT = 5
const bytes = randomBytes(COUNT * MiB - 1000)
const share = new TestShare()
const { id } = share.add('a.bin', bytes)
const never = new AbortController().signal

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'servent-transfer-'))
})
afterEach(async () => {
  vi.useRealTimers()
  await rm(folder, { recursive: true, force: true })
})

const block = (index: number) => bytes.subarray(index * MiB, (index + 1) * MiB)

async function partOf(
  blocks: readonly number[],
  of: ContentId = id,
  content = bytes,
  name = 'a.bin'
): Promise<PartFile> {
  const part = await PartFile.create(partPath(folder, name, of), of, content.length)
  const reader = (await share.open(of))!
  await part.savePiece(0, await reader.hashes(6, 0, part.sidecar.pieceHashes))
  for (const index of blocks) await part.write(index, content.subarray(index * MiB, (index + 1) * MiB))
  await part.commit(blocks)
  return part
}

const serverOf = (partials: Partials) =>
  new FileServer({ catalogue: new TestShare(), blocks: share, partials })

type Step =
  | { readonly do: 'write' | 'mark' | 'spoil'; readonly block: number }
  | { readonly do: 'restart' | 'kill' }

test('whatever is written, marked, spoiled by others, killed and started again: only right bytes are given', async () => {
  const one = fc.nat(COUNT - 1)
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('write' as const), block: one }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('mark' as const), block: one }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('spoil' as const), block: one }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('restart' as const, 'kill' as const) }) }
  )
  let given = 0
  const run = async (steps: readonly Step[]) => {
    const partials = new Partials()
    const server = serverOf(partials)
    const asker = await Asker.connect(server)
    let part = await partOf([])
    const killed: PartFile[] = []
    const written = new Set<number>()
    const marked = new Set<number>()
    try {
      await partials.add(part, 'a.bin')
      for (const step of steps) {
        if (step.do === 'write') {
          await part.write(step.block, block(step.block))
          written.add(step.block)
        } else if (step.do === 'mark' && written.has(step.block)) {
          await part.commit([step.block])
          marked.add(step.block)
        } else if (step.do === 'spoil') {
          const file = await open(part.path, 'r+')
          await file.write(randomBytes(4096, 9), 0, 4096, step.block * MiB + 4096)
          await file.close()
          written.delete(step.block)
        } else if (step.do === 'restart' || step.do === 'kill') {
          await partials.ended(part)
          // A killed one leaves no stamp.
          if (step.do === 'restart') await part.close()
          else killed.push(part)
          part = (await PartFile.open(part.path, id))!
          if (part.isUnsure) await recheck(part, never, () => {})
          await partials.add(part, 'a.bin')
        }
        const head = await asker.ask(`/ipfs/${id}`, {}, 'HEAD')
        if (head.status === 404) continue
        const text = head.headers['x-available-ranges']
        for (let index = 0; index < COUNT; index += 1) {
          const isNamed = text === undefined || parseAvailableRanges(`${text}`, bytes.length).has(index)
          const range = `bytes=${index * MiB}-${Math.min(bytes.length, (index + 1) * MiB) - 1}`
          const answer = await asker.ask(`/ipfs/${id}`, { Range: range }).catch(() => undefined)
          if (answer?.status === 206) {
            expect(Buffer.compare(answer.body, block(index))).toBe(0)
            expect(isNamed).toBe(true)
            given += 1
          } else expect([416, 410]).toContain(answer?.status)
          if (marked.has(index) && written.has(index)) expect(answer?.status).toBe(206)
        }
      }
    } finally {
      asker.close()
      await partials.stop()
      await server.stop()
      await part.close()
      for (const old of killed) await old.close()
      await PartFile.remove(part.path)
    }
  }
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), run), { numRuns: 25 })
  expect(given).toBeGreaterThan(20)
}, 120_000)

describe('found by others', () => {
  test('at once by its id, where a block is marked; announced after a while, and withdrawn at its end', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const partials = new Partials()
    const changes: string[] = []
    partials.subscribe(({ type, file }) => changes.push(`${type} ${file.name}`))
    const part = await partOf([])
    await partials.add(part, 'a.bin')
    expect(partials.get(id)).toBeUndefined()
    await part.write(1, block(1))
    await part.commit([1])
    const file = partials.get(id)!
    expect(file).toMatchObject({ name: 'a.bin', size: bytes.length, tags: {} })
    expect(file.index).toBeGreaterThanOrEqual(PARTIAL_INDEX_MIN)
    expect(partials.byIndex(file.index)).toBe(file)
    expect([...partials.files()]).toEqual([])
    vi.advanceTimersByTime(PARTIAL_LIMITS.announceAfterMs - 1)
    expect(changes).toEqual([])
    vi.advanceTimersByTime(1)
    expect(changes).toEqual(['added a.bin'])
    expect([...partials.files()]).toEqual([file])
    await partials.ended(part)
    expect(changes).toEqual(['added a.bin', 'removed a.bin'])
    expect([partials.get(id), partials.byIndex(file.index), partials.serving(id)]).toEqual(
      Array(3).fill(undefined)
    )
    await part.close()
  })

  test.skipIf(process.platform !== 'linux')(
    'two runs of one id at once: the last is given, the end of the first ends nothing of it, and nothing stays open',
    async () => {
      const partials = new Partials({ announceAfterMs: 1 })
      const changes: string[] = []
      const announced = () =>
        changes.filter(type => type === 'added').length - changes.filter(type => type === 'removed').length
      partials.subscribe(({ type }) => changes.push(type))
      const parts = await Promise.all(['one', 'other'].map(name => partOf([0], id, bytes, name)))
      onTestFinished(async () => {
        await partials.stop()
        for (const part of parts) await part.close()
      })
      // Whichever opened its files sooner is the first.
      const came: PartFile[] = []
      const add = async (part: PartFile) => {
        await partials.add(part, 'a.bin')
        came.push(part)
      }
      await Promise.all(parts.map(add))
      const [first, last] = came as [PartFile, PartFile]
      const given = partials.serving(id)!
      partials.finished(first)
      await partials.ended(first)
      expect(partials.serving(id)).toBe(given)
      expect(partials.get(id)).toBe(given.file)
      await expect.poll(announced).toBe(1)
      await partials.ended(last)
      expect(partials.serving(id)).toBeUndefined()
      expect(announced()).toBe(0)
      for (const part of parts) await part.close()
      const fds = await readdir('/proc/self/fd')
      const paths = await Promise.all(fds.map(fd => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
      expect(paths.filter(path => path.startsWith(folder))).toEqual([])
    }
  )

  test('under the same index after a restart', async () => {
    const indices = []
    for (let start = 0; start < 2; start += 1) {
      const partials = new Partials()
      const part = await partOf([0])
      await partials.add(part, 'a.bin')
      indices.push(partials.get(id)!.index)
      await partials.stop()
      await part.close()
    }
    expect(indices[0]).toBe(indices[1])
  })
})

describe('a finished file', () => {
  const all = [...Array(COUNT).keys()]

  test('is given to those who know of it, under its new name, and is found no more', async () => {
    const partials = new Partials()
    const server = serverOf(partials)
    const asker = await Asker.connect(server)
    const part = await partOf(all)
    await partials.add(part, 'a.bin')
    const path = await part.finish(folder, 'a.bin', () => {})
    partials.finished(part)
    await partials.ended(part)
    await part.close()
    await PartFile.remove(part.path)
    expect(partials.get(id)).toBeUndefined()
    const answer = await asker.ask(`/ipfs/${id}`)
    expect(answer.status).toBe(200)
    expect(answer.headers['x-available-ranges']).toBeUndefined()
    expect(Buffer.compare(answer.body, bytes)).toBe(0)
    // What the user makes of the file is not what was fetched.
    const file = await open(path, 'r+')
    await file.write('mine', 2 * MiB)
    await file.close()
    const range = { Range: `bytes=${2 * MiB}-${2 * MiB + 9}` }
    expect(await asker.ask(`/ipfs/${id}`, range)).toMatchObject({ status: 410 })
    expect((await readFile(path)).length).toBe(bytes.length)
    await partials.forget(id)
    expect(await asker.ask(`/ipfs/${id}`)).toMatchObject({ status: 404 })
    asker.close()
    await server.stop()
  })

  test('until nobody has asked for it for a while', async () => {
    const partials = new Partials({ lingerMs: 100 })
    const part = await partOf(all)
    await partials.add(part, 'a.bin')
    partials.finished(part)
    expect(partials.serving(id)).toBeDefined()
    const served = partials.serving(id)!
    const isOver = async () => {
      const reader = served.reader()
      await reader?.close()
      expect(reader).toBeUndefined()
    }
    await vi.waitFor(isOver, { timeout: 10_000 })
    expect(partials.serving(id)).toBeUndefined()
    await part.close()
  })

  test('no longer than the user leaves it on the disk', async () => {
    const partials = new Partials({ lingerMs: 1_000 })
    const part = await partOf(all)
    await partials.add(part, 'a.bin')
    partials.finished(part)
    await part.close()
    await rm(part.path)
    // Each look counts as somebody's asking, so that time alone does not end it.
    await vi.waitFor(() => expect(partials.serving(id)).toBeUndefined(), { timeout: 20_000, interval: 20 })
  }, 30_000)

  test('as many as may be at a time; one more, and the first ends', async () => {
    const partials = new Partials({ lingeringMax: 2 })
    const files = [2, 3, 4].map(seed => {
      const content = randomBytes(2 * MiB, seed)
      return { content, id: share.add(`${seed}`, content).id }
    })
    const parts: PartFile[] = []
    for (const { id, content } of files) {
      const part = await partOf([0, 1], id, content)
      parts.push(part)
      await partials.add(part, 'a.bin')
      partials.finished(part)
      if (parts.length === 2)
        expect(files.map(({ id }) => partials.serving(id) !== undefined)).toEqual([true, true, false])
    }
    expect(files.map(({ id }) => partials.serving(id) !== undefined)).toEqual([false, true, true])
    await partials.stop()
    for (const part of parts) await part.close()
  })
})

test('of a file with two pieces of hashes the one that is here is given, with its proof', async () => {
  const size = 8 * 2 ** 30 + 1
  const { id: big } = share.addLayer('big', randomBytes(8193 * 32, 8), size)
  const reader = (await share.open(big))!
  const run = { size, height: 6, index: 0, count: 8192 }
  const hashes = await readHashes(reader, run)
  const part = await PartFile.create(partPath(folder, 'big', big), big, size)
  await part.savePiece(0, hashes)
  await part.commit([5])
  const partials = new Partials()
  await partials.add(part, 'big')
  const server = serverOf(partials)
  const asker = await Asker.connect(server)
  const given = await asker.ask(`/servent/hashes/${big}?height=6&index=0&count=8192`)
  expect(given.status).toBe(200)
  expect(hashes.length).toBe(8193 * 32)
  expect(Buffer.compare(given.body, hashes)).toBe(0)
  // They were verified once. Who asks verifies them too, so what the disk makes of them now is found there.
  const { path } = part.sidecar
  const at = (await readFile(path)).indexOf(hashes.subarray(0, 32))
  const file = await open(path, 'r+')
  await file.write(Buffer.from([hashes[0]! ^ 1]), 0, 1, at)
  await file.close()
  const again = await asker.ask(`/servent/hashes/${big}?height=6&index=0&count=8192`)
  expect(again.status).toBe(200)
  expect(Buffer.compare(again.body.subarray(1), hashes.subarray(1))).toBe(0)
  expect(again.body[0]).toBe(hashes[0]! ^ 1)
  expect(await asker.ask(`/servent/hashes/${big}?height=6&index=8192&count=8192`)).toMatchObject({
    status: 416
  })
  // Its mark is not believed: nothing was written.
  expect(await asker.ask(`/ipfs/${big}`, { Range: `bytes=${5 * MiB}-${6 * MiB - 1}` })).toMatchObject({
    status: 410
  })
  asker.close()
  await partials.stop()
  await server.stop()
  await part.close()
})

test('a file of one block is given by nobody who is fetching it', async () => {
  const content = randomBytes(1000, 5)
  const small = share.add('small', content).id
  const partials = new Partials()
  const part = await PartFile.create(partPath(folder, 'small', small), small, content.length)
  await partials.add(part, 'small')
  await part.write(0, content)
  await part.commit([0])
  expect(partials.serving(small)).toBeUndefined()
  await part.close()
})
