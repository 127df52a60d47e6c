import { describe, expect, test } from 'vitest'
import { comparePeerIds, judgeInbound } from '../src/index.ts'
import { FakeNetwork } from '../src/testing.ts'
import { addPuppet, FAKE_PROTOCOL, type FakePuppet, hostPuppet } from './support/fakes.ts'
import { text } from './support/puppet.ts'

const bytes = (...values: number[]) => Uint8Array.from(values)

test('PeerIds are ordered by the bytes of their multihash', () => {
  expect(comparePeerIds(bytes(1, 2, 3), bytes(1, 3))).toBeLessThan(0)
  expect(comparePeerIds(bytes(0xff), bytes(1, 0xff))).toBeGreaterThan(0)
  expect(comparePeerIds(bytes(1, 2), bytes(1, 2, 0))).toBeLessThan(0)
  expect(comparePeerIds(bytes(1, 2), bytes(1, 2))).toBe(0)
})

describe('an inbound stream while', () => {
  const up = { inbound: false, sameConnection: false, isYoung: false }
  test.each([
    ['nothing is there', { selfIsLower: true }, 'accept'],
    ['the own dial has not reached the peer', { selfIsLower: true, opening: 'dialing' }, 'accept'],
    ['the own stream is negotiated, self lower', { selfIsLower: true, opening: 'negotiating' }, 'hold'],
    ['the own stream is negotiated, self higher', { selfIsLower: false, opening: 'negotiating' }, 'accept'],
    ['the own link is up, self higher', { selfIsLower: false, up }, 'replace'],
    [
      'the own link is up, self lower, same connection',
      { selfIsLower: true, up: { ...up, sameConnection: true } },
      'refuse'
    ],
    ['the own link is up, self lower, another connection', { selfIsLower: true, up }, 'hold'],
    [
      'its link is up on the same connection',
      { selfIsLower: true, up: { ...up, inbound: true, sameConnection: true } },
      'refuse'
    ],
    ['its link is up on another connection', { selfIsLower: true, up: { ...up, inbound: true } }, 'replace'],
    [
      'its link has just come up on another connection',
      { selfIsLower: false, up: { ...up, inbound: true, isYoung: true } },
      'hold'
    ]
  ] as const)('%s', (_case, standing, verdict) => {
    expect(judgeInbound(standing)).toBe(verdict)
  })
})

async function pair(network: FakeNetwork): Promise<[lower: FakePuppet, higher: FakePuppet]> {
  const a = await addPuppet(network, 'a', 1)
  const b = await addPuppet(network, 'b', 2)
  const isLower = comparePeerIds(a.node.peerId.toMultihash().bytes, b.node.peerId.toMultihash().bytes) < 0
  return isLower ? [a, b] : [b, a]
}

/** Links that are up after everything that happened. */
function upLinks({ puppet }: FakePuppet): number[] {
  const up = new Set(puppet.of('link-up').map(({ link }) => link))
  for (const { link } of puppet.of('link-down')) up.delete(link)
  return [...up]
}

/** A machine is never told of a second link to a peer before the first is down. */
function expectNeverTwo({ puppet }: FakePuppet): void {
  const peers = new Map<number, number>()
  for (const input of puppet.inputs) {
    if (input.type === 'link-down') peers.delete(input.link)
    if (input.type !== 'link-up') continue
    expect([...peers.values()]).not.toContain(input.peer)
    peers.set(input.link, input.peer)
  }
}

