/** Adapters against what they measure: truth, paths, costs. */

import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { ChordMachine, CORRECT_CHORD } from '@servent/chord/machine'
import { encodeRecord, sealRecord } from '@servent/overlay'
import { betweenRightClosed, compareKeys, type Key } from '@servent/overlay/machine'
import { failShare, type NodeIndex } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import type { LookupOutcome, SearchOutcome } from '../src/deployment.ts'
import { ChordDeployment } from '../src/overlays/chord.ts'
import { contactBytes, idsIn } from '../src/overlays/contacts.ts'
import { ENVELOPE_BYTES } from '../src/overlays/file-records.ts'
import { gnutella } from '../src/overlays/gnutella.ts'
import { LookupPath } from '../src/overlays/lookup-path.ts'
import type { LookupAsk } from '../src/world.ts'
import { lookUpAll, type Net, net, world } from './support/net.ts'

const STYLES = ['semi-recursive', 'recursive', 'iterative'] as const

/** Chord's rule (ToN, figure 5) followed by hand through the tables of a quiet ring. */
function pathByTables(
  { simulation }: ChordDeployment,
  { places }: Net,
  { chooser, key }: LookupAsk
): Pick<LookupOutcome, 'hops' | 'hopsAsPublished'> {
  const keyOf = (node: NodeIndex): Key => simulation.keyOf(node)
  const ring = simulation.aliveNodes().toSorted((a, b) => compareKeys(keyOf(a), keyOf(b)))
  const at = ring.findIndex(node => compareKeys(keyOf(node), key) >= 0)
  const root = ring[Math.max(at, 0)]!
  const before = ring.at((at === -1 ? 0 : at) - 1)!
  let node = places.choose(chooser, () => true)!
  let from = node
  let hops = 0
  while (node !== root) {
    const { successors, fingers } = simulation.machine(node).snapshot().places[0]!
    const own = [...fingers, ...successors].map(({ peer }) => simulation.nodeOfPeer(node, peer))
    const listed = successors.map(({ peer }) => simulation.nodeOfPeer(node, peer))
    // The nearest before the key, unless the list has the root itself.
    const nearest = own.reduce(
      (best, one) => (one !== root && betweenRightClosed(keyOf(one), keyOf(best), key) ? one : best),
      node
    )
    from = node
    node = listed.includes(root) ? root : nearest
    hops += 1
  }
  return { hops, hopsAsPublished: hops === 0 ? 0 : from === before ? hops - 1 : hops }
}

