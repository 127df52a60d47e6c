/** What was announced a moment ago is found at once, at the members nearest to its key, within a bound of bytes of its own. */
import type { Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { expect, it } from 'vitest'
import {
  GOSSIP_TUPLES_MAX,
  PREFIX_BYTES,
  RENDEZVOUS_BURST_BYTES,
  RENDEZVOUS_BYTES_PER_S,
  RENDEZVOUS_MEMBERS,
  RENDEZVOUS_PEERS_MAX,
  RENDEZVOUS_PER_PEER_MAX
} from '../src/constants.ts'
import { gossipRound } from '../src/gossip.ts'
import { Draft } from '../src/gossip-draft.ts'
import { enter, keepTuple } from '../src/intake.ts'
import type { KelipsQuestion, KelipsTypes } from '../src/machine.ts'
import type { Gossip, KelipsMessage, PeerTuple } from '../src/messages.ts'
import { nearestMembers, nearestOthers } from '../src/nearest.ts'
import { tellNearest } from '../src/rendezvous.ts'
import { kelipsCodec } from '../src/wire.ts'
import { groupByteLength } from '../src/wire-group.ts'
import { lifeOf, lone, tupleOf } from './support/lone.ts'
import { answerOf, KelipsNetwork } from './support/network.ts'
import { keyOf, Workload } from './support/workload.ts'

const SECOND_US = 1_000_000
const MEMBERS = 12

function withMembers(members = MEMBERS) {
  const own = lone()
  const { kelips } = own
  for (let number = 1; number <= members; number += 1)
    enter(kelips, kelips.peers.intern(testContact(number)) as Peer, lifeOf(number))
  const provider = 1 as Peer
  const keep = (serial: number) => {
    const tuple = tupleOf(provider, serial, { prefix: keyOf(`${serial}`).slice(0, PREFIX_BYTES) })
    expect(keepTuple(kelips, tuple)).toBe('kept')
    return tuple
  }
  return { ...own, provider, keep }
}

it('the nearest are those with the fewest bits apart, and never the provider itself', () => {
  const { kelips, fx, sent, provider, keep } = withMembers()
  for (let serial = 1; serial <= 20; serial += 1) {
    const tuple = keep(serial)
    const ranked = nearestMembers(kelips, tuple.prefix, MEMBERS + 1).filter(peer => peer !== 0)
    expect(nearestOthers(kelips, tuple.prefix, 3)).toEqual(ranked.slice(0, 3))
    expect(nearestOthers(kelips, tuple.prefix, 2, ranked[0])).toEqual(ranked.slice(1, 3))
    sent.length = 0
    kelips.rendezvousTold.clear()
    tellNearest(kelips, [tuple], fx)
    const told = ranked.slice(0, RENDEZVOUS_MEMBERS).filter(peer => peer !== provider)
    expect(sent.map(({ peer }) => peer)).toEqual(told)
    for (const { message } of sent)
      expect((message as Gossip).tuples.map(({ prefix }) => prefix)).toEqual([tuple.prefix])
  }
})

it('one message for each of them, however many tuples there are, and none of what is not kept here', () => {
  const { kelips, fx, sent, keep } = withMembers()
  const tuples = Array.from({ length: 16 }, (_, at) => keep(at + 1))
  tellNearest(kelips, [...tuples, tupleOf(2 as Peer, 99)], fx)
  const told = sent.map(({ peer }) => peer)
  expect(new Set(told).size).toBe(told.length)
  const prefixes = sent.flatMap(({ message }) => (message as Gossip).tuples.map(({ prefix }) => `${prefix}`))
  expect(new Set(prefixes)).toEqual(new Set(tuples.map(({ prefix }) => `${prefix}`)))
})

it.each([RENDEZVOUS_PEERS_MAX, RENDEZVOUS_PEERS_MAX + 1])(
  `of %i nearest RENDEZVOUS_PEERS_MAX are told`,
  count => {
    const { kelips, fx, sent, keep } = withMembers(400)
    const tuples: PeerTuple[] = []
    const nearest = new Set<Peer>()
    for (let serial = 1; nearest.size < count; serial += 1) {
      const tuple = keep(serial)
      const own = nearestOthers(kelips, tuple.prefix, RENDEZVOUS_MEMBERS).filter(peer => peer !== 1)
      if (nearest.size + own.filter(peer => !nearest.has(peer)).length > count) continue
      for (const peer of own) nearest.add(peer)
      tuples.push(tuple)
    }
    tellNearest(kelips, tuples, fx)
    expect(sent).toHaveLength(RENDEZVOUS_PEERS_MAX)
  }
)

it('what does not fit into one message goes in the next, and every message is one that its reader takes', () => {
  const { kelips, fx, sent, keep } = withMembers(3)
  const tuples = Array.from({ length: 2 * GOSSIP_TUPLES_MAX }, (_, at) => keep(at + 1))
  tellNearest(kelips, tuples, fx)
  const codec = kelipsCodec.open('initiator')
  for (const { message } of sent) {
    expect((message as Gossip).tuples.length).toBeLessThanOrEqual(GOSSIP_TUPLES_MAX)
    const read: KelipsMessage[] = []
    kelipsCodec.open('responder').decode(codec.encode(message), one => void read.push(one))
    expect(read).toHaveLength(1)
  }
  const prefixes = sent.flatMap(({ message }) => (message as Gossip).tuples.map(({ prefix }) => `${prefix}`))
  expect(new Set(prefixes)).toEqual(new Set(tuples.map(({ prefix }) => `${prefix}`)))
})

it.each([GOSSIP_TUPLES_MAX, GOSSIP_TUPLES_MAX + 1])('of %i tuples a message has GOSSIP_TUPLES_MAX', count => {
  const { kelips, keep } = withMembers()
  const draft = new Draft(kelips)
  for (let serial = 1; serial <= count; serial += 1) {
    keep(serial)
    expect(draft.tuple(serial - 1, false)).toBe(serial <= GOSSIP_TUPLES_MAX)
  }
  expect(draft.tuples).toHaveLength(GOSSIP_TUPLES_MAX)
})

it(`RENDEZVOUS_PER_PEER_MAX messages go to one member in a round, and not one more`, () => {
  const { kelips, fx, sent, keep } = withMembers(2)
  const tuple = keep(1)
  const tell = (times: number) => {
    sent.length = 0
    for (let time = 0; time < times; time += 1) tellNearest(kelips, [tuple], fx)
    return sent.length
  }
  expect(tell(RENDEZVOUS_PER_PEER_MAX)).toBe(RENDEZVOUS_PER_PEER_MAX)
  expect(tell(1)).toBe(0)
  gossipRound(kelips, fx)
  expect(tell(1)).toBe(1)
})

it(`no more than ${RENDEZVOUS_BURST_BYTES} bytes go at once, and ${RENDEZVOUS_BYTES_PER_S} a second; gossip has its own`, () => {
  const { kelips, fx, sent, keep } = withMembers()
  const gossip = kelips.gossipBudget.waitMs(kelips.gossipBudget.capacity, kelips.nowMs)
  const tuple = keep(1)
  const tellUntilFull = () => {
    sent.length = 0
    for (let time = 0; time < 1000; time += 1) {
      kelips.rendezvousTold.clear()
      tellNearest(kelips, [tuple], fx)
    }
    return sent.reduce((sum, { message }) => sum + groupByteLength(message as Gossip), 0)
  }
  const bytes = tellUntilFull()
  const one = groupByteLength(sent[0]!.message as Gossip)
  expect(bytes).toBeLessThanOrEqual(RENDEZVOUS_BURST_BYTES)
  expect(bytes).toBeGreaterThan(RENDEZVOUS_BURST_BYTES - one)
  kelips.nowMs += 1000
  expect(tellUntilFull()).toBeLessThan(RENDEZVOUS_BYTES_PER_S + one)
  expect(kelips.gossipBudget.waitMs(kelips.gossipBudget.capacity, kelips.nowMs)).toBe(gossip)
})

/** As long as Ed25519's. */
function signing(question: KelipsQuestion): KelipsTypes['answer'] {
  const answer = answerOf(question)
  return answer.type === 'signed'
    ? { ...answer, signatures: answer.signatures.map(() => new Uint8Array(64)) }
    : answer
}

it('of 64 who announce four contents each within two seconds, each is found in the second after', () => {
  const network = new KelipsNetwork({
    seed: 'found at once',
    settings: { groups: 4 },
    simulation: { answer: signing, network: { oneWayUs: () => 500 } }
  })
  const work = new Workload(network)
  const { simulation } = network
  const nodes = network.startIdeal(64, 2)
  simulation.runFor(20 * SECOND_US)
  const contents = nodes.flatMap(node =>
    Array.from({ length: 4 }, (_, at) => ({ node, key: keyOf(`${node} ${at}`) }))
  )
  for (const { node, key } of contents) {
    work.publish(node, work.record(node, 'provider', key))
    simulation.runFor(8000)
  }
  const asked = contents.map(({ key }) =>
    work.give(work.anybody(), { type: 'fetch', kind: 'provider', key, limit: 1 })
  )
  const known = nodes.reduce((sum, node) => sum + network.machine(node).state.tuples.size, 0)
  simulation.runFor(SECOND_US)
  // Gossip has hardly begun.
  expect(known / (contents.length * 16)).toBeLessThan(0.6)
  expect(work.providersOf(asked)).toEqual(contents.map(({ node }) => [node]))
})
