/** As `invariants.test.ts`: at least 1,000 runs, and more as long as the time box lasts. */
import { expect, it } from 'vitest'
import { faultRuns, severalPlacesRuns } from './support/fault-runs.ts'

const SEEDS_MIN = 1000
const SEEDS_MAX = 20_000
/** Each takes as long as several runs with one place. */
const SEVERAL_PLACES_MIN = 100
const TIME_BOX_MS = Number(process.env.SERVENT_TEST_BOX_MS ?? 120_000)

it('C1 to C10 hold after every event of a thousand runs and more', () => {
  const beganMs = Date.now()
  const first = faultRuns('full', SEEDS_MIN)
  const more = faultRuns('more', SEEDS_MAX - SEEDS_MIN, () => Date.now() - beganMs < TIME_BOX_MS)
  const runs = first.runs + more.runs
  const setAside = first.setAside + more.setAside
  console.log(`${runs} runs, ${setAside} set aside, ${first.checks + more.checks} states checked`)
  expect([...first.broken, ...more.broken]).toEqual([])
  expect(first.refused + more.refused).toBe(0)
  expect(first.late + more.late).toBeLessThan((first.answers + more.answers) / 100)
  expect(runs).toBeGreaterThanOrEqual(SEEDS_MIN)
  expect(setAside).toBeLessThan(runs / 4)
}, 600_000)

it('C1 to C10 hold in runs in which every peer has several places', () => {
  const beganMs = Date.now()
  const mayGoOn = () => Date.now() - beganMs < TIME_BOX_MS
  const first = severalPlacesRuns('several', SEVERAL_PLACES_MIN)
  const more = severalPlacesRuns('more', SEEDS_MAX - SEVERAL_PLACES_MIN, mayGoOn)
  const runs = first.runs + more.runs
  const setAside = first.setAside + more.setAside
  console.log(
    `${runs} runs with several places, ${setAside} set aside, ${first.checks + more.checks} states checked`
  )
  expect([...first.broken, ...more.broken]).toEqual([])
  expect(first.refused + more.refused).toBe(0)
  expect(first.late + more.late).toBeLessThan((first.answers + more.answers) / 100)
  expect(runs).toBeGreaterThanOrEqual(SEVERAL_PLACES_MIN)
  expect(setAside).toBeLessThan(runs / 4)
}, 900_000)
