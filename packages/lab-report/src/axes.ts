/** Fields of a plan that vary, as axes: their titles, their numbers, and their values in words. */
import type { PointResults } from '@servent/lab'
import { count, duration, percent, shown } from './numbers.ts'

export type Value = PointResults['at'][string]

interface Field {
  readonly title: string
  /** In a sentence, of one value. */
  readonly words: (value: Value) => string
  /** In a list of values, under the title. */
  readonly short?: (value: Value) => string
  readonly number?: (value: Value) => number | undefined
  readonly scale?: 'log' | 'linear'
  readonly isPart?: boolean
  /** Whether its numbers are seconds. */
  readonly isTime?: boolean
}

const asNumber = (value: Value) => (typeof value === 'number' ? value : undefined)
const plain = (value: Value) =>
  typeof value === 'number' ? shown(value) : value === null ? 'none' : `${value}`
const partOf = (title: string, words: (part: string) => string): Field => ({
  title,
  words: value => words(typeof value === 'number' ? percent(value) : 'none'),
  short: value => (typeof value === 'number' ? percent(value) : 'none'),
  // No field of the kind is what 0 of it is.
  number: value => (value === null ? 0 : asNumber(value)),
  isPart: true
})

const countOf = (title: string, words: (amount: string) => string): Field => {
  const short = (value: Value) => (typeof value === 'number' ? count(value) : plain(value))
  return { title, words: value => words(short(value)), short, number: asNumber }
}
const timeOf = (title: string, words: (time: string) => string): Field => {
  const short = (value: Value) => (typeof value === 'number' ? duration(value) : plain(value))
  return { title, words: value => words(short(value)), short, number: asNumber, isTime: true }
}
/** Of a field that goes by its name, as people write that. */
const namedOf = (title: string): Field => ({
  title,
  words: value => `${title.toLowerCase()} ${plain(value)}`
})

const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400 }

/** Mean session of `exp:1h` and `constant:10m`, in seconds; others have none, or none that says much. */
function sessionSeconds(value: Value): number | undefined {
  const [, amount, unit] = /^(?:exp|constant):([0-9.]{1,16})([smhd])(?:\/|$)/.exec(`${value}`) ?? []
  const seconds = Number(amount) * (SECONDS[unit ?? ''] ?? Number.NaN)
  return seconds > 0 ? seconds : undefined
}

/** Whether peers are away as long as they stay, as nothing else is said. */
export const areAbsencesAlike = (value: Value) =>
  sessionSeconds(value) !== undefined && !`${value}`.includes('/')

function absenceWords(absence: string): string {
  const seconds = sessionSeconds(absence)
  return seconds === undefined ? absence : duration(seconds)
}

/** Of `0.3/5m`, the part of the peers and the seconds. */
function partedBy(value: Value): { readonly part: number; readonly seconds: number } | undefined {
  const [, part, amount, unit] = /^([0-9.]{1,16})\/([0-9.]{1,16})(ms|[smhd])$/.exec(`${value}`) ?? []
  const seconds = Number(amount) * (SECONDS[unit ?? ''] ?? Number.NaN)
  return Number(part) > 0 && seconds > 0 ? { part: Number(part), seconds } : undefined
}

const BYTES: Readonly<Record<string, number>> = { kB: 1_000, MB: 1_000_000 }

/** Of `128kB/1MB`, the bytes a second up. */
function bytesPerS(value: Value): number | undefined {
  const [, figure, unit] = /^([0-9.]{1,16})(kB|MB)(?:\/|$)/.exec(`${value}`) ?? []
  const bytes = Number(figure) * (BYTES[unit ?? ''] ?? Number.NaN)
  return bytes > 0 ? bytes : undefined
}

const TIMES: Readonly<Record<string, string>> = { s: 'a second', m: 'a minute', h: 'an hour' }
const RESETS = /^([0-9.]{1,20})\/([smh])$/

/** `0.1/m`, in a second. */
function breaksPerS(value: Value): number | undefined {
  const [, figure, unit] = RESETS.exec(`${value}`) ?? []
  const perS = Number(figure) / (SECONDS[unit ?? ''] ?? Number.NaN)
  return perS > 0 ? perS : undefined
}

function timesIn(value: Value): string | undefined {
  const [, figure, unit] = RESETS.exec(`${value}`) ?? []
  return figure === undefined ? undefined : `${figure} times ${TIMES[unit!]}`
}

const BACKENDS: Readonly<Record<string, string>> = {
  simulator: 'simulated',
  'in-process': 'real (one process)',
  processes: 'real (a process each)'
}
/** Of a checksum its beginning tells as much. */
const sumsIn = (value: Value) => plain(value).replace(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, '$1')
const backendWords = (value: Value) => ownOf(BACKENDS, `${value}`) ?? plain(value)

