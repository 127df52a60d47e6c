/** How a host treats its machine: one input at a time, and a machine that fails stops alone. */

import { CONTACT_ADDRESSES_MAX, NO_PEER, PeerInterner } from '@servent/overlay'
import { describe, expect, test } from 'vitest'
import { contactOf } from '../src/index.ts'
import { MESSAGE_TYPES_MAX } from '../src/limits.ts'
import { MachineRunner } from '../src/machine-runner.ts'
import { FakeNetwork } from '../src/testing.ts'
import { addPuppet, hostPuppet, transcriptOf } from './support/fakes.ts'
import {
  blob,
  bodyOf,
  Puppet,
  type PuppetEffects,
  type PuppetInput,
  type PuppetTypes,
  text
} from './support/puppet.ts'

describe('a machine is never re-entered', () => {
  test('what effects bring about at once comes after the call that asked for them, in order', async () => {
    const network = new FakeNetwork()
    const a = await addPuppet(network, 'a', 1, {
      limits: { queueBytesMax: 100, queueBytesHigh: 80, queueBytesLow: 10 }
    })
    const b = await addPuppet(network, 'b', 2)
    a.open(b)
    await network.runFor(100)
    const { link } = a.puppet.of('link-up')[0]!
    const seen: string[] = []
    let depth = 0
    a.puppet.react = (input, effects) => {
      expect(depth).toBe(0)
      depth += 1
      seen.push(input.type)
      if (input.type === 'pressure') effects.notify('told of the pressure')
      depth -= 1
    }
    a.act(effects => {
      depth += 1
      effects.send(link, blob('m', 200), 0)
      effects.notify('sent')
      depth -= 1
    })
    expect(seen).toEqual(['pressure', 'link-down'])
  })

  test('a command from within a notice comes after what the machine is doing', async () => {
    const network = new FakeNetwork()
    const order: string[] = []
    let again = () => {}
    const a = await addPuppet(network, 'a', 1, {
      onNotice: notice => {
        order.push(notice)
        if (notice === 'first') again()
      }
    })
    again = () => a.act(effects => effects.notify('from within'))
    a.act(effects => {
      effects.notify('first')
      effects.notify('second')
    })
    expect(order).toEqual(['first', 'second', 'from within'])
  })

  test('time stands still during one call, and chance is what the host was given', async () => {
    const network = new FakeNetwork()
    let drawn = 0
    const a = await addPuppet(network, 'a', 1, {
      random: () => {
        drawn += 1
        return drawn
      }
    })
    await network.runFor(1_234)
    a.act(effects => {
      expect(effects.nowMs()).toBe(1_234)
      expect(effects.wallMs()).toBe(Date.UTC(2026, 0, 1) + 1_234)
      expect([effects.random(), effects.random()]).toEqual([1, 2])
    })
  })

  test('a timer fires once, setting it again replaces it, and a cancelled one never fires', async () => {
    const network = new FakeNetwork()
    const a = await addPuppet(network, 'a', 1)
    a.act(effects => {
      effects.setTimer('twice', 10)
      effects.setTimer('twice', 50)
      effects.setTimer(7, 20)
      effects.setTimer('never', 30)
    })
    a.act(effects => effects.cancelTimer('never'))
    await network.runFor(49)
    expect(a.puppet.of('timer')).toEqual([{ type: 'timer', timer: 7 }])
    await network.runFor(1_000)
    expect(a.puppet.of('timer').map(({ timer }) => timer)).toEqual([7, 'twice'])
  })
})

