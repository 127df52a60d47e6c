/** For tests: libp2p's components in memory and in virtual time, and transcripts of what machines did. */
export * from './testing/fake-network.ts'
export * from './testing/transcript.ts'
export * from './testing/virtual-clock.ts'
