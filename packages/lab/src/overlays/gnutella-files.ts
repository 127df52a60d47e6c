/** Gnutella peers' files as their machines see them: results of queries, and the answers to their questions. */
import type { GnutellaAnswer, GnutellaQuestion, HitResult, Wanted } from '@servent/gnutella/machine'
import { type Contact, type FileRecord, peerIdText } from '@servent/overlay/machine'
import type { WorldFile } from '../world.ts'
import { EXPIRES_MS, labRecord } from './file-records.ts'

export const urnOf = (file: WorldFile): string => `urn:cid:${file.id}`

export class GnutellaFiles {
  /** By provider, and by the number of the file. */
  readonly #results = new Map<string, Map<number, HitResult>>()
  readonly #records = new WeakMap<Uint8Array, FileRecord>()

  /** The answer of a peer that shares these files. `wanted`: what the search in the question asked for. */
  answer(
    question: GnutellaQuestion,
    self: Contact,
    shared: readonly WorldFile[],
    wanted: Wanted | undefined
  ): GnutellaAnswer {
    switch (question.type) {
      case 'match':
        return {
          type: 'match',
          results: shared
            .filter(file => holds(file, question))
            .slice(0, question.limit)
            .map(file => this.#result(self, file))
        }
      case 'verify':
        return {
          type: 'verify',
          files: question.claim.results.flatMap(({ index, record }) => {
            const read = record === undefined ? undefined : this.#records.get(record)
            return read !== undefined && wanted !== undefined && isWanted(read, wanted)
              ? [{ index, record: read }]
              : []
          })
        }
      case 'vouch':
        return {
          type: 'vouch',
          expiresMs: question.claims.map(({ results }) =>
            results.every(({ record }) => {
              const read = record === undefined ? undefined : this.#records.get(record)
              return read !== undefined && isWanted(read, question)
            })
              ? EXPIRES_MS
              : 0
          )
        }
    }
  }

  /** One object for each peer and file, so that a network of many holds each record once. */
  #result(self: Contact, file: WorldFile): HitResult {
    const provider = peerIdText(self.id)
    const results = this.#results.get(provider) ?? new Map<number, HitResult>()
    this.#results.set(provider, results)
    const known = results.get(file.index)
    if (known !== undefined) return known
    const { record, sealed } = labRecord(file, self)
    this.#records.set(sealed, record)
    const { index, size, name } = file
    const result = { index, size, name, urns: [urnOf(file)], record: sealed, ggep: [] }
    results.set(index, result)
    return result
  }

  /** A provider, by its PeerId as text, is gone. What was found of it can still be read. */
  forget(provider: string): void {
    this.#results.delete(provider)
  }
}

/** Whether a file has one of the URNs, or all the words where there are any. */
function holds(file: WorldFile, { text, urns }: Wanted): boolean {
  if (urns.includes(urnOf(file))) return true
  return text !== '' && text.split(' ').every(word => file.words.includes(word))
}

function isWanted({ id, name }: FileRecord, { text, urns }: Wanted): boolean {
  if (urns.includes(`urn:cid:${id}`)) return true
  const words = name.split(/[ .]/)
  return text !== '' && text.split(' ').every(word => words.includes(word))
}