describe('a machine that breaks its contract', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('an assertion: the table is full')
      },
      'an assertion: the table is full'
    ],
    [
      'sends with a priority past the last',
      (effects: PuppetEffects) => effects.send(1, text('m'), 32),
      'A priority is a whole number from 0 to 31'
    ],
    [
      'sets a timer in the past',
      (effects: PuppetEffects) => effects.setTimer('t', -1),
      'a time is 0 or more'
    ],
    ['opens itself', (effects: PuppetEffects) => effects.open(0), 'opens peers that it knows'],
    [
      'opens a peer that nobody knows',
      (effects: PuppetEffects) => effects.open(999),
      'opens peers that it knows'
    ]
  ])('%s: its overlay stops with a report, others and the process go on', async (_what, command, why) => {
    const network = new FakeNetwork()
    const failures: string[] = []
    const a = await addPuppet(network, 'a', 1, { onFailure: failure => failures.push(failure) })
    const b = await addPuppet(network, 'b', 2)
    a.open(b)
    await network.runFor(100)
    const calls = a.puppet.inputs.length

    a.act(command)
    expect(a.host.state).toBe('failed')
    expect(a.host.failure).toContain(why)
    expect(failures).toEqual([a.host.failure])
    expect(a.host.links()).toHaveLength(0)
    expect(() => a.act(() => {})).toThrow('The gnutella overlay has failed.')

    await network.runFor(1_000)
    // Nothing reached it afterwards, its neighbour is told, and nobody can open a link to it.
    expect(a.puppet.inputs.length).toBe(calls + 1)
    expect(b.puppet.of('link-down')).toMatchObject([{ end: { kind: 'reset' } }])
    b.open(a)
    await network.runFor(1_000)
    expect(b.puppet.of('unreachable')).toHaveLength(1)
    await network.finish(a.host.stop())
    expect(a.host.state).toBe('failed')
  })

  test('effects of the call that failed are not carried out', async () => {
    const network = new FakeNetwork()
    const notices: string[] = []
    const a = await addPuppet(network, 'a', 1, { onNotice: notice => notices.push(notice) })
    a.act(effects => {
      effects.notify('half of the truth')
      throw new Error('broken')
    })
    expect(notices).toEqual([])
  })

  test('a notice that its service fails to take does not stop the overlay', async () => {
    const network = new FakeNetwork()
    const a = await addPuppet(network, 'a', 1, {
      onNotice: () => {
        throw new Error('the service is at fault')
      }
    })
    a.act(effects => effects.notify('anything'))
    expect(a.host.state).toBe('running')
    expect(a.host.counters.noticesFailed).toBe(1)
  })

  test('a message that cannot be encoded ends its link, since what follows would not be what was sent', async () => {
    const network = new FakeNetwork()
    const [a, b] = await Promise.all([addPuppet(network, 'a', 1), addPuppet(network, 'b', 2)])
    a.open(b)
    await network.runFor(100)
    a.act(effects => effects.send(1, text('!'), 0))
    expect(a.puppet.of('link-down')).toMatchObject([
      { end: { kind: 'reset', message: 'This type cannot be encoded.' } }
    ])
    expect(a.host.state).toBe('running')
  })
})

test.each([
  ['a queue without a low mark', { queueBytesLow: 0 }],
  ['a queue whose high mark is over its end', { queueBytesHigh: 10, queueBytesMax: 9, queueBytesLow: 1 }],
  ['no links', { linksMax: 0 }],
  ['half a dial', { opensMax: 0.5 }],
  ['a rate of nothing', { inboundBytesPerSecond: 0 }]
])('limits that cannot work are refused before anything starts: %s', async (_what, limits) => {
  const network = new FakeNetwork()
  await expect(addPuppet(network, 'a', 1, { limits })).rejects.toThrow(RangeError)
})

