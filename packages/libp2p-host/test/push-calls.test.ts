/** Calls that were asked for: whom they go to, whom they are taken from, and their bounds. */
import type { PeerId, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryCatalogue } from '@servent/overlay/testing'
import { describe, expect, it, vi } from 'vitest'
import { contactOf, PushCalls, type PushCallsInit } from '../src/index.ts'
import {
  CALLS_AT_A_TIME_MAX,
  CALLS_PER_PEER_AT_A_TIME_MAX,
  PUSH_STREAMS_MAX,
  PUSH_WAIT_MS,
  PUSHES_WAITING_MAX
} from '../src/push-limits.ts'
import { FakeNetwork, type FakeNode } from '../src/testing.ts'

const PROTOCOL = '/servent/test-push/1.0.0'
const NONCE = new Uint8Array(16).fill(0xcd)

/** `CALL <index> <nonce>;` */
const WORDS: PushCallsInit['words'] = {
  end: ';',
  write: ({ index, name, nonce }) => `CALL ${index} ${nonce} ${name}`,
  read: words => {
    const [word, subject, nonce] = words.split(' ')
    return word === 'CALL' ? { nonce: nonce!, subject: subject! } : undefined
  }
}

const target = (node: FakeNode, addresses: string[]) =>
  contactOf(
    node.peerId,
    addresses.map(text => multiaddr(text))
  )

