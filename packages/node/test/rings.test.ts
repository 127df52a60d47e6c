/** Nodes on a ring, Chord's or Pastry's, or in an affinity group of Kelips: what one shares or puts, another finds. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServentNode } from '@servent/node'
import { afterEach, describe, expect, test } from 'vitest'
import { all, folder, last, sha256, startNode, stopNodes } from './support/nodes.ts'

afterEach(stopNodes)

const text = (words: string) => new TextEncoder().encode(words)

/**
 * Whether a node stands among so many: of Chord it has a neighbour, of Pastry it is active and knows all the others; so
 * few are one group of Kelips, where each knows all the others, too.
 */
const STANDS = {
  chord: (node: ServentNode) => node.overlay('chord')!.neighbours.length > 0,
  pastry: (node: ServentNode, count: number) => {
    const { neighbours, mode } = node.overlay('pastry')!
    return mode === 'member' && neighbours.length === count - 1
  },
  kelips: (node: ServentNode, count: number) => {
    const { members, mode } = node.overlay('kelips')!
    return mode === 'member' && (members as readonly object[]).length === count - 1
  }
}

describe.each(['chord', 'pastry', 'kelips'] as const)('%s', overlay => {
  const announced = (node: ServentNode) =>
    node.status().overlays.find(({ name }) => name === overlay)?.announced

  const stand = (nodes: readonly ServentNode[]) =>
    expect
      .poll(() => nodes.every(node => STANDS[overlay](node, nodes.length)), { timeout: 15_000 })
      .toBe(true)

  async function ring(count: number, overlays: string = overlay): Promise<ServentNode[]> {
    const nodes: ServentNode[] = []
    for (let place = 0; place < count; place += 1)
      nodes.push(await startNode({ bootstrap: nodes.slice(0, 1), flags: { overlays } }))
    await stand(nodes)
    return nodes
  }

  test('one shares, another finds the file by words and by its id, and fetches it', async () => {
    const [one, two, three] = (await ring(3)) as [ServentNode, ServentNode, ServentNode]
    const path = join(await folder('music'), 'Béla Fleck – Big Country.txt')
    await writeFile(path, 'plink plonk')
    const { ids } = await last(one.share(path))
    await expect.poll(() => announced(one), { timeout: 10_000 }).toEqual({ files: 1, of: 1 })

    const [hit, done] = await all(two.search({ text: 'bela COUNTRY' }))
    expect(hit).toMatchObject({ event: 'hit', id: ids[0], provider: one.peerId, overlay })
    expect(done).toMatchObject({ hits: 1, overlays: [{ name: overlay, hits: 1 }] })
    expect(await sha256((await last(two.get('1'))).path)).toBe(await sha256(path))
    expect(await sha256((await last(three.get(ids[0]!))).path)).toBe(await sha256(path))

    await one.unshare(path)
    await expect.poll(() => announced(one), { timeout: 10_000 }).toEqual({ files: 0, of: 0 })
    // Whoever fetched it shares nothing unasked: nobody has it any more.
    await expect
      .poll(async () => (await last(two.search({ text: 'bela country' }))).hits, { timeout: 10_000 })
      .toBe(0)
  })

  test('a file that both overlays find is one row with both in it', async () => {
    const [one, two] = (await ring(2, `gnutella,${overlay}`)) as [ServentNode, ServentNode]
    const path = join(await folder('music'), 'Cosmic Hippo.txt')
    await writeFile(path, 'plonk')
    await last(one.share(path))
    await expect.poll(() => announced(one), { timeout: 10_000 }).toEqual({ files: 1, of: 1 })
    const done = await last(two.search({ text: 'cosmic hippo', timeoutMs: 2_000 }))
    expect(done).toMatchObject({ hits: 2, files: 1 })
    const [row] = two.lastSearch()
    expect([...row!.overlays].sort()).toEqual([overlay, 'gnutella'].sort())
  })

  test('a value that one puts another reads, and the newer one wins', async () => {
    const [one, two, three] = (await ring(3)) as [ServentNode, ServentNode, ServentNode]
    const put = await one.put({ key: 'greeting', value: text('hello') })
    expect(put).toMatchObject({ key: 'greeting', bytes: 5, overlays: [{ name: overlay }] })
    expect(put.overlays[0]!.copies).toBeGreaterThanOrEqual(2)
    expect(await two.value({ key: 'greeting' })).toMatchObject({
      value: text('hello'),
      writer: one.peerId,
      overlay
    })
    await two.put({ key: 'greeting', value: text('goodbye') })
    expect(await three.value({ key: 'greeting' })).toMatchObject({
      value: text('goodbye'),
      writer: two.peerId
    })
    await expect(three.value({ key: 'silence' })).rejects.toMatchObject({
      name: 'NoValueError',
      message: `Nobody on ${overlay} has a value under "silence".`
    })
  })

  test('what is asked right after the start waits until the node has met its network', async () => {
    const one = await startNode({ flags: { overlays: overlay } })
    const two = await startNode({ bootstrap: [one], flags: { overlays: overlay } })
    expect((await two.put({ key: 'greeting', value: text('hello') })).overlays[0]!.copies).toBe(2)
    expect(await one.value({ key: 'greeting' })).toMatchObject({ value: text('hello'), writer: two.peerId })
    const bootstrap = one.addresses().slice(0, 1)
    await one.stop()
    // Nobody is there any more whom this one could meet.
    const three = await startNode({ flags: { overlays: overlay, bootstrap } })
    await expect(all(three.search({ text: 'mandolin', timeoutMs: 300 }))).rejects.toMatchObject({
      name: 'NotReadyError',
      message: expect.stringContaining('no bootstrap peer answers, of 1 that are named')
    })
  })

  test('a node that leaves in good order hands over what it keeps, and is missed', async () => {
    const [one, two, three] = (await ring(3)) as [ServentNode, ServentNode, ServentNode]
    for (let number = 0; number < 8; number += 1)
      await two.put({ key: `key ${number}`, value: text(`value ${number}`) })
    await one.stop()
    await stand([two, three])
    for (let number = 0; number < 8; number += 1)
      expect(await three.value({ key: `key ${number}` })).toMatchObject({ value: text(`value ${number}`) })
  })
})
