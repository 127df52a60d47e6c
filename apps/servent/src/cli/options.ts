/** Flags of `start` and `config`, one for each setting of the node, and readers of flags' values. */
import { SETTINGS, type SettingInfo } from '@servent/node'
import { type Command, InvalidArgumentError, Option } from 'commander'

/** What stands for the value in help. Settings that are not here are named by their kind. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  listen: 'MULTIADDR',
  announce: 'MULTIADDR',
  bootstrap: 'MULTIADDR',
  introducer: 'URL',
  overlays: 'a,b',
  discovery: 'a,b',
  api: 'HOST:PORT',
  'download-dir': 'DIR',
  'max-upload-rate': 'B/s',
  'max-upload-rate-per-peer': 'B/s',
  'max-relay-rate': 'B/s',
  'max-download-rate': 'B/s',
  'max-downloads': 'N',
  'log-level': 'LEVEL'
}

/** Settings with a flag of their own; those of one part of the node are set by `--set`. */
const FLAGGED = SETTINGS.filter(setting => setting.path.length === 1)

export function addSettingFlags(command: Command): void {
  for (const setting of FLAGGED) command.addOption(flagOf(setting))
  command.addOption(
    new Option(
      '--set <overlay.key=value>',
      'One setting of one part, as gnutella.neighbours=2; repeatable'
    ).argParser(collect)
  )
}

function flagOf(setting: SettingInfo): Option {
  const { key, schema, description } = setting
  if (schema.type === 'boolean') return new Option(`--${key}`, description)
  const placeholder = PLACEHOLDERS[key] ?? (schema.type === 'integer' ? 'N' : 'VALUE')
  const option = new Option(`--${key} <${placeholder}>`, description)
  if (schema.type === 'array') return option.argParser(collect)
  // Words are checked by the configuration itself, which names who set them; help and completions list them.
  if (schema.enum !== undefined) option.argChoices = schema.enum.map(String)
  return option
}

/** Collects a flag that may be given several times, each one value with whatever commas it has. */
export function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value]
}

/** What `loadConfig` takes, of the flags that were given. */
export function settingFlags(options: Readonly<Record<string, unknown>>): {
  flags: Record<string, string | string[] | boolean>
  set: string[]
} {
  const flags: Record<string, string | string[] | boolean> = {}
  for (const { key, path } of FLAGGED) {
    // `--no-inbound` is kept by commander as `inbound: false`.
    const negated = /^no([A-Z])(.*)$/.exec(path[0]!)
    const value =
      negated === null ? options[path[0]!] : options[negated[1]!.toLowerCase() + negated[2]!] === false
    if (value !== undefined && value !== false) flags[key] = value as string | string[] | boolean
  }
  return { flags, set: (options.set as string[] | undefined) ?? [] }
}

/** A whole number from `min` to `max`. */
export const wholeNumber =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It takes a whole number from ${min} to ${max}.`)
    }
    return value
  }

/** Seconds, with a fraction where wanted; gives milliseconds. */
export const seconds =
  (max: number) =>
  (text: string): number => {
    const value = Number(text)
    if (!/^\d+(\.\d+)?$/.test(text) || value <= 0 || value > max) {
      throw new InvalidArgumentError(`It takes seconds, more than 0 and at most ${max}.`)
    }
    return Math.ceil(value * 1000)
  }

const SIZE_FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40
}

/** Bytes: `700000`, `20M`, `1.5G`, in powers of 1024 as the query's own `size:` has them. */
export function byteSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/i.exec(text)
  if (match === null) throw new InvalidArgumentError('It takes bytes, as 700000, 20M or 1.5G.')
  return Math.round(Number(match[1]) * SIZE_FACTORS[match[2]!.toUpperCase()]!)
}

/** Collects a flag that may be given several times, each perhaps a list parted by commas; of nothing it is a slip. */
export function list(value: string, before: string[] | undefined): string[] {
  const items = value
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')
  if (items.length === 0) throw new InvalidArgumentError('It names nothing.')
  return [...(before ?? []), ...items]
}

/** `artist=miles davis` as the query's grammar has it: `artist="miles davis"`. Collects them. */
export function tagFilter(value: string, before: string[] | undefined): string[] {
  const [, name, wanted] = /^([a-z][a-z0-9._-]*)=(.*\S.*)$/isu.exec(value) ?? []
  if (name === undefined || wanted === undefined) {
    throw new InvalidArgumentError('It takes a tag and its words, as "artist=miles davis" or year=1959.')
  }
  // Words are what a tag is held against, and a quote is in none.
  return [...(before ?? []), `${name}="${wanted.replaceAll('"', ' ')}"`]
}

/** The text of a query: words as typed, and tags asked for beside them. */
export function queryText(words: readonly string[], tags: unknown): string {
  return [...words, ...((tags as string[] | undefined) ?? [])].join(' ')
}
