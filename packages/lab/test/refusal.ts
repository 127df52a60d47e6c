/** Why a plan is refused. */
import { expect } from 'vitest'
import { type PlanInput, resolvePlan } from '../src/plan.ts'

/** The message of the `PlanError` that this throws; nothing where it throws nothing. */
export function refusal(act: () => unknown): string | undefined {
  try {
    act()
  } catch (error) {
    expect((error as Error).name).toBe('PlanError')
    return (error as Error).message
  }
  return undefined
}

export const planRefusal = (input: PlanInput): string | undefined =>
  refusal(() => resolvePlan({ nodes: 40, lookups: 40, ...input }))
