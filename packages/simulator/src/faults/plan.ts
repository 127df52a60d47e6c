/**
 * Faults that befall a run, as plain data, so that a run that failed can be read, shortened and run again. All
 * that passes is over by the end of the plan.
 */
import { type NetworkConditions, Partitions, sidesByShare, withConditions } from '../network/index.ts'
import type { Random } from '../random.ts'
import type { NetworkModel, NodeIndex } from '../types.ts'

export type Fault = { readonly atUs: number } & (
  | { readonly type: 'crash'; readonly node: NodeIndex }
  /** It stays linked, hears nothing and answers nothing. */
  | { readonly type: 'silence'; readonly node: NodeIndex }
  | {
      readonly type: 'restart'
      readonly node: NodeIndex
      readonly afterUs: number
      readonly keepSaved: boolean
    }
  | { readonly type: 'pause'; readonly node: NodeIndex; readonly forUs: number }
  /** Its clocks run fast by so many millionths, or slow. */
  | { readonly type: 'skew'; readonly node: NodeIndex; readonly ppm: number }
  /** Its wall clock jumps forward, or back. */
  | { readonly type: 'jump'; readonly node: NodeIndex; readonly byMs: number }
  /** About this share of the nodes is cut off from the others. */
  | { readonly type: 'partition'; readonly share: number; readonly salt: number; readonly forUs: number }
  /** This share of the nodes that are up crashes at once. */
  | { readonly type: 'mass-crash'; readonly share: number }
)

export type FaultType = Fault['type']

export interface FaultPlan {
  readonly conditions: NetworkConditions
  /** By time. */
  readonly faults: readonly Fault[]
}

/** The network that a plan makes of a base: its conditions, and its partitions at their times. */
export function networkOfPlan(base: NetworkModel, plan: FaultPlan, random: Random): NetworkModel {
  const partitions = plan.faults.flatMap(fault =>
    fault.type === 'partition'
      ? [
          {
            fromUs: fault.atUs,
            untilUs: fault.atUs + fault.forUs,
            sideOf: sidesByShare(fault.share, fault.salt)
          }
        ]
      : []
  )
  const network = withConditions(base, plan.conditions, random)
  return partitions.length === 0 ? network : new Partitions(partitions).over(network)
}

/** For people: one line for the conditions and one for each fault, times in seconds. */
export function describePlan(plan: FaultPlan): string {
  const conditions = Object.entries(plan.conditions).map(
    ([name, value]) => `${name}=${JSON.stringify(value)}`
  )
  return [`network ${conditions.join(' ') || 'as it is'}`, ...plan.faults.map(describeFault)].join('\n')
}

function describeFault(fault: Fault): string {
  return `${seconds(fault.atUs)} ${describe(fault)}`
}

function describe(fault: Fault): string {
  switch (fault.type) {
    case 'crash':
    case 'silence':
      return `${fault.type} ${fault.node}`
    case 'restart':
      return `restart ${fault.node} after ${seconds(fault.afterUs)} ${fault.keepSaved ? 'with' : 'without'} what it saved`
    case 'pause':
      return `pause ${fault.node} for ${seconds(fault.forUs)}`
    case 'skew':
      return `skew ${fault.node} by ${fault.ppm} ppm`
    case 'jump':
      return `jump ${fault.node} by ${fault.byMs} ms`
    case 'partition':
      return `partition off ${fault.share} for ${seconds(fault.forUs)} (salt ${fault.salt})`
    case 'mass-crash':
      return `crash ${fault.share} of all`
  }
}

function seconds(us: number): string {
  return `${us / 1_000_000}s`
}
