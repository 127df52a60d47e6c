/** What the schema of the configuration is put together of: kinds of settings, with bounds that hold for all of one kind. */
/** A list in the configuration is written by a person; a thousand entries are a mistake. */
export const LIST_ITEMS_MAX = 64
export const TEXT_CHARACTERS_MAX = 512
export const PATH_CHARACTERS_MAX = 4096
/** 1 TiB/s stands for "any rate there is". */
export const RATE_MAX = 2 ** 40
/** As many as the largest Napster server that is a FastTrack supernode as well needs. */
export const CONNECTIONS_MAX = 25_000
export const DOWNLOADS_MAX = 1_000
/** Of what Napster says of a link: T3 or more. A test compares. */
export const LINK_SPEED_MAX = 10

export const text = (description: string, initial: string, maxLength = TEXT_CHARACTERS_MAX) =>
  ({ type: 'string', maxLength, default: initial, description }) as const

export const list = (description: string, initial: string[]) =>
  ({
    type: 'array',
    items: { type: 'string', maxLength: TEXT_CHARACTERS_MAX },
    maxItems: LIST_ITEMS_MAX,
    default: initial,
    description
  }) as const

export const choice = <const Values extends readonly (string | number)[]>(
  description: string,
  values: Values,
  initial: Values[number]
) => ({ enum: values, default: initial, description }) as const

export const choices = <const Values extends readonly string[]>(
  description: string,
  values: Values,
  initial: Values[number][]
) =>
  ({
    type: 'array',
    items: { enum: values },
    maxItems: LIST_ITEMS_MAX,
    default: initial,
    description
  }) as const

export const integer = (description: string, minimum: number, maximum: number, initial: number) =>
  ({ type: 'integer', minimum, maximum, default: initial, description }) as const

export const flag = (description: string, initial: boolean) =>
  ({ type: 'boolean', default: initial, description }) as const

export const table = <const Properties extends Readonly<Record<string, object>>>(properties: Properties) =>
  ({ type: 'object', properties, additionalProperties: false }) as const
