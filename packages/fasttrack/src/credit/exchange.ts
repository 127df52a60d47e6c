/**
 * The frames of `/servent/receipts/1.0.0`: one request and one answer on a short stream, each a list in DAG-CBOR with its
 * length before it as a varint. A list that is not in its one form is refused.
 *
 *     ["settle", statement]     a taker's half        →  ["receipt", receipt] with the giver's around it, or ["refused"]
 *     ["ask", count]            for the largest       →  ["receipts", [receipt, …]], of which the answerer is a party
 */

import * as dagCbor from '@ipld/dag-cbor'
import { sameBytes } from '@servent/overlay/machine'
import {
  ANSWER_BYTES_MAX,
  RECEIPTS_ASKED_MAX,
  REQUEST_BYTES_MAX,
  SEALED_RECEIPT_BYTES_MAX,
  SEALED_STATEMENT_BYTES_MAX
} from './constants.ts'
import { ExchangeError } from './errors.ts'

export const RECEIPTS_PROTOCOL = '/servent/receipts/1.0.0'

export type Request =
  | { readonly type: 'settle'; readonly statement: Uint8Array }
  /** `count` is 1 to `RECEIPTS_ASKED_MAX`. */
  | { readonly type: 'ask'; readonly count: number }

export type Answer =
  | { readonly type: 'receipt'; readonly sealed: Uint8Array }
  | { readonly type: 'refused' }
  | { readonly type: 'receipts'; readonly sealed: readonly Uint8Array[] }

export function encodeRequest(request: Request): Uint8Array {
  return dagCbor.encode(request.type === 'settle' ? ['settle', request.statement] : ['ask', request.count])
}

/** @throws ExchangeError  the bytes are no request, or break a bound */
export function decodeRequest(bytes: Uint8Array): Request {
  const [type, value] = readList(bytes, REQUEST_BYTES_MAX)
  if (type === 'settle' && isBytes(value, SEALED_STATEMENT_BYTES_MAX))
    return checked({ type, statement: value }, encodeRequest, bytes)
  if (type === 'ask' && isCount(value)) return checked({ type, count: value }, encodeRequest, bytes)
  throw new ExchangeError('The request is none of this protocol, or breaks a bound.')
}

export function encodeAnswer(answer: Answer): Uint8Array {
  return dagCbor.encode(answer.type === 'refused' ? [answer.type] : [answer.type, answer.sealed])
}

/** @throws ExchangeError  the bytes are no answer, or break a bound */
export function decodeAnswer(bytes: Uint8Array): Answer {
  const [type, value] = readList(bytes, ANSWER_BYTES_MAX)
  if (type === 'refused') return checked({ type }, encodeAnswer, bytes)
  if (type === 'receipt' && isBytes(value, SEALED_RECEIPT_BYTES_MAX))
    return checked({ type, sealed: value }, encodeAnswer, bytes)
  if (type === 'receipts' && Array.isArray(value) && value.length <= RECEIPTS_ASKED_MAX) {
    const sealed = value.filter(one => isBytes(one, SEALED_RECEIPT_BYTES_MAX))
    if (sealed.length === value.length) return checked({ type, sealed }, encodeAnswer, bytes)
  }
  throw new ExchangeError('The answer is none of this protocol, or breaks a bound.')
}

function readList(bytes: Uint8Array, bytesMax: number): unknown[] {
  if (bytes.length > bytesMax)
    throw new ExchangeError(`A frame has at most ${bytesMax} bytes here, not ${bytes.length}.`)
  let list: unknown
  try {
    list = dagCbor.decode(bytes)
  } catch (error) {
    throw new ExchangeError(`The frame is no DAG-CBOR: ${(error as Error).message}`)
  }
  if (!Array.isArray(list)) throw new ExchangeError('The frame is no list.')
  return list
}

/** Further items, and numbers in a longer form, would be read by one and overlooked by another. */
function checked<Message>(
  message: Message,
  encode: (message: Message) => Uint8Array,
  bytes: Uint8Array
): Message {
  if (!sameBytes(encode(message), bytes)) throw new ExchangeError('The frame is not in its canonical form.')
  return message
}

function isBytes(value: unknown, lengthMax: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length <= lengthMax
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= RECEIPTS_ASKED_MAX
}
