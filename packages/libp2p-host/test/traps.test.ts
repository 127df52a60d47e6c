/**
 * The traps of js-libp2p 3.3 that can bite a host, each with the naive way beside ours where that is cheap: a
 * test that passes with the naive way would prove nothing.
 */
import type { Connection, Stream, StreamMessageEvent } from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'
import { afterEach, describe, expect, test } from 'vitest'
import { boundedYamux, isWritable, onWritable, ReadGate, streamDuplex } from '../src/index.ts'
import {
  act,
  link,
  open,
  PROTOCOL,
  rawStream,
  send,
  startLibp2p,
  startNode,
  stopAll
} from './support/nodes.ts'
import { blob, text } from './support/puppet.ts'
import { eventually, pattern, type StreamPair, stands, streamPair, turns } from './support/stream-pair.ts'

const MIB = 1024 * 1024

afterEach(stopAll)

describe('trap 1: onDrain works once a stream', () => {
  /** The largest write buffer while so many bytes are sent by `wait`. */
  async function peakWhile(stream: Stream, bytes: number, wait: () => Promise<void>): Promise<number> {
    const chunk = pattern(256 * 1024)
    let peak = 0
    for (let sent = 0; sent < bytes; sent += chunk.length) {
      stream.send(chunk)
      peak = Math.max(peak, stream.writeBufferLength)
      await wait()
    }
    return peak
  }

  test('waiting for onDrain lets the write buffer grow with the file', async () => {
    await using pair = await streamPair(() => yamux()())
    pair.far.addEventListener('message', () => {})
    const peak = await peakWhile(pair.near, 32 * MIB, () => pair.near.onDrain())
    expect(peak).toBeGreaterThan(8 * MIB)
  })

  test('waiting for onWritable keeps it at one write', async () => {
    await using pair = await streamPair()
    pair.far.addEventListener('message', () => {})
    const peak = await peakWhile(pair.near, 32 * MIB, async () => {
      while (!isWritable(pair.near)) {
        await new Promise<void>(resolve => {
          const release = onWritable(pair.near, () => {
            release()
            resolve()
          })
        })
      }
    })
    expect(peak).toBeLessThanOrEqual(256 * 1024)
  })

  test('the drain of a connection does not make a stream writable whose window is used up', async () => {
    await using pair = await streamPair()
    pair.far.pause()
    for (let sent = 0; sent < 8; sent += 1) pair.near.send(pattern(64 * 1024))
    await stands(() => pair.near.writeBufferLength)
    expect(pair.near.writeBufferLength).toBeGreaterThan(0)
    // What the multiplexer tells each of its streams when the socket takes more.
    pair.near.dispatchEvent(new Event('drain'))
    expect(pair.near.writableNeedsDrain).toBe(false)
    expect(isWritable(pair.near)).toBe(false)
  })

  test('a host that sends to a slow reader keeps what waits in its own queue', async () => {
    const [alice, bob] = await Promise.all([
      startNode(),
      startNode({ limits: { inboundBytesPerSecond: 4 * MIB } })
    ])
    const { out } = await link(alice, bob)
    let peak = 0
    for (let sent = 0; sent < 60; sent += 1) {
      send(alice, out, blob('d', 60_000))
      const [stream] = alice.libp2p
        .getConnections()
        .flatMap(({ streams }) => streams.filter(s => s.protocol === PROTOCOL))
      peak = Math.max(peak, stream!.writeBufferLength)
      while (alice.host.links()[0]!.queueBytes > 200_000) await turns(1)
    }
    expect(peak).toBeLessThan(192 * 1024)
    expect(alice.host.links()).toHaveLength(1)
  })
})

