/**
 * Peers with sessions of an hour: with `SERVENT_FASTTRACK_PEERS=10000` the run whose figures stand in docs/benchmarks.md,
 * which takes some twenty minutes on one core. It is not run where nobody says how many; `ratio.full.test.ts` runs a thousand.
 */
import { expect, it } from 'vitest'
import { runHour } from './hour.ts'

const PEERS = Number(process.env.SERVENT_FASTTRACK_PEERS ?? 0)

it.skipIf(PEERS === 0)(
  'peers with sessions of an hour (SERVENT_FASTTRACK_PEERS of them) keep their ratio and find what there is',
  () => {
    const report = runHour({
      seed: 'hour',
      peers: PEERS,
      session: 'exp:1h',
      growS: 1_200,
      measureS: 3_600,
      searches: 2_000,
      filesPerPeer: 5,
      firewalled: 0.33
    })
    console.log(JSON.stringify(report, null, 2))
    expect(report.ratio.least).toBeGreaterThanOrEqual(50)
    expect(report.ratio.most).toBeLessThanOrEqual(200)
    expect(report.common.found / report.common.findable).toBeGreaterThan(0.95)
    expect(report.homelessShare).toBeLessThan(0.01)
  },
  7_200_000
)
