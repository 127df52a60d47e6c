/** Signatures beside the rows of a table: a column that takes room once there is one, since a simulation has none. */
import { SIGNATURE_BYTES_MAX } from './constants.ts'
import { grown } from './packed-rows.ts'

const WIDTH = SIGNATURE_BYTES_MAX + 1
const NO_SIGNATURE = new Uint8Array(0)

export class Signatures {
  /** For each row its length, and the signature. */
  #bytes: Uint8Array<ArrayBuffer> | undefined

  get byteLength(): number {
    return this.#bytes?.byteLength ?? 0
  }

  at(row: number): Uint8Array {
    const from = row * WIDTH
    const length = this.#bytes?.[from] ?? 0
    return length === 0 ? NO_SIGNATURE : this.#bytes!.slice(from + 1, from + 1 + length)
  }

  /** `rows`: how many the table has room for. */
  set(row: number, signature: Uint8Array, rows: number): void {
    if (this.#bytes === undefined && signature.length === 0) return
    this.#bytes ??= new Uint8Array(rows * WIDTH)
    if (this.#bytes.length < rows * WIDTH) this.#bytes = grown(this.#bytes, rows * WIDTH)
    this.#bytes[row * WIDTH] = signature.length
    this.#bytes.set(signature, row * WIDTH + 1)
  }

  move(from: number, to: number): void {
    this.#bytes?.copyWithin(to * WIDTH, from * WIDTH, (from + 1) * WIDTH)
  }
}
