/** Errors of the lab, told apart by their names. */

/** A plan that cannot be run: which part, why, and what it takes instead. */
export class PlanError extends Error {
  override readonly name = 'PlanError'
}

/** A run came to an end that it must not come to. Says the overlay and the seed that repeat it. */
export class RunError extends Error {
  override readonly name = 'RunError'
}
