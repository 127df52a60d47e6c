/**
 * A receipt signed by both sides: the taker states what it got, in libp2p's signed envelope (RFC 0002), and the giver
 * puts that envelope into one of its own. So the giver signs the very bytes that the taker signed, a statement alone is
 * no receipt, and neither can make one of the other. Each side has a domain and a payload type, so that a
 * signature of one kind is never one of another.
 */
import type { PrivateKey } from '@libp2p/interface'
import { RecordEnvelope } from '@libp2p/peer-record'
import { peerIdText, sameBytes } from '@servent/overlay/machine'
import { SEALED_RECEIPT_BYTES_MAX, SEALED_STATEMENT_BYTES_MAX } from './constants.ts'
import { ReceiptError } from './errors.ts'
import { decodeReceipt, encodeReceipt, type Receipt } from './receipt.ts'

interface Side {
  readonly role: 'taker' | 'giver'
  readonly domain: string
  /** The envelope's payload type. */
  readonly type: Uint8Array
  readonly bytesMax: number
}

const encoder = new TextEncoder()

const TAKER: Side = {
  role: 'taker',
  domain: 'servent-receipt-taker-v1',
  type: encoder.encode('/servent/receipt-statement'),
  bytesMax: SEALED_STATEMENT_BYTES_MAX
}
const GIVER: Side = {
  role: 'giver',
  domain: 'servent-receipt-giver-v1',
  type: encoder.encode('/servent/receipt'),
  bytesMax: SEALED_RECEIPT_BYTES_MAX
}

/**
 * The taker's half.
 *
 * @throws ReceiptError  a field breaks its bounds, or the key is not the taker's
 */
export async function sealStatement(receipt: Receipt, privateKey: PrivateKey): Promise<Uint8Array> {
  return seal(TAKER, receipt, encodeReceipt(receipt), privateKey)
}

/**
 * The giver's half, around a statement that was opened and found right.
 *
 * @throws ReceiptError  the statement cannot be read, or the key is not the giver's
 */
export async function sealReceipt(statement: Uint8Array, privateKey: PrivateKey): Promise<Uint8Array> {
  return seal(GIVER, readStatement(statement).receipt, statement, privateKey)
}

/**
 * Checks a taker's half, the cheap things first and the signature last.
 *
 * @throws ReceiptError  malformed, out of bounds, or not signed by its taker
 */
export async function openStatement(statement: Uint8Array): Promise<Receipt> {
  const { receipt, envelope } = readStatement(statement)
  await verify(TAKER, envelope)
  return receipt
}

/**
 * Checks the whole receipt. Costs two signatures: `peekReceipt` says at no such price whether that is worth it.
 *
 * @throws ReceiptError  malformed, out of bounds, or not signed by both
 */
export async function openReceipt(sealed: Uint8Array): Promise<Receipt> {
  const { receipt, inner, outer } = read(sealed)
  await verify(GIVER, outer)
  await verify(TAKER, inner)
  return receipt
}

/**
 * What a sealed receipt says, its signatures not looked at: of one that this peer kept, or to see whether it is news.
 *
 * @throws ReceiptError  malformed or out of bounds
 */
export function peekReceipt(sealed: Uint8Array): Receipt {
  return read(sealed).receipt
}

function read(sealed: Uint8Array) {
  const outer = readEnvelope(GIVER, sealed)
  const { receipt, envelope: inner } = readStatement(outer.payload)
  checkSigner(GIVER, receipt, outer.publicKey)
  return { receipt, inner, outer }
}

function readStatement(statement: Uint8Array) {
  const envelope = readEnvelope(TAKER, statement)
  const receipt = decodeReceipt(envelope.payload)
  checkSigner(TAKER, receipt, envelope.publicKey)
  return { receipt, envelope }
}

function readEnvelope(side: Side, bytes: Uint8Array): RecordEnvelope {
  checkLength(side, bytes)
  let envelope: RecordEnvelope
  let again: Uint8Array
  try {
    envelope = RecordEnvelope.createFromProtobuf(bytes)
    again = envelope.marshal()
  } catch (error) {
    throw new ReceiptError(
      `The ${side.role}'s half of the receipt has no envelope that can be read: ${(error as Error).message}`
    )
  }
  // Other fields are nobody's statement, and whoever hands receipts on would carry them.
  if (!sameBytes(again, bytes))
    throw new ReceiptError(`The envelope of the ${side.role} is not in its canonical form.`)
  if (!sameBytes(envelope.payloadType, side.type))
    throw new ReceiptError(`The envelope holds no ${side.role}'s half of a receipt.`)
  return envelope
}

async function seal(
  side: Side,
  receipt: Receipt,
  payload: Uint8Array,
  privateKey: PrivateKey
): Promise<Uint8Array> {
  checkSigner(side, receipt, privateKey.publicKey)
  const { domain, type: codec } = side
  const record = { domain, codec, marshal: () => payload, equals: () => false }
  const sealed = (await RecordEnvelope.seal(record, privateKey)).marshal()
  checkLength(side, sealed)
  return sealed
}

async function verify({ role, domain }: Side, envelope: RecordEnvelope): Promise<void> {
  let valid: boolean
  try {
    valid = await envelope.validate(domain)
  } catch {
    valid = false
  }
  if (!valid) throw new ReceiptError(`The ${role}'s signature of the receipt is not valid.`)
}

function checkSigner({ role }: Side, receipt: Receipt, publicKey: PrivateKey['publicKey']): void {
  const signer = peerIdText(publicKey.toMultihash().bytes)
  if (receipt[role] !== signer)
    throw new ReceiptError(`The ${role} of the receipt is ${receipt[role]}, and ${signer} signs for it.`)
}

function checkLength({ role, bytesMax }: Side, bytes: Uint8Array): void {
  if (bytes.length > bytesMax)
    throw new ReceiptError(
      `The ${role}'s half of a receipt has at most ${bytesMax} bytes, not ${bytes.length}.`
    )
}
