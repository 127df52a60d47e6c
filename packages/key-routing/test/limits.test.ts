/** Limits that no other test names. */
import { RecordingEffects } from '@servent/overlay/testing'
import { expect, it } from 'vitest'
import { Calls, DIGEST_KEYS_BURST, DIGEST_KEYS_PER_S, ID_MAX, type RoutingTypes } from '../src/machine.ts'
import type { RecordTable } from '../src/records.ts'
import { RangeViews } from '../src/records-ranges.ts'
import { keyAt } from './solo.ts'

it('ID_MAX: ids that this peer chooses go up to it, and begin again at 0', () => {
  const calls = new Calls<RoutingTypes>(new Set())
  const effects = new RecordingEffects<RoutingTypes>()
  // The highest bit is for the ids of others.
  effects.random = () => ID_MAX + 1 + (ID_MAX - 1)
  calls.handle({ type: 'start', saved: new Map() }, effects)
  expect([calls.nextId(), calls.nextId(), calls.nextId()]).toEqual([ID_MAX, 0, 1])
})

it('DIGEST_KEYS_PER_S: so many keys a second are gone through for others, after a burst', () => {
  const keys = DIGEST_KEYS_PER_S / 100
  const table = { slots: { size: keys }, version: 1, inRange: () => [] } as unknown as RecordTable
  const views = new RangeViews(table)
  const ask = (nowMs: number) => views.forOther(keyAt(1), keyAt(2), nowMs) !== undefined
  let answered = 0
  while (ask(0)) answered += 1
  expect(answered).toBe(DIGEST_KEYS_BURST / keys)
  expect([ask(9), ask(10), ask(10)]).toEqual([false, true, false])
  // A second later: as many as the rate says.
  answered = 0
  while (ask(1010)) answered += 1
  expect(answered).toBe(100)
})
