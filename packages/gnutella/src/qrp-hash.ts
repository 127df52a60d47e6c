/**
 * Words as slots of a route table (Rohrs, Query Routing for the Gnutella Network, "Hashing Details").
 *
 * What goes in: every token of a name and of its tags, and what remains of it when the last one, two, three …
 * letters are cut, as long as three are left; and each URN whole. Bytes are the UTF-8 of the lower-cased word.
 * Published servents leave out words of fewer than three letters. Here they go in as they are: scripts without
 * spaces give pairs of characters for words (`tokens`), and a query for one such pair must pass the table.
 */
import { ContentId, parseQuery, tokens } from '@servent/overlay/machine'
import { cidOfUrn, sha1OfUrn, urnOfCid, urnOfSha1 } from './huge.ts'
import type { Wanted } from './types.ts'

/** Knuth's: the golden ratio less one, in 31 bits, as published. */
const FACTOR = 0x4f1bbcdc
const LETTERS_LEFT = 3
const ENCODER = new TextEncoder()

/**
 * 32 bits of which a table of 2^b slots takes the first b, so that one hash serves tables of every size.
 */
export function hashWord(word: string): number {
  const bytes = ENCODER.encode(word.toLowerCase())
  let folded = 0
  for (let index = 0; index < bytes.length; index += 1) folded ^= bytes[index]! << (8 * (index & 3))
  return Math.imul(folded, FACTOR) >>> 0
}

export function slotOf(hash: number, bits: number): number {
  return hash >>> (32 - bits)
}

/** What a table's owner shares, as far as its table must tell. */
export interface HashedFile {
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
  readonly urns: readonly string[]
}

/** Adds the hashes of everything that a query for this file may name. */
export function addHashes({ name, tags, urns }: HashedFile, hashes: Set<number>): void {
  addWords(name, hashes)
  for (const value of Object.values(tags)) addWords(value, hashes)
  for (const urn of urns) hashes.add(hashUrn(urn))
}

function addWords(text: string, hashes: Set<number>): void {
  for (const token of tokens(text)) {
    hashes.add(hashWord(token))
    const letters = [...token]
    for (let left = letters.length - 1; left >= LETTERS_LEFT; left -= 1)
      hashes.add(hashWord(letters.slice(0, left).join('')))
  }
}

/** A query as tables see it. */
export interface QueryHashes {
  /** All must be there. None: the text asks for nothing. */
  readonly words: readonly number[]
  /** One is enough. */
  readonly urns: readonly number[]
}

/** What a query asks for. A text that no peer could read matches nowhere, here as there. */
export function hashesOfQuery({ text, urns }: Wanted): QueryHashes {
  return { words: text === '' ? [] : wordsOfQuery(text).map(hashWord), urns: urns.map(hashUrn) }
}

function wordsOfQuery(text: string): readonly string[] {
  try {
    const { words, tags = {} } = parseQuery(text)
    return [...words, ...Object.values(tags).flatMap(tokens)]
  } catch {
    return []
  }
}

/** One content has URNs of several spellings, which must meet: ids in their usual form, bitprints as SHA-1. */
function hashUrn(urn: string): number {
  const sha1 = sha1OfUrn(urn)
  if (sha1 !== undefined) return hashWord(urnOfSha1(sha1))
  const cid = cidOfUrn(urn)
  return hashWord(cid === undefined ? urn : urnOfCid(usualForm(cid)))
}

function usualForm(cid: string): string {
  try {
    return ContentId.parse(cid).toString()
  } catch {
    return cid
  }
}
