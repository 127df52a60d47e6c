/** Places among the connections that libp2p may have: kept free, made, and found by those who come. */
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { identify } from '@libp2p/identify'
import { type Libp2p, TypedEventEmitter } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import type { LinkEnd, OverlayName } from '@servent/overlay'
import { createLibp2p } from 'libp2p'
import { afterEach, describe, expect, test } from 'vitest'
import { boundedYamux } from '../src/index.ts'
import {
  CONNECTIONS_KEPT_FREE_MAX,
  CONNECTIONS_PER_FREE,
  DIAL_TRIES_MAX,
  ROOM_LOOK_MS,
  ROOM_LOOK_MS_MAX,
  ROOM_QUIET_MS
} from '../src/limits.ts'
import { NoRoomError, whoHasNoRoom } from '../src/no-room.ts'
import { Room, type RoomLink } from '../src/room.ts'
import { silentLogger } from '../src/silent-logger.ts'
import { VirtualClock } from '../src/testing.ts'
import { open, startNode, stopAll, type TestNode } from './support/nodes.ts'
import { eventually, turns } from './support/stream-pair.ts'

const OWN = '/servent/own/1.0.0'
const OTHER = '/servent/second/1.0.0'
const NOW_MS = 1_000_000
const LONG_WAY_MS = 25

interface FakeStream extends EventTarget {
  id: string
  protocol: string
}

/** Connections of a peer that may have `most`, each with a link of this overlay that was used at some time. */
class Crowd {
  readonly clock = new VirtualClock()
  readonly room: Room
  readonly ended: string[] = []
  readonly closed: string[] = []
  readonly tags = new Map<string, string[]>()
  /** While it is looked up whether a peer is valued. */
  onAsked: (peer: string) => void = () => {}
  readonly #events = new TypedEventEmitter()
  readonly #links: RoomLink[] = []
  readonly #others: RoomLink[] = []
  readonly #components
  /** How often all connections were looked through. */
  scans = 0
  #connections: { id: string; remotePeer: string; status: string; streams: FakeStream[] }[] = []

  constructor(most: number) {
    this.pass(NOW_MS)
    this.#components = {
      connectionManager: { getConnections: () => this.#connections, getMaxConnections: () => most },
      events: this.#events,
      peerStore: {
        get: async (peer: string) => {
          this.onAsked(peer)
          return { tags: new Map((this.tags.get(peer) ?? []).map(tag => [tag, {}])) }
        }
      }
    }
    this.room = this.#overlay('pastry', OWN, () => {
      this.scans += 1
      return this.#links
    })
  }

  #overlay(name: OverlayName, protocol: string, links: () => readonly RoomLink[]): Room {
    const room = new Room(this.#components as never, {
      name,
      protocol,
      links,
      clock: this.clock,
      log: silentLogger
    })
    room.start()
    return room
  }

  /** Another overlay on the same libp2p node. */
  secondOverlay(): Room {
    return this.#overlay('chord', OTHER, () => this.#others)
  }

  /** A link of that one. */
  otherLink(id: string, usedMs: number): void {
    this.link(id, usedMs, 0, OTHER, this.#others)
  }

  pass(ms: number): void {
    const untilMs = this.clock.nowMs() + ms
    while ((this.clock.nextAtMs ?? Number.POSITIVE_INFINITY) <= untilMs) this.clock.step()
    this.clock.advanceTo(untilMs)
  }

  /** Something comes or goes on a link now. */
  use(id: string): void {
    const link = this.#links.find(({ place }) => `${place.connection}` === id)!
    Object.assign(link, { queueBytes: 1 })
  }

  get size(): number {
    return this.#connections.length
  }

  /** A connection with streams of these protocols. */
  connect(id: string, protocols: readonly string[] = [], openMs = 0): void {
    const streams = protocols.map((protocol, at) =>
      Object.assign(new EventTarget(), { id: `${id} ${at}`, protocol })
    )
    const connection = Object.assign(new EventTarget(), {
      id,
      remotePeer: id,
      status: 'open',
      streams: [...streams],
      timeline: { open: openMs },
      close: async () => {
        this.closed.push(id)
        this.#connections = this.#connections.filter(other => other.id !== id)
        connection.dispatchEvent(new Event('close'))
      }
    })
    this.#connections.push(connection)
  }

  link(id: string, usedMs: number, queueBytes = 0, protocol = OWN, links = this.#links): void {
    this.connect(id, [protocol])
    const connection = this.#connections.at(-1)!
    const stream = connection.streams[0]!
    const link = {
      place: { connection: id, stream },
      activeAtMs: usedMs,
      queueBytes,
      close: ({ kind }: LinkEnd) => {
        this.ended.push(`${id} ${kind}`)
        links.splice(links.indexOf(link as unknown as RoomLink), 1)
        connection.streams = connection.streams.filter(other => other !== stream)
        stream.dispatchEvent(new Event('close'))
      }
    }
    links.push(link as unknown as RoomLink)
  }

  /** So many links, the first of them unused for longest. */
  links(count: number): void {
    for (let at = 0; at < count; at += 1) this.link(`n${at}`, at)
  }

  async comes(id: string): Promise<void> {
    this.connect(id, ['/other/1.0.0'])
    this.#events.safeDispatchEvent('connection:open')
    await turns()
  }
}

