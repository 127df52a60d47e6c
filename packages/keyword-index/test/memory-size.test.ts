/** What an index in memory takes: the simulator has a hundred thousand of them, most of them small. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { MemoryIndex } from '../src/memory.ts'
import { file } from './files.ts'

const INSTANCES = 20_000
const FILES = 20
/** An object with its fields. */
const EMPTY_BYTES_MOST = 256
const FILLED_BYTES_MOST = 8 * 1024

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function usedBytes(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Bytes of each of many indexes, with all that is made while they are. */
function bytesOfEach(make: () => MemoryIndex): number {
  const indexes = new Array<MemoryIndex>(INSTANCES)
  indexes[0] = make()
  const before = usedBytes()
  for (let at = 1; at < INSTANCES; at += 1) indexes[at] = make()
  const each = (usedBytes() - before) / (INSTANCES - 1)
  // Alive until here.
  expect(indexes.every(index => index.totals().bytes >= 0)).toBe(true)
  return each
}

it('is a few fields where it is empty, also after all files have gone, and at most 8 KiB with twenty files', () => {
  expect(bytesOfEach(() => new MemoryIndex())).toBeLessThanOrEqual(EMPTY_BYTES_MOST)
  // The same objects for all: what they take is their owner's.
  const files = Array.from({ length: FILES }, (_, at) =>
    file(`${at}`, `some words of file w${at} x${at % 3}`)
  )
  const filled = (): MemoryIndex => {
    const index = new MemoryIndex()
    index.add('me', files)
    return index
  }
  const each = bytesOfEach(filled)
  expect(each).toBeLessThanOrEqual(FILLED_BYTES_MOST)
  // An index that has become empty is as small as one that always was.
  const emptied = (): MemoryIndex => {
    const index = filled()
    index.removeOwner('me')
    return index
  }
  expect(bytesOfEach(emptied)).toBeLessThanOrEqual(EMPTY_BYTES_MOST)
}, 60_000)
