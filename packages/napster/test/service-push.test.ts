/** Calls that were asked for: what a caller must show, and what is too much. */
import { peerIdFromString } from '@libp2p/peer-id'
import { PUSHES_WAITING_MAX, streamDuplex } from '@servent/libp2p-host'
import { parseQuery } from '@servent/overlay'
import { afterEach, describe, expect, it } from 'vitest'
import { COMMAND_BYTES_MAX, QUEUE_BYTES_MAX } from '../src/constants.ts'
import { NAPSTER_PROTOCOL } from '../src/index.ts'
import { PUSH_PROTOCOL, sendSubject, sendWords } from '../src/service-push.ts'
import { encode, frame } from './laws.ts'
import { peerIdOf } from './peer.ts'
import { announced, gather, loggedIn, startNode, startStranger, stopNodes, until } from './real-nodes.ts'

afterEach(stopNodes)

describe('the line of a caller', () => {
  it('is its word, a number and a nonce', () => {
    const nonce = 'ab'.repeat(16)
    const call = { index: 7, name: 'a song', nonce }
    expect(`${sendWords.write(call)}${sendWords.end}`).toBe(`SEND 7 ${nonce}\n`)
    expect(sendWords.read(`SEND 7 ${nonce}`)).toEqual({ subject: sendSubject(7), nonce })
    for (const line of ['SEND 7', `GIVE 7 ${nonce}`, `SEND x ${nonce}`, `SEND 7 ${nonce} `])
      expect(sendWords.read(line)).toBeUndefined()
  })
})

describe('calls', () => {
  it('are taken only of whom was asked', async () => {
    const server = await startNode({ server: {} })
    const stranger = await startStranger()
    const connection = await stranger.dial(server.address)
    const stream = await connection.newStream(PUSH_PROTOCOL)
    const duplex = streamDuplex(stream)
    duplex.on('error', () => {})
    duplex.write(`SEND 1 ${'ab'.repeat(16)}\n`)
    await until(() => server.service.snapshot().counters.callsUnasked === 1)
  })

  it('are waited for PUSHES_WAITING_MAX at a time, of those who have a way', async () => {
    const server = await startNode({ server: {} })
    const seeker = await startNode({ servers: [server.address] })
    await loggedIn(seeker)
    const file = seeker.catalogue.add('song', 'la')
    const push = { overlay: 'napster', servent: peerIdOf(9), index: 1 } as const
    const abort = new AbortController()
    const ask = (provider = { peerId: peerIdOf(9), addresses: [], push }) =>
      seeker.service.push(provider, file.id, abort.signal)
    const waiting = Array.from({ length: PUSHES_WAITING_MAX }, () => ask())
    const settled = Promise.allSettled(waiting)
    await expect(ask()).rejects.toMatchObject({
      name: 'PushError',
      message: expect.stringContaining('at a time')
    })
    await expect(
      seeker.service.push({ peerId: peerIdOf(9), addresses: [] }, file.id, abort.signal)
    ).rejects.toMatchObject({
      name: 'PushError'
    })
    abort.abort()
    expect((await settled).every(({ status }) => status === 'rejected')).toBe(true)
    const alone = await startNode()
    await expect(
      alone.service.push({ peerId: peerIdOf(9), addresses: [], push }, file.id, AbortSignal.timeout(500))
    ).rejects.toMatchObject({
      name: 'PushError'
    })
  })
})

describe('a stranger at a server', () => {
  const raw = async (address: Parameters<Awaited<ReturnType<typeof startStranger>>['dial']>[0]) => {
    const stranger = await startStranger()
    const connection = await stranger.dial(address)
    const duplex = streamDuplex(await connection.newStream(NAPSTER_PROTOCOL))
    duplex.on('error', () => {})
    return duplex
  }

  it('that speaks OpenNap alone is served as it is', async () => {
    const server = await startNode({ server: {} })
    const sharer = await startNode({ servers: [server.address], nick: 'lefty' })
    sharer.catalogue.add('random band - random song.mp3', 'la')
    await loggedIn(sharer)
    await announced(sharer)
    const duplex = await raw(server.address)
    const read: Buffer[] = []
    duplex.on('data', chunk => read.push(chunk as Buffer))
    duplex.write(frame(2, 'foo badpass 6699 "nap v0.8" 3'))
    duplex.write(frame(200, 'FILENAME CONTAINS "random band" MAX_RESULTS 75'))
    const all = () => Buffer.concat(read)
    const end = Buffer.from(encode({ type: 'search-end' }))
    await until(() => all().subarray(-4).equals(end))
    const lefty = `"random band - random song.mp3" ${'0'.repeat(32)} 2 0 0 0 lefty 16777343 0`
    expect(all().toString('latin1')).toContain(lefty)
  })

  it('that sends what is too long, or nothing sensible, is cut off and nobody else notices', async () => {
    const server = await startNode({ server: {} })
    const user = await startNode({ servers: [server.address] })
    server.catalogue.add('song.mp3', 'la')
    await loggedIn(user)
    await announced(server)
    const [long, noise] = [await raw(server.address), await raw(server.address)]
    let ended = 0
    for (const duplex of [long, noise]) duplex.on('close', () => (ended += 1))
    long.write(frame(404, '', COMMAND_BYTES_MAX + 1))
    for (let count = 0; count < 200; count += 1) noise.write(frame(100, 'nonsense'))
    await until(() => ended === 2)
    expect(await gather(user.service.search(parseQuery('song')))).toHaveLength(1)
    expect(server.service.snapshot().state).toBe('running')
    expect(QUEUE_BYTES_MAX).toBeGreaterThan(COMMAND_BYTES_MAX)
    expect(peerIdFromString(user.peerId).toString()).toBe(user.peerId)
  })
})
