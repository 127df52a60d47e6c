/** Kill -9 of downloading processes and their sources, a thousand times at random moments (reliability, promise P2). */
import { expect, test } from 'vitest'
import { killAgainAndAgain } from './helpers/kill.ts'

const MiB = 2 ** 20

test('P2: killed a thousand times, downloads arrive, right, and nothing verified is fetched again', async () => {
  const plan = { kills: 500, bytes: 8 * MiB + 5, bytesPerSecond: 8 * MiB, lifeMsMax: 300 }
  // While one is made ready the other is at work.
  const ended = await Promise.allSettled([killAgainAndAgain(plan), killAgainAndAgain(plan)])
  for (const outcome of ended) {
    if (outcome.status === 'rejected') throw outcome.reason
    const report = outcome.value
    expect(report.resumed).toBeGreaterThan(100)
    expect(report.downloads).toBeGreaterThan(10)
    expect(report.sourceKills).toBeGreaterThan(50)
  }
}, 1_500_000)