describe('peers', () => {
  test('a crowded table forgets who is neither held nor linked nor waited for', () => {
    const puppet = new Puppet()
    const self = { id: Uint8Array.of(0), addresses: [] }
    const peers = new PeerInterner(() => self, { peersMax: 16 })
    const runner = new MachineRunner<PuppetTypes>({
      machine: puppet,
      peers,
      clock: { nowMs: () => 0, wallMs: () => 0, setTimeout: () => 0, clearTimeout: () => {} },
      random: () => 0,
      carryOut: () => {},
      holdPeers: hold => hold(peers.find(Uint8Array.of(2))!),
      onIdle: () => {},
      onFailure: failure => expect.unreachable(failure)
    })
    const meet = (name: number) => {
      const peer = peers.intern({ id: Uint8Array.of(name), addresses: [] })
      if (name === 1) puppet.held.add(peer)
      runner.dispatch({ type: 'contact', peer } as PuppetInput)
      return peer
    }
    for (let name = 1; name <= 40; name += 1) expect(meet(name)).not.toBe(NO_PEER)
    expect(peers.find(Uint8Array.of(1))).toBeDefined()
    expect(peers.find(Uint8Array.of(2))).toBeDefined()
    expect(peers.find(Uint8Array.of(3))).toBeUndefined()
    expect(peers.size).toBeLessThanOrEqual(16)
  })

  test('a peer in an input that waits is not forgotten before the machine has seen it', () => {
    const puppet = new Puppet()
    const peers = new PeerInterner(() => ({ id: Uint8Array.of(0), addresses: [] }), { peersMax: 4 })
    const runner: MachineRunner<PuppetTypes> = new MachineRunner<PuppetTypes>({
      machine: puppet,
      peers,
      clock: { nowMs: () => 0, wallMs: () => 0, setTimeout: () => 0, clearTimeout: () => {} },
      random: () => 0,
      // Carrying out the effects of one input brings news of four peers, and fills the table.
      carryOut: () => {
        for (const name of [1, 2, 3, 4]) {
          runner.dispatch({ type: 'contact', peer: peers.intern({ id: Uint8Array.of(name), addresses: [] }) })
        }
      },
      holdPeers: () => {},
      onIdle: () => {},
      onFailure: failure => expect.unreachable(failure)
    })
    const known: boolean[] = []
    puppet.react = (input, effects) => {
      if (input.type === 'start') effects.notify('go')
      if (input.type === 'contact') known.push(peers.has(input.peer))
    }
    runner.dispatch({ type: 'start', saved: new Map() })
    expect(known).toEqual([true, true, true, true])
  })

  test('discovery and topologies become contacts; a peer with a link does not', async () => {
    const network = new FakeNetwork()
    const [a, b] = await Promise.all([addPuppet(network, 'a', 1), addPuppet(network, 'b', 2)])
    network.discover(a.node, b.node)
    const { peer } = a.puppet.of('contact')[0]!
    expect(a.host.peerIdOf(peer)?.equals(b.node.peerId)).toBe(true)
    await network.finish(a.node.components.connectionManager.openConnection([...b.node.addresses]))
    await network.runFor(100)
    expect(b.puppet.of('contact')).toHaveLength(1)
    a.open(b)
    await network.runFor(100)
    const told = a.puppet.of('contact').length
    network.discover(a.node, b.node)
    expect(a.puppet.of('contact')).toHaveLength(told)
  })

  test('a peer that opens a link is known with the addresses that identify told', async () => {
    const network = new FakeNetwork()
    const [a, b] = await Promise.all([addPuppet(network, 'a', 1), addPuppet(network, 'b', 2)])
    a.open(b)
    await network.runFor(1_000)
    b.act(effects => {
      const { peer } = b.puppet.of('link-up')[0]!
      expect(effects.peers.contact(peer)).toMatchObject(contactOf(a.node.peerId, [...a.node.addresses]))
      expect(effects.peers.contact(0)).toEqual(b.host.selfContact())
    })
  })

  test('no junk of others displaces what identify told or the user gave', async () => {
    const network = new FakeNetwork()
    const a = await addPuppet(network, 'a', 1)
    const b = await addPuppet(network, 'b', 2)
    const c = await addPuppet(network, 'c', 3)
    a.open(b)
    b.host.addContact(c.node.peerId, [...c.node.addresses])
    await network.runFor(1_000)
    b.act(({ peers }) => {
      const addresses = Array.from({ length: CONTACT_ADDRESSES_MAX }, (_, at) =>
        Uint8Array.of(4, 10, 0, 0, at)
      )
      for (const { node } of [a, c]) {
        const own = contactOf(node.peerId, [...node.addresses])
        const poisoned = peers.contact(peers.intern({ ...own, addresses }))
        expect(poisoned.addresses.slice(0, own.addresses.length)).toEqual(own.addresses)
        expect(poisoned.addresses).toHaveLength(CONTACT_ADDRESSES_MAX)
      }
    })
  })

  test('so is one that takes no links itself, and of which therefore no topology tells', async () => {
    const network = new FakeNetwork()
    const a = await addPuppet(network, 'a', 1, { acceptInbound: false })
    const b = await addPuppet(network, 'b', 2)
    await network.finish(a.node.components.connectionManager.openConnection([...b.node.addresses]))
    await network.runFor(1_000)
    expect(b.puppet.of('contact')).toHaveLength(0)
    a.open(b)
    await network.runFor(1_000)
    b.act(effects => {
      const { peer } = b.puppet.of('link-up')[0]!
      expect(effects.peers.contact(peer)).toMatchObject(contactOf(a.node.peerId, [...a.node.addresses]))
    })
  })

  test('a node that is taken away tells nobody of it, though its machine hears that its links break', async () => {
    const network = new FakeNetwork()
    const [a, b, gone] = await Promise.all(
      ['a', 'b', 'gone'].map((name, place) => addPuppet(network, name, place + 1))
    )
    for (const other of [a!, b!]) gone!.open(other)
    await network.runFor(100)
    const links = gone!.puppet.of('link-up').map(({ link }) => link)
    gone!.puppet.react = (input, effects) => {
      if (input.type === 'link-down') for (const link of links) effects.send(link, text('m', 'help'), 0)
    }
    gone!.act(effects => effects.send(links[0]!, text('m', 'sent before'), 0))
    network.remove(gone!.node)
    await network.runFor(100)
    expect(gone!.puppet.of('link-down')).toHaveLength(2)
    for (const other of [a!, b!]) expect(other.puppet.of('link-down')).toHaveLength(1)
    const heard = [a!, b!].flatMap(({ puppet }) => puppet.of('message').map(({ message }) => bodyOf(message)))
    expect(heard).toEqual(['sent before'])
  })

  test('a peer that is opened and opens at the same time is no news', async () => {
    // Identify tells of nobody within this test.
    const network = new FakeNetwork({ identifyDelays: 100 })
    const [a, b] = await Promise.all([addPuppet(network, 'a', 1), addPuppet(network, 'b', 2)])
    await network.finish(a.node.components.connectionManager.openConnection([...b.node.addresses]))
    // Both negotiate: the stream of one of them waits at the other, and is dropped then.
    a.open(b)
    b.open(a)
    await network.runFor(100)
    const refused = (a.host.counters.inboundRefused ?? 0) + (b.host.counters.inboundRefused ?? 0)
    expect(refused).toBe(1)
    // Each was told by `open` of the test, and by nothing else.
    expect([a, b].map(({ puppet }) => puppet.of('contact').length)).toEqual([1, 1])
    expect([a, b].map(({ puppet }) => puppet.of('link-up').length)).toEqual([1, 1])
  })

  test('neighbours are protected from pruning while their link is up, and not afterwards', async () => {
    const network = new FakeNetwork()
    const [a, b] = await Promise.all([addPuppet(network, 'a', 1), addPuppet(network, 'b', 2)])
    a.open(b)
    await network.runFor(100)
    const tags = async () => [...(await a.node.components.peerStore.get(b.node.peerId)).tags]
    expect(await tags()).toEqual([['servent-gnutella', { value: 50 }]])
    a.act(effects => effects.close(1, 'enough'))
    await network.runFor(100)
    expect(await tags()).toEqual([])
  })
})

