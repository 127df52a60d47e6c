/** What structured overlays share, and its adapters to libp2p. */
export * from './machine.ts'
export { type FoundKey, KeyRoutedService } from './service.ts'
export { NotReadyError } from './service-readiness.ts'
export { LookupError } from './service-reads.ts'
export type * from './service-types.ts'
export * from './structured-init.ts'
export * from './structured-service.ts'
export { QuorumError, ValueError } from './validators.ts'
