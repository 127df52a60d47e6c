/** Ways to peers that cannot be called: a relay, its use, and calls back over it. */
export * from './call-back.ts'
export { CallRules } from './call-rules.ts'
export { holePunching } from './hole-punching.ts'
export * from './limits.ts'
export * from './relay-server.ts'
export * from './relay-use.ts'
export { HOP_PROTOCOL, STOP_PROTOCOL } from './wire.ts'
