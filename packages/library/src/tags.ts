/**
 * What a media file says of itself, in the tags that others see and search by: texts of people, made fit to be shown,
 * and figures in one form each.
 *
 * | tag | |
 * |-|-|
 * | `artist` `title` `album` `genre` | as they were written, several genres parted by commas |
 * | `year` | of the release |
 * | `seconds` | whole ones |
 * | `bitrate` | kbit/s |
 * | `frequency` | samples a second: the column of Napster's lists |
 * | `resolution` | of the first picture, as `1920x1080` |
 * | `rating` | 0 (the worst) to 4, as five stars have it |
 *
 * Ratings come from 0 to 1: `music-metadata` makes that of ID3's popularimeter (1 to 255, where 0 says that there is
 * none), of MP4's 0 to 100 and of ASF's 0 to 99. What Windows writes for one to five stars (1, 64, 128, 196, 255)
 * gives 0 to 4.
 */
import { TAG_VALUE_BYTES_MAX } from '@servent/overlay/machine'
import type { IAudioMetadata } from 'music-metadata'

export type Tags = Readonly<Record<string, string>>

/** Only files of these types have tags. */
const MEDIA = /^(?:audio|video)\//
const YEAR_MAX = 9999
/** 68 years: no recording lasts so long, and no figure of one is larger. */
const FIGURE_MAX = 2 ** 31 - 1
const RATING_MAX = 4

/** Line ends, tabs and other controls stand between words. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}]+/gu
/** Marks that turn the reading order round, characters of no width, and fillers that count as letters. */
const UNSEEN =
  /\p{Cf}|\u034f|\u115f|\u1160|\u17b4|\u17b5|[\u180b-\u180f]|\u2800|\u3164|\uffa0|[\u{e0100}-\u{e01ef}]/gu
/** What a decoder leaves where the bytes were no text. */
const REPLACEMENT = '\ufffd'

export function isMedia(type: string): boolean {
  return MEDIA.test(type)
}

export function tagsOf({ common, format }: Pick<IAudioMetadata, 'common' | 'format'>): Tags {
  const picture = format.trackInfo.find(({ video }) => video?.pixelWidth !== undefined)?.video
  const size = [figure(picture?.pixelWidth), figure(picture?.pixelHeight)]
  const album = cleanTag(common.album)
  const tags = {
    artist: cleanTag(common.artist) ?? cleanTag(common.albumartist),
    // A film has its title where music has the album's: Matroska's level 50 (RFC 9559 5.1.8.1.1.2).
    title: cleanTag(common.title) ?? (format.hasVideo === true ? album : undefined),
    album,
    year: figure(common.year, YEAR_MAX),
    genre: cleanTag(common.genre?.filter(isText).join(', ')),
    seconds: figure(format.duration),
    bitrate: figure(format.bitrate === undefined ? undefined : format.bitrate / 1000),
    frequency: figure(format.sampleRate),
    resolution: size.includes(undefined) ? undefined : size.join('x'),
    rating: ratingOf(common.rating)
  }
  return Object.fromEntries(
    Object.entries(tags).flatMap(([name, tag]) => (tag === undefined ? [] : [[name, tag]]))
  )
}

/** A text that can stand in a line of a list; nothing where it is none, or nothing of it is left. */
export function cleanTag(text: unknown): string | undefined {
  if (!isText(text) || !text.isWellFormed() || text.includes(REPLACEMENT)) return undefined
  // Composed forms may be longer, so what is cut is what is kept.
  const shown = text
    .replaceAll(CONTROLS, ' ')
    .replaceAll(UNSEEN, '')
    .replaceAll(/\s+/gu, ' ')
    .trim()
    .normalize('NFC')
  const cut = cutToBytes(shown, TAG_VALUE_BYTES_MAX).trimEnd()
  return cut === '' ? undefined : cut
}

function cutToBytes(text: string, bytesMax: number): string {
  const bytes = new Uint8Array(bytesMax)
  const { read } = new TextEncoder().encodeInto(text, bytes)
  return text.slice(0, read)
}

/** A whole number above 0 in digits. */
function figure(value: unknown, max = FIGURE_MAX): string | undefined {
  const whole = typeof value === 'number' ? Math.round(value) : 0
  return whole > 0 && whole <= max ? String(whole) : undefined
}

function ratingOf(ratings: readonly { readonly rating?: number }[] | undefined): string | undefined {
  const rating = ratings?.find(one => Number.isFinite(one.rating))?.rating
  return rating === undefined || rating < 0 || rating > 1
    ? undefined
    : String(Math.round(rating * RATING_MAX))
}

const isText = (value: unknown): value is string => typeof value === 'string'
