/** Lets a plan's faults befall the nodes of a simulation. Its partitions are the network's: `networkOfPlan`. */
import { failShare, type Population } from '../churn/index.ts'
import type { NodeIndex } from '../types.ts'
import type { Fault, FaultPlan } from './plan.ts'

/** The part of a `Simulation` that faults need. */
export interface FaultTarget extends Population {
  silence(node: NodeIndex): void
  pause(node: NodeIndex): void
  /** Nothing happens where it is not paused. */
  resume(node: NodeIndex): void
  setDrift(node: NodeIndex, ppm: number): void
  jumpWall(node: NodeIndex, byMs: number): void
}

export interface InjectionCounts {
  /** Faults that befell somebody. */
  readonly done: number
  /** Faults of nodes that were not up then. */
  readonly missed: number
}

/** The counts go on while the simulation runs. */
export function injectFaults(target: FaultTarget, plan: FaultPlan): InjectionCounts {
  const counts = { done: 0, missed: 0 }
  for (const fault of plan.faults) {
    target.at(fault.atUs, () => {
      const missed = 'node' in fault && !(fault.node < target.size && target.alive(fault.node))
      if (missed) counts.missed += 1
      else {
        counts.done += 1
        befall(target, fault)
      }
    })
  }
  return counts
}

function befall(target: FaultTarget, fault: Fault): void {
  switch (fault.type) {
    case 'crash':
      target.crash(fault.node)
      return
    case 'silence':
      target.silence(fault.node)
      return
    case 'restart':
      target.crash(fault.node)
      target.at(fault.atUs + fault.afterUs, () => {
        // Churn may have been faster.
        if (!target.alive(fault.node)) target.revive(fault.node, { keepSaved: fault.keepSaved })
      })
      return
    case 'pause':
      target.pause(fault.node)
      target.at(fault.atUs + fault.forUs, () => target.resume(fault.node))
      return
    case 'skew':
      target.setDrift(fault.node, fault.ppm)
      return
    case 'jump':
      target.jumpWall(fault.node, fault.byMs)
      return
    case 'mass-crash':
      failShare(target, fault.share)
  }
}
