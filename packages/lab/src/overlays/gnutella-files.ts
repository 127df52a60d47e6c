/** Gnutella peers' files as their machines see them: results of queries, and the answers to their questions. */
import type { GnutellaAnswer, GnutellaQuestion, HitResult, Wanted } from '@servent/gnutella/machine'
import type { Contact, FileRecord } from '@servent/overlay/machine'
import type { WorldFile } from '../world.ts'
import { abridgedRecord, EXPIRES_MS, SharedOnce } from './file-records.ts'

export const urnOf = (file: WorldFile): string => `urn:cid:${file.id}`

export class GnutellaFiles {
  readonly #results = new SharedOnce<HitResult>(({ index, size, name }, abridged) => {
    return { index, size, name, urns: [], abridged, ggep: [] }
  }, abridgedRecord)

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
            .map(file => this.#results.of(self, file))
        }
      case 'verify':
        return {
          type: 'verify',
          files: question.claim.results.flatMap(({ index, abridged }) => {
            const read = this.#results.read(abridged)
            return read !== undefined && wanted !== undefined && isWanted(read, wanted)
              ? [{ index, record: read }]
              : []
          })
        }
      case 'vouch':
        return {
          type: 'vouch',
          expiresMs: question.claims.map(({ results }) =>
            results.every(({ abridged }) => {
              const read = this.#results.read(abridged)
              return read !== undefined && isWanted(read, question)
            })
              ? EXPIRES_MS
              : 0
          )
        }
    }
  }

  /** A provider, by its PeerId as text, is gone. What was found of it can still be read. */
  forget(provider: string): void {
    this.#results.forget(provider)
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
