/**
 * A receipt: what one peer took from another so far, in verified bytes. It counts from the beginning, so that the
 * newest stands for all before it, and a lost one costs nothing.
 *
 * Its bytes are a map in DAG-CBOR with the keys `v`, `giver`, `taker`, `bytes`, `sequence`, which gives one receipt one
 * form. The reader refuses every other by writing it again and comparing: a signature speaks of one sequence of bytes.
 */
import * as dagCbor from '@ipld/dag-cbor'
import { isPeerIdBytes, peerIdBytes, peerIdText, sameBytes } from '@servent/overlay/machine'
import { RECEIPT_BYTES_MAX, RECEIPT_GIVEN_BYTES_MAX } from './constants.ts'
import { ReceiptError } from './errors.ts'

/** In every receipt, so that a later form can be told from this one. */
const VERSION = 1

export interface Receipt {
  /** PeerIds in text form. */
  readonly giver: string
  readonly taker: string
  /** Verified bytes that the taker got from the giver so far, 1 to `RECEIPT_GIVEN_BYTES_MAX`. */
  readonly bytes: number
  /** Grows with each receipt of the pair: milliseconds since 1970, or one more than the last. */
  readonly sequence: number
}

/** @throws ReceiptError  a field breaks its bounds, or a peer would sign for itself */
export function encodeReceipt({ giver, taker, bytes, sequence }: Receipt): Uint8Array {
  const [giverBytes, takerBytes] = [peerIdBytes(giver), peerIdBytes(taker)]
  if (giverBytes === undefined || takerBytes === undefined)
    throw new ReceiptError('The giver or the taker is no PeerId as 12D3Koo….')
  if (giver === taker) throw new ReceiptError('Giver and taker of the receipt are one peer.')
  if (!isCount(bytes) || bytes === 0 || bytes > RECEIPT_GIVEN_BYTES_MAX)
    throw new ReceiptError(`A receipt is of 1 to ${RECEIPT_GIVEN_BYTES_MAX} bytes.`)
  if (!isCount(sequence)) throw new ReceiptError('The sequence of the receipt is no whole number.')
  return dagCbor.encode({ v: VERSION, giver: giverBytes, taker: takerBytes, bytes, sequence })
}

/** @throws ReceiptError  the bytes are no receipt, not in its one form, or break a bound */
export function decodeReceipt(encoded: Uint8Array): Receipt {
  if (encoded.length > RECEIPT_BYTES_MAX)
    throw new ReceiptError(`A receipt has at most ${RECEIPT_BYTES_MAX} bytes, not ${encoded.length}.`)
  const receipt = readReceipt(decode(encoded))
  const again = encodeReceipt(receipt)
  if (!sameBytes(again, encoded)) throw new ReceiptError('The receipt is not in its canonical form.')
  return receipt
}

/** Whether one takes the place of another of the same pair: later, and of no fewer bytes. */
export function isNewer(receipt: Receipt, than: Receipt | undefined): boolean {
  return than === undefined || (receipt.sequence > than.sequence && receipt.bytes >= than.bytes)
}

function decode(encoded: Uint8Array): Partial<Record<string, unknown>> {
  let value: unknown
  try {
    value = dagCbor.decode(encoded)
  } catch (error) {
    throw new ReceiptError(`The receipt is no DAG-CBOR: ${(error as Error).message}`)
  }
  if (typeof value !== 'object' || value === null) throw new ReceiptError('The receipt is no map.')
  return value as Record<string, unknown>
}

/** Fields may be of any type where the signature says number: `encodeReceipt` refuses those that are not. */
function readReceipt({ v, giver, taker, bytes, sequence }: Partial<Record<string, unknown>>): Receipt {
  if (v !== VERSION) {
    const found = typeof v === 'number' ? v : 'none'
    throw new ReceiptError(`The receipt has version ${found}; ${VERSION} is known.`)
  }
  return {
    giver: readPeer(giver),
    taker: readPeer(taker),
    bytes: bytes as number,
    sequence: sequence as number
  }
}

function readPeer(value: unknown): string {
  if (!(value instanceof Uint8Array) || !isPeerIdBytes(value))
    throw new ReceiptError('The giver or the taker is no PeerId.')
  return peerIdText(value)
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
