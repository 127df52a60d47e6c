/** Reads one setting's value: from text where it comes from a flag or the environment, checked in any case. */
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
export function checkValue(setting: SettingInfo, given: Given): unknown {
  if (allows(setting.schema, given.value)) return given.value
  const initial = setting.default === '' ? '' : ` Its default is ${show(setting.default)}.`
  throw new ConfigError(
    `${setting.key} takes ${setting.allowed}, and ${given.where} says ${show(given.value)}.${initial}`,
    given.where,
    setting.key
  )
}

/** JSON Schema, as far as settings use it. A test holds it against a whole validator. */
export function allows(schema: SettingSchema, value: unknown): boolean {
  if (schema.enum !== undefined) return schema.enum.includes(value as string | number)
  switch (schema.type) {
    case 'integer':
      return (
        Number.isInteger(value) &&
        (value as number) % (schema.multipleOf ?? 1) === 0 &&
        schema.minimum! <= (value as number) &&
        (value as number) <= schema.maximum!
      )
    case 'array':
      return (
        Array.isArray(value) &&
        value.length <= schema.maxItems! &&
        value.every(item => allows(schema.items!, item))
      )
    case 'string':
      return typeof value === 'string' && value.length <= schema.maxLength!
    default:
      return typeof value === schema.type
  }
}

const SHOWN_CHARACTERS_MAX = 80

/** A value in one short line without control characters, fit for an error. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text
}
