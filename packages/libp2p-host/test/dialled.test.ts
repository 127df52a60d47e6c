/** Connections that were dialled for a link, over real TCP: closed when nothing uses them, and only then. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { DIALLED_UNUSED_MS } from '../src/limits.ts'
import { act, link, startNode, stopAll, type TestNode } from './support/nodes.ts'

afterEach(stopAll)

const connections = (...nodes: readonly TestNode[]) =>
  nodes.map(({ libp2p }) => libp2p.getConnections().length)

async function linkAndClose(from: TestNode, to: TestNode): Promise<void> {
  const { out } = await link(from, to)
  act(from, effects => effects.close(out, 'Nobody needs it.'))
  await to.puppet.until('link-down')
}

test('one that nobody uses is closed a while after its link ended, and not before', async () => {
  const [alice, bob] = await Promise.all([startNode(), startNode()])
  await linkAndClose(alice, bob)
  await sleep(DIALLED_UNUSED_MS - 1_000)
  expect(connections(alice, bob)).toEqual([1, 1])
  await sleep(2_000)
  expect(connections(alice, bob)).toEqual([0, 0])
})

test('one that another protocol uses, that leads to a tagged peer or that was there before is left alone', async () => {
  const nodes = await Promise.all(Array.from({ length: 4 }, () => startNode()))
  const [alice, user, tagged, before] = nodes as [TestNode, TestNode, TestNode, TestNode]
  await user.libp2p.handle('/other/1.0.0', () => {})
  await alice.libp2p.dial(before.libp2p.getMultiaddrs())
  await alice.libp2p.peerStore.merge(tagged.libp2p.peerId, { tags: { friend: { value: 1 } } })
  const { out } = await link(alice, user)
  await alice.libp2p.dialProtocol(user.libp2p.peerId, '/other/1.0.0')
  act(alice, effects => effects.close(out, 'Nobody needs it.'))
  await linkAndClose(alice, tagged)
  await linkAndClose(alice, before)
  await sleep(DIALLED_UNUSED_MS + 1_000)
  expect(connections(user, tagged, before)).toEqual([1, 1, 1])
})

test('one over which a new link came up meanwhile is left alone, and closed after that one', async () => {
  const [alice, bob] = await Promise.all([startNode(), startNode()])
  await linkAndClose(alice, bob)
  const { out } = await link(alice, bob)
  await sleep(DIALLED_UNUSED_MS + 1_000)
  expect(connections(alice, bob)).toEqual([1, 1])
  act(alice, effects => effects.close(out, 'Nobody needs it.'))
  await sleep(DIALLED_UNUSED_MS + 1_000)
  expect(connections(alice, bob)).toEqual([0, 0])
})