describe('Chord', () => {
  it('is right by the truth, and each lookup costs what its path says', () => {
    const ring = net('chord', init => new ChordDeployment(init), { 'chord.proximity': 'off' })
    const expected = world.lookups.map(ask => pathByTables(ring.deployment as ChordDeployment, ring, ask))
    const outcomes = lookUpAll(ring)
    expect(outcomes).toHaveLength(40)
    expect(outcomes.map(({ hops, hopsAsPublished }) => ({ hops, hopsAsPublished }))).toEqual(expected)
    for (const { status, hops, cost, timeouts } of outcomes) {
      expect(status).toBe('correct')
      expect(timeouts).toBe(0)
      // Each step and its acknowledgement, and the answer: straight over a link that is up, or along the path, where
      // it is the last acknowledgement too.
      expect([2 * hops + 1, 3 * hops - 1]).toContain(hops === 0 ? cost.messages + 1 : cost.messages)
    }
  })

  it('the three styles take the same steps, and are counted alike', () => {
    const [first, ...others] = STYLES.map(style =>
      lookUpAll(
        net('chord', init => new ChordDeployment(init), { 'chord.proximity': 'off', 'chord.style': style })
      ).map(({ status, hops, hopsAsPublished, found }) => ({ status, hops, hopsAsPublished, found }))
    )
    expect(first!.filter(({ hops, hopsAsPublished }) => hops === hopsAsPublished).length).toBeGreaterThan(0)
    for (const other of others) expect(other).toEqual(first)
  })

  it.each(STYLES.flatMap(style => [0, 0.3].map(failures => [style, failures] as const)))(
    'a %s lookup costs what was sent for it and nothing else, with %f dead, first or last',
    (style, failures) => {
      const ring = () => {
        const made = net(
          'chord',
          init => new ChordDeployment(init),
          { 'chord.proximity': 'off', 'chord.style': style, 'chord.successors': 12 },
          { nodes: 150, frozen: true }
        )
        made.deployment.freeze()
        failShare(made.peers, failures)
        made.deployment.simulation.runFor(60_000_000)
        return made
      }
      const whole = ring()
      const { metrics } = whole.deployment.simulation
      const before = metrics.messages
      const outcomes = lookUpAll(whole)
      const sent = outcomes.reduce((sum, { cost }) => sum + cost.messages, 0)
      expect(sent).toBe(metrics.messages - before)
      expect(outcomes.every(({ status }) => status === 'correct')).toBe(true)
      const timeouts = outcomes.map(outcome => outcome.timeouts!)
      expect(timeouts.some(count => count > 0)).toBe(failures > 0)
      // The last one meets what it would have met alone.
      const [alone] = lookUpAll(ring(), world.lookups.slice(-1))
      const last = outcomes.at(-1)!
      expect({ ...alone, cost: { ...alone!.cost } }).toEqual({ ...last, cost: { ...last.cost } })
    }
  )

  it('finds files by two of their words at the homes of the words, once they are announced', () => {
    const { deployment, places } = net('chord', init => new ChordDeployment(init))
    const { metrics } = deployment.simulation
    let published: { messages: number; stored: number; all: number } | undefined
    const before = metrics.messages
    deployment.publish!(({ messages }) => {
      const { store, stored } = metrics.byType()
      published = { messages, stored: store!.messages + stored!.messages, all: metrics.messages - before }
    })
    deployment.simulation.runFor(60_000_000)
    // Records and the lookups for them, and not the upkeep of that time.
    expect(published!.messages).toBeGreaterThan(published!.stored)
    expect(published!.messages).toBeLessThan(published!.all)
    const outcomes: SearchOutcome[] = []
    for (const ask of world.searches)
      outcomes.push(deployment.search!(places.choose(ask.chooser, () => true)!, ask, () => {}))
    deployment.simulation.runFor(20_000_000)
    for (const { asked, found, right, wanted, cost, firstHitUs } of outcomes) {
      const { messages, bytes } = cost
      expect({ asked, found, right }).toEqual({ asked: true, found: wanted, right: wanted })
      expect(firstHitUs === undefined).toBe(wanted === 0)
      // Two lookups, two counts, and the pages of one: far fewer than peers.
      expect(messages).toBeGreaterThan(2)
      expect(messages).toBeLessThan(60)
      expect(bytes).toBeGreaterThan(20 * messages)
    }
  })

  it('a machine that claims keys which are another’s is found out, whatever it says', () => {
    const liar = net(
      'chord',
      init =>
        new ChordDeployment(
          init,
          settings =>
            new ChordMachine(settings, {
              ...CORRECT_CHORD,
              rootOf: (ring, key, silent) =>
                ring.mode === 'ring'
                  ? { from: key.map(byte => byte ^ 1), to: key }
                  : CORRECT_CHORD.rootOf(ring, key, silent)
            })
        )
    )
    const wrong = lookUpAll(liar).filter(({ status }) => status === 'incorrect')
    expect(wrong.length).toBeGreaterThan(30)
  })

  it('has one place for each virtual node, and counts the entries of all of them', () => {
    const one = net('chord', init => new ChordDeployment(init))
    const four = net('chord', init => new ChordDeployment(init), { 'chord.virtual-nodes': 4 })
    expect(lookUpAll(four).every(({ status }) => status === 'correct')).toBe(true)
    expect(four.deployment.state(0).entries).toBeGreaterThan(3 * one.deployment.state(0).entries)
    const contact = contactBytes(one.deployment.simulation.contactOf(1))
    expect(one.deployment.state(0).bytes / one.deployment.state(0).entries).toBe(32 + contact)
  })

  it('a dead peer’s place is open until its neighbours have closed it', () => {
    const { deployment, peers } = net('chord', init => new ChordDeployment(init))
    peers.crash(7)
    const isRepaired = deployment.watchRepair(7)
    expect(isRepaired()).toBe(false)
    deployment.simulation.runFor(120_000_000)
    expect(isRepaired()).toBe(true)
    expect(deployment.isMember(7)).toBe(false)
  })
})

describe('a path', () => {
  const step = (what: 'sent' | 'silent', root = false) =>
    ({
      type: 'lookup-step',
      what,
      root,
      origin: '',
      id: 1,
      key: new Uint8Array(32),
      purpose: 'user',
      peer: 0,
      hops: 0
    }) as const

  it('knows who named the root, and counts what was sent to the silent', () => {
    const path = new LookupPath()
    path.add(step('sent'), 1, 2)
    path.add(step('sent', true), 2, 3)
    path.add(step('silent', true), 2, 3)
    path.add(step('sent', true), 2, 4)
    expect(path.lastBefore(4, 'recursive')).toBe(2)
    expect(path.lastBefore(3, 'recursive')).toBeUndefined()
    expect(path.lastBefore(9, 'recursive')).toBeUndefined()
    expect(path.timeouts).toBe(1)
  })

  it('of an iterative lookup goes by whom the origin reached last', () => {
    const path = new LookupPath()
    path.add(step('sent', true), 1, 4)
    expect(path.lastBefore(4, 'iterative')).toBe(1)
    const longer = new LookupPath()
    longer.add(step('sent'), 1, 2)
    longer.add(step('sent', true), 1, 3)
    longer.add(step('silent', true), 1, 3)
    longer.add(step('sent', true), 1, 4)
    expect(longer.lastBefore(4, 'iterative')).toBe(2)
  })
})

