/** A predecessor that died is never replaced by one that lies behind it: Zave's rectify is left out. */
import { type ChordRules, CORRECT_CHORD } from '../../src/machine.ts'
import { inOpen, NOBODY } from '../../src/ring-key.ts'
import { setPredecessor } from '../../src/ring-tables.ts'

export const WITHOUT_RECTIFY: ChordRules = {
  ...CORRECT_CHORD,
  rectify(ring, place, node, fx) {
    const { predecessor } = place
    const between = predecessor === NOBODY || inOpen(ring.key(node), ring.key(predecessor), place.key)
    if (between && node !== predecessor) setPredecessor(ring, place, node, fx)
  },
  checkPredecessor() {}
}
