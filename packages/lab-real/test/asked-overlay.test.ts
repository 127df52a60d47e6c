/** The lab's questions to an overlay, and what is told of those that found nothing. */
import type { KeyRoutedService } from '@servent/key-routing'
import type { Overlay } from '@servent/overlay'
import { expect, it } from 'vitest'
import { AskedOverlay } from '../src/asked-overlay.ts'
import { SampleResults } from '../src/sample-results.ts'

const KEY = new Uint8Array(32)
const FAULTS = { faults: { broken: 0, refused: 0 } }

const askedOf = (lookup: KeyRoutedService<never>['lookup']) =>
  new AskedOverlay({ name: 'chord', ready: async () => {}, lookup } as unknown as Overlay, 'me', FAULTS)

it('a lookup that failed has the timeouts that it met, and one that was not ended has none', async () => {
  const failing = askedOf(async (_key, _signal, cost) => {
    cost!.timeouts = 9
    return undefined
  })
  expect(await failing.lookup({ type: 'root', key: KEY })).toMatchObject({ found: undefined, timeouts: 9 })
  const late = askedOf(async () => {
    throw new Error('Too late.')
  })
  expect(await late.lookup({ type: 'root', key: KEY })).toMatchObject({
    found: undefined,
    timeouts: undefined
  })
})

it('timeouts are of all lookups of which they are told, failed ones too', () => {
  const lookups = [
    { number: 0, status: 'correct', timeouts: 1 },
    { number: 1, status: 'failed', timeouts: 9 },
    { number: 2, status: 'failed' },
    { number: 3, status: 'incorrect', timeouts: 0 },
    { number: 4, status: 'unissued' }
  ] as const
  const results = new SampleResults({ lookups, searches: [], peers: [] }, { servers: 0 })
  expect([...results.lookupSamples().timeouts!]).toEqual([1, 9, 0])
})
