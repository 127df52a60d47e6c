/**
 * Messages of circuit relay v2, protocol buffers on `/libp2p/circuit/relay/0.2.0/hop` and `…/stop`, as far as a relay
 * reads and writes them. Published: https://github.com/libp2p/specs/blob/master/relay/circuit-v2.md.
 */
import { type Reader, reader, type Writer, writer } from 'protons-runtime'

export const HOP_PROTOCOL = '/libp2p/circuit/relay/0.2.0/hop'
export const STOP_PROTOCOL = '/libp2p/circuit/relay/0.2.0/stop'

export const Status = {
  OK: 100,
  RESERVATION_REFUSED: 200,
  RESOURCE_LIMIT_EXCEEDED: 201,
  PERMISSION_DENIED: 202,
  CONNECTION_FAILED: 203,
  NO_RESERVATION: 204,
  MALFORMED_MESSAGE: 400,
  UNEXPECTED_MESSAGE: 401
} as const
export type Status = (typeof Status)[keyof typeof Status]

const HOP_RESERVE = 0
const HOP_CONNECT = 1
const HOP_STATUS = 2
const STOP_CONNECT = 0
const STOP_STATUS = 1

const VARINT = 0
const BYTES = 2

/** What a peer asks of a relay. `peer` is the bytes of a PeerId, unread. */
export type HopRequest =
  | { readonly type: 'reserve' }
  | { readonly type: 'connect'; readonly peer: Uint8Array }
  /** Any other message, or one whose parts are missing. */
  | { readonly type: 'unexpected' }

/** The relay's word on a connection: seconds, and bytes where it will be cut after so many. */
export interface Limit {
  readonly durationSeconds: number
  readonly dataBytes?: bigint
}

export interface Reservation {
  /** Seconds since 1970. */
  readonly expire: bigint
  /** Multiaddrs of the relay with its PeerId. */
  readonly addresses: readonly Uint8Array[]
  /** A signed envelope around a voucher. */
  readonly voucher: Uint8Array
}

export interface HopAnswer {
  readonly status: Status
  readonly reservation?: Reservation
  readonly limit?: Limit
}

/** @throws Error  the bytes are no message of protocol buffers */
export function decodeHopRequest(bytes: Uint8Array): HopRequest {
  let type: number | undefined
  let peer: Uint8Array | undefined
  for (const { field, wire, from } of fields(bytes)) {
    if (field === 1 && wire === VARINT) type = from.int32()
    else if (field === 2 && wire === BYTES) peer = peerId(from.bytes())
    else from.skipType(wire)
  }
  if (type === HOP_RESERVE) return { type: 'reserve' }
  if (type === HOP_CONNECT && peer !== undefined) return { type: 'connect', peer }
  return { type: 'unexpected' }
}

export function encodeHopAnswer({ status, reservation, limit }: HopAnswer): Uint8Array {
  const to = writer()
  to.uint32(tag(1, VARINT)).int32(HOP_STATUS)
  if (reservation !== undefined) writePart(to, 3, reservationBytes(reservation))
  if (limit !== undefined) writePart(to, 4, limitBytes(limit))
  to.uint32(tag(5, VARINT)).int32(status)
  return to.finish()
}

/** Tells a peer with a reservation who wants to reach it. */
export function encodeStopConnect(peer: Uint8Array, limit: Limit): Uint8Array {
  const to = writer()
  to.uint32(tag(1, VARINT)).int32(STOP_CONNECT)
  writePart(to, 2, writer().uint32(tag(1, BYTES)).bytes(peer).finish())
  writePart(to, 3, limitBytes(limit))
  return to.finish()
}

/**
 * The status that the peer answers with, nothing where its message says none.
 *
 * @throws Error  the bytes are no message of protocol buffers
 */
export function decodeStopAnswer(bytes: Uint8Array): number | undefined {
  let type: number | undefined
  let status: number | undefined
  for (const { field, wire, from } of fields(bytes)) {
    if (field === 1 && wire === VARINT) type = from.int32()
    else if (field === 4 && wire === VARINT) status = from.int32()
    else from.skipType(wire)
  }
  return type === STOP_STATUS ? status : undefined
}

/** What a voucher says: this relay takes calls for this peer until then. `expire` in seconds since 1970. */
export function encodeVoucher(relay: Uint8Array, peer: Uint8Array, expire: bigint): Uint8Array {
  const to = writer()
  to.uint32(tag(1, BYTES)).bytes(relay)
  to.uint32(tag(2, BYTES)).bytes(peer)
  return to.uint32(tag(3, VARINT)).uint64(expire).finish()
}

function reservationBytes({ expire, addresses, voucher }: Reservation): Uint8Array {
  const to = writer()
  to.uint32(tag(1, VARINT)).uint64(expire)
  for (const address of addresses) to.uint32(tag(2, BYTES)).bytes(address)
  // The envelope is a message in a message, and its bytes are the same.
  return to.uint32(tag(3, BYTES)).bytes(voucher).finish()
}

function limitBytes({ durationSeconds, dataBytes }: Limit): Uint8Array {
  const to = writer()
  to.uint32(tag(1, VARINT)).uint32(durationSeconds)
  if (dataBytes !== undefined) to.uint32(tag(2, VARINT)).uint64(dataBytes)
  return to.finish()
}

function peerId(bytes: Uint8Array): Uint8Array | undefined {
  let id: Uint8Array | undefined
  for (const { field, wire, from } of fields(bytes)) {
    if (field === 1 && wire === BYTES) id = from.bytes()
    else from.skipType(wire)
  }
  return id
}

function* fields(bytes: Uint8Array): Generator<{ field: number; wire: number; from: Reader }, void> {
  const from = reader(bytes)
  while (from.pos < from.len) {
    const head = from.uint32()
    yield { field: head >>> 3, wire: head & 7, from }
  }
}

const tag = (field: number, wire: number): number => (field << 3) | wire

function writePart(to: Writer, field: number, bytes: Uint8Array): void {
  to.uint32(tag(field, BYTES)).bytes(bytes)
}
