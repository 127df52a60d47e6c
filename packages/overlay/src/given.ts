/** Fields that a caller may leave out, or name without a value. */
export type Given<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> }

/** Without the fields that have no value, so that a default is not overwritten by nothing. */
export function given<T extends object>(values: T): Given<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<T>
}
