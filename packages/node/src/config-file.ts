/** Reads the TOML file of settings. It is never written: comments and order are the user's. */
import { readFile } from 'node:fs/promises'
import type { TomlError } from 'smol-toml'
import { camelCase, nearest, SETTINGS } from './config-names.ts'
import type { Given } from './config-values.ts'
import { ConfigError } from './errors.ts'

/**
 * Settings of the file by key, each with its line. A file that does not exist sets nothing.
 *
 * @throws ConfigError  it cannot be read, is no TOML, or holds an unknown key
 */
export async function readConfigFile(path: string, required: boolean): Promise<Map<string, Given>> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !required) return new Map()
    const why = (error as Error).message
    throw new ConfigError(
      `The config file ${path} cannot be read: ${why}. Make it readable, or name another one.`,
      path
    )
  }
  // Most nodes have no such file.
  const { parse } = await import('smol-toml')
  return settingsOf(parse, text, path)
}

/** @throws ConfigError */
function settingsOf(parse: typeof import('smol-toml').parse, text: string, path: string): Map<string, Given> {
  let table: Record<string, unknown>
  try {
    table = parse(text)
  } catch (error) {
    const { line, column, message } = error as TomlError
    const where = `${path} line ${line}`
    const why = message.split('\n')[0]!.replace(/^Invalid TOML document: /, '')
    throw new ConfigError(
      `${where}, column ${column} is not TOML: ${why}. Texts stand in quotes, as relay = "off".`,
      where
    )
  }
  const found = new Map<string, Given>()
  collect(table, [], text, path, found)
  return found
}

function collect(
  table: Record<string, unknown>,
  path: readonly string[],
  text: string,
  file: string,
  found: Map<string, Given>
): void {
  for (const [name, value] of Object.entries(table)) {
    const here = [...path, name]
    // `maxUploadRate` is read as `max-upload-rate`: both spellings are in use, and neither is ambiguous.
    const wanted = here.map(camelCase).join('.')
    const setting = SETTINGS.find(candidate => candidate.path.join('.') === wanted)
    const where = `${file} line ${lineOf(text, here)}`
    if (setting !== undefined) {
      found.set(setting.key, { value, where })
      continue
    }
    const isSection = SETTINGS.some(
      candidate => candidate.path.length > here.length && candidate.path[0] === wanted
    )
    if (isSection && typeof value === 'object' && value !== null && !Array.isArray(value)) {
      collect(value as Record<string, unknown>, here, text, file, found)
      continue
    }
    throw unknownKey(here.join('.'), where)
  }
}

/** The refusal of a key that does not exist, with the nearest that does. */
export function unknownKey(key: string, where: string): ConfigError {
  const near = nearest(
    key,
    SETTINGS.map(setting => setting.key)
  )
  const hint = near === undefined ? 'servent config lists all settings.' : `Did you mean ${near}?`
  return new ConfigError(
    `${where} sets ${JSON.stringify(key).slice(1, -1)}, which is no setting. ${hint}`,
    where,
    key
  )
}

/**
 * The line that a key stands on, from 1. TOML's parser does not keep it; a key is on the first line of its
 * table that starts with it, and a table's line stands in for a key that is written in some rarer way.
 */
function lineOf(text: string, path: readonly string[]): number {
  const section = path.slice(0, -1).join('.')
  const key = path.at(-1)!
  const dotted = path.join('.')
  let current = ''
  let best = 1
  for (const [index, line] of text.split('\n').entries()) {
    const header = /^\s*\[([^[\]]+)\]/.exec(line)?.[1]?.replaceAll(/["'\s]/g, '')
    if (header !== undefined) {
      current = header
      if (header === section || header === dotted) best = index + 1
      continue
    }
    const name = /^\s*([^=#]+?)\s*=/.exec(line)?.[1]?.replaceAll(/["'\s]/g, '')
    if (name === undefined) continue
    if ((current === section && name === key) || (current === '' && name === dotted)) return index + 1
    if (current === '' && path.length > 1 && name === section) best = index + 1
  }
  return best
}
