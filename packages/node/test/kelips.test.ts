/** Nodes in affinity groups: what one shares or puts, another finds over Kelips. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServentNode } from '@servent/node'
import { afterEach, expect, test } from 'vitest'
import { all, folder, last, sha256, startNode, stopNodes } from './support/nodes.ts'

afterEach(stopNodes)

const text = (words: string) => new TextEncoder().encode(words)

const announced = (node: ServentNode) =>
  node.status().overlays.find(({ name }) => name === 'kelips')?.announced

const membersOf = (node: ServentNode) =>
  (node.overlay('kelips') as unknown as { members: readonly object[] }).members.length

/** Each knows all others: so few are one group. */
async function group(count: number): Promise<ServentNode[]> {
  const nodes: ServentNode[] = []
  for (let place = 0; place < count; place += 1)
    nodes.push(await startNode({ bootstrap: nodes.slice(0, 1), flags: { overlays: 'kelips' } }))
  await expect.poll(() => nodes.map(membersOf), { timeout: 15_000 }).toEqual(nodes.map(() => count - 1))
  return nodes
}

test('one shares, another finds the file by words and by its id, and fetches it', async () => {
  const [one, two, three] = (await group(3)) as [ServentNode, ServentNode, ServentNode]
  const path = join(await folder('music'), 'Béla Fleck – Big Country.txt')
  await writeFile(path, 'plink plonk')
  const { ids } = await last(one.share(path))
  await expect.poll(() => announced(one), { timeout: 10_000 }).toEqual({ files: 1, of: 1 })

  const [hit, done] = await all(two.search({ text: 'bela COUNTRY' }))
  expect(hit).toMatchObject({ event: 'hit', id: ids[0], provider: one.peerId, overlay: 'kelips' })
  expect(done).toMatchObject({ hits: 1, overlays: [{ name: 'kelips', hits: 1 }] })
  expect(await sha256((await last(two.get('1'))).path)).toBe(await sha256(path))
  expect(await sha256((await last(three.get(ids[0]!))).path)).toBe(await sha256(path))

  await one.unshare(path)
  await expect.poll(() => announced(one), { timeout: 10_000 }).toEqual({ files: 0, of: 0 })
  // Whoever fetched it shares nothing unasked: nobody has it any more.
  await expect
    .poll(async () => (await last(two.search({ text: 'bela country' }))).hits, { timeout: 10_000 })
    .toBe(0)
}, 60_000)

test('a value that one puts another reads, and the newer one wins', async () => {
  const [one, two, three] = (await group(3)) as [ServentNode, ServentNode, ServentNode]
  const put = await one.put({ key: 'greeting', value: text('hello') })
  expect(put).toMatchObject({ key: 'greeting', bytes: 5, overlays: [{ name: 'kelips' }] })
  expect(put.overlays[0]!.copies).toBeGreaterThanOrEqual(2)
  expect(await two.value({ key: 'greeting' })).toMatchObject({
    value: text('hello'),
    writer: one.peerId,
    overlay: 'kelips'
  })
  await two.put({ key: 'greeting', value: text('goodbye') })
  expect(await three.value({ key: 'greeting' })).toMatchObject({ value: text('goodbye'), writer: two.peerId })
  await expect(three.value({ key: 'silence' })).rejects.toMatchObject({
    name: 'NoValueError',
    message: 'Nobody on kelips has a value under "silence".'
  })
})

test('what is asked right after the start waits until the node has met its network', async () => {
  const one = await startNode({ flags: { overlays: 'kelips' } })
  const two = await startNode({ bootstrap: [one], flags: { overlays: 'kelips' } })
  expect((await two.put({ key: 'greeting', value: text('hello') })).overlays[0]!.copies).toBe(2)
  expect(await one.value({ key: 'greeting' })).toMatchObject({ value: text('hello'), writer: two.peerId })
})

test('a node that leaves in good order hands over what it keeps, and is missed at once', async () => {
  const [one, two, three] = (await group(3)) as [ServentNode, ServentNode, ServentNode]
  for (let number = 0; number < 4; number += 1)
    await two.put({ key: `key ${number}`, value: text(`value ${number}`) })
  await one.stop()
  await expect.poll(() => [two, three].map(membersOf), { timeout: 10_000 }).toEqual([1, 1])
  for (let number = 0; number < 4; number += 1)
    expect(await three.value({ key: `key ${number}` })).toMatchObject({ value: text(`value ${number}`) })
})
