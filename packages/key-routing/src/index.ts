/** What structured overlays share, and its adapters to libp2p. */
export * from './machine.ts'
