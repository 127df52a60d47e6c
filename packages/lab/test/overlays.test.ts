/** Adapters against what they measure: truth, paths, costs. */

import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { ChordMachine, CORRECT_CHORD } from '@servent/chord/machine'
import { encodeRecord, sealRecord } from '@servent/overlay'
import { latencyModel, randomOf } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import type { Deployment, DeploymentInit, LookupOutcome, SearchOutcome } from '../src/deployment.ts'
import { ChordDeployment } from '../src/overlays/chord.ts'
import { LookupPath } from '../src/overlays/chord-path.ts'
import { contactBytes, idsIn } from '../src/overlays/contacts.ts'
import { ENVELOPE_BYTES } from '../src/overlays/file-records.ts'
import { gnutella } from '../src/overlays/gnutella.ts'
import { settingsOf } from '../src/overlays/settings.ts'
import { Peers } from '../src/peers.ts'
import { Places } from '../src/places.ts'
import { resolvePlan } from '../src/plan.ts'
import { World } from '../src/world.ts'

const NODES = 60
const world = new World('w', resolvePlan({ nodes: NODES, lookups: 40, searches: 40, duration: 10 }))

interface Net {
  readonly deployment: Deployment
  readonly places: Places
  readonly peers: Peers
}

function net(
  overlay: 'chord' | 'gnutella',
  deploy: (init: DeploymentInit) => Deployment,
  set: Record<string, number | string> = {}
): Net {
  const places = new Places(NODES)
  const deployment = deploy({
    seed: 's',
    network: latencyModel('constant:40', randomOf('l')),
    settings: settingsOf(overlay, set, false),
    world,
    places,
    frozen: false
  })
  const peers = new Peers(deployment, places)
  deployment.startIdeal(Array.from({ length: NODES }, () => peers.addNode()))
  deployment.simulation.runFor(30_000_000)
  return { deployment, places, peers }
}

function lookUpAll({ deployment, places }: Net): LookupOutcome[] {
  const outcomes: LookupOutcome[] = []
  for (const ask of world.lookups) {
    const origin = places.choose(ask.chooser, () => true)!
    deployment.lookup(origin, ask, outcome => outcomes.push(outcome))
    deployment.simulation.runFor(20_000_000)
  }
  return outcomes
}

describe('Chord', () => {
  it('is right by the truth, and each lookup costs what its path says', () => {
    const outcomes = lookUpAll(net('chord', init => new ChordDeployment(init)))
    expect(outcomes).toHaveLength(40)
    for (const { status, hops, hopsAsPublished, messages, timeouts } of outcomes) {
      expect(status).toBe('correct')
      expect(timeouts).toBe(0)
      expect([hops - 1, hops]).toContain(hops === 0 ? hops : hopsAsPublished)
      // Each step and its acknowledgement, and the answer, which is the acknowledgement after one step.
      expect(messages).toBe(hops <= 1 ? 2 * hops : 2 * hops + 1)
    }
  })

  it('finds files by two of their words at the homes of the words, once they are announced', () => {
    const { deployment, places } = net('chord', init => new ChordDeployment(init))
    let published = false
    deployment.publish!(() => {
      published = true
    })
    deployment.simulation.runFor(60_000_000)
    expect(published).toBe(true)
    const outcomes: SearchOutcome[] = []
    for (const ask of world.searches)
      deployment.search!(places.choose(ask.chooser, () => true)!, ask, told => outcomes.push(told))
    deployment.simulation.runFor(20_000_000)
    expect(outcomes).toHaveLength(40)
    for (const { asked, found, right, wanted, messages, bytes, firstHitUs } of outcomes) {
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
    expect(deployment.isRepaired(7)).toBe(false)
    deployment.simulation.runFor(120_000_000)
    expect(deployment.isRepaired(7)).toBe(true)
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
    expect(path.lastBefore(4)).toBe(2)
    expect(path.lastBefore(9)).toBeUndefined()
    // Three messages, two of them answered; and the answer: straight, by two steps back, or as the last of both.
    expect(path.messages('semi-recursive', 2)).toBe(6)
    expect(path.messages('recursive', 2)).toBe(6)
    expect(path.messages('iterative', 2)).toBe(5)
  })
})

describe('Gnutella', () => {
  it('finds files by their URN at peers that share them', () => {
    const outcomes = lookUpAll(net('gnutella', gnutella.deploy))
    expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => 'correct'))
    for (const { hops, messages, timeouts } of outcomes) {
      expect(timeouts).toBeUndefined()
      // A flood of 60 peers with six links each; whoever has the file asks nobody.
      if (hops === 0) expect(messages).toBe(0)
      else expect(messages).toBeGreaterThan(60)
    }
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
      near.deployment.search!(near.places.choose(ask.chooser, () => true)!, ask, told => outcomes.push(told))
    }
    near.deployment.simulation.runFor(20_000_000)
    const sum = (of: 'wanted' | 'found' | 'right') => outcomes.reduce((total, one) => total + one[of], 0)
    expect(outcomes).toHaveLength(40)
    expect(sum('right')).toBeGreaterThan(0)
    expect(sum('right')).toBeLessThan(0.8 * sum('wanted'))
    expect(sum('found')).toBe(sum('right'))
    for (const { asked, messages, bytes } of outcomes) {
      expect(asked).toBe(true)
      expect(messages).toBeLessThanOrEqual(2 * 6)
      expect(bytes).toBeGreaterThan(20 * messages)
    }
  })

  it('counts a search that its machine refuses as not asked', () => {
    const { deployment } = net('gnutella', gnutella.deploy)
    const outcomes: SearchOutcome[] = []
    for (let count = 0; count < 70; count += 1)
      deployment.search!(3, world.searches[0]!, told => outcomes.push(told))
    deployment.simulation.runFor(20_000_000)
    expect(outcomes.filter(({ asked }) => !asked)).toHaveLength(70 - 64)
  })

  it('a dead peer’s neighbours notice and look for others', () => {
    const { deployment, peers } = net('gnutella', gnutella.deploy)
    peers.crash(7)
    expect(deployment.isRepaired(7)).toBe(false)
    deployment.simulation.runFor(180_000_000)
    expect(deployment.isRepaired(7)).toBe(true)
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
