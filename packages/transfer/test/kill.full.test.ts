/** Kill -9 of a downloading process, fifty times at random moments. */
import { test } from 'vitest'
import { killAgainAndAgain } from './helpers/kill.ts'

const MiB = 2 ** 20

test('killed fifty times, the file arrives, right, and nothing durable is fetched again', async () => {
  await killAgainAndAgain({ kills: 50, bytes: 128 * MiB + 5, bytesPerSecond: 24 * MiB, delayMsMax: 400 })
}, 300_000)
