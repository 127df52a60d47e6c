/** Verified bytes from and to peers: HTTP/1.1 over libp2p streams. */
export type { Download } from './download.ts'
export { Downloads } from './downloads.ts'
export * from './errors.ts'
export { FileServer } from './file-server.ts'
export * from './limits.ts'
export { safeFileName } from './safe-file-name.ts'
export * from './types.ts'
