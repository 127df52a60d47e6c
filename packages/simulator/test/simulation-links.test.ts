/** Links: how they come up, what goes over them, and how they end, as machines are told it. */
import type { LinkOrigin } from '@servent/overlay/machine'
import { expect, test } from 'vitest'
import type { NetworkModel, NodeIndex, SimulationLimits } from '../src/index.ts'
import { ProbeBench } from './support/probe.ts'

/** 10 ms each way, and 2 ms for the handshakes: a dial takes 32 ms to the dialled peer, 42 ms back. */
const tenMs: NetworkModel = { oneWayUs: () => 10_000 }

test('an open takes a round trip and a half and what handshakes cost; who dialled hears of it one way later', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(2)
  bench.open(0, 1)
  bench.open(0, 1)
  expect(bench.run(100)).toEqual(['32 1 link-up 0 inbound', '42 0 link-up 1 outbound'])
  bench.open(0, 1)
  bench.open(1, 0)
  expect(bench.run(100)).toEqual([])
})

test('what the dialled peer sends at once arrives after the dialler has the link', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(2)
  bench.react = (node, input, effects) => {
    if (input.type === 'link-up' && node === 1) effects.send(input.link, { text: 'hello', bytes: 5 }, 0)
  }
  bench.open(0, 1)
  expect(bench.run(100)).toEqual([
    '32 1 link-up 0 inbound',
    '42 0 link-up 1 outbound',
    '42 0 message 1 hello'
  ])
})

test('messages of one direction arrive in their order, however long each of them takes', () => {
  const latencies = [50_000, 1_000, 30_000, 2_000]
  const bench = new ProbeBench({ network: { oneWayUs: () => latencies.shift() ?? 5_000 } })
    .nodes(2)
    .linked(0, 1)
  for (const text of ['a', 'b', 'c', 'd', 'e']) bench.send(0, 1, text)
  expect(bench.run(100)).toEqual(['a', 'b', 'c', 'd', 'e'].map(text => `50 1 message 0 ${text}`))
})

test('of what a machine sends on one link in one call the urgent goes first, each in the time of another', () => {
  const latencies = [10_000, 20_000, 30_000, 40_000, 1_000]
  const bench = new ProbeBench({ network: { oneWayUs: () => latencies.shift() ?? 50_000 } })
    .nodes(3)
    .linked(0, 1)
    .linked(0, 2)
  const [link, other] = [bench.link(0, 1), bench.link(0, 2)]
  bench.do(0, effects => {
    effects.send(link, { text: 'idle', bytes: 5 }, 9)
    effects.send(link, { text: 'usual', bytes: 6 }, 5)
    effects.send(link, { text: 'usual too', bytes: 7 }, 5)
    effects.send(other, { text: 'to another', bytes: 8 }, 0)
    effects.send(link, { text: 'urgent', bytes: 9 }, 0)
  })
  bench.send(0, 1, 'urgent, but in another call')
  expect(bench.run(100)).toEqual([
    '10 1 message 0 urgent',
    '20 1 message 0 usual',
    '30 1 message 0 usual too',
    '30 1 message 0 idle',
    '40 2 message 0 to another',
    '50 1 message 0 urgent, but in another call'
  ])
})

test('what comes together by one link is handled in one turn, of which the urgent answer goes first', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(2).linked(0, 1)
  bench.react = (node, input, effects) => {
    if (input.type !== 'message' || node === 0) return
    const { text } = input.message
    effects.send(input.link, { text: `answer to ${text}`, bytes: 5 }, text === 'one' ? 9 : 0)
  }
  bench.send(0, 1, 'one')
  bench.send(0, 1, 'two')
  expect(bench.run(20).slice(2)).toEqual(['20 0 message 1 answer to two', '20 0 message 1 answer to one'])
  bench.send(0, 1, 'one')
  bench.run(1)
  bench.send(0, 1, 'two')
  expect(bench.run(100).slice(2)).toEqual(['40 0 message 1 answer to one', '41 0 message 1 answer to two'])
})

