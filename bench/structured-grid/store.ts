/**
 * Points that were measured, in a file of JSON lines, one for each: the lab's own results, whole. A sweep takes hours, so
 * each line is on disk before the next point begins, and who runs it again goes on where it ended.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { type Asked, askedOf, type Plan, type Results } from '@servent/lab'

export class PointStore {
  readonly #path: string | undefined
  readonly #byPlan = new Map<string, Results>()
  /** Lines that are no results: what an interrupted write left. */
  readonly unreadable: number

  /** Without a path nothing is kept. */
  constructor(path: string | undefined) {
    this.#path = path
    const text = path !== undefined && existsSync(path) ? readFileSync(path, 'utf8') : ''
    const lines = text.split('\n').filter(line => line !== '')
    const read = lines.flatMap(line => resultsIn(line) ?? [])
    for (const results of read) this.#byPlan.set(nameOf(results.plan), results)
    this.unreadable = lines.length - read.length
    // What comes next is no part of a line that was broken off.
    if (text !== '' && !text.endsWith('\n')) appendFileSync(path!, '\n')
  }

  find(plan: Plan): Results | undefined {
    return this.#byPlan.get(nameOf(askedOf(plan)))
  }

  add(results: Results): void {
    this.#byPlan.set(nameOf(results.plan), results)
    if (this.#path !== undefined) appendFileSync(this.#path, `${JSON.stringify(results)}\n`)
  }
}

function nameOf(asked: Asked): string {
  return JSON.stringify(asked)
}

function resultsIn(line: string): Results | undefined {
  try {
    const results = JSON.parse(line) as Results
    return results.schema === 'servent-lab/1' ? results : undefined
  } catch {
    return undefined
  }
}
