/** Calls that come before there is a ring, on real libp2p nodes on loopback: they wait for it, and not for ever. */
import { createServer } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { PrivateKey } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { boundedYamux, MemoryStore } from '@servent/libp2p-host'
import { keyOfWord, parseQuery } from '@servent/overlay'
import { createLibp2p } from 'libp2p'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { afterEach, describe, expect, it } from 'vitest'
import { type ChordInit, chord } from '../src/index.ts'

interface Where {
  readonly privateKey?: PrivateKey
  readonly port?: number
}

async function createPeer(init: ChordInit, { privateKey, port = 0 }: Where) {
  return createLibp2p({
    ...(privateKey === undefined ? {} : { privateKey }),
    addresses: { listen: [`/ip4/127.0.0.1/tcp/${port}`] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    services: { identify: identify(), chord: chord(init) }
  })
}

type Peer = Awaited<ReturnType<typeof createPeer>>

const peers: Peer[] = []

async function startPeer(init: ChordInit = {}, where: Where = {}): Promise<Peer> {
  const peer = await createPeer(init, where)
  peers.push(peer)
  return peer
}

afterEach(async () => {
  await Promise.all(peers.splice(0).map(peer => peer.stop()))
})

/** A peer that is not there yet: nothing listens at its address. */
async function plannedPeer() {
  const privateKey = await generateKeyPair('Ed25519')
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  const address = `/ip4/127.0.0.1/tcp/${port}/p2p/${peerIdFromPrivateKey(privateKey)}`
  return { address, start: (init: ChordInit = {}) => startPeer(init, { privateKey, port }) }
}

const text = (words: string) => new TextEncoder().encode(words)
const soon = (ms = 200) => new Promise(resolve => setTimeout(resolve, ms))

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

/** Whether it is still under way after a while. */
async function isWaiting(call: Promise<unknown>): Promise<boolean> {
  call.catch(() => {})
  return (await Promise.race([call.catch(() => {}), soon().then(() => 'waiting')])) === 'waiting'
}

describe('before the bootstrap peer listens', () => {
  it('a put waits for it, and both have the value', async () => {
    const planned = await plannedPeer()
    const one = await startPeer({ bootstrap: [planned.address] })
    const put = one.services.chord.put('greeting', text('hello'))
    expect(await isWaiting(put)).toBe(true)
    // Longer than the first round of a machine that is alone.
    await soon(3_000)
    const two = await planned.start()
    expect(await put).toEqual({ copies: 2 })
    expect((await two.services.chord.get('greeting'))?.value).toEqual(text('hello'))
  }, 20_000)

  it('every other call waits as well', async () => {
    const planned = await plannedPeer()
    const one = await startPeer({ bootstrap: [planned.address] })
    const id = CID.createV1(raw.code, await sha256.digest(text('the same')))
    const calls = [
      one.services.chord.get('nobody put this'),
      one.services.chord.lookup(keyOfWord('mandolin')),
      all(one.services.chord.search(parseQuery('mandolin'))),
      one.contentRouting.provide(id),
      all(one.contentRouting.findProviders(id)),
      one.contentRouting.put(text('key'), text('value')),
      one.services.chord.ready()
    ]
    expect(await Promise.all(calls.map(isWaiting))).toEqual(calls.map(() => true))
    const two = await planned.start()
    const [got, found, hits] = await Promise.all(calls)
    expect([got, hits]).toEqual([undefined, []])
    expect(found).toMatchObject({ hops: expect.any(Number) })
    expect(await all(two.contentRouting.findProviders(id))).toMatchObject([{ id: one.peerId }])
    expect(await two.contentRouting.get(text('key'))).toEqual(text('value'))
  }, 20_000)

  it('a call ends with its signal', async () => {
    const { address } = await plannedPeer()
    const one = await startPeer({ bootstrap: [address] })
    const left = new AbortController()
    const put = one.services.chord.put('k', text('v'), { signal: left.signal })
    expect(await isWaiting(put)).toBe(true)
    left.abort(new Error('The user has left.'))
    await expect(put).rejects.toThrow('The user has left.')
    await expect(one.services.chord.get('k', { signal: left.signal })).rejects.toThrow('The user has left.')
  })

  it('stopping ends a call', async () => {
    const { address } = await plannedPeer()
    const one = await startPeer({ bootstrap: [address] })
    const calls = [one.services.chord.put('k', text('v')), one.services.chord.ready()]
    expect(await isWaiting(Promise.all(calls))).toBe(true)
    await one.stop()
    for (const call of calls)
      await expect(call).rejects.toMatchObject({
        name: 'OverlayStoppedError',
        message: 'The overlay has stopped.'
      })
    await expect(one.services.chord.put('k', text('v'))).rejects.toMatchObject({
      name: 'OverlayStoppedError'
    })
    await one.start()
    expect(await isWaiting(one.services.chord.put('k', text('v')))).toBe(true)
  })

  it('a call that has waited for its time says what was missing, and what to try', async () => {
    const { address } = await plannedPeer()
    const { services, contentRouting } = await startPeer({ bootstrap: [address] })
    const missing =
      /^The chord overlay is not ready after 3\d\d ms: no bootstrap peer answers, of 1 that are named\. Check that one of them runs, has this address and speaks \/servent\/chord\/1\.0\.0; the first peer of a network names none\.$/
    const refused = expect.objectContaining({
      name: 'NotReadyError',
      message: expect.stringMatching(missing)
    })
    const timeoutMs = 300
    const started = performance.now()
    await Promise.all([
      expect(services.chord.put('k', text('v'), { timeoutMs })).rejects.toEqual(refused),
      expect(services.chord.get('k', { timeoutMs })).rejects.toEqual(refused),
      expect(all(services.chord.search(parseQuery('mandolin'), { timeoutMs }))).rejects.toEqual(refused),
      // A signal that is the time of a call is taken for that.
      expect(services.chord.get('k', { signal: AbortSignal.timeout(timeoutMs) })).rejects.toMatchObject({
        name: 'NotReadyError',
        cause: { name: 'TimeoutError' }
      }),
      // libp2p tells what each of its routers failed with.
      expect(contentRouting.get(text('k'), { signal: AbortSignal.timeout(timeoutMs) })).rejects.toMatchObject(
        { errors: [refused] }
      )
    ])
    expect(performance.now() - started).toBeLessThan(3_000)
  })
})

describe('a peer that is alone', () => {
  it('is the first of a network where it names no other, and keeps what is put by itself', async () => {
    const one = await startPeer()
    expect(await one.services.chord.put('greeting', text('hello'))).toEqual({ copies: 1 })
    expect((await one.services.chord.get('greeting'))?.value).toEqual(text('hello'))
    const two = await startPeer({ bootstrap: one.getMultiaddrs().map(String) })
    expect((await two.services.chord.get('greeting'))?.value).toEqual(text('hello'))
  })

  it('is so as well where it names itself, as all peers of a network may', async () => {
    const planned = await plannedPeer()
    const one = await planned.start({ bootstrap: [planned.address] })
    expect(await one.services.chord.put('greeting', text('hello'))).toEqual({ copies: 1 })
  })

  it('waits for others as long as it was told to', async () => {
    const one = await startPeer({ aloneAfterMs: 1_000 })
    const put = one.services.chord.put('greeting', text('hello'))
    expect(await isWaiting(put)).toBe(true)
    expect(await put).toEqual({ copies: 1 })
    const two = await startPeer({ aloneAfterMs: 60_000 })
    const get = two.services.chord.get('greeting')
    expect(await isWaiting(get)).toBe(true)
    await two.dial(one.getMultiaddrs())
    expect((await get)?.value).toEqual(text('hello'))
  })

  it('answers from what it has where it is what is left of a network', async () => {
    const one = await startPeer()
    const two = await startPeer({ bootstrap: one.getMultiaddrs().map(String) })
    expect(await two.services.chord.put('greeting', text('hello'))).toEqual({ copies: 2 })
    await one.stop()
    expect((await two.services.chord.get('greeting'))?.value).toEqual(text('hello'))
    expect(await two.services.chord.put('greeting', text('goodbye'))).toEqual({ copies: 1 })
  })

  it('waits for those that it remembers, until they do not answer for long', async () => {
    const store = new MemoryStore()
    const one = await startPeer({ store })
    const two = await startPeer({ store, bootstrap: one.getMultiaddrs().map(String) })
    await two.services.chord.ready({ peers: 2 })
    await Promise.all([one.stop(), two.stop()])
    await two.start()
    expect(await isWaiting(two.services.chord.put('k', text('v')))).toBe(true)
    await expect(two.services.chord.put('k', text('v'), { timeoutMs: 300 })).rejects.toMatchObject({
      name: 'NotReadyError'
    })
  })
})

it('a peer whose lists are of another length says so', async () => {
  const one = await startPeer({ successors: 2 })
  const two = await startPeer({ successors: 3, bootstrap: one.getMultiaddrs().map(String) })
  await expect(two.services.chord.put('k', text('v'), { timeoutMs: 2_000 })).rejects.toMatchObject({
    name: 'NotReadyError',
    message: expect.stringMatching(
      /ms: 12D3\w+ has successor lists of 2: rings of unlike lists do not mix\. Set successors alike\.$/
    )
  })
})

it('places of its own are no other peers', async () => {
  const one = await startPeer({ virtualNodes: 3 })
  const signal = AbortSignal.timeout(200)
  await expect(one.services.chord.ready({ peers: 2, signal })).rejects.toMatchObject({
    name: 'NotReadyError',
    message: expect.stringContaining('it is one of 1 peers, and 2 are wanted')
  })
  expect(one.services.chord.snapshot().neighbours).toEqual([])
})
