/**
 * A deterministic simulator of overlays: the machines that run over libp2p run here by the hundred thousand, in
 * virtual time, from one seed. Its models are FoundationDB's and TigerBeetle's simulators.
 */
export type { Metrics, Traffic } from './metrics.ts'
export { DRIFT_PPM_MAX, WALL_START_MS } from './node-clocks.ts'
export { SimulationError } from './observer.ts'
export { type Random, randomOf, Streams } from './random.ts'
export { Simulation } from './simulation.ts'
export type * from './types.ts'
export { SIMULATION_LIMITS } from './types-limits.ts'
export * from './churn/index.ts'
export * from './faults/index.ts'
export * from './network/index.ts'
export * from './scenario/index.ts'
