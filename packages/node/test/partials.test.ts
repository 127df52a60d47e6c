/** A file is fetched from one that is fetching it itself, found by the file's id over Gnutella. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServentNode } from '@servent/node'
import { afterEach, expect, test } from 'vitest'
import { all, folder, last, neighbours, noise, sha256, startNode, stopNodes } from './support/nodes.ts'

afterEach(stopNodes)

const MIB = 2 ** 20
const SIZE = 24 * MIB + 5
/** At one MiB a second, a part is announced by then, and the tables of the two tiers have it. */
const ANNOUNCED_BYTES = 14 * MIB

/** One that shares a file and sends it slowly, one that fetches it and has so much of it, and a third. */
async function three(bytes: number, flags = {}, set: readonly string[] = []) {
  const one = await startNode({ flags: { 'max-upload-rate': `${MIB}` }, set })
  const two = await startNode({ bootstrap: [one], flags, set })
  const three = await startNode({ bootstrap: [one, two], set })
  const path = join(await folder('music'), 'Big Country.ogg')
  await writeFile(path, noise(SIZE, 3))
  const id = (await last(one.share(path))).ids[0]!
  await expect
    .poll(() => Math.min(...[one, two, three].map(neighbours)), { timeout: 20_000 })
    .toBeGreaterThan(0)
  const fetched = all(two.get(id))
  fetched.catch(() => {})
  // What came first is marked by then, which is done once in a second.
  await expect.poll(() => two.downloads()[0]?.verifiedBytes ?? 0, { timeout: 40_000 }).toBeGreaterThan(bytes)
  return { one, two, three, path, id, fetched }
}

async function providersFound(node: ServentNode, words: string): Promise<string[]> {
  await all(node.search({ text: words, timeoutMs: 1_000 }))
  return node.lastSearch().flatMap(({ providers }) => providers.map(({ peerId }) => peerId))
}

test('who is fetching a file is a source of it, and shares it neither by words nor in its library', async () => {
  const { one, two, three: other, path, id, fetched } = await three(ANNOUNCED_BYTES)
  const fetching = all(other.get(id))
  fetching.catch(() => {})
  const isSource = () => other.downloads()[0]?.sources.some(({ peer }) => peer === two.peerId)
  await expect.poll(isSource, { timeout: 20_000 }).toBe(true)
  expect(await providersFound(other, 'big country')).toEqual([one.peerId])
  expect(await two.library()).toMatchObject({ files: [], totals: { files: 0 } })
  const events = await fetching
  expect(await sha256((events.at(-1) as { path: string }).path)).toBe(await sha256(path))
  const sources = events.flatMap(event => (event.event === 'progress' ? event.sources : []))
  expect(sources).toContainEqual(expect.objectContaining({ peer: two.peerId, partial: true }))
  expect(sources).toContainEqual({ peer: one.peerId, relayed: false, rate: expect.any(Number) })
  expect(events.at(-1)).toMatchObject({ sources: 2 })
  await fetched
}, 120_000)

test('no-share-partial: nobody finds it with who is fetching it', async () => {
  // Of equals, where no route table keeps the query from it.
  const {
    one,
    two,
    three: other,
    id
  } = await three(3 * MIB, { 'no-share-partial': true }, ['gnutella.role=flat'])
  const answered = (node: ServentNode) => node.overlay('gnutella')!.counters.queriesAnswered
  const [before, received] = [answered(one), two.overlay('gnutella')!.counters.queriesReceived]
  const fetched = all(other.get(id))
  fetched.catch(() => {})
  // The same query comes to both.
  await expect.poll(() => answered(one), { timeout: 20_000 }).toBeGreaterThan(before!)
  await expect
    .poll(() => two.overlay('gnutella')!.counters.queriesReceived, { timeout: 20_000 })
    .toBeGreaterThan(received!)
  await expect.poll(() => other.downloads()[0]?.verifiedBytes ?? 0, { timeout: 20_000 }).toBeGreaterThan(0)
  expect(answered(two)).toBe(0)
  expect(other.downloads()[0]?.sources.map(({ peer }) => peer)).not.toContain(two.peerId)
}, 60_000)
