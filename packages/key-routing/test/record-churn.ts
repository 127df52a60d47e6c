/** A ring whose members come and die one after the other, before an observer who looks for lost records. */
import { expect } from 'vitest'
import { SETTLE_MS, type StoredRecord } from '../src/machine.ts'
import { RecordRing, spreadKey } from './record-ring.ts'

const TURNS = 40
const MEMBERS_MIN = 9
/** Detection, settling twice, and some round trips. */
const REPAIRED_MS = 500 + 2 * SETTLE_MS + 2000

/** @throws AssertionError, SimulationError  an acknowledged record is lost, or not where it should be at the end */
export function churn(seed: string): void {
  const kept: StoredRecord[] = []
  let checks = 0
  const ring = new RecordRing({
    nodes: 14,
    seed,
    observer: {
      every: 100,
      check(own) {
        checks += 1
        for (const record of kept) if (own.holding(record).length === 0) throw new Error('A record is lost.')
      }
    }
  })
  const random = ring.simulation.random.of('churn')
  for (let turn = 0; turn < TURNS; turn += 1) {
    const members = ring.inOrder()
    const publisher = members[random.below(members.length)]!
    const record = ring.record(publisher, spreadKey(turn), { sequence: turn + 1 })
    if (ring.publish(publisher, [record]).outcomes[0] === 'kept') kept.push(record)
    const dying = members[random.below(members.length)]!
    const what = random.below(3)
    if (what === 0 || members.length <= MEMBERS_MIN) ring.join()
    else if (what === 1) ring.crash(dying)
    else {
      // Silent: its links stay up, and nobody is told but by time.
      ring.simulation.silence(dying)
      ring.members.delete(dying)
      ring.changed()
    }
    ring.run(REPAIRED_MS)
  }
  expect(kept.length).toBeGreaterThan(TURNS - 5)
  expect(checks).toBeGreaterThan(TURNS)
  for (const record of kept) {
    const holding = new Set(ring.holding(record))
    for (const node of ring.holdersOf(record.key)) expect(holding.has(node)).toBe(true)
  }
}
