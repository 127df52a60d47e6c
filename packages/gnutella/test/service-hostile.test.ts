/** Peers that misuse a real node, in small; `test/e2e/hostile.full.test.ts` has them in full. */
import { randomBytes } from 'node:crypto'
import type { Libp2p, Stream } from '@libp2p/interface'
import { FakeNetwork } from '@servent/libp2p-host/testing'
import { LinkQueue, parseQuery } from '@servent/overlay'
import { afterEach, describe, expect, it } from 'vitest'
import {
  HANDSHAKES_MAX,
  HEADER_BYTES,
  LINKS_OVER_PLACES_MAX,
  ORIGINAL_BURST,
  ORIGINAL_PER_SECOND,
  QUERY_HIT_BYTES_MAX,
  QUEUE_BYTES_HIGH,
  QUEUE_BYTES_LOW,
  QUEUE_BYTES_MAX
} from '../src/constants.ts'
import { GNUTELLA_PROTOCOL, gnutella } from '../src/index.ts'
import { gnutellaCodec } from '../src/wire.ts'
import {
  gather,
  line,
  neighboursOf,
  type RealNode,
  startNode,
  startStranger,
  stopNodes,
  until
} from './real-nodes.ts'
import { query } from './servent.ts'

afterEach(stopNodes)

/** A stream to a node with its handshake behind it, in the hand of somebody who may send what they like. */
async function rawLink(from: Libp2p, to: RealNode): Promise<Stream> {
  const stream = await from.dialProtocol(to.libp2p.getMultiaddrs(), GNUTELLA_PROTOCOL)
  const codec = gnutellaCodec.open('initiator')
  stream.send(codec.encode({ type: 'connect', headers: { 'bye-packet': '0.1' } }))
  await new Promise<void>(resolve => {
    stream.addEventListener('message', ({ data }) => {
      codec.decode(data.subarray(), message => {
        if (message.type === 'status') resolve()
      })
    })
  })
  stream.send(codec.encode({ type: 'status', status: 200, reason: 'OK', headers: {} }))
  await until(() => neighboursOf(to).includes(`${from.peerId}`))
  return stream
}

/** A query with a fresh id, in bytes. */
function queryBytes(text: string): Uint8Array {
  const { payload: _, ...made } = query({ text, guid: randomBytes(16).toString('hex') })
  return gnutellaCodec.open('initiator').encode(made)
}

