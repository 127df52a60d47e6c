/** A text or settings describe no model of a network or of churn. The message says which part, and what may stand there. */
export class ModelError extends Error {
  static override readonly name = 'ModelError'
  override readonly name = 'ModelError'
}

/** @throws ModelError  the number is none, or lies outside the bounds */
export function checkWithin(what: string, value: number, least: number, most: number): void {
  if (!(value >= least && value <= most))
    throw new ModelError(`${what} is a number from ${least} to ${most}, not ${value}.`)
}
