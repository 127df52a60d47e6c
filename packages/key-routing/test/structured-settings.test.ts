/** Settings that every structured overlay has, at their bounds and one past them. */
import { expect, it } from 'vitest'
import {
  HOLDERS_DEFAULT,
  inspectRecord,
  jittered,
  PERIOD_MS_MAX,
  PERIOD_MS_MIN,
  period,
  periodOrNever,
  REPLICAS_DEFAULT,
  routingOf,
  STORE_SETTINGS,
  STRUCTURED_SETTINGS,
  storeOf,
  structuredSettings
} from '../src/machine.ts'

it('PERIOD_MS_MIN, PERIOD_MS_MAX: a period outside is taken for the nearest, and 0 is never where there is a never', () => {
  expect([PERIOD_MS_MIN, PERIOD_MS_MIN - 1, 0, Number.NaN].map(period)).toEqual(Array(4).fill(PERIOD_MS_MIN))
  expect([PERIOD_MS_MAX, PERIOD_MS_MAX + 1].map(period)).toEqual([PERIOD_MS_MAX, PERIOD_MS_MAX])
  expect([0, 1, PERIOD_MS_MAX + 1].map(periodOrNever)).toEqual([0, PERIOD_MS_MIN, PERIOD_MS_MAX])
})

it('a record has one holder at least, and no more than the tables know', () => {
  const holders = (replicas: number) => structuredSettings({ ...STRUCTURED_SETTINGS, replicas }, 9).replicas
  expect([0, 1, 9, 10].map(holders)).toEqual([1, 1, 9, 9])
  expect(HOLDERS_DEFAULT).toBe(1 + REPLICAS_DEFAULT)
})

it('router and keeper hear of the copies beside the root, and of what differs from their defaults', () => {
  const settings = {
    ...STRUCTURED_SETTINGS,
    replicas: 3,
    style: 'recursive',
    routing: { alpha: 2 },
    store: { repairMs: 0, inspect: inspectRecord }
  } as const
  expect(routingOf(settings)).toMatchObject({ replicas: 2, style: 'recursive', alpha: 2 })
  expect(storeOf(settings)).toEqual({ ...STORE_SETTINGS, replicas: 2, repairMs: 0, inspect: inspectRecord })
})

it('rounds come after half to one and a half of their period', () => {
  const after = (random: number) => jittered({ random: () => random }, 1_001)
  expect([0, 1_000, 1_001].map(after)).toEqual([500, 1_500, 500])
})
