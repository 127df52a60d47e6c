/** Files for tests, and what is compared of them: order and repeats of words are no store's promise. */
import { FILE_NUMBERS, type IndexedFile, type IndexHit } from '../src/index.ts'

export function file(
  key: string,
  words: string | readonly string[],
  more: Partial<IndexedFile> = {}
): IndexedFile {
  return {
    key,
    words: typeof words === 'string' ? words.split(' ').filter(word => word !== '') : words,
    size: 1000,
    type: 'audio/flac',
    body: Uint8Array.of(1, 2, 3),
    ...more
  }
}

export const digest = (first: number): Uint8Array => new Uint8Array(32).fill(first)

/** Everything of a file that a store gives back, in one form. */
export function plain({ key, content, words, size, type, numbers, body }: IndexedFile) {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  return {
    key,
    content: content === undefined ? '' : hex(content),
    words: [...new Set(words)].sort(),
    size,
    type,
    numbers: FILE_NUMBERS.map(name => numbers?.[name] ?? 0),
    body: hex(body)
  }
}

/** Who has what, as `owner/key`, sorted. */
export const names = (hits: readonly IndexHit[]): string[] =>
  hits.map(({ owner, file }) => `${owner}/${file.key}`).sort()
