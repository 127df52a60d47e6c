/** Gnutella peers' files as their machines see them: results of queries, and the answers to their questions. */
import type { GnutellaAnswer, GnutellaQuestion, HitResult, Wanted } from '@servent/gnutella/machine'
import { type Contact, type FileRecord, peerIdText } from '@servent/overlay/machine'
import type { WorldFile } from '../world.ts'
import { EXPIRES_MS, labRecord } from './file-records.ts'

export const urnOf = (file: WorldFile): string => `urn:cid:${file.id}`

export class GnutellaFiles {
  readonly #results = new Map<string, HitResult>()
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
    const key = `${provider} ${file.index}`
    const known = this.#results.get(key)
    if (known !== undefined) return known
    const { record, sealed } = labRecord(file, self)
    this.#records.set(sealed, record)
    const { index, size, name } = file
    const result = { index, size, name, urns: [urnOf(file)], record: sealed, ggep: [] }
    this.#results.set(key, result)
    return result
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
