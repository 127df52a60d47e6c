/** Calls that were asked for: their first words, who may make them, and their bounds. */
import { Duplex, PassThrough } from 'node:stream'
import type { PeerId, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { contactOf } from '@servent/libp2p-host'
import { FakeNetwork, type FakeNode } from '@servent/libp2p-host/testing'
import { parseQuery } from '@servent/overlay'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  CALLS_AT_A_TIME_MAX,
  CALLS_PER_LINK_AT_A_TIME_MAX,
  GIV_BYTES_MAX,
  GIV_MS,
  PUSH_STREAMS_MAX,
  PUSH_WAIT_MS,
  PUSHES_WAITING_MAX
} from '../src/constants.ts'
import {
  givText,
  PUSH_PROTOCOL,
  PushCalls,
  type PushCallsInit,
  parseGiv,
  readHead
} from '../src/service-push.ts'
import { gather, line, MemoryCatalogue, type RealNode, startNode, stopNodes } from './real-nodes.ts'

afterEach(async () => {
  vi.useRealTimers()
  await stopNodes()
})

const SERVENT = 'ab'.repeat(16)
const NONCE = new Uint8Array(16).fill(0xcd)
const GIV = { servent: SERVENT, index: 7, name: 'Kind of Blue.flac', nonce: NONCE }

