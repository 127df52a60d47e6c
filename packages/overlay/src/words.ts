/** The words by which a file is found, which must be the same ones wherever it is looked for. */
import type { SharedFile } from './catalogue.ts'
import { tokens } from './tokens.ts'

/**
 * Tags that are figures. A query may ask for one by its name, and none of them makes words: half of all music has the
 * same ones, so whoever keeps a word such as 44100 for others would keep all of it.
 */
export const FIGURE_TAGS: ReadonlySet<string> = new Set([
  'bitrate',
  'frequency',
  'rating',
  'resolution',
  'seconds'
])

/** Of a file's name first, then of its tags, each once. */
export function wordsOfFile({ name, tags }: Pick<SharedFile, 'name' | 'tags'>): string[] {
  return [...new Set([...tokens(name), ...wordsOfTags(tags)])]
}

/** The words of all tags that are no figures. */
export function wordsOfTags(tags: Readonly<Record<string, string>>): string[] {
  return Object.entries(tags).flatMap(([tag, value]) => (FIGURE_TAGS.has(tag) ? [] : tokens(value)))
}
