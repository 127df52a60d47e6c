/** Faults: plans that a run draws from its seed, and how they befall it. */
export { drawFaultPlan, FAULT_TYPES, FAULTS_MAX, type FaultBounds } from './draw.ts'
export { type FaultTarget, type InjectionCounts, injectFaults } from './inject.ts'
export { describePlan, type Fault, type FaultPlan, type FaultType, networkOfPlan } from './plan.ts'
