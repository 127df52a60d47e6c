/**
 * The pure part of what structured overlays share. A machine holds one `KeyRouter`, gives it its inputs first,
 * and tells it of its tables by `KeyRouting`.
 */
export { Calls } from './calls.ts'
export {
  Call,
  type CallDone,
  type CallFailure,
  type CallOutcome,
  Hedge,
  type LinkEvents
} from './calls-types.ts'
export * from './constants.ts'
export { framedCodec, type MessageKinds, routedCodec } from './framed-codec.ts'
export { jittered } from './jittered.ts'
export { LinkNetworks } from './link-networks.ts'
export type {
  LookupCost,
  LookupDone,
  LookupFound,
  LookupNotFound,
  LookupOptions,
  LookupResult
} from './lookup-types.ts'
export type * from './messages.ts'
export { decodePeers, encodePeers, PeerCache } from './peer-cache.ts'
export { PeerMemory } from './peer-memory.ts'
export { isReadable, isTimely, nameOf, type Page, RecordTable } from './records.ts'
export { inspectRecord } from './records-body.ts'
export { fingerprintOf } from './records-digest.ts'
export { type Heard, linkedRttMs, ping, requestTwice } from './requests.ts'
export { believeByOdds, WHOLE_RING, WIDTH_BYTES, widthOf } from './root-odds.ts'
export * from './router.ts'
export * from './router-settings.ts'
export type * from './routing.ts'
export * from './store-constants.ts'
export {
  bytesFieldLength,
  fixed32FieldLength,
  readBool,
  readBytes,
  readEmbedded,
  readFields,
  readFixed32,
  readInto,
  readKey,
  readVarint,
  varintFieldLength,
  varintLength,
  writeBytes,
  writeEmbedded,
  writeFixed32,
  writeVarint
} from './store-fields.ts'
export { RecordKeeper } from './store-keeper.ts'
export * from './store-messages.ts'
export { STORE_SETTINGS } from './store-settings.ts'
export type * from './store-types.ts'
export {
  fitInMessage,
  readRecordInto,
  recordByteLength,
  recordsLength,
  writeRecords
} from './store-wire-records.ts'
export * from './structured-constants.ts'
export * from './structured-settings.ts'
export type * from './types.ts'
export { readRouting, routingByteLength, routingTypeOf, writeRouting } from './wire.ts'
export { contactByteLength, readContact, readPeerId, writeContact } from './wire-contact.ts'
export { FrameReader } from './wire-frames.ts'
