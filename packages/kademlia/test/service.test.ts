/** libp2p's Kademlia as an overlay, on real nodes on loopback: files by words and by content, values, and its bounds. */
import { peerIdFromString } from '@libp2p/peer-id'
import { lpStream } from '@libp2p/utils'
import { VALUE_BYTES_MAX, VALUE_KEY_BYTES_MAX } from '@servent/key-routing/machine'
import { parseQuery } from '@servent/overlay'
import { afterEach, describe, expect, it } from 'vitest'
import {
  ANSWER_RECORDS_MAX,
  QUESTION_BYTES_MAX,
  QUESTIONS_BURST,
  QUESTIONS_PER_SECOND,
  SEARCHES_MAX,
  WORDS_PROTOCOL
} from '../src/constants.ts'
import { decodeAnswer, encodeAnswer, encodeQuestion } from '../src/wire.ts'
import { createPeer, hitsOf, isAnnounced, type Peer, startNetwork } from './peers.ts'

let peers: Peer[] = []

afterEach(async () => {
  await Promise.all(peers.splice(0).map(({ node }) => node.stop()))
})

async function start(count: number): Promise<Peer[]> {
  peers = await startNetwork(count)
  await expect
    .poll(() => peers.every(({ service }) => (service.snapshot().routingTable as number) > 0), {
      timeout: 15_000
    })
    .toBe(true)
  return peers
}

const announced = async (...those: Peer[]) =>
  expect.poll(() => those.every(isAnnounced), { timeout: 20_000 }).toBe(true)

describe('files', () => {
  it('are found by their words, in whatever language, with what it cost', async () => {
    const [seeker, one, two] = (await start(5)) as [Peer, Peer, Peer, Peer, Peer]
    one.catalogue.add('Miles Davis - So What.flac')
    two.catalogue.add('Miles Davis - Blue in Green.flac')
    two.catalogue.add('茉莉花 民歌 🎵.flac')
    await announced(one, two)
    const traffic = { messages: 0, bytes: 0 }
    const hits = await hitsOf(seeker, 'miles davis', { traffic })
    expect(hits.map(({ record, provider }) => [record.name, provider.peerId]).sort()).toEqual(
      [
        ['Miles Davis - So What.flac', one.peerId],
        ['Miles Davis - Blue in Green.flac', two.peerId]
      ].sort()
    )
    expect(hits.every(({ overlay, hops }) => overlay === 'kademlia' && hops >= 2)).toBe(true)
    expect(hits[0]!.provider.addresses.length).toBeGreaterThan(0)
    expect(traffic.messages).toBeGreaterThan(2)
    expect(traffic.bytes).toBeGreaterThan(200)
    expect((await hitsOf(seeker, 'davis green')).map(({ record }) => record.name)).toEqual([
      'Miles Davis - Blue in Green.flac'
    ])
    expect((await hitsOf(seeker, '茉莉')).map(({ provider }) => provider.peerId)).toEqual([two.peerId])
    expect(await hitsOf(seeker, 'miles -davis')).toEqual([])
    expect(await hitsOf(seeker, 'nothing', { timeoutMs: 2_000 })).toEqual([])
  }, 60_000)

  it('are found by their content, and no more by either when they are shared no longer', async () => {
    const [seeker, sharer] = (await start(4)) as [Peer, Peer, Peer, Peer]
    const file = sharer.catalogue.add('only one.txt')
    await announced(sharer)
    const providers = async () => {
      const found: string[] = []
      for await (const { peerId } of seeker.service.findProviders(file.id, { timeoutMs: 4_000 }))
        found.push(peerId)
      return found
    }
    expect(await providers()).toEqual([sharer.peerId])
    sharer.catalogue.remove(file)
    // Kademlia keeps the word for two days, and whoever is asked has nothing.
    expect(await hitsOf(seeker, 'only one')).toEqual([])
    expect(sharer.service.snapshot()).toMatchObject({
      announced: { files: 0, of: 0 },
      announcing: { keys: 0 },
      counters: { keysWithdrawn: 4 }
    })
  }, 60_000)

  it('of a peer that went are found no more, and nobody waits for it', async () => {
    const [seeker, leaving, staying] = (await start(4)) as [Peer, Peer, Peer, Peer]
    leaving.catalogue.add('shared song.mp3', 'a')
    staying.catalogue.add('shared song.mp3', 'b')
    await announced(leaving, staying)
    await leaving.node.stop()
    expect((await hitsOf(seeker, 'shared song')).map(({ provider }) => provider.peerId)).toEqual([
      staying.peerId
    ])
  }, 60_000)
})

describe('values', () => {
  it('are kept under keys, the newest wins, and nobody can put another name under them', async () => {
    const [one, two] = (await start(4)) as [Peer, Peer, Peer, Peer]
    const bytes = (text: string) => new TextEncoder().encode(text)
    expect((await one.service.put('greeting', bytes('hello'))).copies).toBeGreaterThan(0)
    await two.service.put('greeting', bytes('hello again'))
    const found = await one.service.get('greeting')
    expect(new TextDecoder().decode(found!.value)).toBe('hello again')
    expect(found!.writer).toBe(two.peerId)
    expect(await one.service.get('nothing')).toBeUndefined()
  }, 60_000)

  it('have keys of VALUE_KEY_BYTES_MAX and VALUE_BYTES_MAX bytes at most', async () => {
    const [one] = (await start(2)) as [Peer, Peer]
    const key = 'k'.repeat(VALUE_KEY_BYTES_MAX)
    const value = new Uint8Array(VALUE_BYTES_MAX)
    expect((await one.service.put(key, value)).copies).toBeGreaterThan(0)
    await expect(one.service.put(`${key}k`, value)).rejects.toThrow(
      `A key has 1 to ${VALUE_KEY_BYTES_MAX} bytes`
    )
    await expect(one.service.put(key, new Uint8Array(VALUE_BYTES_MAX + 1))).rejects.toThrow(
      `at most ${VALUE_BYTES_MAX} bytes`
    )
  }, 60_000)
})

