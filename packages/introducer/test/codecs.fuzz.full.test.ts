/**
 * A minute of what `codec-properties.ts` says, of other bytes each time. `SERVENT_FUZZ_MS` gives more time or less,
 * `SERVENT_FUZZ_SEED` repeats a run whose seed was printed.
 */
import { it } from 'vitest'
import { checkCodecs, expectBoth, newTally } from './support/codec-properties.ts'

const FUZZ_MS = Number(process.env.SERVENT_FUZZ_MS ?? 60_000)
const SEED = Number(process.env.SERVENT_FUZZ_SEED ?? Date.now() % 0x7fff_ffff)

it(
  'announcements, answers and questions are read, or refused by their own errors',
  async () => {
    console.log(`fuzzing with seed ${SEED} for ${FUZZ_MS} ms`)
    const end = performance.now() + FUZZ_MS
    const tally = newTally()
    for (let round = 0; round === 0 || performance.now() < end; round += 1)
      await checkCodecs({ seed: SEED + round, numRuns: 200 }, tally)
    console.log(JSON.stringify(tally))
    expectBoth(tally)
  },
  FUZZ_MS + 60_000
)
