/** Settings as whoever makes a servent gave them: what was left out is not there, rather than undefined. */

type Given<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> }

/** Without what was not given. */
export function given<T extends object>(values: T): Given<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<T>
}