describe('bounds', () => {
  it('a peer answers QUESTIONS_BURST questions at once, each of QUESTION_BYTES_MAX bytes', async () => {
    const [asker, answerer] = (await start(2)) as [Peer, Peer]
    for (let index = 0; index <= ANSWER_RECORDS_MAX; index += 1) answerer.catalogue.add(`song ${index}.mp3`)
    const target = peerIdFromString(answerer.peerId)
    const ask = async (question: Uint8Array) => {
      const stream = await asker.node.dialProtocol(target, WORDS_PROTOCOL)
      const frames = lpStream(stream, { maxDataLength: 2 ** 20, maxBufferSize: 2 ** 21 })
      await frames.write(question)
      const answer = decodeAnswer((await frames.read()).subarray())
      await stream.close()
      return answer
    }
    const question = encodeQuestion({ ...parseQuery('song'), limit: 1_000 })
    const whole = await ask(question)
    expect([whole.records.length, whole.more]).toEqual([ANSWER_RECORDS_MAX, true])
    // Fields that nobody knows are skipped, up to the bound.
    const padded = (length: number) => {
      const bytes = new Uint8Array(length)
      bytes.set(question)
      const rest = length - question.length - 4
      bytes.set([0x9a, 0x06, (rest & 0x7f) | 0x80, rest >> 7], question.length)
      return bytes
    }
    expect((await ask(padded(QUESTION_BYTES_MAX))).records).toHaveLength(ANSWER_RECORDS_MAX)
    await expect(ask(padded(QUESTION_BYTES_MAX + 1))).rejects.toThrow()
    const short = encodeQuestion({ ...parseQuery('song'), limit: 1 })
    const beganMs = performance.now()
    let good = 0
    for (let count = 0; count < 4 * QUESTIONS_BURST; count += 1) {
      good += await ask(short).then(
        () => 1,
        () => 0
      )
    }
    const seconds = (performance.now() - beganMs) / 1000
    // Some were asked before, and the bucket fills again while they are asked.
    expect(good).toBeGreaterThanOrEqual(QUESTIONS_BURST - 3)
    expect(good).toBeLessThanOrEqual(QUESTIONS_BURST + QUESTIONS_PER_SECOND * (seconds + 1))
    expect(answerer.service.snapshot().counters.questionsRefused).toBe(4 * QUESTIONS_BURST - good + 1)
  }, 60_000)

  it('SEARCHES_MAX searches run at a time', async () => {
    const [seeker] = (await start(2)) as [Peer, Peer]
    const controller = new AbortController()
    const options = { signal: controller.signal, timeoutMs: 20_000 }
    const query = parseQuery('whatever')
    const running = Array.from({ length: SEARCHES_MAX }, () => seeker.service.search(query, options).next())
    await expect(seeker.service.search(query, options).next()).rejects.toThrow(
      `At most ${SEARCHES_MAX} searches`
    )
    controller.abort(new Error('enough'))
    await Promise.allSettled(running)
  }, 60_000)

  it('a peer that says what it has not is not believed', async () => {
    const [seeker, liar, honest] = (await start(4)) as [Peer, Peer, Peer, Peer]
    honest.catalogue.add('honest song.mp3')
    liar.catalogue.add('decoy song.mp3')
    await announced(honest, liar)
    const recordsOf = async (peer: Peer, words: string) => {
      const stream = await seeker.node.dialProtocol(peerIdFromString(peer.peerId), WORDS_PROTOCOL)
      const frames = lpStream(stream, { maxDataLength: 2 ** 20, maxBufferSize: 2 ** 21 })
      await frames.write(encodeQuestion(parseQuery(words)))
      return decodeAnswer((await frames.read()).subarray()).records
    }
    // One of somebody else, which they signed, and one of its own, which has not the word.
    liar.catalogue.add('beside the point.mp3')
    const [stolen, beside] = [await recordsOf(honest, 'song'), await recordsOf(liar, 'beside point')]
    expect([stolen.length, beside.length]).toEqual([1, 1])
    await liar.node.unhandle(WORDS_PROTOCOL)
    let records = stolen
    await liar.node.handle(WORDS_PROTOCOL, async stream => {
      const answer = lpStream(stream)
      await answer.read()
      await answer.write(encodeAnswer({ records, more: false }))
    })
    expect((await hitsOf(seeker, 'song')).map(({ provider }) => provider.peerId)).toEqual([honest.peerId])
    records = beside
    expect((await hitsOf(seeker, 'song')).map(({ provider }) => provider.peerId)).toEqual([honest.peerId])
  }, 60_000)
})

it('says that it knows nobody, and that it does not run', async () => {
  const alone = await createPeer()
  peers = [alone]
  // What kad-dht has where nothing is said, and the node says by default.
  expect(alone.service.snapshot()).toMatchObject({ k: 20, alpha: 10, disjointPaths: 10, mode: 'server' })
  await expect(hitsOf(alone, 'song', { timeoutMs: 500 })).rejects.toThrow('knows no other peer yet')
  await alone.node.stop()
  await expect(hitsOf(alone, 'song')).rejects.toThrow('does not run')
}, 30_000)
