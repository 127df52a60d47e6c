import { afterEach, expect, test } from 'vitest'
import { act, link, send, startNode, stopAll } from './support/nodes.ts'
import { bodyOf, text } from './support/puppet.ts'

afterEach(stopAll)

test('a message goes out on a link and comes in decoded at the other end, and back', async () => {
  const [alice, bob] = await Promise.all([startNode(), startNode()])
  bob.puppet.react = (input, effects) => {
    if (input.type === 'message') effects.send(input.link, text('p', `echo of ${bodyOf(input.message)}`), 0)
  }

  const { out } = await link(alice, bob)
  send(alice, out, text('q', 'hello'))

  const back = await alice.puppet.until('message')
  expect(bodyOf(back.message)).toBe('echo of hello')
  expect(alice.host.links()).toMatchObject([
    { inbound: false, sentMessages: 1, receivedMessages: 1, queueBytes: 0 }
  ])
  expect(bob.host.links()).toMatchObject([{ inbound: true, peerId: alice.libp2p.peerId.toString() }])
  expect(alice.host.counters).toMatchObject({
    'sent.q.messages': 1,
    'received.p.messages': 1,
    'sent.q.bytes': 10
  })
})

test('stop says goodbye: what the machine sends in answer to stop arrives before the link ends', async () => {
  const [alice, bob] = await Promise.all([startNode(), startNode()])
  const { out, in: inbound } = await link(alice, bob)
  alice.puppet.react = (input, effects) => {
    if (input.type === 'stop') effects.send(out, text('b', 'bye'), 0)
  }

  await alice.stop()

  const down = await bob.puppet.until('link-down')
  expect(down).toMatchObject({ link: inbound, end: { kind: 'closed' } })
  expect(bob.puppet.of('message').map(({ message }) => bodyOf(message))).toEqual(['bye'])
  expect(alice.puppet.inputs.at(-1)).toEqual({ type: 'stop' })
  expect(alice.host.state).toBe('stopped')
  expect(() => act(alice, () => {})).toThrow('The gnutella overlay is stopped.')
})