describe('of the connections that libp2p may have', () => {
  test('one that is used while it is looked up whether its peer is valued stays, and another gives way', async () => {
    const most = CONNECTIONS_PER_FREE
    const crowd = new Crowd(most)
    crowd.links(most - 1)
    crowd.onAsked = peer => {
      if (peer === 'n0') crowd.use('n0')
    }
    await crowd.comes('one more')
    expect(crowd.ended).toEqual(['n1 room'])
    expect(crowd.closed).toEqual(['n1'])
  })

  test.each([
    { most: CONNECTIONS_PER_FREE - 1, free: 0 },
    { most: CONNECTIONS_PER_FREE, free: 1 },
    { most: CONNECTIONS_PER_FREE * CONNECTIONS_KEPT_FREE_MAX, free: CONNECTIONS_KEPT_FREE_MAX },
    { most: CONNECTIONS_PER_FREE * (CONNECTIONS_KEPT_FREE_MAX + 1), free: CONNECTIONS_KEPT_FREE_MAX }
  ])('of $most, $free are kept free for those who come', async ({ most, free }) => {
    const crowd = new Crowd(most)
    crowd.links(most - free - 1)
    await crowd.comes('the last that has a place')
    expect(crowd.closed).toEqual([])
    await crowd.comes('one more')
    expect([crowd.size, crowd.closed]).toEqual([most - free, ['n0']])
  })

  test('the longest unused goes, its link in good order before its connection', async () => {
    const crowd = new Crowd(8)
    for (const [id, usedMs] of [
      ['b', 20],
      ['a', 10],
      ['c', 30]
    ] as const)
      crowd.link(id, usedMs)
    for (let at = 0; at < 5; at += 1) await crowd.comes(`comer ${at}`)
    expect([crowd.ended, crowd.closed]).toEqual([['a room'], ['a']])
  })

  test('one without a stream goes before any that has a link', async () => {
    const crowd = new Crowd(8)
    crowd.link('linked', 10)
    crowd.connect('of no use', [], -1)
    for (let at = 0; at < 6; at += 1) await crowd.comes(`comer ${at}`)
    expect(crowd.closed).toEqual(['of no use'])
  })

  test('what others use or value, what was used just now, and what has something to say stay', async () => {
    const crowd = new Crowd(8)
    crowd.connect('used by another protocol', [OWN, '/other/1.0.0'])
    crowd.link('valued', 10)
    crowd.tags.set('valued', ['servent-pastry', 'a friend'])
    crowd.link('used', NOW_MS - ROOM_QUIET_MS + 1)
    crowd.link('has something to say', 10, 1)
    crowd.link('a neighbour', 20)
    crowd.tags.set('a neighbour', ['servent-pastry'])
    for (let at = 0; at < 4; at += 1) await crowd.comes(`comer ${at}`)
    expect(crowd.closed).toEqual(['a neighbour'])
    // The one that was used gives way a while later, when it is quiet.
    crowd.pass(ROOM_LOOK_MS)
    await turns()
    expect(crowd.closed).toEqual(['a neighbour', 'used'])
  })

  test('where all are valued it is looked for less and less often, and soon again when somebody comes', async () => {
    const crowd = new Crowd(8)
    crowd.links(7)
    for (let at = 0; at < 7; at += 1) crowd.tags.set(`n${at}`, ['a friend'])
    await crowd.comes('one more')
    expect([crowd.scans, crowd.closed]).toEqual([1, []])
    const looksIn = async (ms: number): Promise<number> => {
      const before = crowd.scans
      for (const untilMs = crowd.clock.nowMs() + ms; crowd.clock.nowMs() < untilMs; ) {
        crowd.pass(ROOM_LOOK_MS)
        await turns()
      }
      return crowd.scans - before
    }
    // After 250 ms, and then after 500, 1,000, 2,000, 4,000 and 8,000.
    expect(await looksIn(2 * ROOM_LOOK_MS_MAX - ROOM_LOOK_MS)).toBe(6)
    expect(await looksIn(10 * ROOM_LOOK_MS_MAX)).toBe(10)
    await crowd.comes('another')
    expect(await looksIn(ROOM_LOOK_MS)).toBe(1)
    crowd.tags.clear()
    await looksIn(2 * ROOM_LOOK_MS)
    expect(crowd.closed).toEqual(['n0', 'n1'])
    expect(await looksIn(10 * ROOM_LOOK_MS_MAX)).toBe(0)
  })

  test('two overlays of one node give one place where one is lacking, and a dial of either takes one', async () => {
    const crowd = new Crowd(CONNECTIONS_PER_FREE)
    const second = crowd.secondOverlay()
    for (let at = 0; at < 3; at += 1) crowd.link(`n${at}`, 10 + at)
    for (let at = 0; at < 4; at += 1) crowd.otherLink(`o${at}`, at)
    await crowd.comes('one more')
    expect(crowd.closed).toHaveLength(1)
    const full = new Crowd(2)
    const other = full.secondOverlay()
    await full.comes('one')
    expect([await full.room.take(), await other.take()]).toEqual([true, false])
    full.room.give()
    expect(await other.take()).toBe(true)
    second.stop()
  })

  test('a dial has one, until it is over, and where every one is in use there is none', async () => {
    const crowd = new Crowd(2)
    await crowd.comes('one')
    expect(await crowd.room.take()).toBe(true)
    expect(await crowd.room.take()).toBe(false)
    crowd.room.give()
    expect(await crowd.room.take()).toBe(true)
    await crowd.comes('another')
    crowd.room.give()
    expect(await crowd.room.take()).toBe(false)
  })
})

