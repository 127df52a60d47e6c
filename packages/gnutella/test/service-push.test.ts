/** Calls that were asked for: Gnutella's first words of them, and whom they are taken from. */
import { PUSHES_WAITING_MAX } from '@servent/libp2p-host'
import { parseQuery } from '@servent/overlay'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { givSubject, givWords, PUSH_PROTOCOL } from '../src/service-push.ts'
import { gather, line, type RealNode, startNode, stopNodes } from './real-nodes.ts'

afterEach(stopNodes)

const SERVENT = 'ab'.repeat(16)
const NONCE = 'cd'.repeat(16)
const GIV = { index: 7, name: 'Kind of Blue.flac', nonce: NONCE }
const words = givWords(() => SERVENT)
const written = `${words.write(GIV)}${words.end}`

describe('the first words of a call', () => {
  it('are GIV as published, with the nonce before the blank line', () => {
    expect(written).toBe(`GIV 7:${SERVENT}/Kind of Blue.flac\nNonce: ${NONCE}\n\n`)
    expect(words.read(words.write(GIV))).toEqual({ nonce: NONCE, subject: givSubject(SERVENT, 7) })
    expect(words.read(words.write(GIV).toUpperCase())).toEqual({ nonce: NONCE, subject: `7:${SERVENT}` })
  })

  it('stay in their lines whatever the file is called', () => {
    const text = words.write({ ...GIV, name: 'a\nNonce: 00\r\n\0b' })
    expect(text.split('\n')).toHaveLength(2)
    expect(words.read(text)?.nonce).toBe(NONCE)
  })

  it.each([
    ['', 'nothing'],
    [`GIV 7:${SERVENT}/x`, 'no nonce'],
    [`GIV 7:${SERVENT}/x\nNonce: 12`, 'a short nonce'],
    [`GIV -7:${SERVENT}/x\nNonce: ${NONCE}`, 'no index'],
    [`GIV 7:abc/x\nNonce: ${NONCE}`, 'no GUID'],
    [`GET / HTTP/1.1\nHost: x`, 'other words']
  ])('are refused: %j, %s', head => {
    expect(words.read(head)).toBeUndefined()
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
    expect(await callWith(stranger, node, written)).toBe('StreamResetError')
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
    const { servent, index } = provider.push!
    const own = givWords(() => servent)
    const giv = `${own.write({ index, name: 'song', nonce: Buffer.from(seen[0]!).toString('hex') })}${own.end}`
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