test('close sends what was sent before; the closer is told at once, the other side after the messages', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(2).linked(0, 1)
  bench.send(0, 1, 'last')
  bench.close(0, 1)
  bench.send(0, 1, 'too late')
  bench.send(1, 0, 'to nobody')
  expect(bench.run(100)).toEqual(['0 0 link-down 1 local', '10 1 message 0 last', '10 1 link-down 0 closed'])
  expect(bench.simulation.metrics.dropped).toBe(1)
})

test('the end of a link that its own machine asks for follows the input, before anything else', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(2).linked(0, 1)
  const link = bench.link(0, 1)
  bench.do(0, effects => {
    effects.close(link, 'a')
    effects.close(link, 'b')
    effects.setTimer('now', 0)
    effects.notify('nothing')
  })
  expect(bench.run(0)).toEqual(['0 0 link-down 1 local', '0 0 timer now'])
})

test('a link gets a number that no other had, and effects on one that is gone do nothing', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(2)
  const numbers = new Set<number>()
  for (let round = 0; round < 300; round += 1) {
    bench.linked(0, 1)
    const links = [bench.link(0, 1), bench.link(1, 0)]
    for (const link of links) {
      expect(numbers.has(link)).toBe(false)
      expect(Number.isInteger(link) && link > 0 && link < 2 ** 31).toBe(true)
      numbers.add(link)
    }
    bench.close(0, 1)
    bench.run(20)
    bench.send(0, 1, 'into the void')
    for (const strange of [-1, 0, 1.5, 2 ** 31, 2 ** 40, Number.NaN])
      bench.do(0, effects => effects.send(strange, { text: 'x', bytes: 1 }, 0))
  }
  expect(numbers.size).toBe(600)
  expect(bench.simulation.metrics.messages).toBe(0)
})

test('a machine cannot send on the link of another', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(3).linked(0, 1)
  const link = bench.link(0, 1)
  bench.do(2, effects => effects.send(link, { text: 'forged', bytes: 1 }, 0))
  bench.do(2, effects => effects.close(link, 'forged'))
  expect(bench.run(100)).toEqual([])
})

// Times at which both open: apart by so much that one, none or both see the other's before their own is up.
test.each([
  ['at once', 0],
  ['a little later', 5],
  ['while the other is on its last leg', 25],
  ['when the other has arrived', 33]
])('two that open to each other, the second %s, end with one link and the same end of it', (_, laterMs) => {
  for (const first of [0, 1]) {
    const second = 1 - first
    const bench = new ProbeBench({ network: tenMs }).nodes(2)
    bench.open(first, second)
    bench.run(laterMs)
    bench.open(second, first)
    const log = [...bench.take(), ...bench.run(1_000)]
    bench.take()
    expect(bench.simulation.linkedTo(0)).toEqual([1])
    expect(bench.simulation.linkedTo(1)).toEqual([0])
    bench.send(0, 1, 'over')
    bench.send(1, 0, 'and back')
    expect(bench.run(10)).toHaveLength(2)
    expect(log.filter(line => line.includes('link-down') || line.includes('unreachable'))).toEqual([])
  }
})

/** 100 ms from the lower PeerId to the other and 10 ms back: the other's open waits at the lower one for its own. */
function crossing(limits = {}): { bench: ProbeBench; lower: number; higher: number } {
  let lower = 0
  let isCut = false
  const network: NetworkModel = {
    oneWayUs: from => (from === lower ? 100_000 : 10_000),
    dialUs: from => (from === lower ? 100_000 : 12_000),
    usable: from => !(isCut && from === lower)
  }
  const bench = new ProbeBench({ network, limits }).nodes(2)
  const [a, b] = [bench.simulation.contactOf(0).id, bench.simulation.contactOf(1).id]
  lower = Buffer.compare(a, b) < 0 ? 0 : 1
  bench.open(lower, 1 - lower)
  bench.run(1)
  bench.open(1 - lower, lower)
  bench.run(49)
  // The lower one's open finds nobody: what comes of it is up to the other's.
  isCut = true
  bench.simulation.at(15_000_000, () => {
    isCut = false
  })
  return { bench, lower, higher: 1 - lower }
}

