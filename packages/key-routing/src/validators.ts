/**
 * Which values may be kept, and which of two is the better one, in the manner of libp2p: by the namespace of
 * their key. Here is `/pk/`, whose values are public keys that hash to their key; `/ipns/` and others are the
 * user's to give (`ipns` has `ipnsValidator` and `ipnsSelector` of these shapes).
 *
 * Whoever has seen a value of a namespace can sign a record around it, so what the record says of itself, its
 * writer and its sequence, says nothing of the value: the selector chooses among the values alone, as in libp2p's
 * Kademlia, and of records of one value the one that lives longest stays. A stranger can thus lengthen the life of
 * a value, and cannot shorten it. Without a selector an old value that is still valid could be brought back by
 * anybody, so a namespace has both, or its keys are refused.
 *
 * A key without a namespace belongs to nobody: whoever puts last overwrites it. The sequence of any value is the
 * writer's clock, which may not be far ahead, so that nobody can keep others from writing for long.
 */
import { publicKeyFromProtobuf } from '@libp2p/crypto/keys'
import { isTimely, nameOf } from './records.ts'
import { decodeValue, namespaceOf, readEnvelope, type ValueStatement } from './records-body.ts'
import { isGenuine, type Signatures } from './service-sealing.ts'
import type { Selector, Validator } from './service-types.ts'
import type { StoredRecord } from './store-messages.ts'

/** Fewer holders answered than a read waits for: what they say may not be the newest, nor "none" be true. */
export class QuorumError extends Error {
  static override readonly name = 'QuorumError'
  override readonly name = 'QuorumError'
}

/** The value may not be kept under its key. */
export class ValueError extends Error {
  static override readonly name = 'ValueError'
  override readonly name = 'ValueError'
}

/** @throws ValueError  the value is not the public key whose hash is in the key */
const validatePublicKey: Validator = async (key, value) => {
  const hash = nameOf(key.subarray('/pk/'.length))
  let own: string
  try {
    own = nameOf(publicKeyFromProtobuf(value).toMultihash().bytes)
  } catch (error) {
    throw new ValueError(`Under /pk/ stand public keys, and this is none: ${(error as Error).message}`)
  }
  if (own !== hash) throw new ValueError('This public key does not hash to its key.')
}

export class Validators {
  readonly #validators: ReadonlyMap<string, Validator>
  readonly #selectors: ReadonlyMap<string, Selector>

  constructor(
    validators: Readonly<Record<string, Validator>> = {},
    selectors: Readonly<Record<string, Selector>> = {}
  ) {
    this.#validators = new Map(Object.entries({ pk: validatePublicKey, ...validators }))
    // All public keys with one hash are the same.
    this.#selectors = new Map(Object.entries({ pk: () => 0, ...selectors }))
  }

  /** @throws ValueError  the namespace has no validator or no selector, or what the validator throws */
  async validate(key: Uint8Array, value: Uint8Array): Promise<void> {
    const namespace = namespaceOf(key)
    if (namespace === undefined) return
    const validator = this.#validators.get(namespace)
    if (validator === undefined) {
      throw new ValueError(
        `No validator is given for keys under /${namespace}/. Give one as validators.${namespace}.`
      )
    }
    if (!this.#selectors.has(namespace)) {
      throw new ValueError(
        `No selector is given for keys under /${namespace}/, and without one anybody could bring an old value back. Give one as selectors.${namespace}; where a key has one valid value, () => 0 will do.`
      )
    }
    await validator(key, value)
  }

  /**
   * Whether a record of any kind is genuine and has not expired, and a value is one that may be kept. Records that
   * are verified together may share their `signatures`.
   */
  async verify(record: StoredRecord, wallMs: number, signatures?: Signatures): Promise<boolean> {
    if (!isTimely(record, wallMs) || !(await isGenuine(record, wallMs, signatures))) return false
    if (record.kind !== 'value') return true
    const { key, value } = statementOf(record)
    try {
      await this.validate(key, value)
      return true
    } catch {
      // What the validator has against it is the writer's to know.
      return false
    }
  }

  /** The index of the best of these values under one key; -1 where none may be kept. */
  async select(records: readonly StoredRecord[], wallMs: number): Promise<number> {
    const good = await Promise.all(records.map(record => this.verify(record, wallMs)))
    const indices = records.flatMap((_, index) => (good[index] ? [index] : []))
    const statements = indices.map(index => statementOf(records[index]!))
    const first = statements[0]
    if (first === undefined) return -1
    const best = this.#bestValue(first.key, statements)
    const isBetter = best === undefined ? isNewer : outlives
    let winner = -1
    for (const [place, index] of indices.entries()) {
      const isCandidate = best === undefined || nameOf(statements[place]!.value) === best
      if (isCandidate && (winner < 0 || isBetter(records[index]!, records[winner]!))) winner = index
    }
    return winner
  }

  /** By the selector of the namespace; nothing where the key has none, and the newest record is the best. */
  #bestValue(key: Uint8Array, statements: readonly ValueStatement[]): string | undefined {
    const namespace = namespaceOf(key)
    const selector = namespace === undefined ? undefined : this.#selectors.get(namespace)
    if (selector === undefined) return undefined
    const values = statements.map(({ value }) => value)
    let chosen: Uint8Array | undefined
    try {
      chosen = values[selector(key, values)]
    } catch {
      // A selector that cannot choose leaves it to the sequences.
    }
    return chosen === undefined ? undefined : nameOf(chosen)
  }
}

/** Of a record that was inspected. */
export function statementOf(record: StoredRecord): ValueStatement {
  return decodeValue(readEnvelope(record.body).payload)
}

/** Of records of one value. */
function outlives(a: StoredRecord, b: StoredRecord): boolean {
  return a.expiresMs === b.expiresMs ? isNewer(a, b) : a.expiresMs > b.expiresMs
}

/** Two writers at the same millisecond are told apart by their ids, so that all holders choose alike. */
function isNewer(a: StoredRecord, b: StoredRecord): boolean {
  if (a.sequence !== b.sequence) return a.sequence > b.sequence
  return nameOf(a.publisher.id) > nameOf(b.publisher.id)
}
