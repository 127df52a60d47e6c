/** A lookup among peers that a function answers for, with everything that it did. */
import type { Key, Peer } from '@servent/overlay/machine'
import { randomOf } from '@servent/simulator'
import {
  type Ask,
  DisjointLookup,
  type LookupRules,
  type LookupSettings,
  type Named,
  RIGHT_LOOKUP
} from '../../src/lookup.ts'
import { compareXor } from '../../src/xor.ts'

export interface World {
  readonly key: Key
  readonly keyOf: (peer: Peer) => Key
  /** Whom a peer names; nothing: it is silent. */
  readonly answer: (peer: Peer) => readonly Peer[] | undefined
  readonly seeds: readonly Peer[]
}

export interface Walk {
  readonly lookup: DisjointLookup
  readonly asked: readonly Ask[]
  readonly responders: ReadonlySet<Peer>
  readonly underWayMost: number
}

/** Runs it to its end; answers come in an order that the seed chooses. */
export function walk(
  world: World,
  settings: LookupSettings,
  seed = 'walk',
  rules: LookupRules = RIGHT_LOOKUP
): Walk {
  const random = randomOf(seed)
  const named = (peer: Peer): Named => ({ peer, key: world.keyOf(peer) })
  const lookup = new DisjointLookup(world.key, world.seeds.map(named), settings, rules)
  const asked: Ask[] = []
  const waiting: Peer[] = []
  const responders = new Set<Peer>()
  let underWayMost = 0
  for (;;) {
    for (let ask = lookup.next(); ask !== undefined; ask = lookup.next()) {
      asked.push(ask)
      waiting.push(ask.peer)
    }
    underWayMost = Math.max(underWayMost, waiting.length)
    if (waiting.length === 0) return { lookup, asked, responders, underWayMost }
    const [peer] = waiting.splice(random.below(waiting.length), 1)
    const answer = world.answer(peer!)
    if (answer === undefined) lookup.onSilent(peer!)
    else {
      responders.add(peer!)
      lookup.onAnswer(peer!, answer.map(named))
    }
  }
}

/** Keys that are random, the same for each number. */
export function randomKeys(seed: string, count: number): Key[] {
  const random = randomOf(seed)
  return Array.from({ length: count }, () => Uint8Array.from({ length: 32 }, () => random.below(256)))
}

/** What is wrong with a walk, by the names of the invariants. */
export function wrongs(world: World, { lookup, asked, responders }: Walk): string[] {
  const found: string[] = []
  if (lookup.underWay > 0 || !lookup.isComplete) found.push('D6: does not end')
  const closest = lookup.closest()
  for (const [at, { peer }] of closest.entries()) {
    const before = closest[at - 1]
    if (before !== undefined && compareXor(world.key, world.keyOf(before.peer), world.keyOf(peer)) >= 0)
      found.push('D4: not sorted')
    if (!responders.has(peer)) found.push('D4: no responder')
  }
  const pathOf = new Map<Peer, number>()
  for (const { peer, path } of asked) {
    if (pathOf.has(peer)) found.push('D5: asked twice')
    pathOf.set(peer, path)
  }
  return found
}
