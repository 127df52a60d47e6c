/** What is sent before the measured time is in no figure of it. */
import { describe, expect, it } from 'vitest'
import { type PlanInput, resolvePlan } from '../src/plan.ts'
import { runOnce } from '../src/run.ts'
import type { RunResult } from '../src/run-result.ts'

const run = (overlay: 'chord' | 'gnutella', more: PlanInput): RunResult =>
  runOnce(
    resolvePlan({ overlays: [overlay], nodes: 20, lookups: 1, start: 'joined', workers: 1, ...more }),
    {},
    { overlay, seed: 1 }
  )
const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0)

/** All that is counted of the measured time, in one number each. */
const counted = ({ nodes, traffic, network, measuredUs }: RunResult) => ({
  bytes: sum(nodes.bytesSent),
  messages: sum(nodes.messagesReceived),
  byType: sum(Object.values(traffic.bytesByType!)),
  ...(traffic.p2psimBytes !== undefined && { p2psim: traffic.p2psimBytes }),
  ...(network && { upkeepBytes: network.upkeepBytes, upkeepMessages: network.upkeepMessages }),
  aliveUs: nodes.aliveUs,
  measuredUs
})

describe.each(['chord', 'gnutella'] as const)('of %s', overlay => {
  it('a second after a warm-up of ten minutes has little of what all the time together has', () => {
    const [after, all] = [
      counted(run(overlay, { warmup: 600, duration: 1 })),
      counted(run(overlay, { warmup: 0, duration: 601 }))
    ]
    expect(Object.keys(after)).toEqual(Object.keys(all))
    expect(Object.keys(after)).toContain(overlay === 'chord' ? 'p2psim' : 'upkeepBytes')
    for (const [figure, value] of Object.entries(all)) {
      expect([figure, value > 0]).toEqual([figure, true])
      expect([figure, after[figure as keyof typeof after]! / value < 0.05]).toEqual([figure, true])
    }
  })

  it('what is counted by type is what its peers sent, and all of it', () => {
    const { bytes, byType } = counted(run(overlay, { warmup: 600, duration: 120 }))
    expect(byType).toBe(bytes)
  })
})
