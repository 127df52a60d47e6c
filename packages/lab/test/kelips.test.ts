/** Kelips's adapter against what it measures: truth, hops, costs, repair. */
import { groupOf } from '@servent/kelips/machine'
import { failShare } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import type { LookupOutcome, SearchOutcome } from '../src/deployment.ts'
import { KelipsDeployment } from '../src/overlays/kelips.ts'
import { lookUpAll, net, world } from './deployed.ts'

const LEVEL = 2
const GROUPS = { 'kelips.groups': 2 ** LEVEL }
const put = (set = {}, more = {}) =>
  net('kelips', init => new KelipsDeployment(init), { ...GROUPS, ...set }, more)

describe('Kelips', () => {
  it('is right by the truth, in one step, and in none where a key is of the own group', () => {
    const whole = put()
    const { simulation } = whole.deployment as KelipsDeployment
    // Nothing changes any more.
    whole.deployment.freeze()
    const outcomes = lookUpAll(whole)
    const groupsApart = world.lookups.map(({ chooser, key }) => {
      const origin = whole.places.choose(chooser, () => true)!
      return groupOf(simulation.keyOf(origin), LEVEL) === groupOf(key, LEVEL) ? 0 : 1
    })
    expect(outcomes).toHaveLength(40)
    expect(outcomes.map(({ hops }) => hops)).toEqual(groupsApart)
    for (const { status, hops, hopsAsPublished, cost, timeouts } of outcomes) {
      expect({ status, timeouts }).toEqual({ status: 'correct', timeouts: 0 })
      expect(hopsAsPublished).toBe(hops)
      expect(cost.messages).toBe(2 * hops)
    }
  }, 60_000)

  it.each([0, 0.3])('a lookup costs what was sent for it and nothing else, with %f dead', failures => {
    const whole = put({}, { nodes: 150, frozen: true })
    whole.deployment.freeze()
    failShare(whole.peers, failures)
    whole.deployment.simulation.runFor(60_000_000)
    const { metrics } = whole.deployment.simulation
    const before = metrics.messages
    const outcomes = lookUpAll(whole)
    expect(outcomes.reduce((sum, { cost }) => sum + cost.messages, 0)).toBe(metrics.messages - before)
    expect(outcomes.every(({ status }) => status !== 'failed')).toBe(true)
    expect(outcomes.some(({ timeouts }) => timeouts! > 0)).toBe(failures > 0)
  })

  it('who names a peer that died is wrong, until gossip has told its group', () => {
    const { deployment, places, peers } = put()
    const { simulation } = deployment as KelipsDeployment
    const [ask] = world.lookups
    const look = (): LookupOutcome => {
      let outcome: LookupOutcome | undefined
      const origin = places.choose(ask!.chooser, () => true)!
      deployment.lookup(origin, ask!, told => {
        outcome = told
      })
      simulation.runFor(10_000_000)
      return outcome!
    }
    const root = look().found!
    peers.crash(root)
    expect(look()).toMatchObject({ status: 'incorrect', found: root })
    simulation.runFor(120_000_000)
    expect(look()).toMatchObject({ status: 'correct' })
  })

  it('finds files by two of their words at their providers, once they are announced', () => {
    const { deployment, places } = put()
    const { metrics } = deployment.simulation
    let published: { messages: number; offers: number; all: number } | undefined
    const before = metrics.messages
    deployment.publish!(({ messages }) => {
      const { offer, offered } = metrics.byType()
      published = { messages, offers: offer!.messages + offered!.messages, all: metrics.messages - before }
    })
    // Gossip has told all of a group by then.
    deployment.simulation.runFor(60_000_000)
    expect(published!.messages).toBe(published!.offers)
    expect(published!.messages).toBeLessThan(published!.all)
    const outcomes: SearchOutcome[] = []
    for (const ask of world.searches)
      outcomes.push(deployment.search!(places.choose(ask.chooser, () => true)!, ask, () => {}))
    deployment.simulation.runFor(20_000_000)
    for (const { asked, found, right, wanted, cost, firstHitUs } of outcomes) {
      expect({ asked, found, right }).toEqual({ asked: true, found: wanted, right: wanted })
      expect(firstHitUs === undefined).toBe(wanted === 0)
      // Tuples of two words, and the pages of their providers.
      expect(cost.messages).toBeLessThan(60)
    }
  }, 60_000)

  it('a dead peer’s place is open until nobody names it any more, and entries are members and contacts', () => {
    const { deployment, peers } = put()
    const { members, contacts } = (deployment as KelipsDeployment).simulation.machine(3).snapshot()
    expect(contacts).toHaveLength(2 * (2 ** LEVEL - 1))
    expect(deployment.state(3).entries).toBe(members.length + contacts.length)
    peers.crash(7)
    const isRepaired = deployment.watchRepair(7)
    expect(isRepaired()).toBe(false)
    deployment.simulation.runFor(120_000_000)
    expect(isRepaired()).toBe(true)
    expect(deployment.isMember(7)).toBe(false)
  })
})
