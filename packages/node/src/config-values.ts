/** Reads one setting's value: from text where it comes from a flag or the environment, checked in any case. */
import type { TSchema } from 'typebox'
import type { SettingInfo, SettingSchema } from './config-names.ts'
import { ConfigError } from './errors.ts'

/** A value and who set it, in words: `SERVENT_RELAY`, `--relay`, `/home/…/config.toml line 3`. */
export interface Given {
  readonly value: unknown
  readonly where: string
}

const TRUE = new Set(['true', '1', 'yes', 'on'])
const FALSE = new Set(['false', '0', 'no', 'off'])

/**
 * The value of a text. A text that is none of the wanted kind is given back as it is, so that the check
 * that follows refuses it with its usual sentence.
 */
export function fromText(schema: SettingSchema, text: string): unknown {
  switch (schema.type) {
    case 'integer':
      return /^[+-]?\d+$/.test(text.trim()) ? Number(text) : text
    case 'boolean': {
      const word = text.trim().toLowerCase()
      return TRUE.has(word) ? true : FALSE.has(word) ? false : text
    }
    case 'array':
      return text.split(',').flatMap(item => (item.trim() === '' ? [] : [item.trim()]))
    default:
      return text
  }
}

/** @throws ConfigError  the value is not what the schema allows */
export async function checkValue(setting: SettingInfo, given: Given): Promise<unknown> {
  // Most starts set little or nothing, and the validator is the larger half of TypeBox.
  const { Check } = await import('typebox/value')
  if (Check(setting.schema as TSchema, given.value)) return given.value
  const try_ = setting.default === '' ? '' : ` Its default is ${show(setting.default)}.`
  throw new ConfigError(
    `${setting.key} takes ${setting.allowed}, and ${given.where} says ${show(given.value)}.${try_}`,
    given.where,
    setting.key
  )
}

const SHOWN_CHARACTERS_MAX = 80

/** A value in one short line without control characters, fit for an error. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text
}