describe('2,000 matching queries a second with fresh ids', () => {
  it('change nothing for a third peer, and few of them are answered', async () => {
    const [attacked, third, attacker] = [await startNode(), await startNode(), await startStranger()]
    for (let number = 0; number < 20; number += 1)
      attacked.catalogue.add(`haystack needle ${number}`, `${number}`)
    await line(attacked, third)
    const stream = await rawLink(attacker, attacked)
    const elapsed: number[] = []
    let sent = 0
    // How long this process, in which all three are, did not come to what was due: no search's fault.
    let stalledMs = 0
    let tickMs = performance.now()
    const flood = setInterval(() => {
      const nowMs = performance.now()
      stalledMs += Math.max(0, nowMs - tickMs - 20)
      tickMs = nowMs
      for (let count = 0; count < 40; count += 1) stream.send(queryBytes('haystack needle'))
      sent += 40
    }, 20)
    // Timers come late on a machine that has much to do: it goes on until there was a flood, and searches in it.
    const beganMs = Date.now()
    while (Date.now() - beganMs < 2_000 || sent <= 1_000 || elapsed.length <= 5) {
      const stalledBeforeMs = stalledMs
      const [hit] = await gather(third.service.search(parseQuery('needle haystack')), 1)
      elapsed.push(hit!.elapsedMs - (stalledMs - stalledBeforeMs))
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    clearInterval(flood)
    const seconds = (Date.now() - beganMs) / 1000
    expect(Math.max(...elapsed)).toBeLessThan(1_000)
    const answered = attacked.catalogue.matchesAsked - elapsed.length
    const allowed = ORIGINAL_BURST + ORIGINAL_PER_SECOND * (seconds + 2)
    expect(sent).toBeGreaterThan(2 * allowed)
    expect(answered).toBeLessThanOrEqual(allowed)
  }, 60_000)
})

describe('a peer that asks and never reads', () => {
  it('fills its own queue of QUEUE_BYTES_MAX and is asked no more', async () => {
    const [attacked, attacker] = [await startNode(), await startStranger()]
    for (let number = 0; number < 60; number += 1) {
      attacked.catalogue.add(`haystack ${number} ${'long '.repeat(40)}`, `${number}`)
    }
    const stream = await rawLink(attacker, attacked)
    stream.pause()
    let most = 0
    const neighbour = () => attacked.service.snapshot().neighbours[0]
    for (let turn = 0; neighbour()?.flowControlled !== true && turn < 500; turn += 1) {
      stream.send(queryBytes('haystack'))
      await new Promise(resolve => setTimeout(resolve, 5))
      most = Math.max(most, Number(neighbour()?.queueBytes ?? 0))
    }
    expect(neighbour()).toMatchObject({ flowControlled: true })
    stream.send(queryBytes('haystack'))
    await until(() => attacked.service.snapshot().counters.queriesFlowControlled! > 0)
    expect(most).toBeLessThanOrEqual(QUEUE_BYTES_MAX)
  })

  it('a queue takes QUEUE_BYTES_MAX and not a byte more, and the longest hit fits', () => {
    const limits = {
      queueBytesMax: QUEUE_BYTES_MAX,
      queueBytesHigh: QUEUE_BYTES_HIGH,
      queueBytesLow: QUEUE_BYTES_LOW
    }
    expect(new LinkQueue<number>(limits).push(1, QUEUE_BYTES_MAX, 5).accepted).toBe(true)
    expect(new LinkQueue<number>(limits).push(1, QUEUE_BYTES_MAX + 1, 5).accepted).toBe(false)
    expect(HEADER_BYTES + QUERY_HIT_BYTES_MAX).toBeLessThan(QUEUE_BYTES_MAX)
  })
})

describe('a peer that sends what is none', () => {
  it('is sent away, and the overlay runs on', async () => {
    const [attacked, third] = [await startNode(), await startNode()]
    attacked.catalogue.add('needle', 'x')
    await line(attacked, third)
    for (const noise of [
      randomBytes(10_000),
      Buffer.concat([randomBytes(19), Buffer.from('ffffff7f', 'hex')]),
      // Sound frames whose payloads are none.
      Buffer.concat(
        Array.from({ length: 200 }, () =>
          Buffer.concat([randomBytes(16), Buffer.from('800700 01000000 41'.replaceAll(' ', ''), 'hex')])
        )
      )
    ]) {
      const attacker = await startStranger()
      const stream = await rawLink(attacker, attacked)
      stream.send(noise)
      await until(() => !neighboursOf(attacked).includes(`${attacker.peerId}`))
    }
    expect(attacked.service.snapshot()).toMatchObject({ state: 'running' })
    expect(await gather(third.service.search(parseQuery('needle')), 1)).toHaveLength(1)
  })
})

describe('thirty peers that open links and say nothing', () => {
  it('hold HANDSHAKES_MAX of them for ten seconds, and the node takes others afterwards', async () => {
    const network = new FakeNetwork()
    const hub = await network.addNode({ name: 'hub', seed: 1 })
    const { privateKey, clock, random } = hub
    const service = gnutella({ privateKey, clock, random, neighbours: 2 })(hub.components)
    await service.start()
    const links = () => service.snapshot().counters.links!
    let most = 0
    for (let number = 0; number < 30; number += 1) {
      const silent = await network.addNode({ name: `silent ${number}`, seed: 100 + number })
      void silent.components.connectionManager
        .openStream([...hub.addresses], GNUTELLA_PROTOCOL)
        .catch(() => {})
    }
    for (let turn = 0; turn < 20; turn += 1) {
      await network.runFor(100)
      most = Math.max(most, links())
    }
    expect(most).toBe(HANDSHAKES_MAX)
    expect(most).toBeLessThanOrEqual(2 + LINKS_OVER_PLACES_MAX)
    await network.runFor(10_000)
    expect(links()).toBe(0)
    await service.stop()
  })
})