describe('trap 2: reading a stream with for await has no back-pressure', () => {
  test('for await takes in everything while its reader rests on the first piece', async () => {
    await using pair = await streamPair()
    const rest = Promise.withResolvers<void>()
    const reading = (async () => {
      for await (const _chunk of pair.far) await rest.promise
    })().catch(() => {})
    const writer = streamDuplex(pair.near).on('error', () => {})
    writer.write(pattern(32 * MIB))
    // Everything left the sender, while the reader has not finished with its first piece.
    await new Promise(resolve => writer.once('drain', resolve))
    expect(writer.writableLength).toBe(0)
    expect(pair.far.readBufferLength).toBe(0)
    rest.resolve()
    writer.destroy()
    await reading
  })

  test('a host whose machine may take little holds the sender back at the window', async () => {
    const bob = await startNode({ limits: { inboundBytesPerSecond: 1024, inboundBytesBurst: 64 * 1024 } })
    const peer = await startLibp2p(undefined, [])
    const stream = await rawStream(peer, bob)
    const writer = streamDuplex(stream).on('error', () => {})
    let written = 0
    const frame = new Uint8Array(60_005)
    new DataView(frame.buffer).setUint32(0, 60_001)
    const feed = () => {
      while (written < 32 * MIB) {
        written += frame.length
        if (!writer.write(frame)) return
      }
    }
    writer.on('drain', feed)
    feed()
    expect(await stands(() => written)).toBeLessThan(6 * MIB)
    await peer.stop()
  })
})

describe('trap 3: pause inside a message event is undone, and a window larger than the buffer resets', () => {
  /**
   * The reader rests, takes what has come by then, and rests again in that very event, for good. Says how the
   * stream fares while the sender goes on.
   */
  async function restTwice(pair: StreamPair, pause: () => void, resume: () => void): Promise<number> {
    let read = 0
    const firstRead = Promise.withResolvers<void>()
    pause()
    await turns(2)
    pair.far.addEventListener('message', (event: StreamMessageEvent) => {
      read += event.data.byteLength
      pause()
      firstRead.resolve()
    })
    const writer = streamDuplex(pair.near).on('error', () => {})
    writer.write(pattern(12 * MIB))
    await stands(() => pair.far.readBufferLength)
    expect(read).toBe(0)
    resume()
    await firstRead.promise
    return await stands(() => pair.far.readBufferLength)
  }

  test('(b) a plain pause in the event: the window opens all the same, and the stream is reset', async () => {
    await using pair = await streamPair()
    const { far } = pair
    await restTwice(
      pair,
      () => far.pause(),
      () => far.resume()
    )
    expect(far.status).toBe('aborted')
  })

  test('(b) a gate in the event: the sender is held back and the stream stays', async () => {
    await using pair = await streamPair()
    const gate = new ReadGate(pair.far)
    const buffered = await restTwice(
      pair,
      () => gate.pause(),
      () => gate.resume()
    )
    expect(pair.far.status).toBe('open')
    expect(buffered).toBeLessThanOrEqual(MIB)
  })

  test('(a) a window larger than the read buffer: a reader that only rests loses the stream', async () => {
    const streamOptions = { initialStreamWindowSize: 8 * MIB, maxReadBufferLength: 4 * MIB }
    await using pair = await streamPair(() => yamux({ streamOptions })())
    pair.far.pause()
    streamDuplex(pair.near)
      .on('error', () => {})
      .write(pattern(8 * MIB))
    await eventually(() => pair.far.status).toBe('aborted')
  })

  test('(a) the bounded multiplexer cannot be given such a window', () => {
    for (const name of ['initialStreamWindowSize', 'maxStreamWindowSize']) {
      const streamOptions = { [name]: 4 * MIB + 1, maxReadBufferLength: 4 * MIB }
      expect(() => boundedYamux({ streamOptions })).toThrow(RangeError)
      expect(() => boundedYamux({ streamOptions: { ...streamOptions, [name]: 4 * MIB } })).not.toThrow()
    }
  })

  test('a reader that rests after every piece gets everything', async () => {
    await using pair = await streamPair()
    const gate = new ReadGate(pair.far)
    let read = 0
    let buffered = 0
    pair.far.addEventListener('message', (event: StreamMessageEvent) => {
      read += event.data.byteLength
      gate.pause()
      setTimeout(() => {
        buffered = Math.max(buffered, pair.far.readBufferLength)
        gate.resume()
      }, 2)
    })
    streamDuplex(pair.near)
      .on('error', () => {})
      .end(pattern(24 * MIB))
    await eventually(() => read).toBe(24 * MIB)
    expect(buffered).toBeLessThanOrEqual(2 * MIB)
  })
})

