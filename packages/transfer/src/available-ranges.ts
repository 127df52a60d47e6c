/**
 * Which blocks a peer has that is fetching the file itself: `X-Available-Ranges: bytes 0-1048575,2097152-3145727` of
 * Gnutella's Partial File Sharing Protocol 1.0, section 1. An answer without it comes from who has all. Pure.
 */
import { CONTENT_SIZE_BYTES_MAX, LAYER_BLOCK_BYTES, layerCount } from '@servent/overlay'
import { BlockSet } from './block-set.ts'
import { SourceLiedError } from './errors.ts'
import { AVAILABLE_RANGES_BYTES_MAX, AVAILABLE_RANGES_MAX } from './limits.ts'
import type { ByteRange } from './range.ts'

/** The blocks of a file of `size` bytes, those of the longest ranges where they are too many. */
export function availableRanges(blocks: BlockSet, size: number): string {
  let ranges: ByteRange[] = []
  for (let start = blocks.nextPresent(0); start < blocks.count; ) {
    const end = blocks.nextMissing(start)
    ranges.push({ start, end })
    start = blocks.nextPresent(end)
  }
  if (ranges.length > AVAILABLE_RANGES_MAX) {
    const longest = ranges.toSorted((a, b) => b.end - b.start - (a.end - a.start))
    ranges = longest.slice(0, AVAILABLE_RANGES_MAX).sort((a, b) => a.start - b.start)
  }
  const texts = ranges.map(
    ({ start, end }) => `${start * LAYER_BLOCK_BYTES}-${Math.min(size, end * LAYER_BLOCK_BYTES) - 1}`
  )
  return `bytes ${texts.join(',')}`.trimEnd()
}

/**
 * The blocks that are whole in these ranges.
 *
 * @throws SourceLiedError  the header is too long, has too many ranges, or ranges that cannot be
 */
export function parseAvailableRanges(header: string, size: number): BlockSet {
  if (size > CONTENT_SIZE_BYTES_MAX || header.length > AVAILABLE_RANGES_BYTES_MAX) throw wrongRanges()
  const ranges = /^bytes(?:[ =](.*))?$/i.exec(header.trim())
  if (ranges === null) throw wrongRanges()
  const texts = (ranges[1] ?? '').split(',', AVAILABLE_RANGES_MAX + 1)
  if (texts.length > AVAILABLE_RANGES_MAX) throw wrongRanges()
  const blocks = new BlockSet(layerCount(size))
  let before = 0
  for (const text of texts) {
    if (text.trim() === '') continue
    const match = /^\s*(\d{1,16})-(\d{1,16})\s*$/.exec(text)
    const [start, last] = [Number(match?.[1]), Number(match?.[2])]
    if (match === null || start < before || last < start || last >= size) throw wrongRanges()
    before = last + 1
    const end = before === size ? blocks.count : Math.floor(before / LAYER_BLOCK_BYTES)
    for (let block = Math.ceil(start / LAYER_BLOCK_BYTES); block < end; block += 1) blocks.add(block)
  }
  return blocks
}

function wrongRanges(): SourceLiedError {
  return new SourceLiedError('What it says of the ranges that it has cannot be.')
}
