/** Numbers as people read them. The exact ones stand beside them, in `<data>`. */
const DIGITS = 3
/** A number and its unit stay in one line. */
export const NBSP = '\u00a0'

const grouped = (most: number, least = 0) =>
  new Intl.NumberFormat('en-GB', { maximumFractionDigits: most, minimumFractionDigits: least })
const whole = grouped(0)

/** Three digits that mean something; more where it is large: 0.0123, 1.23, 12.3, 1,234. */
export function shown(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return `${value}`
  const before = Math.floor(Math.log10(Math.abs(value))) + 1
  return grouped(Math.min(20, Math.max(0, DIGITS - before))).format(value)
}

/** 0.9987 is 99.9 %: a part that is not all is never written as all, nor one that is not none as none. */
export function percent(part: number): string {
  const value = part * 100
  for (const digits of [0, 1, 2, 3]) {
    const text = grouped(digits).format(value)
    if ((text !== '100' || part === 1) && (text !== '0' || part === 0) && (digits > 0 || value % 1 === 0))
      return `${text}${NBSP}%`
  }
  return part > 0.5 ? `over 99.999${NBSP}%` : `under 0.001${NBSP}%`
}

export const count = (value: number) => whole.format(value)

const UNITS = [
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20]
] as const

export function memory(bytes: number): string {
  const [unit, size] = UNITS.find(([, least]) => bytes >= least) ?? UNITS[1]
  return `${shown(bytes / size)}${NBSP}${unit}`
}

/** 90 s, 10 min, 4 h. */
export function duration(seconds: number): string {
  if (seconds >= 7_200) return `${shown(seconds / 3_600)}${NBSP}h`
  return seconds >= 120 ? `${shown(seconds / 60)}${NBSP}min` : `${shown(seconds)}${NBSP}s`
}

/** "Chord, Pastry and Kelips". */
export function listed(words: readonly string[], last = 'and'): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`
}

const SMALL = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten']
export const inWords = (value: number) => SMALL[value] ?? count(value)

export const capital = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`

/** The least and the most of many: more than a call takes as arguments. */
export function extent(values: readonly number[]): [least: number, most: number] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of values) {
    if (value < least) least = value
    if (value > most) most = value
  }
  return [least, most]
}
