/** Networks of two tiers in virtual time, and an observer that holds them to their rules. */
import type { GnutellaSettings } from '../src/types.ts'
import { SmallNetwork, type TestNode } from './small-network.ts'

export interface TierNetwork {
  readonly network: SmallNetwork
  readonly nodes: TestNode[]
}

/** Words of few letters that no two numbers share. */
export function wordOf(number: number): string {
  let word = ''
  for (let rest = number + 1; rest > 0; rest = Math.floor(rest / 20))
    word = `${'bcdfghklmnpqrstvwxyz'[rest % 20]}${'aeiou'[rest % 5]}${word}`
  return `q${word}`
}

/** Nodes come one after another, and each knows two that came before. Each shares a file of its own, and a common one. */
export function grow(
  count: number,
  settings: (number: number) => Partial<GnutellaSettings>,
  { everyMs = 200, firewalled = (_number: number): boolean => false } = {}
): TierNetwork {
  const network = new SmallNetwork()
  const nodes: TestNode[] = []
  for (let number = 1; number <= count; number += 1) {
    const node = network.add(number, settings(number))
    node.refusesInbound = firewalled(number)
    node.share(`${wordOf(number)} own.txt`, `common ${wordOf(number % 10)}.txt`)
    node.tellWords({ firewalled: firewalled(number) })
    for (const known of [1 + ((number * 7) % number), 1 + ((number * 13 + 5) % number)])
      if (known !== number) node.contact(known)
    if (number > 1) node.contact(1)
    nodes.push(node)
    network.run(everyMs)
  }
  return { network, nodes }
}
