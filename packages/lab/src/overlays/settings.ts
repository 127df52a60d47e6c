/** Settings of overlays that a plan may change, with their bounds; and how they are read from text. */
import { PlanError } from '../errors.ts'
import { chordSettings } from './chord-settings.ts'
import { fasttrackSettings } from './fasttrack-settings.ts'
import { gnutellaSettings } from './gnutella-settings.ts'
import { kademliaSettings } from './kademlia-settings.ts'
import { kelipsSettings } from './kelips-settings.ts'
import { napsterSettings } from './napster-settings.ts'
import { pastrySettings } from './pastry-settings.ts'

/** Overlays that the lab can run, in the order in which it shows them. */
export const OVERLAYS = ['napster', 'gnutella', 'fasttrack', 'chord', 'pastry', 'kelips', 'kademlia'] as const
export type OverlayId = (typeof OVERLAYS)[number]

/** Whether peers keep records of others under keys: of files that are announced, and values that are put. */
export const KEEPS_RECORDS: Readonly<Record<OverlayId, boolean>> = {
  napster: false,
  gnutella: false,
  fasttrack: false,
  chord: true,
  pastry: true,
  kelips: true,
  kademlia: true
}

/** The part of JSON Schema that settings use. */
export type SettingSchema =
  | {
      readonly type: 'integer'
      readonly minimum: number
      readonly maximum: number
      readonly multipleOf?: number
      readonly default: number
      /** In place of it where a part of the peers dies and maintenance stands still. */
      readonly defaultWithFailures?: number
      readonly description: string
    }
  | {
      readonly enum: readonly (string | number)[]
      readonly default: string | number
      readonly description: string
    }

export type SettingsSchema = Readonly<Record<string, SettingSchema>>
export type SettingValue = number | string | boolean
export type Settings = Readonly<Record<string, SettingValue>>

export const SETTINGS: Readonly<Record<OverlayId, SettingsSchema>> = {
  chord: chordSettings,
  fasttrack: fasttrackSettings,
  gnutella: gnutellaSettings,
  napster: napsterSettings,
  pastry: pastrySettings,
  kelips: kelipsSettings,
  kademlia: kademliaSettings
}

/**
 * Every setting of an overlay: the default, or what the plan sets.
 *
 * @throws PlanError  a setting that there is not, or a value out of its bounds
 */
export function settingsOf(overlay: OverlayId, set: Settings, withFailures: boolean): Settings {
  const schema = SETTINGS[overlay]
  const settings: Record<string, SettingValue> = Object.fromEntries(
    Object.entries(schema).map(([key, setting]) => [
      key,
      (withFailures && 'type' in setting ? setting.defaultWithFailures : undefined) ?? setting.default
    ])
  )
  for (const [name, value] of Object.entries(set)) {
    if (!name.startsWith(`${overlay}.`)) continue
    const key = name.slice(overlay.length + 1)
    const setting = Object.hasOwn(schema, key) ? schema[key] : undefined
    if (setting === undefined) {
      const known = Object.keys(schema).map(one => `${overlay}.${one}`)
      throw new PlanError(`There is no setting ${name}. There are ${known.join(', ')}.`, name)
    }
    settings[key] = checked(name, setting, value)
  }
  return settings
}

function checked(name: string, schema: SettingSchema, value: SettingValue): SettingValue {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  if ('enum' in schema) {
    if (schema.enum.includes(number as string | number)) return number
    throw new PlanError(
      `${name} takes ${schema.enum.join(' or ')}, and it is set to ${JSON.stringify(value)}.`
    )
  }
  const { minimum, maximum, multipleOf = 1 } = schema
  const isWhole = Number.isInteger(number) && (number as number) % multipleOf === 0
  if (isWhole && minimum <= (number as number) && (number as number) <= maximum) return number
  const kind = multipleOf === 1 ? 'whole number' : `multiple of ${multipleOf}`
  throw new PlanError(
    `${name} takes a ${kind} from ${minimum} to ${maximum}, and it is set to ${JSON.stringify(value)}.`
  )
}

/**
 * `chord.successors=20` and more of them, as a plan's `set` has them.
 *
 * @throws PlanError  a text that is not of this form
 */
export function parseSet(texts: readonly string[]): Record<string, SettingValue> {
  return Object.fromEntries(
    texts.map(text => {
      const match = /^([a-z-]+\.[A-Za-z-]+)=(.+)$/.exec(text)
      if (match === null) {
        throw new PlanError(
          `--set takes overlay.key=value, as chord.successors=20, and it says ${JSON.stringify(text)}.`
        )
      }
      const [, name, value] = match as unknown as [string, string, string]
      return [name, /^\d+$/.test(value) ? Number(value) : value]
    })
  )
}
