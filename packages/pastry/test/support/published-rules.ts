/** Rules as Pastry's paper words them, where the machine's own are stricter: to see what the difference makes. */
import { commonPrefixDigits, NO_PEER } from '@servent/overlay/machine'
import { CORRECT_PASTRY, compareCloseness, type PastryRules } from '../../src/machine.ts'

/**
 * Rowstron section 2.3, the rare case: any node that shares as many digits with the key and is closer to it. Which of
 * them the paper leaves open; here it is drawn from the key. The machine takes one that shares more digits, and else the
 * closest.
 */
export const ANY_THAT_IS_CLOSER: PastryRules = {
  ...CORRECT_PASTRY,
  nextHops(node, key, limit, silent, asRoot) {
    const hops = CORRECT_PASTRY.nextHops(node, key, limit, silent, asRoot)
    const { leaves, table, neighbourhood, settings } = node
    const entry = table.at(Math.max(0, node.rules.slotOf(node.key, key, settings.digitBits)))
    const isRareCase = limit === 1 && hops[0]?.root === false && (entry === NO_PEER || silent(entry))
    if (!isRareCase) return hops
    const shared = (id: Uint8Array) => commonPrefixDigits(id, key, settings.digitBits)
    const fitting = [...new Set([...leaves.members, ...table.peers(), ...neighbourhood.peers])].filter(
      peer =>
        !silent(peer) &&
        shared(node.keyOf(peer)) >= shared(node.key) &&
        compareCloseness(key, node.keyOf(peer), node.key) < 0
    )
    const peer = fitting[key[31]! % Math.max(1, fitting.length)]
    return peer === undefined ? hops : [{ peer, root: false }]
  }
}
