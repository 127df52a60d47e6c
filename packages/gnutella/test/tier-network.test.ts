/** Networks of two tiers in virtual time: they come about by themselves, find what there is, and keep their rules. */

import type { Effects, Input } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import { PONGS_PER_PING } from '../src/constants.ts'
import { GnutellaMachine } from '../src/machine.ts'
import type { GnutellaMessage } from '../src/messages.ts'
import { LEAF_ULTRAPEERS, TABLE_UPDATE_MS } from '../src/tier-constants.ts'
import type { GnutellaSettings, GnutellaTypes } from '../src/types.ts'
import { SmallNetwork, type TestNode } from './small-network.ts'
import { grow, wordOf } from './tier-network.ts'
import { watchPongs, watchTiers } from './tier-watch.ts'

const ofTier = (nodes: readonly TestNode[], tier: string) =>
  nodes.filter(node => node.alive && node.tiers().tier === tier)

/** Searches from some nodes for files of which there is one, and gives those that were not found. */
function missed(network: SmallNetwork, nodes: readonly TestNode[], searches: number): string[] {
  const misses: string[] = []
  for (let count = 0; count < searches; count += 1) {
    const from = nodes[(count * 7) % nodes.length]!
    const to = nodes[(count * 11 + 5) % nodes.length]!
    if (from === to) continue
    const search = from.search(wordOf(to.number))
    network.run(10_000)
    if (from.found(search).length === 0) misses.push(`${from.number} did not find what ${to.number} has`)
    from.command({ type: 'end-search', search })
  }
  return misses
}

describe('peers that elect their ultrapeers', { timeout: 90_000 }, () => {
  it('two begin a network at once, one of them as the ultrapeer', () => {
    const { network, nodes } = grow(2, () => ({ role: 'auto' }))
    network.run(5_000)
    expect(nodes.map(node => node.tiers().tier).sort()).toEqual(['leaf', 'ultrapeer'])
    expect(missed(network, nodes, 2)).toEqual([])
  })

  it('thirty-six make a few ultrapeers, find every single copy, and keep the rules', () => {
    const { network, nodes } = grow(36, () => ({ role: 'auto', leaves: 10 }))
    const wrongs = watchTiers(network)
    const pongs = watchPongs(network)
    network.run(2 * TABLE_UPDATE_MS)
    const ultrapeers = ofTier(nodes, 'ultrapeer')
    expect(ultrapeers.length).toBeGreaterThan(LEAF_ULTRAPEERS)
    expect(ultrapeers.length).toBeLessThan(20)
    for (const leaf of ofTier(nodes, 'leaf')) expect(leaf.tiers().ultrapeers).toBeGreaterThan(0)
    for (const { number } of ultrapeers) expect(network.nodes.get(number)!.tiers().leavesUnrouted).toBe(0)
    expect(missed(network, nodes, 12)).toEqual([])
    expect(wrongs).toEqual([])
    expect(pongs.most).toBeLessThanOrEqual(PONGS_PER_PING)
  })

  it('leaves of ultrapeers that die find others', () => {
    const { network, nodes } = grow(30, () => ({ role: 'auto', leaves: 10 }))
    network.run(2 * TABLE_UPDATE_MS)
    for (const ultrapeer of ofTier(nodes, 'ultrapeer').slice(0, 3)) network.kill(ultrapeer)
    network.run(2 * TABLE_UPDATE_MS)
    const living = nodes.filter(({ alive }) => alive)
    for (const leaf of ofTier(living, 'leaf')) expect(leaf.tiers().ultrapeers).toBeGreaterThan(0)
    expect(missed(network, living, 12)).toEqual([])
  })

  it('firewalled ones are leaves, and are found and pushed to all the same', () => {
    const firewalled = (number: number) => number % 2 === 0
    const { network, nodes } = grow(30, () => ({ role: 'auto', leaves: 20 }), { firewalled })
    network.run(2 * TABLE_UPDATE_MS)
    for (const node of nodes) if (firewalled(node.number)) expect(node.tiers().tier).toBe('leaf')
    const [from, to] = [nodes[8]!, nodes[21]!]
    expect(firewalled(to.number)).toBe(true)
    const search = from.search(wordOf(to.number))
    network.run(10_000)
    const found = from.notices.find(notice => notice.type === 'found' && notice.search === search)
    if (found?.type !== 'found') throw new Error('It was not found.')
    from.command({ type: 'push', servent: found.servent, index: 1, nonce: new Uint8Array(16).fill(9) })
    network.run(1_000)
    expect(to.notices.filter(({ type }) => type === 'push-asked')).toHaveLength(1)
  })

  it('a file that is shared later is found when tables were told anew, and not after it is gone', () => {
    const { network, nodes } = grow(20, number => ({ role: number <= 4 ? 'ultrapeer' : 'leaf' }))
    const wrongs = watchTiers(network)
    network.run(2 * TABLE_UPDATE_MS)
    const sharer = nodes[19]!
    sharer.share('zanzibar.txt').tellWords()
    network.run(2 * TABLE_UPDATE_MS)
    const search = nodes[10]!.search('zanzibar')
    network.run(10_000)
    expect(nodes[10]!.found(search)).toHaveLength(1)
    sharer.files.pop()
    sharer.tellWords()
    network.run(2 * TABLE_UPDATE_MS)
    const asked = sharer.matchesAsked
    nodes[11]!.search('zanzibar')
    network.run(10_000)
    expect(sharer.matchesAsked).toBe(asked)
    expect(wrongs).toEqual([])
  })
})