describe('the first words of a call', () => {
  it('are GIV as published, with the nonce before the blank line', () => {
    expect(givText(GIV)).toBe(`GIV 7:${SERVENT}/Kind of Blue.flac\nNonce: ${'cd'.repeat(16)}\n\n`)
    const { nonce: _, ...giv } = GIV
    expect(parseGiv(givText(GIV).slice(0, -2))).toEqual({ ...giv, nonce: 'cd'.repeat(16) })
  })

  it('stay in their lines whatever the file is called', () => {
    const text = givText({ ...GIV, name: 'a\nNonce: 00\r\n\0b' })
    expect(text.split('\n')).toHaveLength(4)
    expect(parseGiv(text.slice(0, -2))?.nonce).toBe('cd'.repeat(16))
  })

  it.each([
    ['', 'nothing'],
    [`GIV 7:${SERVENT}/x`, 'no nonce'],
    [`GIV 7:${SERVENT}/x\nNonce: 12`, 'a short nonce'],
    [`GIV -7:${SERVENT}/x\nNonce: ${'cd'.repeat(16)}`, 'no index'],
    [`GIV 7:abc/x\nNonce: ${'cd'.repeat(16)}`, 'no GUID'],
    [`GET / HTTP/1.1\nHost: x`, 'other words']
  ])('are refused: %j, %s', head => {
    expect(parseGiv(head)).toBeUndefined()
  })

  it('are read up to the blank line, however they are cut, and what follows stays', async () => {
    const stream = new PassThrough()
    const read = readHead(stream)
    for (const part of ['GIV 1', ':x\nNonce', ': 2\n', '\nHTTP/1.1 ', '200 OK']) {
      stream.write(part)
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(await read).toBe('GIV 1:x\nNonce: 2')
    stream.end()
    expect(Buffer.concat(await gather<Buffer>(stream)).toString()).toBe('HTTP/1.1 200 OK')
  })

  it('have GIV_BYTES_MAX bytes at most', async () => {
    const fits = new PassThrough()
    fits.write(`${'x'.repeat(GIV_BYTES_MAX)}\n\n`)
    expect(await readHead(fits)).toHaveLength(GIV_BYTES_MAX)
    const over = new PassThrough()
    over.write(`${'x'.repeat(GIV_BYTES_MAX + 1)}\n\n`)
    await expect(readHead(over)).rejects.toMatchObject({ name: 'PushError' })
    const endless = new PassThrough()
    endless.write('x'.repeat(GIV_BYTES_MAX + 1))
    await expect(readHead(endless)).rejects.toThrow('1024 bytes')
  })

  it('come within GIV_MS, and before the end', async () => {
    vi.useFakeTimers()
    const slow = readHead(new PassThrough())
    const failed = expect(slow).rejects.toThrow('in time')
    await vi.advanceTimersByTimeAsync(GIV_MS)
    await failed
    vi.useRealTimers()
    const short = new PassThrough()
    short.end('GIV')
    await expect(readHead(short)).rejects.toThrow('went away')
  })
})

/** Seeker and sharer in a line with one between, and the hit of what the sharer has. */
async function found(sharerInit: Parameters<typeof startNode>[0] = {}) {
  const [seeker, between] = [await startNode({ neighbours: 2 }), await startNode({ neighbours: 2 })]
  const sharer = await startNode({ neighbours: 2, noInbound: true, ...sharerInit })
  await line(seeker, between, sharer)
  const file = sharer.catalogue.add('song', 'la')
  const [hit] = await gather(seeker.service.search(parseQuery('song')), 1)
  return { seeker, between, sharer, file, provider: hit!.provider }
}

/** Opens a push stream to a node and says something. Gives what the node said before it ended the stream. */
async function callWith(caller: RealNode, called: RealNode, text: string): Promise<string> {
  const stream = await caller.libp2p.dialProtocol(called.libp2p.getMultiaddrs(), PUSH_PROTOCOL)
  stream.send(Buffer.from(text))
  return new Promise(resolve => {
    let heard = ''
    stream.addEventListener('message', ({ data }) => {
      heard += Buffer.from(data.subarray()).toString()
    })
    stream.addEventListener('close', ({ error }) =>
      resolve(error === undefined ? heard : `${heard}${error.name}`)
    )
  })
}

describe('a call', () => {
  it('that nobody asked for is refused', async () => {
    const [node, stranger] = [await startNode(), await startNode()]
    expect(await callWith(stranger, node, givText(GIV))).toBe('StreamResetError')
    expect(await callWith(stranger, node, 'HELLO\n\n')).toBe('StreamResetError')
    expect(node.service.snapshot().counters).toMatchObject({ callsUnasked: 2, callsTaken: 0 })
  })

  it('of another peer, who has seen the nonce, is refused and does not use it up', async () => {
    const seen: Uint8Array[] = []
    const { seeker, between, sharer, file, provider } = await found({
      trace: ({ input }) => {
        if (input.type === 'message' && input.message.type === 'push') seen.push(input.message.nonce!)
      },
      // The sharer itself calls only when the test lets it.
      servePushed: undefined as never
    })
    const asked = seeker.service.push(provider, file.id, AbortSignal.timeout(5_000))
    await vi.waitFor(() => expect(seen).toHaveLength(1))
    const giv = givText({
      servent: provider.push!.servent,
      index: provider.push!.index,
      name: 'song',
      nonce: seen[0]!
    })
    expect(await callWith(between, seeker, giv)).toBe('StreamResetError')
    const streams = [
      await sharer.libp2p.dialProtocol(seeker.libp2p.getMultiaddrs(), PUSH_PROTOCOL),
      await sharer.libp2p.dialProtocol(seeker.libp2p.getMultiaddrs(), PUSH_PROTOCOL)
    ]
    for (const stream of streams) stream.send(Buffer.from(giv))
    expect((await asked).peerId).toBe(sharer.peerId)
    // And it is good once, at the same moment and later.
    await vi.waitFor(() =>
      expect(seeker.service.snapshot().counters).toMatchObject({ callsTaken: 1, callsUnasked: 2 })
    )
    expect(await callWith(sharer, seeker, giv)).toBe('StreamResetError')
  })

  it('that never comes is waited for until the user has had enough, PUSHES_WAITING_MAX of them at a time', async () => {
    const { seeker, file, provider } = await found({ servePushed: undefined as never })
    const abort = new AbortController()
    const asked = Array.from({ length: PUSHES_WAITING_MAX }, () =>
      seeker.service.push(provider, file.id, abort.signal)
    )
    await expect(seeker.service.push(provider, file.id, abort.signal)).rejects.toMatchObject({
      name: 'PushError',
      message: expect.stringContaining(`${PUSHES_WAITING_MAX} peers`)
    })
    abort.abort()
    for (const one of asked) await expect(one).rejects.toMatchObject({ name: 'AbortError' })
    await expect(seeker.service.push(provider, file.id, abort.signal)).rejects.toMatchObject({
      name: 'AbortError'
    })
    // All places are free again.
    const again = seeker.service.push(provider, file.id, AbortSignal.timeout(50))
    await expect(again).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(PUSH_WAIT_MS).toBe(20_000)
  })

  it('cannot be asked of a provider without a route, nor where the way is not known', async () => {
    const { seeker, file, provider } = await found()
    const signal = AbortSignal.timeout(1_000)
    const { push: _, ...direct } = provider
    await expect(seeker.service.push(direct, file.id, signal)).rejects.toMatchObject({ name: 'PushError' })
    const unknown = { ...provider, push: { ...provider.push!, servent: 'cd'.repeat(16) } }
    await expect(seeker.service.push(unknown, file.id, signal)).rejects.toThrow('No neighbour knows the way')
  })
})

describe('whoever is asked to call', () => {
  const target = (node: FakeNode, addresses: string[]) =>
    contactOf(
      node.peerId,
      addresses.map(text => multiaddr(text))
    )

  /** A caller whose dials a test sees, with a neighbour that it reaches at some address. */
  async function caller(neighbourAt: string, openStream: () => Promise<Stream>) {
    const network = new FakeNetwork()
    const [self, via, victim] = [
      await network.addNode({ name: 'self', seed: 1 }),
      await network.addNode({ name: 'via', seed: 2 }),
      await network.addNode({ name: 'victim', seed: 3 })
    ]
    const dialled: string[] = []
    const served: string[] = []
    const catalogue = new MemoryCatalogue()
    catalogue.add('song', 'la')
    const connectionManager = {
      getConnections: (peerId?: PeerId) =>
        peerId?.equals(via.peerId) ? [{ status: 'open', remoteAddr: multiaddr(neighbourAt) }] : [],
      openStream: (peer: unknown) => {
        dialled.push(`${peer}`)
        return openStream()
      }
    }
    const calls = new PushCalls({
      components: { ...self.components, connectionManager: connectionManager as never },
      log: self.components.logger.forComponent('test'),
      catalogue: () => catalogue,
      servePushed: (_, peerId) => served.push(peerId)
    } satisfies PushCallsInit)
    const ask = (contact = target(victim, ['/ip4/8.8.8.8/tcp/6346']), index = 1, handing = via.peerId) =>
      calls.call({ servent: SERVENT, contact, index, nonce: NONCE, via: `${handing}` })
    /** Asks as a neighbour of its own. */
    const askAs = async (seed: number) =>
      ask(undefined, 1, (await network.addNode({ name: `n${seed}`, seed })).peerId)
    return { ask, askAs, dialled, served, victim, self, via, calls }
  }
  const nobody = () => Promise.reject(new Error('nobody is there'))

  it('dials the peer that is named, at addresses of which each has its PeerId', async () => {
    const { ask, dialled, victim, calls } = await caller('/ip4/9.9.9.9/tcp/1', nobody)
    await ask()
    expect(dialled).toEqual([`/ip4/8.8.8.8/tcp/6346/p2p/${victim.peerId}`])
    expect(calls.counters.callsFailed).toBe(1)
  })

  it('dials no address of a private network, nor a name, for a neighbour on the Internet', async () => {
    const { ask, dialled, victim } = await caller('/ip4/9.9.9.9/tcp/1', nobody)
    await ask(
      target(victim, [
        '/ip4/192.168.1.1/tcp/80',
        '/ip4/127.0.0.1/tcp/22',
        '/ip6/::1/tcp/22',
        '/dns4/router.local/tcp/80'
      ])
    )
    expect(dialled).toEqual([])
    await ask(target(victim, ['/ip4/10.0.0.1/tcp/80', '/ip4/8.8.4.4/tcp/80']))
    expect(dialled).toEqual([`/ip4/8.8.4.4/tcp/80/p2p/${victim.peerId}`])
  })

  it('dials none for a neighbour over a relay whose address only says that it is near', async () => {
    const relay = '/ip4/192.168.1.7/tcp/1/p2p/12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf'
    const { ask, dialled, victim } = await caller(`${relay}/p2p-circuit`, nobody)
    await ask(target(victim, ['/ip4/192.168.1.1/tcp/80']))
    expect(dialled).toEqual([])
  })

  it('dials one for a neighbour that is on a private network itself', async () => {
    const { ask, dialled, victim } = await caller('/ip4/192.168.1.7/tcp/1', nobody)
    await ask(target(victim, ['/ip4/192.168.1.1/tcp/80']))
    expect(dialled).toHaveLength(1)
  })

  it('uses a connection that there is', async () => {
    const { ask, dialled, via } = await caller('/ip4/9.9.9.9/tcp/1', nobody)
    await ask(target(via, []))
    expect(dialled).toEqual([`${via.peerId}`])
  })

  it('calls nobody for a file that it does not share, nor itself, nor what is no PeerId', async () => {
    const { ask, dialled, self } = await caller('/ip4/9.9.9.9/tcp/1', nobody)
    await ask(undefined, 99)
    await ask(target(self, ['/ip4/8.8.8.8/tcp/1']))
    await ask({ id: Uint8Array.of(1, 2, 3), addresses: [] })
    expect(dialled).toEqual([])
  })

  it('has CALLS_AT_A_TIME_MAX calls under way and leaves out one more', async () => {
    const fails: (() => void)[] = []
    const { askAs, dialled, calls } = await caller(
      '/ip4/9.9.9.9/tcp/1',
      () => new Promise((_, reject) => fails.push(() => reject(new Error('late'))))
    )
    const asked = Array.from({ length: CALLS_AT_A_TIME_MAX + 1 }, (_, index) => askAs(10 + index))
    await vi.waitFor(() => expect(dialled).toHaveLength(CALLS_AT_A_TIME_MAX))
    await vi.waitFor(() => expect(calls.counters.callsLeftOut).toBe(1))
    for (const fail of fails) fail()
    await Promise.all(asked)
    expect(dialled).toHaveLength(CALLS_AT_A_TIME_MAX)
    const later = askAs(99)
    await vi.waitFor(() => expect(dialled).toHaveLength(CALLS_AT_A_TIME_MAX + 1))
    fails.at(-1)!()
    await later
  })

  it('has CALLS_PER_LINK_AT_A_TIME_MAX calls under way for one neighbour, and leaves out one more', async () => {
    const fails: (() => void)[] = []
    const { ask, askAs, dialled, calls } = await caller(
      '/ip4/9.9.9.9/tcp/1',
      () => new Promise((_, reject) => fails.push(() => reject(new Error('late'))))
    )
    const asked = Array.from({ length: CALLS_PER_LINK_AT_A_TIME_MAX + 1 }, () => ask())
    await vi.waitFor(() => expect(dialled).toHaveLength(CALLS_PER_LINK_AT_A_TIME_MAX))
    expect(calls.counters.callsLeftOut).toBe(1)
    const other = askAs(20)
    await vi.waitFor(() => expect(dialled).toHaveLength(CALLS_PER_LINK_AT_A_TIME_MAX + 1))
    for (const fail of fails) fail()
    await Promise.all([...asked, other])
    const again = ask()
    await vi.waitFor(() => expect(dialled).toHaveLength(CALLS_PER_LINK_AT_A_TIME_MAX + 2))
    fails.at(-1)!()
    await again
    expect(calls.counters.callsLeftOut).toBe(1)
  })

  it('lets one connection hold PUSH_STREAMS_MAX streams, and not one more', async () => {
    const [node, stranger] = [await startNode(), await startNode()]
    const open = () => stranger.libp2p.dialProtocol(node.libp2p.getMultiaddrs(), PUSH_PROTOCOL)
    const streams: Stream[] = []
    for (let count = 0; count < PUSH_STREAMS_MAX; count += 1) streams.push(await open())
    const ended = (stream: Stream) => stream.status !== 'open'
    const over = await open().catch(() => undefined)
    await vi.waitFor(() => expect(over === undefined || ended(over)).toBe(true))
    expect(streams.filter(ended)).toEqual([])
  })
})

describe('readHead', () => {
  it('passes an error of the stream on as the end of it', async () => {
    const broken = new Duplex({ read() {}, write() {} })
    broken.on('error', () => {})
    const read = readHead(broken)
    broken.destroy(new Error('reset'))
    await expect(read).rejects.toMatchObject({ name: 'PushError' })
  })
})
