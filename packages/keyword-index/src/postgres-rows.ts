/** Files as PostgreSQL reads and writes them: rows of `COPY` in text format, expressions of `tsquery`, rows of answers. */
import { FILE_NUMBERS, type FileNumber } from './file-numbers.ts'
import type { IndexedFile, IndexHit } from './types.ts'

/** A line of `COPY … FROM STDIN`, its columns as `FILE_COLUMNS` has them. */
export function copyRow(owner: string, file: IndexedFile): string {
  const { key, content, words, size, type, numbers = {}, body } = file
  const columns = [
    copied(owner),
    copied(key),
    content === undefined ? '\\N' : copiedBytes(content),
    copied(arrayOf([...new Set(words)])),
    `${size}`,
    copied(type),
    ...FILE_NUMBERS.map(name => `${numbers[name] ?? 0}`),
    copiedBytes(body)
  ]
  return `${columns.join('\t')}\n`
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

const copied = (text: string): string => text.replace(/[\\\t\n\r]/g, sign => ESCAPES[sign]!)

const copiedBytes = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  `\\\\x${Buffer.from(buffer, byteOffset, byteLength).toString('hex')}`

/** The text of an array of texts. */
const arrayOf = (texts: readonly string[]): string =>
  `{${texts.map(text => `"${text.replace(/["\\]/g, '\\$&')}"`).join(',')}}`

/** All of the first words, none of the others; each word as it is, for nothing parses what stands in quotes. */
export function tsqueryOf(words: readonly string[], without: readonly string[] = []): string {
  return [...words.map(quoted), ...without.map(word => `!${quoted(word)}`)].join(' & ')
}

const quoted = (word: string): string => `'${word.replace(/['\\]/g, '$&$&')}'`

/** A row of columns as `HIT` and `FILE` of `postgres-index.ts` select them. */
export type Row = Record<string, unknown>

export const hitOf = (row: Row): IndexHit => ({ owner: row.owner as string, file: fileOf(row) })

export function fileOf(row: Row): IndexedFile {
  const known = FILE_NUMBERS.filter(name => row[name] !== 0)
  return {
    key: row.key as string,
    ...(row.content !== null && { content: bytesOf(row.content as Buffer) }),
    words: row.words as string[],
    size: Number(row.size),
    type: row.type as string,
    ...(known.length > 0 && {
      numbers: Object.fromEntries(known.map(name => [name, row[name]])) as Record<FileNumber, number>
    }),
    body: bytesOf(row.body as Buffer)
  }
}

const bytesOf = (buffer: Buffer): Uint8Array => new Uint8Array(buffer)
