/**
 * The grammar of a search, type 200 (napster.txt, 2):
 *
 *     [FILENAME CONTAINS "artist"] MAX_RESULTS n [FILENAME CONTAINS "song"]
 *     [LINESPEED compare n] [BITRATE compare "n"] [FREQ compare "n"] [WMA-FILE] [LOCAL_ONLY]
 *
 * where `compare` is "AT LEAST", "AT BEST" or "EQUAL TO". Parts are read in any order, numbers with quotes or
 * without. There is no way to look for a quote.
 */
import { MalformedError } from '@servent/overlay/machine'
import { SEARCH_PARTS_MAX } from './constants.ts'
import type { Compared, Comparison, PlainSearchMessage } from './messages.ts'
import { FieldReader, safeName } from './wire-text.ts'

const COMPARISONS: readonly string[] = ['AT LEAST', 'AT BEST', 'EQUAL TO'] satisfies Comparison[]

interface Draft {
  contains: string[]
  limit?: number
  link?: Compared
  bitrate?: Compared
  frequency?: Compared
  localOnly?: true
}

/** @throws MalformedError  the text breaks the grammar */
export function readSearch(text: string): PlainSearchMessage {
  const reader = new FieldReader(text.trimEnd())
  const draft: Draft = { contains: [] }
  for (let parts = 0; !reader.ended; parts += 1) {
    if (parts === SEARCH_PARTS_MAX) throw new MalformedError(`a search has over ${SEARCH_PARTS_MAX} parts`)
    readPart(reader, draft)
  }
  return { type: 'search', ...draft }
}

function readPart(reader: FieldReader, draft: Draft): void {
  switch (reader.word()) {
    case 'FILENAME':
      if (reader.word() !== 'CONTAINS') throw new MalformedError('FILENAME asks for CONTAINS')
      draft.contains.push(reader.name())
      break
    case 'MAX_RESULTS':
      draft.limit = readNumber(reader)
      break
    case 'LINESPEED':
      draft.link = readCompared(reader)
      break
    case 'BITRATE':
      draft.bitrate = readCompared(reader)
      break
    case 'FREQ':
      draft.frequency = readCompared(reader)
      break
    // Said of how checksums were made, which are not looked at here.
    case 'WMA-FILE':
      break
    case 'LOCAL_ONLY':
      draft.localOnly = true
      break
    default:
      throw new MalformedError('a search has a part that is not known')
  }
}

function readCompared(reader: FieldReader): Compared {
  const compare = reader.name()
  if (!COMPARISONS.includes(compare)) throw new MalformedError('a search compares in a way that is not known')
  return { compare: compare as Comparison, value: readNumber(reader) }
}

function readNumber(reader: FieldReader): number {
  const text = reader.name()
  if (!/^\d{1,9}$/.test(text)) throw new MalformedError('a number is not one')
  return Number(text)
}

/** The order of the published examples. */
export function writeSearch(message: PlainSearchMessage): string {
  const [first, ...others] = message.contains.map(words => `FILENAME CONTAINS "${safeName(words)}"`)
  const parts = [
    first,
    message.limit === undefined ? undefined : `MAX_RESULTS ${message.limit}`,
    ...others,
    message.link === undefined ? undefined : `LINESPEED "${message.link.compare}" ${message.link.value}`,
    message.bitrate === undefined ? undefined : `BITRATE ${quoted(message.bitrate)}`,
    message.frequency === undefined ? undefined : `FREQ ${quoted(message.frequency)}`,
    message.localOnly === undefined ? undefined : 'LOCAL_ONLY'
  ]
  return parts.filter(part => part !== undefined).join(' ')
}

const quoted = ({ compare, value }: Compared): string => `"${compare}" "${value}"`
