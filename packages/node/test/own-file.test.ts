/** What `get` makes of a file that is shared here. */
import { open, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BlockReader, ContentChangedError } from '@servent/overlay'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ownFile } from '../src/own-file.ts'
import { folder, last, noise, sha256, startNode, stopNodes } from './support/nodes.ts'

afterEach(stopNodes)

const SIZE = 3 * 1024 * 1024 + 12_345
const BYTES = noise(SIZE, 9)
let target: string
beforeEach(async () => {
  target = await folder('copies')
})

function reading(read: (offset: number, length: number) => Promise<Uint8Array>): BlockReader {
  return { file: { size: SIZE }, read } as BlockReader
}
const whole = reading(async (offset, length) => BYTES.subarray(offset, offset + length))

const copying = (reader: BlockReader, output = target, signal = new AbortController().signal) =>
  ownFile({ path: '/music/song.ogg', reader, output, signal })

test('the copy has all bytes, in a folder under its own name and else under the one given', async () => {
  expect(await copying(whole)).toMatchObject({ event: 'done', path: join(target, 'song.ogg'), bytes: SIZE })
  await copying(whole, join(target, 'other.ogg'))
  expect(await readdir(target)).toEqual(['other.ogg', 'song.ogg'])
  for (const name of await readdir(target))
    expect(BYTES.equals(await readFile(join(target, name)))).toBe(true)
})

describe('nothing is left', () => {
  test('of a file that changed midway; until then it has no final name', async () => {
    const seen: string[][] = []
    const changed = reading(async (offset, length) => {
      seen.push(await readdir(target))
      if (offset >= 2 * 1024 * 1024) throw new ContentChangedError('It was changed.')
      return BYTES.subarray(offset, offset + length)
    })
    await expect(copying(changed)).rejects.toMatchObject({ name: 'ContentChangedError' })
    expect(seen).toHaveLength(3)
    for (const names of seen) expect(names).toEqual([expect.stringMatching(/^servent-[0-9a-f]{16}\.part$/)])
    expect(await readdir(target)).toEqual([])
  })

  test('after Ctrl-C, between two blocks', async () => {
    const user = new AbortController()
    let reads = 0
    const slow = reading(async (offset, length) => {
      reads += 1
      user.abort()
      return BYTES.subarray(offset, offset + length)
    })
    await expect(copying(slow, target, user.signal)).rejects.toMatchObject({ name: 'AbortError' })
    expect([reads, await readdir(target)]).toEqual([1, []])
  })
})

test('a file that stands there stays as it is, also one that came meanwhile', async () => {
  const place = join(target, 'song.ogg')
  const meanwhile = reading(async (offset, length) => {
    await writeFile(place, 'mine')
    return BYTES.subarray(offset, offset + length)
  })
  await expect(copying(meanwhile)).rejects.toMatchObject({ name: 'OutputError' })
  await expect(copying(whole)).rejects.toMatchObject({ name: 'OutputError' })
  expect([await readFile(place, 'utf8'), await readdir(target)]).toEqual(['mine', ['song.ogg']])
  await expect(copying(whole, join(target, 'no', 'such'))).rejects.toMatchObject({ name: 'OutputError' })
})

test('what was changed since it was shared is fetched from others', async () => {
  const one = await startNode()
  const two = await startNode()
  const [theirs, mine] = [join(await folder('theirs'), 'song.ogg'), join(await folder('mine'), 'song.ogg')]
  for (const path of [theirs, mine]) await writeFile(path, BYTES)
  const { ticket } = await last(one.share(theirs))
  await last(two.share(mine))
  const file = await open(mine, 'r+')
  await file.write('four', 1_500_000)
  await file.close()
  const { path, sources } = await last(two.get(ticket!, { output: join(target, 'copy.ogg') }))
  expect([path, sources]).toEqual([join(target, 'copy.ogg'), 1])
  expect(await sha256(path)).toBe(await sha256(theirs))
  expect(await readdir(target)).toEqual(['copy.ogg'])
})
