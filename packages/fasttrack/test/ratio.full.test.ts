/** As `ratio.test.ts`, among 1,000 peers. */
import { it } from 'vitest'
import { expectRatioUnderChurn } from './ratio.ts'

it(
  'one supernode to a hundred holds within a factor of two at 1,000 peers, while a third of them are replaced',
  () => expectRatioUnderChurn({ peers: 1_000, growS: 300, measureS: 1_200, searches: 100 }),
  300_000
)
