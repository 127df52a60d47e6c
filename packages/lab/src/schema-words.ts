/** What schemas of results are put together from. */
import { type TSchema, Type } from 'typebox'

export const closed = (description: string) => ({ additionalProperties: false, description })
export const number = (description: string) => Type.Number({ description })
export const count = (description: string) => Type.Integer({ minimum: 0, description })
export const orNull = <S extends TSchema>(schema: S, why: string) =>
  Type.Union([schema, Type.Null()], { description: `Null: ${why}` })
