/** Numbers for people: bytes in powers of a thousand, as disks and networks are sold. */

const UNITS = ['kB', 'MB', 'GB', 'TB', 'PB']
const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** `812 B`, `24.3 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`
  let value = bytes
  let unit = -1
  // 999,950 would round to `1000.0 kB`.
  while (value >= 999.95 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${value.toFixed(1)} ${UNITS[unit]}`
}

/** `6.1 MB/s`. */
export const formatRate = (bytesPerSecond: number): string => `${formatBytes(bytesPerSecond)}/s`

/** `12,340`. */
export const formatCount = (count: number): string => count.toLocaleString('en-US')

/** `1 file`, `38 files`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

/** `120 ms`, `1.2 s`, `12 min`, `3 h 20 min`, `4 d 2 h`. */
export function formatDuration(ms: number): string {
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`
  if (ms < MINUTE_MS) return `${(ms / SECOND_MS).toFixed(ms < 10 * SECOND_MS ? 1 : 0)} s`
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min`
  if (ms < DAY_MS) return two(ms, HOUR_MS, 'h', MINUTE_MS, 'min')
  return two(ms, DAY_MS, 'd', HOUR_MS, 'h')
}

/** `, 12 min left`; nothing where it is not known. */
export const formatLeft = (ms: number | undefined): string =>
  ms === undefined ? '' : `, ${formatDuration(Math.max(SECOND_MS, ms))} left`

function two(ms: number, unitMs: number, unit: string, smallMs: number, small: string): string {
  const rest = Math.floor((ms % unitMs) / smallMs)
  return `${Math.floor(ms / unitMs)} ${unit}${rest === 0 ? '' : ` ${rest} ${small}`}`
}

/** `78 %`. Never 100 before the end. */
export function formatPercent(part: number, whole: number): string {
  if (whole === 0) return '0 %'
  const percent = Math.floor((100 * part) / whole)
  return `${Math.min(percent, part < whole ? 99 : 100)} %`
}

/** Characters of an id that a table shows: past what all ids share, enough to tell a million apart. */
const ID_PREFIX_CHARACTERS = 18

/** The beginning of an id, which every verb takes for the whole while it is unique. */
export const shortId = (id: string): string => id.slice(0, ID_PREFIX_CHARACTERS)

/** A PeerId in few columns: its beginning is the same for all, its end is what tells them apart. */
export function shortPeer(peerId: string): string {
  return peerId.length > 20 ? `${peerId.slice(0, 8)}…${peerId.slice(-8)}` : peerId
}

/** The first half of a media type, as `search --type` takes it: the name's ending says the rest. */
export const mediaKind = (type: string): string => type.split('/')[0]!

/** What names a folder: overlay's `listingName`, of which the command line loads nothing. */
const FOLDER_MARK = '.servent-folder'

/** What `get` makes of a row: by its name it may be a folder, of many files and any size. */
export const rowKind = ({ name, type }: { readonly name: string; readonly type: string }): string =>
  name.length > FOLDER_MARK.length && name.endsWith(FOLDER_MARK) ? 'folder' : mediaKind(type)

const FIGURE = /^\d{1,9}$/
const RESOLUTION = /^\d{1,6}x\d{1,6}$/

/** A narrower terminal has no room for what tags say beside the names of files. */
const TAGS_COLUMNS_MIN = 100

/** Whether a table of files shows what their tags say: some have any, and there is room. */
export function showsTags(
  files: readonly { readonly tags?: Readonly<Record<string, string>> }[],
  columns = TAGS_COLUMNS_MIN
): boolean {
  return columns >= TAGS_COLUMNS_MIN && files.some(({ tags }) => formatTags(tags) !== '')
}

/** `Miles Davis – So What (9:22, 320 kbit/s)`, of what the tags say; anybody may have written them. */
export function formatTags(tags: Readonly<Record<string, string>> = {}): string {
  const { artist, title, seconds = '', bitrate = '', resolution = '' } = tags
  const who = [artist, title].filter(Boolean).join(' – ')
  const figures = [
    FIGURE.test(seconds) ? formatLength(Number(seconds)) : '',
    RESOLUTION.test(resolution) ? resolution : '',
    FIGURE.test(bitrate) ? `${Number(bitrate)} kbit/s` : ''
  ]
  const what = figures.filter(Boolean).join(', ')
  if (who === '' || what === '') return who + what
  return `${who} (${what})`
}

/** `9:22`, `1:02:03`. */
function formatLength(seconds: number): string {
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor(seconds / 60) % 60
  const parts = hours === 0 ? [minutes] : [hours, minutes]
  const [first, ...rest] = [...parts, seconds % 60]
  return [String(first), ...rest.map(part => String(part).padStart(2, '0'))].join(':')
}
