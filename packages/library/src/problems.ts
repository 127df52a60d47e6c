/** Files and folders that could not be shared, by path, with the reason. Bounded; the newest are kept. */
import { PROBLEMS_MAX } from './limits.ts'
import { isWithin } from './paths.ts'
import type { LibraryProblem } from './types.ts'

export class Problems {
  readonly #reasons = new Map<string, string>()
  readonly #onChange: () => void

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  /** Gives true where this is news. */
  set(path: string, reason: string): boolean {
    if (this.#reasons.get(path) === reason) return false
    this.#reasons.delete(path)
    this.#reasons.set(path, reason)
    const oldest = this.#reasons.keys().next().value
    if (this.#reasons.size > PROBLEMS_MAX && oldest !== undefined) this.#reasons.delete(oldest)
    this.#onChange()
    return true
  }

  clear(path: string): void {
    if (this.#reasons.delete(path)) this.#onChange()
  }

  /** Forgets what is said of a path and of all below it. */
  clearBelow(folder: string): void {
    for (const path of [...this.#reasons.keys()]) if (isWithin(folder, path)) this.clear(path)
  }

  below(folder: string): LibraryProblem[] {
    return this.all().filter(({ path }) => isWithin(folder, path))
  }

  all(): LibraryProblem[] {
    return [...this.#reasons].map(([path, reason]) => ({ path, reason }))
  }
}