test('metrics are pulled: messages and bytes by type, what happened, what is true now', async () => {
  const network = new FakeNetwork()
  const read = new Map<string, () => Record<string, number>>()
  const register = (name: string, options: { calculate: () => Record<string, number> }) =>
    read.set(name, options.calculate)
  const node = await network.addNode({ name: 'a', seed: 1 })
  Object.assign(node.components, {
    metrics: { registerCounterGroup: register, registerMetricGroup: register }
  })
  const a = await hostPuppet(network, node)
  const b = await addPuppet(network, 'b', 2)
  a.open(b)
  await network.runFor(100)
  a.act(effects => {
    effects.send(1, text('q', '12345'), 0)
    effects.send(1, text('q', '1'), 0)
    effects.send(1, text('p'), 0)
  })
  expect(read.get('servent_gnutella_sent_messages_total')!()).toEqual({ q: 2, p: 1 })
  expect(read.get('servent_gnutella_sent_bytes_total')!()).toEqual({ q: 16, p: 5 })
  expect(read.get('servent_gnutella_received_messages_total')!()).toEqual({ q: 0, p: 0 })
  expect(read.get('servent_gnutella_events_total')!()).toMatchObject({ linksOpened: 1, messagesDropped: 0 })
  expect(read.get('servent_gnutella_state')!()).toMatchObject({
    links: 1,
    inboundLinks: 0,
    queueBytes: 0,
    opening: 0
  })
})

test('a codec with ever new words for its messages does not make the counts grow', async () => {
  const network = new FakeNetwork()
  const [a, b] = await Promise.all([addPuppet(network, 'a', 1), addPuppet(network, 'b', 2)])
  a.open(b)
  await network.runFor(100)
  for (let type = 0; type < 80; type += 1)
    a.act(effects => effects.send(1, text(String.fromCharCode(0x41 + type)), 0))
  const types = Object.keys(a.host.counters).filter(name => /^sent\..*\.messages$/.test(name))
  expect(types).toHaveLength(MESSAGE_TYPES_MAX + 1)
  expect(a.host.counters['sent.other.messages']).toBe(16)
})

test('a transcript tells each input with its effects', async () => {
  const network = new FakeNetwork()
  const puppets: Awaited<ReturnType<typeof addPuppet>>[] = []
  const transcript = transcriptOf(() => puppets)
  for (const [name, seed] of [
    ['a', 1],
    ['b', 2]
  ] as const) {
    puppets.push(await addPuppet(network, name, seed, { trace: transcript.tap(name) }))
  }
  transcript.clear()
  const [a, b] = puppets as [(typeof puppets)[0], (typeof puppets)[0]]
  a.open(b)
  await network.runFor(60)
  a.act(effects => effects.send(1, text('q', 'hello'), 3))
  await network.runFor(10)
  const origin = 'origin={host: "127.0.0.1", isRelayed: false, network: "127.0.0/24", reach: "loopback"}'
  expect(transcript.text()).toBe(`      0 a contact peer=b
      0 a command id=1 command=function
        a   -> open peer=b
     50 b link-up link=1 peer=a inbound=true ${origin}
     60 a contact peer=b
     60 a link-up link=1 peer=b inbound=false ${origin}
     60 a command id=2 command=function
        a   -> send link=1 message={body: <68656c6c6f>, type: "q"} priority=3
     70 b message link=1 message={body: <68656c6c6f>, type: "q"}
`)
})
