/**
 * The few kinds of DAG-CBOR (RFC 8949 without tags, floats and indefinite lengths, numbers in their shortest form) of
 * which a list from a peer is made, read one by one: whoever reads refuses a count when its head has come, before
 * anything is made of what it counts.
 */

const UINT = 0
const BYTES = 2
const TEXT = 3
const LIST = 4

/** A number in a head of 2, 3, 5 or 9 bytes is larger than fits into the head before. */
const LEAST = [24, 2 ** 8, 2 ** 16, 2 ** 32]

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export class CborReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /**
   * How many items come next as a list.
   *
   * @throws RangeError  as all methods: something else comes, or the bytes end
   */
  list(): number {
    return this.#head(LIST)
  }

  uint(): number {
    return this.#head(UINT)
  }

  text(): string {
    return decoder.decode(this.#take(this.#head(TEXT)))
  }

  /** A view of the bytes. */
  bytes(): Uint8Array {
    return this.#take(this.#head(BYTES))
  }

  get isText(): boolean {
    return this.#bytes[this.#at]! >> 5 === TEXT
  }

  end(): void {
    if (this.#at < this.#bytes.length) throw new RangeError('More bytes come.')
  }

  #head(kind: number): number {
    const [first] = this.#take(1)
    const short = first! & 31
    if (first! >> 5 !== kind || short > 27) throw new RangeError('Something else comes.')
    if (short < 24) return short
    const size = short - 24
    const at = this.#at
    this.#take(2 ** size)
    const value =
      size === 0
        ? this.#view.getUint8(at)
        : size === 1
          ? this.#view.getUint16(at)
          : size === 2
            ? this.#view.getUint32(at)
            : Number(this.#view.getBigUint64(at))
    if (value < LEAST[size]! || !Number.isSafeInteger(value)) throw new RangeError('No such number.')
    return value
  }

  #take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw new RangeError('The bytes end.')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }
}
