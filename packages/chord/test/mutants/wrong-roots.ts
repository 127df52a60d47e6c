/** Claims the keys of its first successor as its own. */
import { type ChordRules, CORRECT_CHORD } from '../../src/machine.ts'
import { inHalfOpen, keyBefore } from '../../src/ring-key.ts'

export const WRONG_ROOTS: ChordRules = {
  ...CORRECT_CHORD,
  rootOf(ring, key, silent, asRoot) {
    for (const place of ring.members) {
      const [head] = place.successors
      if (head !== undefined && inHalfOpen(key, place.key, ring.key(head)))
        return { from: keyBefore(key), to: place.key }
    }
    return CORRECT_CHORD.rootOf(ring, key, silent, asRoot)
  }
}
