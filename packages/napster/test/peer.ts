/** What tests say of peers and files: records of nobody's hand, and the queries that look for them. */
import { ContentId, type FileRecord, peerIdText, tokens } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { entryOf } from '../src/entries.ts'
import type { Wanted } from '../src/messages.ts'
import type { Claim, NapsterAnswer, NapsterQuestion, VerifiedFile } from '../src/types.ts'

export interface TestFile {
  readonly index: number
  readonly name: string
  readonly size: number
  readonly tags?: Record<string, string>
}

export const peerIdOf = (number: number): string => peerIdText(testContact(number).id)

/** What a record says, as text: `openTestRecord` believes it. */
export function recordOf(provider: string, file: TestFile): Uint8Array {
  return Uint8Array.from(Buffer.from(JSON.stringify({ provider, ...file })))
}

export function openTestRecord(bytes: Uint8Array, provider: string): FileRecord | undefined {
  try {
    const said = JSON.parse(Buffer.from(bytes).toString()) as TestFile & { provider: string }
    if (said.provider !== provider) return undefined
    const id = contentOf(said.name)
    return { id, type: 'audio/mpeg', sequence: 1, expiresMs: 4e12, ...said, tags: said.tags ?? {} }
  } catch {
    return undefined
  }
}

/** Equal names, equal contents. */
export function contentOf(name: string): ContentId {
  const root = new Uint8Array(32)
  for (let at = 0; at < name.length; at += 1) root[at % 32]! ^= (name.charCodeAt(at) * (at + 7)) & 0xff
  return ContentId.fromRoot(root, 100_000)
}

export const wantedOf = (text: string, fields: Partial<Wanted> = {}): Wanted => ({
  words: tokens(text),
  without: [],
  mediaType: '',
  size: {},
  link: {},
  bitrate: {},
  limit: 100,
  ...fields
})

/** Answers of a service that believes test records. The catalogue's and the index's are others' matter. */
export function answerVerify(question: NapsterQuestion): NapsterAnswer | undefined {
  if (question.type === 'verify-shares') {
    return {
      type: 'shares',
      records: question.files.map(({ record }) => openTestRecord(record, question.provider))
    }
  }
  if (question.type === 'verify-found') return { type: 'verified', files: question.claims.flatMap(verified) }
  return undefined
}

function verified({ found, hops }: Claim): VerifiedFile[] {
  const { nick, link, firewalled, contact, entry } = found
  const { index = 0, record: bytes = new Uint8Array() } = entryOf(entry) ?? {}
  const record = openTestRecord(bytes, peerIdText(contact.id))
  return record === undefined ? [] : [{ index, record, nick, link, firewalled, contact, hops }]
}
