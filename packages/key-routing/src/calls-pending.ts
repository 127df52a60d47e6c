/** Every call that is under way, and requests by their id. */
import type { Link, MachineTypes } from '@servent/overlay/machine'
import { type Call, Request } from './calls-types.ts'

const NONE: readonly never[] = []

export class PendingCalls<T extends MachineTypes> {
  readonly #all: Call<T>[] = []
  #requests: Map<number, Request<T>> | undefined

  get size(): number {
    return this.#all.length
  }

  request(id: number): Request<T> | undefined {
    return this.#requests?.get(id)
  }

  /** False where another request has the id. It is given back by `forget`. */
  claim(request: Request<T>): boolean {
    this.#requests ??= new Map()
    if (this.#requests.has(request.id)) return false
    this.#requests.set(request.id, request)
    return true
  }

  forget(call: Call<T>): void {
    if (call instanceof Request && this.#requests?.get(call.id) === call) this.#requests.delete(call.id)
  }

  add(call: Call<T>): void {
    call.at = this.#all.push(call) - 1
  }

  /** The last one gets its place. */
  remove(call: Call<T>): void {
    const last = this.#all.pop()!
    if (last !== call) {
      this.#all[call.at] = last
      last.at = call.at
    }
    call.at = -1
    this.forget(call)
  }

  /** What was sent on a link and waits for its answer. */
  on(link: Link): readonly Call<T>[] {
    return this.#all.filter(call => call.link === link)
  }

  due(untilMs: number): readonly Call<T>[] {
    let due: Call<T>[] | undefined
    for (const call of this.#all) {
      if (call.dueMs > untilMs) continue
      due ??= []
      due.push(call)
    }
    return due ?? NONE
  }

  /** When the next one is due. */
  nextMs(): number {
    let nextMs = Number.POSITIVE_INFINITY
    for (const call of this.#all) if (call.dueMs < nextMs) nextMs = call.dueMs
    return nextMs
  }
}