describe('whoever is asked to call', () => {
  /** A caller whose dials a test sees, with a neighbour that it reaches at some address. */
  async function caller(
    neighbourAt: string,
    openStream: () => Promise<Stream>,
    init: Partial<PushCallsInit> = {}
  ) {
    const network = new FakeNetwork()
    const [self, via, victim] = [
      await network.addNode({ name: 'self', seed: 1 }),
      await network.addNode({ name: 'via', seed: 2 }),
      await network.addNode({ name: 'victim', seed: 3 })
    ]
    const dialled: string[] = []
    const served: string[] = []
    const catalogue = new MemoryCatalogue()
    catalogue.add('song')
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
      protocol: PROTOCOL,
      words: WORDS,
      countBy: 'neighbour',
      catalogue: () => catalogue,
      servePushed: (_, peerId) => served.push(peerId),
      ...init
    })
    const ask = (contact = target(victim, ['/ip4/8.8.8.8/tcp/6346']), index = 1, handing = via.peerId) =>
      calls.call({ contact, index, nonce: NONCE, via: `${handing}` })
    const another = async (seed: number) => network.addNode({ name: `n${seed}`, seed })
    /** Asks as a neighbour of its own. */
    const askAs = async (seed: number) => ask(undefined, 1, (await another(seed)).peerId)
    /** Asks for a call to somebody else. */
    const askFor = async (seed: number) => ask(target(await another(seed), ['/ip4/8.8.8.8/tcp/1']))
    return { ask, askAs, askFor, dialled, served, victim, self, via, calls }
  }
  const nobody = () => Promise.reject(new Error('nobody is there'))
  /** Opens that hang until they are failed. */
  const hanging = () => {
    const fails: (() => void)[] = []
    const open = () => new Promise<Stream>((_, reject) => fails.push(() => reject(new Error('late'))))
    return { fails, open }
  }

  it('dials the peer that is named, at addresses of which each has its PeerId', async () => {
    const { ask, dialled, victim, calls } = await caller('/ip4/9.9.9.9/tcp/1', nobody)
    await ask()
    expect(dialled).toEqual([`/ip4/8.8.8.8/tcp/6346/p2p/${victim.peerId}`])
    expect(calls.counters).toMatchObject({ callsMade: 0, callsFailed: 1 })
  })

  it('dials no address of a private network, nor a name, nor a relay, for a neighbour on the Internet', async () => {
    const { ask, dialled, victim, via } = await caller('/ip4/9.9.9.9/tcp/1', nobody)
    await ask(
      target(victim, [
        '/ip4/192.168.1.1/tcp/80',
        '/ip4/127.0.0.1/tcp/22',
        '/ip6/::1/tcp/22',
        '/dns4/router.local/tcp/80',
        `/ip4/8.8.4.4/tcp/1/p2p/${via.peerId}/p2p-circuit`
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

  it('dials one for a neighbour that is on a private network itself, and for this peer itself', async () => {
    const near = await caller('/ip4/192.168.1.7/tcp/1', nobody)
    await near.ask(target(near.victim, ['/ip4/192.168.1.1/tcp/80']))
    expect(near.dialled).toHaveLength(1)
    const { ask, dialled, victim, self } = await caller('/ip4/9.9.9.9/tcp/1', nobody)
    await ask(target(victim, ['/ip4/192.168.1.1/tcp/80']), 1, self.peerId)
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

  it('calls nobody where it does not serve', async () => {
    const { ask, dialled } = await caller('/ip4/9.9.9.9/tcp/1', nobody, { servePushed: undefined })
    await ask()
    expect(dialled).toEqual([])
  })

  it('has CALLS_AT_A_TIME_MAX calls under way and leaves out one more', async () => {
    const { fails, open } = hanging()
    const { askAs, dialled, calls } = await caller('/ip4/9.9.9.9/tcp/1', open)
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

  it.each(['neighbour', 'called'] as const)(
    'has CALLS_PER_PEER_AT_A_TIME_MAX calls under way for one peer, counted by %s, and leaves out one more',
    async countBy => {
      const { fails, open } = hanging()
      const { ask, askAs, askFor, dialled, calls } = await caller('/ip4/9.9.9.9/tcp/1', open, { countBy })
      const asked = Array.from({ length: CALLS_PER_PEER_AT_A_TIME_MAX + 1 }, () => ask())
      await vi.waitFor(() => expect(dialled).toHaveLength(CALLS_PER_PEER_AT_A_TIME_MAX))
      expect(calls.counters.callsLeftOut).toBe(1)
      // Who differs in what is not counted is left out as well.
      await (countBy === 'neighbour' ? askFor(30) : askAs(30))
      expect(calls.counters.callsLeftOut).toBe(2)
      const other = countBy === 'neighbour' ? askAs(20) : askFor(20)
      await vi.waitFor(() => expect(dialled).toHaveLength(CALLS_PER_PEER_AT_A_TIME_MAX + 1))
      for (const fail of fails) fail()
      await Promise.all([...asked, other])
      const again = ask()
      await vi.waitFor(() => expect(dialled).toHaveLength(CALLS_PER_PEER_AT_A_TIME_MAX + 2))
      fails.at(-1)!()
      await again
      expect(calls.counters.callsLeftOut).toBe(2)
    }
  )
})

describe('a call', () => {
  /** Two peers of a network: one asks, the other shares. */
  async function pair() {
    const network = new FakeNetwork()
    const nodes = {
      seeker: await network.addNode({ name: 'seeker', seed: 1 }),
      sharer: await network.addNode({ name: 'sharer', seed: 2, isReachable: false }),
      thief: await network.addNode({ name: 'thief', seed: 3 })
    }
    const catalogue = new MemoryCatalogue()
    const file = catalogue.add('song')
    const callsOf = async ({ components }: FakeNode) => {
      const calls = new PushCalls({
        components,
        log: components.logger.forComponent('test'),
        protocol: PROTOCOL,
        words: WORDS,
        countBy: 'neighbour',
        catalogue: () => catalogue,
        servePushed: (duplex, peerId) => duplex.end(`HTTP for ${peerId}`)
      })
      await calls.start()
      return calls
    }
    const seeker = await callsOf(nodes.seeker)
    const sharer = await callsOf(nodes.sharer)
    /** Opens a stream to the seeker, says something, and tells whether the stream was reset. */
    const say = async (node: FakeNode, text: string): Promise<Stream> => {
      const stream = await network.finish(
        node.components.connectionManager.openStream([...nodes.seeker.addresses], PROTOCOL)
      )
      stream.send(Buffer.from(text))
      await network.runFor(100)
      return stream
    }
    const wanted = { peerId: `${nodes.sharer.peerId}`, subject: `${file.index}` }
    return { network, nodes, seeker, sharer, say, file, wanted, callsOf }
  }
  const textOf = (nonce: Uint8Array, subject = '1') =>
    `CALL ${subject} ${Buffer.from(nonce).toString('hex')} song;`

  it('is made by who was asked, shows the nonce, and carries what is served', async () => {
    const { network, nodes, seeker, sharer, file, wanted } = await pair()
    const contact = contactOf(nodes.seeker.peerId, [...nodes.seeker.addresses])
    const pushed = seeker.wait(
      wanted,
      nonce => void sharer.call({ contact, index: file.index, nonce, via: `${nodes.sharer.peerId}` }),
      AbortSignal.timeout(5_000)
    )
    const { duplex, peerId } = await network.finish(pushed)
    expect(peerId).toBe(`${nodes.sharer.peerId}`)
    const read = duplex.toArray()
    await network.runFor(1_000)
    expect(Buffer.concat(await read).toString()).toBe(`HTTP for ${nodes.seeker.peerId}`)
    expect(sharer.counters).toMatchObject({ callsMade: 1, callsFailed: 0 })
    expect(seeker.counters).toMatchObject({ callsTaken: 1, callsUnasked: 0 })
  })

  it('is taken of who was asked alone, for what was asked, once', async () => {
    const { network, nodes, seeker, say, wanted } = await pair()
    let nonce = new Uint8Array()
    const pushed = seeker.wait(wanted, made => (nonce = Uint8Array.from(made)), AbortSignal.timeout(5_000))
    const unasked = [
      await say(nodes.thief, textOf(nonce)),
      await say(nodes.sharer, textOf(nonce, '2')),
      await say(nodes.sharer, textOf(NONCE)),
      await say(nodes.sharer, 'HELLO;')
    ]
    expect(unasked.map(({ status }) => status === 'open')).toEqual([false, false, false, false])
    expect(seeker.counters).toMatchObject({ callsTaken: 0, callsUnasked: 4 })
    const taken = await say(nodes.sharer, textOf(nonce))
    expect((await network.finish(pushed)).peerId).toBe(wanted.peerId)
    expect(taken.status).toBe('open')
    await say(nodes.sharer, textOf(nonce))
    expect(seeker.counters).toMatchObject({ callsTaken: 1, callsUnasked: 5 })
  })

  it('that never comes is waited for PUSH_WAIT_MS, and until the user has had enough or the overlay stops', async () => {
    const { seeker, wanted } = await pair()
    const time = new AbortController()
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockImplementation(ms => {
      expect(ms).toBe(PUSH_WAIT_MS)
      return time.signal
    })
    const late = seeker.wait(wanted, () => {}, new AbortController().signal)
    timeout.mockRestore()
    time.abort()
    await expect(late).rejects.toThrow('did not within 20 s')
    const user = new AbortController()
    const enough = seeker.wait(wanted, () => {}, user.signal)
    user.abort()
    await expect(enough).rejects.toMatchObject({ name: 'AbortError' })
    await expect(seeker.wait(wanted, () => {}, user.signal)).rejects.toMatchObject({ name: 'AbortError' })
    const stopped = seeker.wait(wanted, () => {}, new AbortController().signal)
    await seeker.stop()
    await expect(stopped).rejects.toMatchObject({ name: 'PushError', message: 'The overlay stops.' })
    await expect(seeker.wait(wanted, () => {}, AbortSignal.timeout(50))).rejects.toThrow('The overlay stops.')
  })

  it('is waited for of PUSHES_WAITING_MAX peers at a time, and of those alone that could be asked', async () => {
    const { seeker, wanted } = await pair()
    const user = new AbortController()
    const refused = seeker.wait(
      wanted,
      () => {
        throw new Error('nobody knows the way')
      },
      user.signal
    )
    await expect(refused).rejects.toThrow('nobody knows the way')
    const waiting = Array.from({ length: PUSHES_WAITING_MAX }, () =>
      seeker.wait(wanted, () => {}, user.signal)
    )
    const settled = Promise.allSettled(waiting)
    await expect(seeker.wait(wanted, () => {}, user.signal)).rejects.toMatchObject({
      name: 'PushError',
      message: expect.stringContaining(`${PUSHES_WAITING_MAX} peers`)
    })
    user.abort()
    expect((await settled).every(({ status }) => status === 'rejected')).toBe(true)
    // All places are free again.
    const again = seeker.wait(wanted, () => {}, AbortSignal.timeout(20))
    await expect(again).rejects.toMatchObject({ name: 'TimeoutError' })
  })

  it('finds PUSH_STREAMS_MAX streams on one connection, and not one more', async () => {
    const { nodes, seeker, say } = await pair()
    const streams: Stream[] = []
    for (let count = 0; count <= PUSH_STREAMS_MAX; count += 1) streams.push(await say(nodes.thief, 'CALL'))
    expect(streams.map(({ status }) => status === 'open')).toEqual([
      ...Array(PUSH_STREAMS_MAX).fill(true),
      false
    ])
    await seeker.stop()
  })
})
