/** Verified bytes from and to peers: HTTP/1.1 over libp2p streams. */
export * from './limits.ts'
export * from './types.ts'
