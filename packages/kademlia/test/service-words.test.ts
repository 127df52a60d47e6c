/** Questions over `/servent/words/1.0.0` alone, between two real nodes: each is counted, and whether it took a dial. */
import { identify } from '@libp2p/identify'
import type { Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { boundedYamux, systemClock } from '@servent/libp2p-host'
import { parseQuery, SealedRecords } from '@servent/overlay'
import { MemoryCatalogue } from '@servent/overlay/testing'
import { createLibp2p } from 'libp2p'
import { afterEach, expect, it } from 'vitest'
import {
  QUESTION_ARRIVES_MS,
  QUESTION_MS,
  SERVING_MAX,
  SERVING_PER_PEER_MAX,
  STREAMS_PER_CONNECTION_MAX,
  WORDS_PROTOCOL
} from '../src/constants.ts'
import type { KademliaComponents } from '../src/service.ts'
import { Words } from '../src/service-words.ts'

const stops: (() => Promise<void>)[] = []

afterEach(async () => {
  await Promise.all(stops.splice(0).map(stop => stop()))
})

async function start() {
  const catalogue = new MemoryCatalogue()
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    services: {
      identify: identify(),
      words: (components: KademliaComponents) =>
        new Words(components, {
          clock: systemClock,
          log: components.logger.forComponent('servent:words'),
          sealed: new SealedRecords(components.privateKey),
          catalogue: () => catalogue
        })
    }
  })
  stops.push(async () => node.stop())
  return { node, words: node.services.words, catalogue }
}

type Node = Awaited<ReturnType<typeof start>>

async function ask({ words }: Node, { node }: Node): Promise<number> {
  const until = AbortSignal.timeout(10_000)
  const { records } = await words.ask(node.peerId, node.getMultiaddrs(), parseQuery('song'), until)
  return records.length
}

it('a question to a peer that is not connected takes a dial, one to a peer that is takes none', async () => {
  const [asker, answerer] = [await start(), await start()]
  answerer.catalogue.add('song.mp3')
  expect(await ask(asker, answerer)).toBe(1)
  expect(asker.words.counters).toMatchObject({ questionsAsked: 1, dials: 1 })
  expect(await ask(asker, answerer)).toBe(1)
  expect(asker.words.counters).toMatchObject({ questionsAsked: 2, dials: 1 })
  await asker.node.hangUp(answerer.node.peerId)
  expect(await ask(asker, answerer)).toBe(1)
  expect(asker.words.counters).toMatchObject({ questionsAsked: 3, dials: 2 })
  // Whoever was dialled asks back over the same connection.
  expect(await ask(answerer, asker)).toBe(0)
  expect(answerer.words.counters).toMatchObject({ questionsAsked: 1, questionsServed: 3, dials: 0 })
}, 30_000)

it('a dial that comes to nothing counts as well', async () => {
  const [asker, gone] = [await start(), await start()]
  const { peerId } = gone.node
  const addresses = gone.node.getMultiaddrs()
  await gone.node.stop()
  await expect(
    asker.words.ask(peerId, addresses, parseQuery('song'), AbortSignal.timeout(10_000))
  ).rejects.toThrow()
  expect(asker.words.counters).toMatchObject({ questionsAsked: 1, dials: 1 })
}, 30_000)

/** Streams of one peer that ask nothing, on as many connections as they take. */
async function silence({ node: target }: Node, streams: number) {
  const opened: Stream[] = []
  const { node } = await start()
  while (opened.length < streams) {
    const connection = await node.dial(target.getMultiaddrs(), { force: true })
    for (let count = 0; count < STREAMS_PER_CONNECTION_MAX && opened.length < streams; count += 1)
      opened.push(await connection.newStream(WORDS_PROTOCOL))
  }
  expect(node.getConnections(target.peerId).length).toBeGreaterThan(1)
  return opened
}

const held = (streams: readonly Stream[]) => streams.filter(({ status }) => status === 'open').length

it('one peer holds SERVING_PER_PEER_MAX of the SERVING_MAX places, and others are answered', async () => {
  const [asker, answerer] = [await start(), await start()]
  answerer.catalogue.add('song.mp3')
  expect(await ask(asker, answerer)).toBe(1)
  const streams = [await silence(answerer, SERVING_MAX / 2), await silence(answerer, SERVING_MAX / 2)]
  await expect.poll(() => Math.max(...streams.map(held))).toBeLessThanOrEqual(SERVING_PER_PEER_MAX)
  expect(await ask(asker, answerer)).toBe(1)
}, 30_000)

it('a question that has not come in QUESTION_ARRIVES_MS leaves its place to others', async () => {
  const answerer = await start()
  const streams = await silence(answerer, SERVING_PER_PEER_MAX + 1)
  const openedMs = performance.now()
  await expect.poll(() => held(streams)).toBe(SERVING_PER_PEER_MAX)
  await expect.poll(() => held(streams), { timeout: 10_000 }).toBe(0)
  expect(performance.now() - openedMs).toBeLessThan((QUESTION_ARRIVES_MS + QUESTION_MS) / 2)
  expect(answerer.words.counters).toMatchObject({ questionsRefused: SERVING_PER_PEER_MAX + 1 })
}, 30_000)
