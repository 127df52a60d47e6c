/** What tests of machines need: an `Effects` that records, and a check of the contract's properties. */
export * from './testing/machine-check.ts'
export { MachineCheckError, type MachineProperty } from './testing/machine-run.ts'
export * from './testing/recording-effects.ts'
