/**
 * The media type of a file, by the end of its name. The table is `mime`'s, but for types that were registered
 * after people had got used to an `x-`: what somebody types (`type:audio/flac`) is the registered name.
 */
import { Mime } from 'mime'
import other from 'mime/types/other.js'
import standard from 'mime/types/standard.js'

const UNKNOWN = 'application/octet-stream'

const types = new Mime(standard, other).define(
  {
    'audio/flac': ['flac'], // RFC 9639
    'audio/matroska': ['mka'], // RFC 9559
    'video/matroska': ['mkv'],
    'application/zstd': ['zst'] // RFC 8878
  },
  true
)

export function mediaType(name: string): string {
  return types.getType(name) ?? UNKNOWN
}
