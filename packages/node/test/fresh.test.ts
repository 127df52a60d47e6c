/** The first search in a network that has just begun, of nodes as they come: nothing is set, nobody waits for links. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { all, folder, last, startNode, stopNodes } from './support/nodes.ts'

afterEach(stopNodes)

async function music(): Promise<string> {
  const path = await folder('music')
  await writeFile(join(path, 'Blue in Green.ogg'), 'the content')
  return path
}

const GREEN = [
  expect.objectContaining({ event: 'hit', name: 'Blue in Green.ogg', overlay: 'gnutella' }),
  expect.objectContaining({ event: 'done', hits: 1 })
]

test('of two nodes one shares, and the other finds it at once, whoever of them came first', async () => {
  const one = await startNode()
  await last(one.share(await music()))
  const two = await startNode({ bootstrap: [one] })
  expect(await all(two.search({ text: 'blue green', limit: 1 }))).toEqual(GREEN)
  expect(tiersOf(one, two)).toEqual(['leaf', 'ultrapeer'])
  await stopNodes()

  const first = await startNode()
  const second = await startNode({ bootstrap: [first] })
  await last(second.share(await music()))
  expect(await all(first.search({ text: 'blue green', limit: 1 }))).toEqual(GREEN)
}, 40_000)

test.each([0, 1, 2])(
  'of three nodes number %i shares, and the others find it at once',
  async sharer => {
    const first = await startNode()
    const nodes = [
      first,
      ...(await Promise.all([startNode({ bootstrap: [first] }), startNode({ bootstrap: [first] })]))
    ]
    await last(nodes[sharer]!.share(await music()))
    const askers = nodes.filter((_, index) => index !== sharer)
    const found = await Promise.all(askers.map(asker => all(asker.search({ text: 'blue green', limit: 1 }))))
    expect(found).toEqual([GREEN, GREEN])
  },
  40_000
)

test('of three nodes in a row the last finds at once what the first shares', async () => {
  const first = await startNode()
  await last(first.share(await music()))
  const middle = await startNode({ bootstrap: [first] })
  const third = await startNode({ bootstrap: [middle] })
  expect(await all(third.search({ text: 'blue green', limit: 1 }))).toEqual(GREEN)
}, 40_000)

function tiersOf(...nodes: Awaited<ReturnType<typeof startNode>>[]): string[] {
  return nodes
    .map(node => (node.overlay('gnutella') as unknown as { tiers: { tier: string } }).tiers.tier)
    .sort()
}
