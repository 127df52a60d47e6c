/** Napster users' files as their machines see them: records to announce, and whether others' are sound and wanted. */
import {
  type Claim,
  entryOf,
  type NapsterAnswer,
  type NapsterQuestion,
  type SharedRecord,
  type VerifiedFile
} from '@servent/napster/machine'
import { type Contact, type FileRecord, peerIdText, recordInside } from '@servent/overlay/machine'
import type { WorldFile } from '../world.ts'
import { SharedOnce } from './file-records.ts'

/** What an entry of an index says. */
interface Said {
  readonly index: number
  readonly record: FileRecord
}

export class NapsterFiles {
  readonly #records = new SharedOnce<SharedRecord>(({ index }, record) => ({ index, record }))
  /** By provider, how far its walk through what it shares is. */
  readonly #walks = new Map<string, { readonly pass: number; readonly at: number }>()
  /** An entry is handed on by reference to all who find it. */
  readonly #said = new WeakMap<Uint8Array, Said>()

  /** The next files of a peer's walk, a new one from the first on. */
  next(
    { pass, limit }: NapsterQuestion & { type: 'next-files' },
    self: Contact,
    shared: readonly WorldFile[]
  ): NapsterAnswer {
    const provider = peerIdText(self.id)
    const walk = this.#walks.get(provider)
    const from = walk?.pass === pass ? walk.at : 0
    const to = from + limit
    this.#walks.set(provider, { pass, at: to })
    const files = shared.slice(from, to).map(file => this.#records.of(self, file))
    return { type: 'files', files, isLast: to >= shared.length }
  }

  /** Those that a server is told of, where they are what this provider made. */
  verifyShares({ provider, files }: NapsterQuestion & { type: 'verify-shares' }): NapsterAnswer {
    const records = files.map(({ record }) => {
      const read = this.#records.read(record)
      return read?.provider === provider ? read : undefined
    })
    return { type: 'shares', records }
  }

  /** Results that are of whom they name, and what was searched for. */
  verifyFound(claims: readonly Claim[], wants: (record: FileRecord) => boolean): NapsterAnswer {
    const files = claims.flatMap(({ found, hops }): VerifiedFile[] => {
      const { nick, link, firewalled, contact, entry } = found
      const said = this.#read(entry)
      if (said === undefined || said.record.provider !== peerIdText(contact.id) || !wants(said.record))
        return []
      return [{ ...said, nick, link, firewalled, contact, hops }]
    })
    return { type: 'verified', files }
  }

  /** A provider, by its PeerId as text, is gone. What was found of it can still be read. */
  forget(provider: string): void {
    this.#records.forget(provider)
    this.#walks.delete(provider)
  }

  #read(bytes: Uint8Array): Said | undefined {
    const known = this.#said.get(bytes)
    if (known !== undefined) return known
    const entry = entryOf(bytes)
    if (entry === undefined) return undefined
    const said = { index: entry.index, record: recordInside(entry.record) }
    this.#said.set(bytes, said)
    return said
  }
}
