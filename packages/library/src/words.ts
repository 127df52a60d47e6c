/** The words that a file is found by: of its name, and of its content's tags. */
import { tokens } from '@servent/overlay/machine'
import type { Tags } from './tags.ts'

/** Of a content that has none, as it stands in the catalogue. */
export const NO_TAGS_JSON = '{}'
export const NO_TAGS: Tags = Object.freeze({})

/** Tags as they stand in the catalogue, where this program wrote them. */
export function parseTags(json: string): Tags {
  return json === NO_TAGS_JSON ? NO_TAGS : Object.freeze(JSON.parse(json) as Tags)
}

/** Tokens with spaces between them, as SQLite takes them. */
export function wordsOf(name: string, tags: string): string {
  const words = new Set(tokens(name))
  for (const value of Object.values(parseTags(tags))) for (const word of tokens(value)) words.add(word)
  return [...words].join(' ')
}
