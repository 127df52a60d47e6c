/**
 * Ten thousand peers with sessions of an hour, of which a third cannot be dialled: in the lab's run, whose figures stand in
 * docs/benchmarks.md, all can be. It takes some twenty minutes on one core. `SERVENT_FASTTRACK_PEERS` gives more peers or fewer.
 */
import { expect, it } from 'vitest'
import { runHour } from './hour.ts'

const PEERS = Number(process.env.SERVENT_FASTTRACK_PEERS ?? 10_000)

it('ten thousand peers with sessions of an hour keep their ratio and find what there is', () => {
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
}, 7_200_000)