describe('when both open within a few milliseconds of each other', () => {
  // Four delays of 10 ms to connect and two for a stream: every way in which the two can cross.
  test.each([0, 3, 9, 10, 11, 19, 20, 21, 30, 39, 40, 41, 45, 50, 51, 55, 59, 60, 61, 65, 75, 100])(
    '%i ms later: exactly one link stays, the same at both ends, and it carries messages',
    async laterMs => {
      for (const first of ['lower', 'higher'] as const) {
        const network = new FakeNetwork()
        const [lower, higher] = await pair(network)
        const [one, two] = first === 'lower' ? [lower, higher] : [higher, lower]
        one.open(two)
        await network.runFor(laterMs)
        two.open(one)
        await network.runFor(10_000)

        expect(one.host.links()).toHaveLength(1)
        expect(two.host.links()).toHaveLength(1)
        expect(one.host.links()[0]!.inbound).toBe(!two.host.links()[0]!.inbound)
        expect(upLinks(one)).toEqual([one.host.links()[0]!.link])
        expect(upLinks(two)).toEqual([two.host.links()[0]!.link])
        expectNeverTwo(one)
        expectNeverTwo(two)

        one.act(effects => effects.send(upLinks(one)[0]!, text('h', 'hi'), 0))
        two.act(effects => effects.send(upLinks(two)[0]!, text('h', 'ho'), 0))
        await network.runFor(100)
        expect(one.puppet.of('message')).toHaveLength(1)
        expect(two.puppet.of('message')).toHaveLength(1)
      }
    }
  )

  test('at the same moment, the stream of the lower PeerId stays', async () => {
    const network = new FakeNetwork()
    const [lower, higher] = await pair(network)
    // A connection is there already, so that both streams are on their way before either arrives.
    lower.open(higher)
    await network.runFor(1_000)
    lower.act(effects => effects.close(upLinks(lower)[0]!, 'to begin anew'))
    await network.runFor(1_000)

    lower.open(higher)
    higher.open(lower)
    await network.runFor(10_000)
    expect(lower.host.links()).toMatchObject([{ inbound: false }])
    expect(higher.host.links()).toMatchObject([{ inbound: true }])
  })
})

test('a peer that keeps its own stream beside ours on one connection does not win it by waiting', async () => {
  const network = new FakeNetwork()
  const [lower, higher] = await pair(network)
  // A peer of its own making: it takes the stream that is opened to it, opens another, and drops neither.
  const { registrar, connectionManager } = higher.node.components
  await registrar.handle(FAKE_PROTOCOL, () => {}, {})
  lower.open(higher)
  await network.runFor(41)
  const own = await network.finish(connectionManager.openStream(lower.node.peerId, FAKE_PROTOCOL))
  await network.runFor(20_000)
  expect(lower.puppet.of('link-up')).toMatchObject([{ inbound: false }])
  expect(lower.puppet.of('link-down')).toHaveLength(0)
  expect(own.status).toBe('reset')
})

test('a stream that waits becomes the link when the own open comes to nothing', async () => {
  const network = new FakeNetwork()
  const [lower, higher] = await pair(network)
  const { registrar, connectionManager } = higher.node.components
  // It takes no streams of this protocol, and opens one.
  await registrar.unhandle(FAKE_PROTOCOL)
  lower.open(higher)
  await network.runFor(41)
  await network.finish(connectionManager.openStream(lower.node.peerId, FAKE_PROTOCOL))
  await network.runFor(1_000)
  expect(lower.puppet.of('unreachable')).toHaveLength(0)
  expect(lower.host.links()).toMatchObject([{ inbound: true }])
})

describe('a peer that restarted comes back', () => {
  test.each(['lower', 'higher'] as const)(
    'though its old connection looks open, with the %s id',
    async who => {
      const network = new FakeNetwork()
      const [lower, higher] = await pair(network)
      const [stays, restarts] = who === 'lower' ? [higher, lower] : [lower, higher]
      stays.open(restarts)
      await network.runFor(5_000)
      const [old] = upLinks(stays)

      // The power goes: nobody is told.
      network.silence(stays.node, restarts.node)
      network.remove(restarts.node)
      const again = await hostPuppet(
        network,
        await network.addNode({ name: restarts.node.name, seed: restarts.node.name === 'a' ? 1 : 2 })
      )
      again.open(stays)
      await network.runFor(10_000)

      expect(stays.puppet.of('link-down')).toMatchObject([{ link: old, end: { kind: 'duplicate' } }])
      expect(stays.host.links()).toMatchObject([{ inbound: true }])
      expect(again.host.links()).toMatchObject([{ inbound: false }])
      again.act(effects => effects.send(upLinks(again)[0]!, text('h', 'back'), 0))
      await network.runFor(100)
      expect(stays.puppet.of('message')).toHaveLength(1)
    }
  )
})