describe('old servents and new ones', { timeout: 90_000 }, () => {
  it('find what the others share', () => {
    const { network, nodes } = grow(24, number =>
      number % 4 === 0 ? { role: 'flat', neighbours: 6 } : { role: 'auto' }
    )
    network.run(2 * TABLE_UPDATE_MS)
    const flat = nodes[3]!
    const modern = nodes.find(node => node.number % 4 !== 0 && node.tiers().tier === 'leaf')!
    for (const [from, to] of [
      [flat, modern],
      [modern, flat]
    ] as const) {
      const search = from.search(wordOf(to.number))
      network.run(10_000)
      const names = from.found(search).map(name => name.split(' over ')[0])
      expect(names).toContain(`${wordOf(to.number)} own.txt`)
    }
  })
})

/** What a machine does, changed on its way out. */
class Mutant extends GnutellaMachine {
  readonly #change: (message: GnutellaMessage, input: Input<GnutellaTypes>) => GnutellaMessage | undefined
  readonly #relays: boolean

  constructor(
    settings: Partial<GnutellaSettings>,
    change: (message: GnutellaMessage) => GnutellaMessage | undefined,
    relays = false
  ) {
    super(settings)
    this.#change = change
    this.#relays = relays
  }

  override handle(input: Input<GnutellaTypes>, effects: Effects<GnutellaTypes>): void {
    const mutated: Effects<GnutellaTypes> = Object.create(effects, {
      send: {
        value: (link: number, message: GnutellaMessage, priority: number) => {
          const changed = this.#change(message, input)
          if (changed !== undefined) effects.send(link, changed, priority)
        }
      }
    })
    super.handle(
      input,
      new Proxy(effects, {
        get(target, name) {
          if (name === 'send') return mutated.send
          const value = Reflect.get(target, name, target) as unknown
          return typeof value === 'function' ? (value.bind(target) as unknown) : value
        }
      })
    )
    if (!this.#relays || input.type !== 'message' || input.message.type !== 'query') return
    // A leaf that behaves as if it had no tier.
    const node = effects as TestNode
    for (const link of node.halves.keys())
      if (link !== input.link)
        effects.send(link, { ...input.message, ttl: 1, hops: input.message.hops + 1 }, 10)
  }
}

describe('the observer sees', () => {
  /** Two ultrapeers with two leaves each; the first ultrapeer or leaf is a mutant. */
  const networkWith = (ultrapeer?: GnutellaMachine, leaf?: GnutellaMachine) => {
    const network = new SmallNetwork()
    const wrongs = watchTiers(network)
    const add = (number: number, settings: Partial<GnutellaSettings>, machine?: GnutellaMachine) =>
      network
        .add(number, settings, machine === undefined ? {} : { machine })
        .share(`${wordOf(number)}.txt`)
        .tellWords()
    const tops = [add(1, { role: 'ultrapeer' }, ultrapeer), add(2, { role: 'ultrapeer' })]
    network.link(tops[0]!, tops[1]!)
    const leaves = [
      add(3, { role: 'leaf' }, leaf),
      add(4, { role: 'leaf' }),
      add(5, { role: 'leaf' }),
      add(6, { role: 'leaf' })
    ]
    for (const one of leaves) for (const top of tops) network.link(one, top)
    network.run(2 * TABLE_UPDATE_MS)
    for (const node of [...leaves, ...tops]) {
      node.search(wordOf(3))
      node.search(wordOf(6))
      network.run(10_000)
    }
    return { wrongs, network }
  }
  const all = (message: GnutellaMessage) => message

  it('nothing where all keep the rules', () => {
    expect(networkWith().wrongs).toEqual([])
  })

  it('an ultrapeer that asks leaves though their tables say no', () => {
    // It asks for something else than it was asked for.
    const mutant = new Mutant({ role: 'ultrapeer' }, message => {
      if (message.type !== 'query') return message
      const { payload: _, ...rest } = message
      return { ...rest, text: 'nobody has this' }
    })
    expect(networkWith(mutant).wrongs.join()).toContain('excludes')
  })

  it('a leaf that hands queries on', () => {
    const mutant = new Mutant({ role: 'leaf' }, all, true)
    expect(networkWith(undefined, mutant).wrongs.join()).toContain('handed a query on')
  })

  it('a second link between two', () => {
    const { network, wrongs } = networkWith()
    const [one, two] = [network.nodes.get(1)!, network.nodes.get(2)!]
    const half = [...one.halves.values()].find(({ other }) => other.node === two)!
    one.halves.set(9_999, half)
    one.search(wordOf(6))
    expect(wrongs.join()).toContain('2 links')
  })

  it('a table that lies about what its owner has: then what it has is not found', () => {
    const mutant = new Mutant({ role: 'leaf' }, message =>
      message.type === 'table-patch'
        ? { ...message, compressed: false, entryBits: 1, data: new Uint8Array(8192) }
        : message
    )
    const { network } = networkWith(undefined, mutant)
    const from = network.nodes.get(4)!
    const [lost, found] = [from.search(wordOf(3)), from.search(wordOf(6))]
    network.run(20_000)
    expect([from.found(lost).length, from.found(found).length]).toEqual([0, 1])
  })
})
