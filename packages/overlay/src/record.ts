/** A provider's statement that it has a file. `record-codec.ts` writes it, `sealing.ts` signs it. */
import type { ContentId } from './content-id.ts'

export interface FileRecord {
  readonly id: ContentId
  /** Bytes. */
  readonly size: number
  /** A base name in UTF-8, at most `NAME_BYTES_MAX` bytes. Never use it as a path. */
  readonly name: string
  /** Media type. */
  readonly type: string
  /** At most `TAGS_MAX`. */
  readonly tags: Readonly<Record<string, string>>
  /** PeerId in text form. */
  readonly provider: string
  /** Of two records of one provider for one id, the larger number is the newer one. */
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly expiresMs: number
}
