/** Nodes on libp2p's Kademlia: what one shares or puts, another finds. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServentNode } from '@servent/node'
import { afterEach, expect, test } from 'vitest'
import { all, folder, last, sha256, startNode, stopNodes } from './support/nodes.ts'

afterEach(stopNodes)

async function table(count: number, flags: Record<string, string> = {}): Promise<ServentNode[]> {
  const nodes: ServentNode[] = []
  for (let place = 0; place < count; place += 1)
    nodes.push(await startNode({ bootstrap: nodes.slice(0, 1), flags: { overlays: 'kademlia', ...flags } }))
  await expect
    .poll(() => Math.min(...nodes.map(node => node.overlay('kademlia')!.routingTable as number)), {
      timeout: 15_000
    })
    .toBeGreaterThan(0)
  return nodes
}

test('one shares, another finds the file by words and by its id, and fetches it', async () => {
  // It is a table of contacts for discovery at the same time.
  const [one, two, three] = (await table(3, { discovery: 'bootstrap,kad' })) as [
    ServentNode,
    ServentNode,
    ServentNode
  ]
  const path = join(await folder('music'), 'Béla Fleck – Big Country.txt')
  await writeFile(path, 'plink plonk')
  const { ids } = await last(one.share(path))
  await expect
    .poll(() => one.status().overlays[0]!.announced, { timeout: 15_000 })
    .toEqual({ files: 1, of: 1 })
  const [hit, done] = await all(two.search({ text: 'bela COUNTRY' }))
  expect(hit).toMatchObject({ event: 'hit', id: ids[0], provider: one.peerId, overlay: 'kademlia' })
  expect(done).toMatchObject({ hits: 1, overlays: [{ name: 'kademlia', hits: 1 }] })
  expect(await sha256((await last(two.get('1'))).path)).toBe(await sha256(path))
  expect(await sha256((await last(three.get(ids[0]!))).path)).toBe(await sha256(path))
  await two.put({ key: 'greeting', value: new TextEncoder().encode('hello') })
  expect(await three.value({ key: 'greeting' })).toMatchObject({ writer: two.peerId, overlay: 'kademlia' })
})

test('who was told of one node comes to know the others that it knows', async () => {
  const nodes = await table(4)
  await expect
    .poll(() => nodes.map(node => node.overlay('kademlia')!.routingTable), { timeout: 15_000 })
    .toEqual([3, 3, 3, 3])
})
