/** What tests need: an `Effects` that records, a check of the contract's properties, a catalogue in memory. */
export * from './testing/machine-check.ts'
export { MachineCheckError, type MachineProperty } from './testing/machine-run.ts'
export * from './testing/memory-catalogue.ts'
export * from './testing/recording-effects.ts'
