/** The contract between an overlay protocol, its hosts and its users: the pure part, and signed records. */
export * from './machine.ts'
export * from './sealed-records.ts'
export * from './sealing.ts'