describe('Gnutella', () => {
  it('finds files by their URN at peers that share them', () => {
    const outcomes = lookUpAll(net('gnutella', gnutella.deploy))
    expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => 'correct'))
    for (const { hops, cost, timeouts } of outcomes) {
      const { messages } = cost
      expect(timeouts).toBeUndefined()
      // A flood of 60 peers with six links each; whoever has the file asks nobody.
      if (hops === 0) expect(messages).toBe(0)
      else expect(messages).toBeGreaterThan(60)
    }
  })

  it('a lookup costs its whole flood, what comes after the first hit too', () => {
    const found = net('gnutella', gnutella.deploy)
    const flooded = () => {
      const { query, 'query-hit': hit } = found.deployment.simulation.metrics.byType()
      return (query?.messages ?? 0) + (hit?.messages ?? 0)
    }
    const before = flooded()
    const costs = lookUpAll(found).map(({ cost }) => cost.messages)
    expect(costs.reduce((sum, messages) => sum + messages, 0)).toBe(flooded() - before)
  })

  it('a hit of a peer that died is wrong, and a file whose holders all died is not asked for', () => {
    const { deployment, places, peers } = net('gnutella', gnutella.deploy)
    const ask = world.lookups[0]!
    const holders = ask.file.holders.flatMap(place => places.nodeAt(place) ?? [])
    const origin = places.taken.find(node => !holders.includes(node))!
    let outcome: LookupOutcome | undefined
    deployment.lookup(origin, ask, told => {
      outcome = told
    })
    // The query has been answered, and the hit is on its way.
    while (deployment.simulation.metrics.byType()['query-hit'] === undefined) deployment.simulation.step()
    for (const node of holders) peers.crash(node)
    deployment.simulation.runFor(15_000_000)
    expect(outcome!.status).toBe('incorrect')
    deployment.lookup(origin, ask, told => {
      outcome = told
    })
    deployment.simulation.runFor(15_000_000)
    expect(outcome!.status).toBe('correct')
  })

  it('a TTL of 1 finds only what neighbours have: recall falls, precision does not', () => {
    const near = net('gnutella', gnutella.deploy, { 'gnutella.ttl': 1 })
    const outcomes: SearchOutcome[] = []
    for (const ask of world.searches) {
      outcomes.push(near.deployment.search!(near.places.choose(ask.chooser, () => true)!, ask, () => {}))
    }
    near.deployment.simulation.runFor(20_000_000)
    const sum = (of: 'wanted' | 'found' | 'right') => outcomes.reduce((total, one) => total + one[of], 0)
    expect(sum('right')).toBeGreaterThan(0)
    expect(sum('right')).toBeLessThan(0.8 * sum('wanted'))
    expect(sum('found')).toBe(sum('right'))
    for (const { asked, cost } of outcomes) {
      const { messages, bytes } = cost
      expect(asked).toBe(true)
      expect(messages).toBeLessThanOrEqual(2 * 6)
      expect(bytes).toBeGreaterThan(20 * messages)
    }
  })

  it('counts a search that its machine refuses as not asked', () => {
    const { deployment } = net('gnutella', gnutella.deploy)
    const outcomes: SearchOutcome[] = []
    for (let count = 0; count < 70; count += 1)
      outcomes.push(deployment.search!(3, world.searches[0]!, () => {}))
    deployment.simulation.runFor(20_000_000)
    const refused = outcomes.filter(({ asked }) => !asked)
    expect(refused).toHaveLength(70 - 64)
    // There was something to find, and nothing was.
    for (const { wanted, found, right } of refused) {
      expect(wanted).toBeGreaterThan(0)
      expect([found, right]).toEqual([0, 0])
    }
  })

  it('a dead peer’s neighbours notice and look for others', () => {
    const { deployment, peers } = net('gnutella', gnutella.deploy)
    peers.crash(7)
    const isRepaired = deployment.watchRepair(7)
    expect(isRepaired()).toBe(false)
    deployment.simulation.runFor(180_000_000)
    expect(isRepaired()).toBe(true)
  })
})

describe('costs', () => {
  it('ids of a message are its contacts and its keys, wherever they stand', () => {
    const contact = { id: new Uint8Array(38), addresses: [new Uint8Array(32)] }
    const key = new Uint8Array(32)
    expect(
      idsIn({ type: 'found', root: contact, from: key, to: key, replicas: [contact, contact], id: 7 })
    ).toBe(5)
    expect(idsIn({ type: 'hop-ack', origin: contact.id, id: 7 })).toBe(0)
  })

  it('records in the lab are as long as signed ones', async () => {
    const key = await generateKeyPair('Ed25519')
    const { id, name, size } = world.files[0]!
    const record = {
      id,
      name,
      size,
      type: 'text/plain',
      tags: {},
      provider: peerIdFromPrivateKey(key).toString(),
      sequence: 1,
      expiresMs: Date.now() + 60_000
    }
    expect((await sealRecord(record, key)).length - encodeRecord(record).length).toBe(ENVELOPE_BYTES)
  })
})
