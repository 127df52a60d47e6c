/** Errors of the lab, told apart by their names. */

/** A plan that cannot be run: which part, why, and what it takes instead. */
export class PlanError extends Error {
  override readonly name = 'PlanError'
  readonly #field: string | undefined

  /** `field` of the plan, or a setting as `chord.successors`, where the message does not begin with its name. */
  constructor(message: string, field?: string) {
    super(message)
    this.#field = field
  }

  /** What of the plan it is of. */
  get field(): string | undefined {
    return this.#field ?? /^[a-z]+(?:\.[A-Za-z-]+)?/.exec(this.message)?.[0]
  }
}

/** A run came to an end that it must not come to. Says the overlay and the seed that repeat it. */
export class RunError extends Error {
  override readonly name = 'RunError'
}