test('a dial that is hung up on is told from one that finds nobody, and from one that has no place here', () => {
  const failed = (code: string) => Object.assign(new Error('connect'), { code })
  expect(whoHasNoRoom(failed('ECONNRESET'))).toBe('there')
  expect(whoHasNoRoom(new AggregateError([failed('ECONNREFUSED'), failed('EPIPE')]))).toBe('there')
  expect(whoHasNoRoom(new NoRoomError('full'))).toBe('here')
  expect(whoHasNoRoom(failed('ECONNREFUSED'))).toBeUndefined()
  const wrapped = (message: string) => Object.assign(new Error(message), { name: 'EncryptionFailedError' })
  expect(whoHasNoRoom(wrapped('read ECONNRESET'))).toBe('there')
  expect(whoHasNoRoom(wrapped('Unexpected EOF - stream closed while reading 0/1 bytes'))).toBe('there')
  expect(whoHasNoRoom(wrapped('Payload identity key does not match'))).toBeUndefined()
  expect(whoHasNoRoom(new Error('No stream within 15000 ms.'))).toBeUndefined()
  expect(whoHasNoRoom('ECONNRESET')).toBeUndefined()
})

describe('over TCP', () => {
  const others: Libp2p[] = []

  afterEach(async () => {
    await stopAll()
    await Promise.all(others.splice(0).map(node => node.stop()))
  })

  /** A peer without an overlay that has as many connections as it may. */
  async function fullPeer(): Promise<Libp2p> {
    const node = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [boundedYamux()],
      connectionManager: { maxConnections: 1, inboundConnectionThreshold: 1_000 },
      services: { identify: identify() }
    })
    others.push(node)
    const guest = await startNode()
    await guest.libp2p.dial(node.getMultiaddrs())
    return node
  }

  test('who is turned away DIAL_TRIES_MAX times is told that there is no room, and not that nobody is there', async () => {
    const full = await fullPeer()
    const alice = await startNode()
    let dials = 0
    const { connectionManager } = alice.components
    const dial = connectionManager.openConnection.bind(connectionManager)
    connectionManager.openConnection = (...given) => {
      dials += 1
      return dial(...given)
    }
    open(alice, { libp2p: full } as TestNode)
    expect(await alice.puppet.until('unreachable')).toMatchObject({ noRoom: 'there' })
    expect(dials).toBe(DIAL_TRIES_MAX)
    await full.stop()
    open(alice, { libp2p: full } as TestNode)
    const gone = await alice.puppet.until('unreachable', ({ noRoom }) => noRoom === undefined)
    expect(gone.reason).toMatch(/ECONNREFUSED|no valid addresses/i)
  })

  test('so it is where the way is long, and the connection stood for a moment', async () => {
    const full = await fullPeer()
    const port = /tcp\/(\d+)/.exec(`${full.getMultiaddrs()[0]}`)![1]
    const proxy = createServer(near => {
      const far = connect(Number(port), '127.0.0.1')
      for (const socket of [near, far]) socket.on('error', () => {})
      near.on('data', bytes => far.write(bytes)).on('close', () => far.destroy())
      far.on('data', bytes => near.write(bytes))
      far.on('close', () => setTimeout(() => near.resetAndDestroy(), LONG_WAY_MS))
    })
    await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
    try {
      const alice = await startNode()
      const address = `/ip4/127.0.0.1/tcp/${(proxy.address() as AddressInfo).port}/p2p/${full.peerId}`
      open(alice, { libp2p: { peerId: full.peerId, getMultiaddrs: () => [multiaddr(address)] } } as TestNode)
      expect(await alice.puppet.until('unreachable')).toMatchObject({ noRoom: 'there' })
    } finally {
      proxy.close()
    }
  })

  test('a peer with as many links as it may have takes newcomers in, and those that went hear nothing bad', async () => {
    const hub = await startNode({ linksGiveWay: true, protocol: OWN })
    hub.components.connectionManager.setMaxConnections(8)
    const guests: TestNode[] = []
    for (let at = 0; at < 10; at += 1) {
      const guest = await startNode({ protocol: OWN })
      guests.push(guest)
      open(guest, hub)
      await guest.puppet.until('link-up')
      if (at === 6) await sleep(ROOM_QUIET_MS)
    }
    await eventually(() => hub.libp2p.getConnections().length <= 7).toBe(true)
    expect(hub.puppet.of('link-down').map(({ end }) => end.kind)).toEqual(['room', 'room', 'room'])
    const heard = guests.flatMap(({ puppet }) => puppet.of('link-down')).map(({ end }) => end.kind)
    expect(heard).toEqual(['closed', 'closed', 'closed'])
  })
})
