/** Pastry's adapter against what it measures: truth, paths, costs. */
import { commonPrefixDigits, compareKeys, type Key, keyDigit, ringDistance } from '@servent/overlay/machine'
import { CORRECT_PASTRY, PastryMachine } from '@servent/pastry/machine'
import { failShare, type NodeIndex } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import type { LookupOutcome, SearchOutcome } from '../src/deployment.ts'
import { contactBytes } from '../src/overlays/contacts.ts'
import { PastryDeployment } from '../src/overlays/pastry.ts'
import type { LookupAsk } from '../src/world.ts'
import { lookUpAll, type Net, net, STYLES, world } from './deployed.ts'

const DIGIT_BITS = 4
const deploy = (...[init]: ConstructorParameters<typeof PastryDeployment>) => new PastryDeployment(init)

/** Pastry's rule (Middleware 2001, table 1) followed by hand through the tables of a quiet network. */
function pathByTables({ simulation }: PastryDeployment, { places }: Net, { chooser, key }: LookupAsk) {
  const keyOf = (node: NodeIndex): Key => simulation.keyOf(node)
  const closest = (nodes: readonly NodeIndex[]) =>
    nodes.reduce((best, one) =>
      compareKeys(ringDistance(key, keyOf(one)), ringDistance(key, keyOf(best))) < 0 ? one : best
    )
  const root = closest(simulation.aliveNodes())
  const path = [places.choose(chooser, () => true)!]
  for (;;) {
    const node = path.at(-1)!
    if (node === root) return { hops: path.length - 1, found: root }
    const { smaller, larger, table } = simulation.machine(node).snapshot()
    const leaves = [...smaller, ...larger].map(peer => simulation.nodeOfPeer(node, peer))
    const row = commonPrefixDigits(keyOf(node), key, DIGIT_BITS)
    const column = keyDigit(key, row, DIGIT_BITS)
    const entry = table.find(one => one.row === row && one.column === column)
    // Whoever has the root for a leaf gives the key to it; the tables of so few have no gaps on the way.
    if (leaves.includes(root)) path.push(root)
    else path.push(simulation.nodeOfPeer(node, entry!.peer))
  }
}

describe('Pastry', () => {
  it('is right by the truth, and each lookup costs what its path says', () => {
    const made = net('pastry', deploy)
    const expected = world.lookups.map(ask => pathByTables(made.deployment as PastryDeployment, made, ask))
    const outcomes = lookUpAll(made)
    expect(outcomes.map(({ hops, found }) => ({ hops, found }))).toEqual(expected)
    expect(new Set(outcomes.map(({ hops }) => hops)).size).toBeGreaterThan(2)
    for (const { status, hops, hopsAsPublished, cost, timeouts } of outcomes) {
      expect(status).toBe('correct')
      expect(timeouts).toBe(0)
      // Until delivery, as the paper counts.
      expect(hopsAsPublished).toBe(hops)
      // Each step and its acknowledgement, and the answer: straight over a link that is up, or along the path, where
      // it is the last acknowledgement too.
      expect([2 * hops + 1, 3 * hops - 1]).toContain(hops === 0 ? cost.messages + 1 : cost.messages)
    }
  })

  it('the three styles take the same steps, and are counted alike', () => {
    const [first, ...others] = STYLES.map(style =>
      lookUpAll(net('pastry', deploy, { 'pastry.style': style })).map(({ status, hops, found }) => ({
        status,
        hops,
        found
      }))
    )
    for (const other of others) expect(other).toEqual(first)
  })

  it.each(STYLES.flatMap(style => [0, 0.3].map(failures => [style, failures] as const)))(
    'a %s lookup costs what was sent for it and nothing else, with %f dead, first or last',
    (style, failures) => {
      const made = () => {
        const one = net('pastry', deploy, { 'pastry.style': style }, { nodes: 150, frozen: true })
        one.deployment.freeze()
        failShare(one.peers, failures)
        one.deployment.simulation.runFor(60_000_000)
        return one
      }
      const whole = made()
      const { metrics } = whole.deployment.simulation
      const before = metrics.messages
      const outcomes = lookUpAll(whole)
      const sent = outcomes.reduce((sum, { cost }) => sum + cost.messages, 0)
      expect(sent).toBe(metrics.messages - before)
      expect(outcomes.every(({ status }) => status === 'correct')).toBe(true)
      expect(outcomes.some(({ timeouts }) => timeouts! > 0)).toBe(failures > 0)
      // The last one meets what it would have met alone.
      const plain = (outcome: LookupOutcome) => ({ ...outcome, cost: { ...outcome.cost } })
      const [alone] = lookUpAll(made(), world.lookups.slice(-1))
      expect(plain(alone!)).toEqual(plain(outcomes.at(-1)!))
    }
  )

  it('finds files by two of their words at the homes of the words, once they are announced', () => {
    const { deployment, places } = net('pastry', deploy)
    let published: { messages: number } | undefined
    deployment.publish!(cost => {
      published = cost
    })
    deployment.simulation.runFor(60_000_000)
    expect(published!.messages).toBeGreaterThan(world.files.length)
    const outcomes: SearchOutcome[] = []
    for (const ask of world.searches)
      outcomes.push(deployment.search!(places.choose(ask.chooser, () => true)!, ask, () => {}))
    deployment.simulation.runFor(20_000_000)
    expect(outcomes.some(({ wanted }) => wanted > 0)).toBe(true)
    for (const { asked, found, right, wanted, cost } of outcomes) {
      expect({ asked, found, right }).toEqual({ asked: true, found: wanted, right: wanted })
      expect(cost.messages).toBeGreaterThan(2)
      expect(cost.messages).toBeLessThan(60)
    }
  })

  it('a machine that delivers what is another’s is found out, whatever it says', () => {
    const liar = net(
      'pastry',
      init =>
        new PastryDeployment(
          init,
          settings =>
            new PastryMachine(settings, {
              ...CORRECT_PASTRY,
              rootOf: node => ({ from: node.key, to: node.key })
            })
        )
    )
    const wrong = lookUpAll(liar).filter(({ status }) => status === 'incorrect')
    expect(wrong.length).toBeGreaterThan(30)
  })

  it('counts the entries of all three tables', () => {
    const { deployment } = net('pastry', deploy, { 'pastry.leaf-set': 8, 'pastry.neighbourhood': 5 })
    const { smaller, larger, table, neighbours } = (deployment as PastryDeployment).simulation
      .machine(0)
      .snapshot()
    expect([smaller.length, larger.length, neighbours.length]).toEqual([4, 4, 5])
    expect(table.length).toBeGreaterThan(10)
    const { entries, bytes } = deployment.state(0)
    expect(entries).toBe(8 + table.length + 5)
    expect(bytes / entries).toBe(32 + contactBytes(deployment.simulation.contactOf(1)))
  })

  it('a dead peer’s place is open until the leaf sets around it are whole again', () => {
    const { deployment, peers } = net('pastry', deploy)
    peers.crash(7)
    const isRepaired = deployment.watchRepair(7)
    expect(isRepaired()).toBe(false)
    deployment.simulation.runFor(120_000_000)
    expect(isRepaired()).toBe(true)
    expect(deployment.isMember(7)).toBe(false)
  })
})