describe('trap 4: middleware of the program multiplies a handler', () => {
  test('libp2p calls a handler several times for one stream; the host takes each stream once', async () => {
    const [alice, bob] = await Promise.all([startNode(), startNode()])
    const { registrar } = bob.components
    let naive = 0
    await registrar.handle('/naive/1.0.0', () => {
      naive += 1
    })
    for (const protocol of ['/naive/1.0.0', PROTOCOL]) {
      registrar.use(protocol, [(stream, connection, next) => next(stream, connection)])
    }
    for (let opened = 0; opened < 4; opened += 1)
      await alice.libp2p.dialProtocol(bob.libp2p.getMultiaddrs(), '/naive/1.0.0')
    await eventually(() => naive).toBeGreaterThan(4)

    for (let opened = 0; opened < 4; opened += 1) {
      const { out } = await link(alice, bob)
      act(alice, effects => effects.close(out, 'once more'))
      await bob.puppet.until('link-down', ({ link: down }) => bob.puppet.of('link-up').at(-1)?.link === down)
    }
    expect(bob.puppet.of('link-up')).toHaveLength(4)
    expect(bob.puppet.of('link-down').map(({ end }) => end.kind)).toEqual([
      'closed',
      'closed',
      'closed',
      'closed'
    ])
  })
})

describe('trap 5: middleware given to handle is ignored', () => {
  test('libp2p never calls it; what the host must check it checks in its handler', async () => {
    const [alice, bob, carol] = await Promise.all([
      startNode(),
      startNode({ limits: { linksMax: 1 } }),
      startNode()
    ])
    let calls = 0
    await bob.components.registrar.handle('/naive/1.0.0', () => {}, {
      middleware: [
        (stream: Stream, connection: Connection, next: (stream: Stream, connection: Connection) => void) => {
          calls += 1
          next(stream, connection)
        }
      ]
    } as object)
    await alice.libp2p.dialProtocol(bob.libp2p.getMultiaddrs(), '/naive/1.0.0')
    expect(calls).toBe(0)

    await link(alice, bob)
    open(carol, bob)
    await carol.puppet.until('link-down')
    expect(bob.host.links()).toHaveLength(1)
  })
})

describe('trap 6: limits on streams fail late', () => {
  test('a stream that is refused after it was opened ends in link-down, and nothing hangs', async () => {
    const [alice, bob] = await Promise.all([startNode(), startNode({ limits: { inboundLinksMax: 0 } })])
    open(alice, bob)
    const { link: refused } = await alice.puppet.until('link-up')
    send(alice, refused, text('q', 'is anybody there'))
    const down = await alice.puppet.until('link-down')
    expect(down).toMatchObject({ link: refused, end: { kind: 'reset' } })
    expect(bob.puppet.of('link-up')).toHaveLength(0)
    expect(bob.host.counters).toMatchObject({ inboundRefused: 1, limitHits: 1, links: 0 })
  })

  test('where no inbound stream is taken at all, the open itself fails', async () => {
    const [alice, bob] = await Promise.all([startNode(), startNode({ acceptInbound: false })])
    open(alice, bob)
    await alice.puppet.until('unreachable')
    expect(alice.puppet.of('link-up')).toHaveLength(0)
  })
})

describe('trap 7: a dial may fail with a plain error', () => {
  test('a refused dial is unreachable with the words of the operating system', async () => {
    const [alice, bob] = await Promise.all([startNode(), startNode()])
    const peer = alice.host
    const addresses = bob.libp2p.getMultiaddrs()
    await bob.stop()
    peer.addContact(bob.libp2p.peerId, addresses)
    const { peer: handle } = await alice.puppet.until('contact')
    act(alice, effects => effects.open(handle))
    const { reason } = await alice.puppet.until('unreachable')
    expect(reason).toMatch(/ECONNREFUSED/)
  })
})

describe('trap 8: libp2p takes few connections a second from one address', () => {
  test('a dozen nodes on one machine link at once, since these nodes raise that limit', async () => {
    const hub = await startNode()
    const others = await Promise.all(Array.from({ length: 12 }, () => startNode()))
    await Promise.all(others.map(other => link(other, hub)))
    expect(hub.host.links()).toHaveLength(12)
  })
})