test('an open that fails gives way to the one of the other side, where that still is', () => {
  const { bench, lower, higher } = crossing()
  expect(bench.run(20_000)).toEqual([
    `15000 ${lower} link-up ${higher} inbound`,
    `15100 ${higher} link-up ${lower} outbound`
  ])
})

test.each(['crash', 'silence', 'stop'] as const)(
  'an open for which another one waited is unreachable after its %s',
  how => {
    const { bench, lower, higher } = crossing()
    bench.simulation[how](higher)
    expect(bench.run(20_000).filter(line => !line.endsWith('stop'))).toEqual([
      `15000 ${lower} unreachable ${higher}: No stream within the time for an open.`
    ])
  }
)

test('an open for which another one waited is unreachable where that one finds no place', () => {
  const { bench, lower, higher } = crossing({ inboundLinksMax: 0 })
  expect(bench.run(20_000)).toEqual([
    `15000 ${lower} unreachable ${higher}: No stream within the time for an open.`,
    `15100 ${higher} link-up ${lower} outbound`,
    `15100 ${higher} link-down ${lower} reset`
  ])
})

test('an own open that gives way to one for which there is no place is unreachable', () => {
  const bench = new ProbeBench({ network: tenMs, limits: { inboundLinksMax: 0 } }).nodes(2)
  bench.open(0, 1)
  bench.run(30)
  bench.open(1, 0)
  expect(bench.run(1_000)).toEqual([
    '32 1 unreachable 0: There is no place for another link.',
    '42 0 link-up 1 outbound',
    '42 0 link-down 1 reset'
  ])
})

test('when both are on their last leg, the link that the lower PeerId opened stays', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(2)
  const [a, b] = [bench.simulation.contactOf(0).id, bench.simulation.contactOf(1).id]
  const lower = Buffer.compare(a, b) < 0 ? 0 : 1
  for (const first of [0, 1]) {
    bench.open(first, 1 - first)
    bench.run(1)
    bench.open(1 - first, first)
    const log = bench.run(100)
    expect(log.find(line => line.includes('outbound'))).toContain(` ${lower} link-up`)
    bench.close(0, 1)
    bench.run(100)
  }
})

interface Held {
  readonly bench: ProbeBench
  readonly lower: number
  readonly higher: number
  cut(is: boolean): void
}

/** Both have opened, and the open of the higher one waits at the lower one, whose own is on its last leg. */
function held(first: 'lower' | 'higher', limits: Partial<SimulationLimits> = {}): Held {
  let isCut = false
  let lower = 0
  const bench: ProbeBench = new ProbeBench({
    network: {
      oneWayUs: () => 10_000,
      // Whoever opens first takes longer.
      dialUs: from => ((from === lower) === (first === 'lower') ? 60_000 : 30_000),
      usable: () => !isCut
    },
    limits
  }).nodes(2)
  const [a, b] = [bench.simulation.contactOf(0).id, bench.simulation.contactOf(1).id]
  lower = Buffer.compare(a, b) < 0 ? 0 : 1
  const opener = first === 'lower' ? lower : 1 - lower
  bench.open(opener, 1 - opener)
  const waitMs = first === 'lower' ? 25 : 35
  bench.run(waitMs)
  bench.open(1 - opener, opener)
  expect(bench.run(61 - waitMs - (first === 'lower' ? 5 : 0))).toEqual([])
  return {
    bench,
    lower,
    higher: 1 - lower,
    cut: is => {
      isCut = is
    }
  }
}

test('an open that waited for another one takes its place when that comes to nothing', () => {
  const { bench, lower, higher, cut } = held('lower')
  cut(true)
  bench.run(10)
  cut(false)
  expect(bench.run(20_000)).toEqual([
    `15000 ${lower} link-up ${higher} inbound`,
    `15010 ${higher} link-up ${lower} outbound`
  ])
})

test('where the open that waited finds no place, that of the other comes to nothing and says so', () => {
  const { bench, lower, higher, cut } = held('lower', { inboundLinksMax: 0 })
  cut(true)
  bench.run(10)
  cut(false)
  expect(bench.run(20_000)).toEqual([
    `15000 ${lower} unreachable ${higher}: No stream within the time for an open.`,
    `15010 ${higher} link-up ${lower} outbound`,
    `15010 ${higher} link-down ${lower} reset`
  ])
})

