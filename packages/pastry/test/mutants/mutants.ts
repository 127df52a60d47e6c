/** Machines that are known to be wrong, each in one rule. */
import { SELF } from '@servent/overlay/machine'
import { CORRECT_PASTRY, type PastryRules } from '../../src/machine.ts'

const mutant = (rules: Partial<PastryRules>): PastryRules => ({ ...CORRECT_PASTRY, ...rules })

/** Entries stand a column further. */
export const WRONG_SLOTS = mutant({
  slotOf(own, id, digitBits) {
    const slot = CORRECT_PASTRY.slotOf(own, id, digitBits)
    const digits = (1 << digitBits) - 1
    return slot < 0 ? slot : (slot & ~digits) + ((slot + 1) & digits)
  }
})

/** Probes that are not answered mean nothing: the dead stay. */
export const DEAD_STAY = mutant({ fail: () => undefined })

/** Whoever was added last is asked next, wherever it lies. */
export const AWAY_FROM_KEYS = mutant({
  nextHops(node, key, limit, silent) {
    const hops = CORRECT_PASTRY.nextHops(node, key, limit, silent)
    const others = node.leaves.members.filter(peer => !silent(peer))
    return hops.length === 0 ? [] : others.slice(-1).map(peer => ({ peer, root: false }))
  }
})

/** It delivers as soon as others know of it. */
export const ACTIVE_EARLY = mutant({
  isActive: ({ mode, entering }) => mode === 'member' || (mode === 'joining' && entering),
  keep: () => false
})

/** A key belongs to the node before it, as if distances went one way. */
export const WRONG_ROOTS = mutant({
  rootOf(node, key, silent, asRoot) {
    const range = CORRECT_PASTRY.rootOf(node, key, silent, asRoot)
    const [right] = node.leaves.larger
    if (range !== undefined || right === undefined) return range
    const closest = node.leaves.closest(key, peer => peer === right)
    return closest === SELF ? { from: node.key, to: node.keyOf(right) } : undefined
  }
})

/** Whoever takes it for a leaf is not taken for one. */
export const ONE_SIDED = mutant({
  takeLeaf(node, peer, fx) {
    // Those that it asked itself are probed when their answer comes: they stay.
    if (node.keyOf(peer)[31]! % 2 === 0 || node.mode === 'joining') CORRECT_PASTRY.takeLeaf(node, peer, fx)
  }
})

/** A leaf that is there stays, though one that is closer has come. */
export const FURTHER_STAY = mutant({
  takeLeaf(node, peer, fx) {
    const { smaller, larger } = node.leaves
    const half = node.settings.leafSet / 2
    if (smaller.length < half || larger.length < half) CORRECT_PASTRY.takeLeaf(node, peer, fx)
  }
})

/** What comes to a joiner is taken on, and lost (the known hole of other implementations). */
export const SWALLOWING = mutant({
  keep(node, link, message, fx) {
    const kept = CORRECT_PASTRY.keep(node, link, message, fx)
    node.held.length = 0
    return kept
  }
})

/** The further one stays. */
export const FURTHER_FIRST = mutant({ isNearer: (candidateMs, entryMs) => candidateMs > entryMs })
