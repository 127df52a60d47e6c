/**
 * A node's settings: default < config file < environment (`SERVENT_…`) < flag.
 *
 * Each setting is validated with the source that set it, so that an error names the key, the line or the
 * variable, what is allowed, and what to try. Nothing unknown is taken in silence.
 */
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { CHECKS, checkDownloadDir } from './config-checks.ts'
import { readConfigFile, unknownKey } from './config-file.ts'
import { nearest, SETTINGS, type SettingInfo } from './config-names.ts'
import type { Settings } from './config-schema.ts'
import { checkValue, fromText, type Given } from './config-values.ts'
import { connectionsOf, tooFewConnections } from './connection-needs.ts'
import { ConfigError } from './errors.ts'
import { folders } from './folders.ts'

export type { Settings } from './config-schema.ts'

/** Settings of a node with its folders, whole and checked. */
export interface Config extends Settings {
  /** Identity, database, partial files, the API's token and socket. */
  readonly dataDir: string
  /** Log files. */
  readonly stateDir: string
  /** Never empty here. */
  readonly downloadDir: string
}

export interface ConfigInput {
  /**
   * By the setting's name (`maxUploadRate`) or key (`max-upload-rate`). Texts are read as the environment's
   * are; `undefined` sets nothing.
   */
  readonly flags?: Readonly<Record<string, string | readonly string[] | number | boolean | undefined>>
  /** What `--set` was given: `gnutella.neighbours=2`. */
  readonly set?: readonly string[]
  readonly dataDir?: string
  /** Another file than the one in the config folder; it must exist. */
  readonly configFile?: string
  /** By default that of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

export interface LoadedConfig {
  readonly config: Config
  /** Where the config file is, or would be. */
  readonly configFile: string
  /** Who set each setting, by its key; `default` where nobody did. */
  readonly sources: ReadonlyMap<string, string>
  /** Sentences for the user about what was taken but will not do what they may expect. */
  readonly warnings: readonly string[]
}

/** Variables that are no settings. */
const DATA_DIR_VARIABLE = 'SERVENT_DATA_DIR'
const CONFIG_FILE_VARIABLE = 'SERVENT_CONFIG'
const VARIABLE_PREFIX = 'SERVENT_'
/** Switches of tests and of interoperability runs. */
const RESERVED = /^SERVENT_(TEST|INTEROP|BENCH|DEMO)_/

/** @throws ConfigError */
export async function loadConfig(input: ConfigInput = {}): Promise<LoadedConfig> {
  const env = input.env ?? process.env
  const warnings: string[] = []
  const dataDir = input.dataDir ?? (env[DATA_DIR_VARIABLE] || undefined)
  const places = folders(dataDir)
  const chosenFile = input.configFile ?? (env[CONFIG_FILE_VARIABLE] || undefined)
  const configFile = chosenFile === undefined ? join(places.config, 'config.toml') : resolve(chosenFile)

  // Later ones replace earlier ones, setting by setting.
  const given = await readConfigFile(configFile, chosenFile !== undefined)
  for (const [key, value] of fromEnvironment(env, warnings)) given.set(key, value)
  for (const [key, value] of fromFlags(input.flags ?? {})) given.set(key, value)
  for (const [key, value] of fromSet(input.set ?? [])) given.set(key, value)

  const settings: Record<string, unknown> = {}
  const sources = new Map<string, string>()
  for (const setting of SETTINGS) {
    const source = given.get(setting.key)
    sources.set(setting.key, source?.where ?? 'default')
    let value = structuredClone(setting.default)
    if (source !== undefined) {
      value = checkValue(setting, source)
      await CHECKS[setting.key]?.(value as never, source)
    }
    place(settings, setting.path, value)
  }
  const config = settings as Settings
  if (given.has('max-connections'))
    warnings.push(...tooFewConnections(config, false).map(({ message }) => message))
  else config.maxConnections = connectionsOf(config)
  const downloadDir = config.downloadDir === '' ? places.downloads : expandHome(config.downloadDir)
  await checkDownloadDir(downloadDir, places, sources.get('download-dir') ?? 'default')
  return {
    config: {
      ...config,
      dataDir: places.data,
      stateDir: places.state,
      downloadDir
    },
    configFile,
    sources,
    warnings
  }
}

function fromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  warnings: string[]
): Map<string, Given> {
  const found = new Map<string, Given>()
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(VARIABLE_PREFIX) || text === undefined || RESERVED.test(variable)) continue
    if (variable === DATA_DIR_VARIABLE || variable === CONFIG_FILE_VARIABLE) continue
    const setting = SETTINGS.find(candidate => candidate.variable === variable)
    if (setting !== undefined) {
      found.set(setting.key, { value: fromText(setting.schema, text), where: variable })
      continue
    }
    const near = nearest(
      variable,
      SETTINGS.map(candidate => candidate.variable)
    )
    if (near !== undefined) {
      throw new ConfigError(`${variable} is no setting. Did you mean ${near}?`, variable, variable)
    }
    // Container platforms put variables of their own beside ours (SERVENT_SERVICE_HOST for a service of
    // this name), so one that resembles no setting is passed over, not refused.
    warnings.push(`${variable} is no setting and is passed over. servent config lists all settings.`)
  }
  return found
}

function fromFlags(flags: NonNullable<ConfigInput['flags']>): Map<string, Given> {
  const found = new Map<string, Given>()
  for (const [name, value] of Object.entries(flags)) {
    if (value === undefined) continue
    const setting = SETTINGS.find(candidate => candidate.key === name || candidate.path.join('.') === name)
    if (setting === undefined) throw unknownKey(name, `--${name}`)
    found.set(setting.key, { value: flagValue(setting, value), where: `--${setting.key}` })
  }
  return found
}

/** A flag for a list may be given several times, and each may hold several parted by commas. */
function flagValue(setting: SettingInfo, value: string | readonly string[] | number | boolean): unknown {
  if (typeof value === 'string') return fromText(setting.schema, value)
  if (typeof value === 'object' && setting.schema.type === 'array') {
    return value.flatMap(item => fromText(setting.schema, item) as string[])
  }
  return value
}

function fromSet(assignments: readonly string[]): Map<string, Given> {
  const found = new Map<string, Given>()
  for (const assignment of assignments) {
    const equals = assignment.indexOf('=')
    const where = `--set ${assignment}`
    if (equals < 1) {
      throw new ConfigError(
        `--set takes key=value, as gnutella.neighbours=2, and was given ${JSON.stringify(assignment)}.`,
        where
      )
    }
    const key = assignment.slice(0, equals).trim()
    const setting = SETTINGS.find(candidate => candidate.key === key || candidate.path.join('.') === key)
    if (setting === undefined) throw unknownKey(key, '--set')
    found.set(setting.key, { value: fromText(setting.schema, assignment.slice(equals + 1)), where })
  }
  return found
}

function place(root: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let table = root
  for (const name of path.slice(0, -1)) {
    table[name] ??= {}
    table = table[name] as Record<string, unknown>
  }
  table[path.at(-1)!] = value
}

function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : resolve(path)
}
