/** Limits that no other test names. */
import { RecordingEffects } from '@servent/overlay/testing'
import { expect, it } from 'vitest'
import {
  Calls,
  DIGEST_RECORDS_BURST,
  DIGEST_RECORDS_PER_S,
  ID_MAX,
  type RoutingTypes
} from '../src/machine.ts'
import type { RecordTable } from '../src/records.ts'
import { RangeViews } from '../src/records-ranges.ts'

it('ID_MAX: ids that this peer chooses go up to it, and begin again at 0', () => {
  const calls = new Calls<RoutingTypes>(new Set())
  const effects = new RecordingEffects<RoutingTypes>()
  // The highest bit is for the ids of others.
  effects.random = () => ID_MAX + 1 + (ID_MAX - 1)
  calls.handle({ type: 'start', saved: new Map() }, effects)
  expect([calls.nextId(), calls.nextId(), calls.nextId()]).toEqual([ID_MAX, 0, 1])
})

it('DIGEST_RECORDS_PER_S: so many keys and records a second are looked through for others, after a burst', () => {
  const part = DIGEST_RECORDS_PER_S / 100
  const views = new RangeViews({} as RecordTable)
  const spend = (nowMs: number) => views.spend(part, nowMs)
  let answered = 0
  while (spend(0)) answered += 1
  expect(answered).toBe(DIGEST_RECORDS_BURST / part)
  expect([spend(9), spend(10), spend(10)]).toEqual([false, true, false])
  // A second later: as many as the rate says.
  answered = 0
  while (spend(1010)) answered += 1
  expect(answered).toBe(100)
})