test('an open that waits for another one is refused when who opened that crashes, and not left waiting', () => {
  const { bench, lower, higher } = held('lower')
  bench.simulation.crash(lower)
  expect(bench.run(20_000)).toEqual([`66 ${higher} unreachable ${lower}: The connection was refused.`])
})

test('an open that waits for another one is given up in its time; that one then fails by itself', () => {
  const { bench, lower, higher, cut } = held('higher')
  cut(true)
  bench.run(10)
  cut(false)
  expect(bench.run(20_000)).toEqual([
    `15000 ${higher} unreachable ${lower}: No stream within the time for an open.`,
    `15035 ${lower} unreachable ${higher}: No stream within the time for an open.`
  ])
})

test('a peer that cannot be dialled, is not there or is silent is unreachable, each in its own time', () => {
  const network: NetworkModel = { oneWayUs: () => 10_000, dialUs: (_, to) => (to === 1 ? undefined : 40_000) }
  const bench = new ProbeBench({ network }).nodes(4)
  const missing = bench.simulation.addNode()
  bench.simulation.silence(2)
  bench.simulation.crash(3)
  for (const other of [1, 2, 3, missing]) bench.open(0, other)
  expect(bench.run(20_000)).toEqual([
    '20 0 unreachable 1: This peer cannot be dialled.',
    '50 0 unreachable 3: The connection was refused.',
    '50 0 unreachable 4: The connection was refused.',
    '15000 0 unreachable 2: No stream within the time for an open.'
  ])
  expect(bench.simulation.metrics.opensFailed).toBe(4)
})

test('a machine that opens itself, or a peer that nobody is, has failed', () => {
  for (const peer of [0, -1, 3, 1.5]) {
    const bench = new ProbeBench({ network: tenMs }).nodes(2)
    expect(() => bench.do(0, effects => effects.open(peer))).toThrow(/seed "probes" at 0 us, event 3/)
  }
})

test('linksMax: as many links as may be, and one past it', () => {
  const bench = new ProbeBench({ network: tenMs, limits: { linksMax: 2 } }).nodes(5)
  for (const other of [1, 2, 3]) bench.open(0, other)
  expect(bench.take()).toEqual(['0 0 unreachable 3: There is no place for another link.'])
  bench.run(100)
  expect(bench.simulation.linkedTo(0)).toEqual([2, 1])
  bench.open(4, 0)
  // As a host does: the stream is there, and is reset.
  expect(bench.run(100)).toEqual(['142 4 link-up 0 outbound', '142 4 link-down 0 reset'])
})

test('inboundLinksMax: as many strangers as may come, and one past it', () => {
  const bench = new ProbeBench({ network: tenMs, limits: { inboundLinksMax: 1 } }).nodes(4)
  bench.open(1, 0)
  bench.run(50)
  bench.open(2, 0)
  expect(bench.run(50)).toEqual(['92 2 link-up 0 outbound', '92 2 link-down 0 reset'])
  bench.open(0, 3)
  bench.run(50)
  expect(bench.simulation.linkedTo(0)).toEqual([3, 1])
})

test('a network that breaks links breaks both ends at once, after the time that it drew', () => {
  const network: NetworkModel = { oneWayUs: () => 10_000, resetAfterUs: () => 70_000 }
  const bench = new ProbeBench({ network }).nodes(2).linked(0, 1)
  bench.run(65)
  bench.send(0, 1, 'lost on its way')
  expect(bench.run(100)).toEqual(['70 0 link-down 1 reset', '70 1 link-down 0 reset'])
})

test('across a partition what was sent waits in its order and goes when it heals', () => {
  let isCut = false
  const network: NetworkModel = { oneWayUs: () => 10_000, usable: () => !isCut }
  const bench = new ProbeBench({ network }).nodes(2).linked(0, 1)
  bench.send(0, 1, 'before')
  isCut = true
  bench.send(0, 1, 'first')
  bench.run(2_500)
  isCut = false
  bench.send(0, 1, 'second')
  // Tried again every second.
  expect(bench.run(1_000)).toEqual(['3010 1 message 0 first', '3010 1 message 0 second'])
  isCut = true
  bench.send(0, 1, 'third')
  bench.close(0, 1)
  bench.take()
  bench.run(500)
  isCut = false
  expect(bench.run(1_000)).toEqual(['4510 1 message 0 third', '4510 1 link-down 0 closed'])
})

