/** Tags and words as the catalogue has them: in JSON, and in one line. */
import { wordsOfFile } from '@servent/overlay/machine'
import type { Tags } from './tags.ts'

/** Of a content that has none, as it stands in the catalogue. */
export const NO_TAGS_JSON = '{}'
export const NO_TAGS: Tags = Object.freeze({})

/** Tags as they stand in the catalogue, where this program wrote them. */
export function parseTags(json: string): Tags {
  return json === NO_TAGS_JSON ? NO_TAGS : Object.freeze(JSON.parse(json) as Tags)
}

/** The words of a file with spaces between them, as SQLite takes them. */
export function wordsOf(name: string, tags: string): string {
  return wordsOfFile({ name, tags: parseTags(tags) }).join(' ')
}