/** Those that a plan's fields lead to have their names; any other goes by its own. */
const FIELDS: Readonly<Record<string, Field>> = {
  nodes: {
    title: 'Peers',
    words: value => `${count(Number(value))} peers`,
    short: value => count(Number(value)),
    number: asNumber,
    scale: 'log'
  },
  lookups: countOf('Lookups of a run', amount => `${amount} lookups`),
  searches: countOf('Searches of a run', amount => `${amount} searches`),
  puts: countOf('Puts of a run', amount => `${amount} puts`),
  gets: countOf('Gets of a run', amount => `${amount} gets`),
  warmup: timeOf('Warm-up', time => `warm-up of ${time}`),
  duration: timeOf('Measured time', time => `${time} measured`),
  latency: namedOf('Round trips'),
  start: { title: 'Start', words: value => `${value} start` },
  sharing: namedOf('Sharing'),
  demand: namedOf('Demand'),
  lies: namedOf('Lies'),
  files: { title: 'Files', words: value => `files ${sumsIn(value)}`, short: value => sumsIn(value) },
  backend: { title: 'Backend', words: backendWords, short: backendWords },
  failures: partOf('Peers that died at one instant', part => `${part} of the peers dead`),
  liars: partOf('Peers that lie', part => `${part} of the peers lying`),
  firewalled: partOf('Peers that nobody can dial', part => `${part} of the peers behind firewalls`),
  freeloaders: partOf('Peers that share nothing', part => `${part} of the peers sharing nothing`),
  rare: partOf('Searches for a single copy', part => `${part} of the searches for a single copy`),
  churn: {
    title: 'Mean session',
    words: value => {
      const seconds = sessionSeconds(value)
      if (value === null) return 'no churn'
      if (seconds === undefined) return `churn ${value}`
      const [, absence] = `${value}`.split('/')
      return absence === undefined
        ? `sessions and absences of ${duration(seconds)}`
        : `sessions of ${duration(seconds)}, absences of ${absenceWords(absence)}`
    },
    short: value => {
      const seconds = sessionSeconds(value)
      return seconds === undefined ? plain(value) : duration(seconds)
    },
    number: sessionSeconds,
    scale: 'log',
    isTime: true
  },
  partition: {
    title: 'Peers cut off from the others',
    words: value => {
      const parted = partedBy(value)
      if (value === null) return 'no partition'
      if (parted === undefined) return `partition ${value}`
      return `${percent(parted.part)} of the peers cut off for ${duration(parted.seconds)}`
    },
    short: value => {
      const parted = partedBy(value)
      return parted === undefined ? plain(value) : `${percent(parted.part)} for ${duration(parted.seconds)}`
    },
    number: value => (value === null ? 0 : partedBy(value)?.part),
    isPart: true
  },
  bandwidth: {
    title: 'Bytes a second that a line carries up',
    words: value => (value === null ? 'lines without a bound' : `lines of ${value} a second`),
    number: bytesPerS,
    scale: 'log'
  },
  resets: {
    title: 'Breaks of a connection a second',
    words: value => {
      const times = timesIn(value)
      if (value === null) return 'connections that last'
      return times === undefined ? `resets ${value}` : `connections that break ${times}`
    },
    short: value => timesIn(value) ?? plain(value),
    number: value => (value === null ? 0 : breaksPerS(value))
  },
  enough: {
    title: 'Results that a search wants',
    words: value => (value === null ? 'all results wanted' : `${plain(value)} results wanted`),
    number: asNumber,
    scale: 'log'
  }
}

const fieldOf = (name: string): Field =>
  ownOf(FIELDS, name) ?? { title: name, words: value => `${name} ${plain(value)}`, number: asNumber }

/** What an object says of a name that others chose: nothing where only its prototype does. */
export const ownOf = <T>(of: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(of, name) ? of[name] : undefined

export const wordsOf = (name: string, value: Value) => fieldOf(name).words(value)
export const shortOf = (name: string, value: Value) => (fieldOf(name).short ?? plain)(value)
export const titleOf = (name: string) => fieldOf(name).title

export interface Axis {
  readonly field: string
  readonly title: string
  /** Numbers of which the axis is made, or nothing where its values are names. */
  readonly scale: 'log' | 'linear' | 'names'
  readonly isPart: boolean
  readonly isTime: boolean
  readonly values: readonly Value[]
  at(value: Value): number | string
}

/** An axis for the values of a field; of names, where one of them is no number or there is no place for it. */
export function axisOf(field: string, values: readonly Value[]): Axis {
  const {
    title,
    words,
    number = () => undefined,
    scale = 'linear',
    isPart = false,
    isTime = false
  } = fieldOf(field)
  const numbers = values.map(number)
  const short = values.map(value => shortOf(field, value))
  // Under a title its values need no words, where those tell them apart.
  const name = new Set(short).size === values.length ? (value: Value) => shortOf(field, value) : words
  // Values that lie at one place, as partitions of unlike length, are told apart by their names.
  const isApart = new Set(numbers).size === numbers.length
  const isNumeric = isApart && numbers.every(each => each !== undefined && (scale !== 'log' || each > 0))
  return {
    field,
    title,
    scale: isNumeric ? scale : 'names',
    isPart,
    isTime: isTime && isNumeric,
    values,
    at: value => (isNumeric ? number(value)! : name(value))
  }
}