test('across a partition the urgent waits before what the same call sent', () => {
  let isCut = true
  const network: NetworkModel = { oneWayUs: () => 10_000, usable: () => !isCut }
  const bench = new ProbeBench({ network }).nodes(2).linked(0, 1)
  bench.send(0, 1, 'of an earlier call')
  const link = bench.link(0, 1)
  bench.do(0, effects => {
    effects.send(link, { text: 'idle', bytes: 5 }, 9)
    effects.send(link, { text: 'usual', bytes: 5 }, 5)
    effects.send(link, { text: 'urgent', bytes: 5 }, 0)
  })
  isCut = false
  expect(bench.run(2_000)).toEqual(
    ['of an earlier call', 'urgent', 'usual', 'idle'].map(text => `1010 1 message 0 ${text}`)
  )
})

test('a partition that lasts resets the link of who sent, and the other side learns it when it sends', () => {
  let isCut = false
  const network: NetworkModel = { oneWayUs: () => 10_000, usable: () => !isCut }
  const bench = new ProbeBench({ network, limits: { stallTimeoutUs: 5_000_000 } }).nodes(3).linked(0, 1)
  isCut = true
  bench.send(0, 1, 'never')
  bench.open(0, 2)
  expect(bench.run(20_000)).toEqual([
    '5000 0 link-down 1 reset',
    '15000 0 unreachable 2: No stream within the time for an open.'
  ])
  isCut = false
  bench.send(1, 0, 'are you there?')
  expect(bench.run(100)).toEqual(['20020 1 link-down 0 reset'])
  bench.open(0, 1)
  expect(bench.run(100)).toEqual(['20132 1 link-up 0 inbound', '20142 0 link-up 1 outbound'])
})

test('who comes back by a new link while the other side still holds the old one replaces it', () => {
  let isCut = false
  const network: NetworkModel = { oneWayUs: () => 10_000, usable: () => !isCut }
  const bench = new ProbeBench({ network, limits: { stallTimeoutUs: 5_000_000 } }).nodes(2).linked(0, 1)
  isCut = true
  bench.send(0, 1, 'never')
  bench.run(6_000)
  isCut = false
  bench.open(0, 1)
  expect(bench.run(100)).toEqual([
    '6032 1 link-down 0 duplicate',
    '6032 1 link-up 0 inbound',
    '6042 0 link-up 1 outbound'
  ])
  bench.send(1, 0, 'hello')
  expect(bench.run(100)).toEqual(['6110 0 message 1 hello'])
})

test('a model that gives no time fails the run', () => {
  const bench = new ProbeBench({ network: { oneWayUs: () => Number.NaN } }).nodes(2)
  expect(() => bench.open(0, 1)).toThrow(/the network says that it takes NaN us from 0 to 1/i)
})

test('a network with addresses says with each link where its other end is; one without says nothing', () => {
  const originOf = (node: NodeIndex): LinkOrigin => ({
    host: `11.0.${node}.1`,
    network: `11.0.${node}`,
    isRelayed: false,
    reach: 'public'
  })
  const told = (init: { readonly originOf?: typeof originOf }) => {
    const bench = new ProbeBench({ network: tenMs, ...init }).nodes(3)
    const origins: [NodeIndex, string | undefined][] = []
    bench.react = (node, input) => {
      if (input.type === 'link-up') origins.push([node, input.origin?.network])
    }
    bench.open(0, 1)
    bench.run(100)
    bench.linked(1, 2)
    bench.run(100)
    return origins
  }
  expect(told({ originOf })).toEqual([
    [1, '11.0.0'],
    [0, '11.0.1'],
    [1, '11.0.2'],
    [2, '11.0.1']
  ])
  expect(told({}).map(([, network]) => network)).toEqual(Array(4).fill(undefined))
})
