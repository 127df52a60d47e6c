/** 0 in the configuration is no cap. */
export const cap = <Name extends string>(name: Name, rate: number): Partial<Record<Name, number>> =>
  rate === 0 ? {} : ({ [name]: rate } as Record<Name, number>)
