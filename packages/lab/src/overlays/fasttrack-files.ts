/** FastTrack peers' files as their machines see them: records to upload, and whether others' are sound. */
import type { Claim, FastTrackAnswer, FastTrackQuestion, UploadedFile } from '@servent/fasttrack/machine'
import { type Contact, type FileRecord, peerIdText } from '@servent/overlay/machine'
import type { WorldFile } from '../world.ts'
import { SharedOnce } from './file-records.ts'

export class FastTrackFiles {
  readonly #uploads = new SharedOnce<UploadedFile>(({ index }, record) => ({ index, record }))

  /** A page of what a peer shares, in the order of indices. */
  page(
    { after, bytesMax, filesMax }: FastTrackQuestion & { type: 'records' },
    self: Contact,
    shared: readonly WorldFile[]
  ): FastTrackAnswer {
    const left = shared.filter(({ index }) => index > after)
    const files: UploadedFile[] = []
    let bytes = 0
    for (const one of left) {
      const file = this.#uploads.of(self, one)
      bytes += file.record.length
      if (files.length > 0 && (bytes > bytesMax || files.length >= filesMax)) break
      files.push(file)
    }
    return { type: 'records', files, isLast: files.length === left.length }
  }

  /** Sound is what its provider made. */
  verify(claims: readonly Claim[]): FastTrackAnswer {
    return { type: 'verified', records: claims.map(claim => this.#read(claim)) }
  }

  #read({ provider, record }: Claim): FileRecord | undefined {
    const read = this.#uploads.read(record)
    return read?.provider === peerIdText(provider) ? read : undefined
  }

  /** A provider, by its PeerId as text, is gone. What was found of it can still be read. */
  forget(provider: string): void {
    this.#uploads.forget(provider)
  }
}
