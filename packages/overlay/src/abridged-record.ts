/**
 * A signed record without what stands beside it anyway. Whoever hands a record on under a file's name and size, and
 * names its provider, says more than half of it twice; abridged it is what is left: the digest of the id, sequence,
 * expiry, media type, tags and signature. A record and its libp2p envelope have one form in bytes each, so that the
 * sealed record can be made again of both, byte for byte, and is then opened as any other.
 *
 * | bytes | |
 * |---|---|
 * | 32 | digest of the content id; its kind follows from the size |
 * | 1 to 8, twice | sequence, and expiry in milliseconds since 1970: seven bits a byte, the lowest first |
 * | 1, then so many | the length of the signature, the signature |
 * | 1, then so many | the length of the media type, the media type |
 * | for each tag | the length of its name, its name; the length of its value, its value |
 *
 * Only of a provider whose PeerId is its public key, as those of Ed25519 are.
 */
import { ContentId } from './content-id.ts'
import { RecordError } from './errors.ts'
import { ABRIDGED_RECORD_BYTES_MAX, TAGS_MAX } from './limits.ts'
import { compareTexts, peerIdText } from './names.ts'
import type { FileRecord } from './record.ts'
import { encodeRecord } from './record-codec.ts'
import { envelopeOf } from './record-envelope.ts'

const DIGEST_BYTES = 32
/** Of a number up to 2^53. */
const NUMBER_BYTES_MAX = 8
const SEVEN_BITS = 128
/** A multihash that holds its content as it is, here a public key; two bytes before it. */
const IDENTITY_CODE = 0x00
const IDENTITY_PREFIX_BYTES = 2

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What is said beside an abridged record. */
export interface SaidBeside {
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** The multihash of the provider's PeerId. */
  readonly provider: Uint8Array
}

/** @throws RecordError  a field is longer than it can be */
export function encodeAbridged(
  { id, sequence, expiresMs, type, tags }: FileRecord,
  signature: Uint8Array
): Uint8Array {
  const bytes: number[] = [...id.digest]
  writeNumber(bytes, sequence)
  writeNumber(bytes, expiresMs)
  writeShort(bytes, signature)
  writeShort(bytes, encoder.encode(type))
  for (const [tag, value] of Object.entries(tags).sort(([a], [b]) => compareTexts(a, b))) {
    writeShort(bytes, encoder.encode(tag))
    writeShort(bytes, encoder.encode(value))
  }
  return Uint8Array.from(bytes)
}

/**
 * The sealed record, to be opened: of what is wrong with it only this is said here.
 *
 * @throws RecordError  it is malformed, out of bounds, of a provider that is no key, or a field breaks its bounds
 */
export function restoreSealed(abridged: Uint8Array, { name, size, provider }: SaidBeside): Uint8Array {
  if (abridged.length > ABRIDGED_RECORD_BYTES_MAX) {
    throw new RecordError(
      `An abridged record has at most ${ABRIDGED_RECORD_BYTES_MAX} bytes, not ${abridged.length}.`
    )
  }
  if (provider[0] !== IDENTITY_CODE) throw new RecordError('The PeerId of the provider is not its key.')
  const reader = new AbridgedReader(abridged)
  const digest = reader.take(DIGEST_BYTES)
  const sequence = reader.number()
  const expiresMs = reader.number()
  const signature = reader.short()
  const type = reader.text()
  const payload = encodeRecord({
    id: idOf(digest, size),
    size,
    name,
    type,
    tags: readTags(reader),
    provider: peerIdText(provider),
    sequence,
    expiresMs
  })
  return envelopeOf(provider.subarray(IDENTITY_PREFIX_BYTES), payload, signature)
}

/** Whether a record of this provider can be abridged. */
export function isOwnKey(provider: Uint8Array): boolean {
  return provider[0] === IDENTITY_CODE
}

function idOf(digest: Uint8Array, size: number): ContentId {
  try {
    return ContentId.fromRoot(digest, size)
  } catch (error) {
    throw new RecordError((error as Error).message)
  }
}

function readTags(reader: AbridgedReader): Record<string, string> {
  const tags = new Map<string, string>()
  while (reader.left > 0) {
    if (tags.size === TAGS_MAX) throw new RecordError(`A record has at most ${TAGS_MAX} tags.`)
    const tag = reader.text()
    if (tags.has(tag)) throw new RecordError('A tag of the abridged record comes twice.')
    tags.set(tag, reader.text())
  }
  return Object.fromEntries(tags)
}

class AbridgedReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  take(length: number): Uint8Array {
    if (length > this.left) throw new RecordError('The abridged record ends too early.')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  number(): number {
    let value = 0
    for (let place = 1, count = 0; count < NUMBER_BYTES_MAX; place *= SEVEN_BITS, count += 1) {
      const [byte] = this.take(1)
      value += (byte! % SEVEN_BITS) * place
      if (byte! < SEVEN_BITS) return value
    }
    throw new RecordError('A number of the abridged record is too long.')
  }

  short(): Uint8Array {
    return this.take(this.take(1)[0]!)
  }

  text(): string {
    try {
      return decoder.decode(this.short())
    } catch (error) {
      if (error instanceof RecordError) throw error
      throw new RecordError('A text of the abridged record is no UTF-8.')
    }
  }
}

function writeNumber(bytes: number[], value: number): void {
  let rest = value
  for (; rest >= SEVEN_BITS; rest = Math.floor(rest / SEVEN_BITS))
    bytes.push((rest % SEVEN_BITS) + SEVEN_BITS)
  bytes.push(rest)
}

function writeShort(bytes: number[], data: Uint8Array): void {
  if (data.length > 255) throw new RecordError('A field of the record is too long to be abridged.')
  bytes.push(data.length, ...data)
}
