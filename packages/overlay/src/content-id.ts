/**
 * Names of contents: one file, one id, whatever its name.
 *
 * A file over 16 KiB is named by the root of the SHA-256 Merkle tree over its 16 KiB blocks (BEP 52) in a
 * CIDv1 with codec raw and multihash `bittorrent-pieces-root`. A smaller one is named by its SHA-256 in a
 * CIDv1 with codec raw. The tree does not mark its leaves, so the 64 bytes of two child hashes hash to the
 * same root as the larger file above them: a tree id with a size of one block or less is refused
 * everywhere, and so is a plain id with more.
 */
import { base32 } from 'multiformats/bases/base32'
import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { ContentIdError } from './errors.ts'
import { CONTENT_SIZE_BYTES_MAX } from './limits.ts'

export const BLOCK_BYTES = 16_384

const RAW = 0x55
const SHA2_256 = 0x12
const PIECES_ROOT = 0xb702
const DIGEST_BYTES = 32
const TEXT_CHARACTERS_MAX = 128

/** `plain`: SHA-256 of at most one block. `tree`: the root of a tree of several. */
export type ContentKind = 'plain' | 'tree'

export class ContentId {
  readonly kind: ContentKind
  /** 32 bytes. */
  readonly digest: Uint8Array
  #text: string | undefined

  private constructor(kind: ContentKind, digest: Uint8Array) {
    this.kind = kind
    this.digest = digest
  }

  /**
   * The id of a content of `size` bytes whose tree has this root (of one block: its SHA-256).
   *
   * @throws ContentIdError  the root has not 32 bytes, or the size is out of range
   */
  static fromRoot(root: Uint8Array, size: number): ContentId {
    checkSizeRange(size)
    if (root.length !== DIGEST_BYTES) throw new ContentIdError(`A root has 32 bytes, not ${root.length}.`)
    // A copy: the id must stay what it is, whatever its maker does with the bytes.
    return new ContentId(size > BLOCK_BYTES ? 'tree' : 'plain', Uint8Array.from(root))
  }

  /** @throws ContentIdError  the text is no CID of one of the two forms */
  static parse(text: string): ContentId {
    if (text.length > TEXT_CHARACTERS_MAX)
      throw new ContentIdError('A content id is a CID; this text is too long to be one.')
    let cid: CID
    try {
      cid = CID.parse(text, base32.decoder.or(base36.decoder).or(base58btc.decoder))
    } catch (error) {
      throw new ContentIdError(
        `A content id is a CID, as bafkrei…; this is none: ${(error as Error).message}`
      )
    }
    return fromCid(cid)
  }

  /** @throws ContentIdError  the bytes are no CID of one of the two forms */
  static decode(bytes: Uint8Array): ContentId {
    let cid: CID
    try {
      cid = CID.decode(bytes)
    } catch (error) {
      throw new ContentIdError(`These bytes are no CID: ${(error as Error).message}`)
    }
    return fromCid(cid)
  }

  /** @internal */
  static of(kind: ContentKind, digest: Uint8Array): ContentId {
    return new ContentId(kind, digest)
  }

  /** The bytes of the CID: 36 of a plain id, 38 of a tree. */
  get bytes(): Uint8Array {
    return this.#cid().bytes
  }

  /** What the key space is hashed from, so that every form of a CID meets. */
  get multihash(): Uint8Array {
    return this.#cid().multihash.bytes
  }

  /** The CID in base32: one text for one id, fit for keys of maps. */
  toString(): string {
    this.#text ??= this.#cid().toString(base32)
    return this.#text
  }

  toJSON(): string {
    return this.toString()
  }

  equals(other: ContentId): boolean {
    return this.toString() === other.toString()
  }

  /**
   * The size rule.
   *
   * @throws ContentIdError  no content of this many bytes can have this id
   */
  checkSize(size: number): void {
    checkSizeRange(size)
    if (this.kind === 'tree' && size <= BLOCK_BYTES) {
      throw new ContentIdError(
        `A tree id names more than ${BLOCK_BYTES} bytes, and ${size} were claimed: this is how the two halves of a tree pose as a file.`
      )
    }
    if (this.kind === 'plain' && size > BLOCK_BYTES) {
      throw new ContentIdError(`A plain id names at most ${BLOCK_BYTES} bytes, and ${size} were claimed.`)
    }
  }

  #cid(): CID {
    return CID.createV1(RAW, Digest.create(this.kind === 'tree' ? PIECES_ROOT : SHA2_256, this.digest))
  }
}

function fromCid(cid: CID): ContentId {
  const { code, digest } = cid.multihash
  if (cid.version !== 1 || cid.code !== RAW)
    throw new ContentIdError('A content id is a CIDv1 with codec raw.')
  if (code !== SHA2_256 && code !== PIECES_ROOT) {
    throw new ContentIdError(
      `A content id has multihash sha2-256 or bittorrent-pieces-root, not 0x${code.toString(16)}.`
    )
  }
  if (digest.length !== DIGEST_BYTES)
    throw new ContentIdError(`A content id has a digest of 32 bytes, not ${digest.length}.`)
  return ContentId.of(code === PIECES_ROOT ? 'tree' : 'plain', Uint8Array.from(digest))
}

function checkSizeRange(size: number): void {
  if (!Number.isSafeInteger(size) || size < 0 || size > CONTENT_SIZE_BYTES_MAX) {
    throw new ContentIdError(`A content has 0 to ${CONTENT_SIZE_BYTES_MAX} bytes, not ${size}.`)
  }
}
