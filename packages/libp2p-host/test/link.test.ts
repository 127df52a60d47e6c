/** One link on a stream that takes, or does not take, what is sent. */
import type { Stream } from '@libp2p/interface'
import type { LinkEnd, PressureLevel } from '@servent/overlay'
import { describe, expect, test } from 'vitest'
import { type HostLimits, hostLimits } from '../src/limits.ts'
import { HostLink } from '../src/link.ts'
import { HostMetrics } from '../src/metrics.ts'
import { Turns } from '../src/turns.ts'
import { blob, type PuppetMessage, puppetCodec } from './support/puppet.ts'

const KIB = 1024
const LIMITS = hostLimits({ queueBytesMax: 96 * KIB, queueBytesHigh: 48 * KIB, queueBytesLow: 16 * KIB })

/** What a link uses of a stream. */
class StubStream extends EventTarget {
  status = 'open'
  writeStatus = 'writable'
  readStatus = 'readable'
  remoteWriteStatus = 'writable'
  writableNeedsDrain = false
  writeBufferLength = 0
  sentBytes = 0
  /** A socket asks to be waited for after each write, and takes more when the event loop had its turn. */
  drainsLater = false

  send(data: { byteLength: number }): boolean {
    this.sentBytes += data.byteLength
    if (this.drainsLater) this.writableNeedsDrain = true
    return !this.writableNeedsDrain
  }

  drain(): void {
    this.writableNeedsDrain = false
    this.dispatchEvent(new Event('drain'))
  }

  arrive(data: Uint8Array): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data }))
  }

  pause(): void {}
  abort(): void {
    this.status = 'aborted'
  }
}

interface Relay {
  readonly from: StubStream
  readonly to: StubStream
  readonly target: HostLink<PuppetMessage>
  readonly levels: PressureLevel[]
  readonly ends: LinkEnd[]
  /** Turns that wait for the event loop. */
  readonly deferred: (() => void)[]
  readonly relayed: () => number
  readonly peakBytes: () => number
}

/** What comes on one link is sent on the other. */
function relay(limits: HostLimits = LIMITS): Relay {
  const [from, to] = [new StubStream(), new StubStream()]
  const levels: PressureLevel[] = []
  const ends: LinkEnd[] = []
  const deferred: (() => void)[] = []
  let [relayed, peakBytes] = [0, 0]
  const clock = {
    nowMs: () => 0,
    wallMs: () => 0,
    setTimeout: () => 0,
    clearTimeout: () => {},
    defer: (run: () => void) => void deferred.push(run)
  }
  const turns: Turns = new Turns(clock, () => target.flush())
  const context = {
    clock,
    limits,
    codec: puppetCodec,
    metrics: new HostMetrics(),
    turns,
    onMessage: (_link: HostLink<PuppetMessage>, message: PuppetMessage) => {
      relayed += 1
      target.send(message, 5)
      peakBytes = Math.max(peakBytes, target.queueBytes)
    },
    onPressure: (link: HostLink<PuppetMessage>, level: PressureLevel) => {
      levels.push(level)
      // The machine has no last word.
      if (level === 'overflow') link.endLastWord()
    },
    onDown: (_link: HostLink<PuppetMessage>, end: LinkEnd) => void ends.push(end)
  }
  const placeOf = (id: number, stream: StubStream) => ({
    id,
    peer: id,
    peerId: undefined as never,
    inbound: true,
    stream: stream as unknown as Stream,
    connection: String(id),
    origin: { host: 'a', network: 'a', isRelayed: false, reach: 'public' } as const
  })
  const target = new HostLink(placeOf(2, to), context)
  new HostLink(placeOf(1, from), context).begin()
  target.begin()
  return { from, to, target, levels, ends, deferred, relayed: () => relayed, peakBytes: () => peakBytes }
}

function encoded(count: number, bytes: number): Uint8Array {
  const message = puppetCodec.open('initiator').encode(blob('h', bytes - 5))
  const all = new Uint8Array(count * message.length)
  for (let index = 0; index < count; index += 1) all.set(message, index * message.length)
  return all
}

describe('many messages for one link in one turn', () => {
  test('do not overflow it while its stream takes them', () => {
    const at = relay()
    at.from.arrive(encoded(200, 4_000))
    // One turn alone relays more than the queue holds.
    expect(at.relayed() * 4_000).toBeGreaterThan(2 * LIMITS.queueBytesMax)
    while (at.deferred.length > 0) at.deferred.shift()!()
    expect(at.relayed()).toBe(200)
    expect(at.ends).toEqual([])
    expect(at.to.sentBytes).toBe(200 * 4_000)
  })

  test('do not overflow it where its stream takes more after the event loop had its turn', async () => {
    const at = relay()
    at.to.drainsLater = true
    at.from.arrive(encoded(200, 4_000))
    for (let turn = 0; turn < 200 && at.relayed() < 200; turn += 1) {
      at.to.drain()
      await Promise.resolve()
      at.deferred.shift()?.()
    }
    at.to.drain()
    await Promise.resolve()
    expect(at.ends).toEqual([])
    expect(at.to.sentBytes).toBe(200 * 4_000)
  })

  test('overflow it within its bound where its stream takes none', () => {
    const at = relay()
    at.to.writableNeedsDrain = true
    at.from.arrive(encoded(200, 4_000))
    while (at.deferred.length > 0) at.deferred.shift()!()
    expect(at.levels).toEqual(['high', 'overflow'])
    expect(at.ends).toMatchObject([{ kind: 'overflow' }])
    expect(at.peakBytes()).toBeLessThanOrEqual(LIMITS.queueBytesMax)
    expect(at.peakBytes()).toBeGreaterThan(LIMITS.queueBytesMax - 4_000)
    expect(at.to.sentBytes).toBe(0)
  })
})
