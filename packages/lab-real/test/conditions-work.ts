/** Runs on real peers of this process, of a few seconds, over networks that a test makes. */
import { compare, type OverlayResults, type PlanInput, resolvePlan } from '@servent/lab'
import type { OverlayId } from '@servent/lab/backend'
import { expect } from 'vitest'
import { realBackend } from '../src/index.ts'

export const WORK = {
  nodes: 8,
  lookups: 32,
  latency: 'constant:10',
  backend: 'in-process',
  warmup: 2,
  duration: 5
} as const satisfies PlanInput

export async function runOf(overlay: OverlayId, more: PlanInput): Promise<OverlayResults> {
  const plan = resolvePlan({ ...WORK, overlays: [overlay], ...more })
  const { overlays, ...rest } = await compare(plan, {
    backends: async name => realBackend(name as 'in-process', { command: [] })
  })
  // What network was made stands in the results.
  expect(rest.plan).toMatchObject(more)
  return overlays[0]!
}
