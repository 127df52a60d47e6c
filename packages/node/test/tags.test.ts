/** Tags over the network: what one node's files say of themselves is what the other one searches by. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { flac, mp3 } from '../../library/test/helpers/media.ts'
import type { ServentNode } from '../src/index.ts'
import { all, folder, last, neighbours, startNode, stopNodes } from './support/nodes.ts'

afterEach(stopNodes)

async function names(node: ServentNode, text: string): Promise<string[]> {
  const events = await all(node.search({ text, timeoutMs: 1000 }))
  return events.flatMap(event => (event.event === 'hit' ? [event.name] : [])).sort()
}

test('files are found by their tags over Gnutella, and shown with them', async () => {
  const music = await folder('music')
  const one = await startNode()
  const two = await startNode({ bootstrap: [one] })
  const miles = { artist: 'Miles Davis', title: 'So What', album: 'Kind of Blue', year: '1959' }
  await writeFile(join(music, '01.mp3'), mp3(miles, { popm: 255 }))
  await writeFile(join(music, '02.flac'), flac({ artist: '周杰伦', title: '青花瓷 😀' }))
  await writeFile(join(music, 'miles.txt'), 'no music')
  await last(one.share(music))
  await expect.poll(() => Math.min(neighbours(one), neighbours(two)), { timeout: 10_000 }).toBeGreaterThan(0)

  const events = await all(two.search({ text: 'artist="miles davis" year=1959', limit: 1 }))
  const tags = { ...miles, rating: '4', seconds: '1', bitrate: '128', frequency: '44100' }
  expect(events[0]).toMatchObject({ event: 'hit', name: '01.mp3', type: 'audio/mpeg', tags })
  expect(two.lastSearch()).toMatchObject([{ name: '01.mp3', tags }])
  expect(await names(two, 'miles')).toEqual(['01.mp3', 'miles.txt'])
  expect(await names(two, 'miles blue')).toEqual(['01.mp3'])
  expect(await names(two, '青花瓷')).toEqual(['02.flac'])
  expect(await names(two, 'miles artist=coltrane')).toEqual([])
  const { files } = await one.library()
  expect(files.find(({ name }) => name === '02.flac')?.tags).toMatchObject({ artist: '周杰伦' })
})
