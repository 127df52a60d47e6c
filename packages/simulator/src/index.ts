/**
 * A deterministic simulator of overlays: the machines that run over libp2p run here by the hundred thousand, in
 * virtual time, from one seed. Its models are FoundationDB's and TigerBeetle's simulators.
 */

export * from './churn/index.ts'
export * from './faults/index.ts'
export { LINKS_MAX } from './links.ts'
export type { Metrics } from './metrics.ts'
export * from './network/index.ts'
export { DRIFT_PPM_MAX, WALL_START_MS } from './node-clocks.ts'
export type { Traffic } from './node-records.ts'
export { SimulationError } from './observer.ts'
export { type Random, randomOf, Streams } from './random.ts'
export * from './scenario/index.ts'
export { Simulation } from './simulation.ts'
export type * from './types.ts'
export { SIMULATION_LIMITS } from './types-limits.ts'
