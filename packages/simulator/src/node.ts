/** What a simulation holds of each node: whether it runs, its machine, what it saved, its chance and its clocks. */
import type { Machine, MachineTypes, RequestId } from '@servent/overlay/machine'
import { NodeRecords } from './node-records.ts'
import type { Random } from './random.ts'
import type { NodeIndex } from './types.ts'

/** A node that was never started has the status 0. */
export const RUNNING = 1
/** Its inputs wait until it goes on. */
export const PAUSED = 2
/** It ended in good order. */
export const STOPPED = 3
/** Its process is gone, and its machine's system told the other sides. */
export const CRASHED = 4
/** It is gone and nobody was told. */
export const SILENT = 5

export class Nodes<T extends MachineTypes> extends NodeRecords {
  readonly machines: (Machine<T> | undefined)[] = []
  /** Of those that are running or paused. Dense, in no order. */
  readonly #alive: NodeIndex[] = []
  readonly #placeInAlive: number[] = []
  #sorted: readonly NodeIndex[] | undefined
  readonly #saved: (Map<string, Uint8Array> | undefined)[] = []
  /** Questions that are owed an answer. */
  readonly #asked: (Set<RequestId> | undefined)[] = []

  get size(): number {
    return this.machines.length
  }

  add(): NodeIndex {
    const node = this.machines.length
    this.begin(node)
    this.machines.push(undefined)
    this.#placeInAlive.push(-1)
    this.#saved.push(undefined)
    this.#asked.push(undefined)
    return node
  }

  isAlive(node: NodeIndex): boolean {
    const status = this.status(node)
    return status === RUNNING || status === PAUSED
  }

  setStatus(node: NodeIndex, status: number): void {
    const wasAlive = this.isAlive(node)
    this.markStatus(node, status)
    const isAlive = this.isAlive(node)
    if (wasAlive === isAlive) return
    this.#sorted = undefined
    if (isAlive) {
      this.#placeInAlive[node] = this.#alive.length
      this.#alive.push(node)
    } else {
      const last = this.#alive.pop()!
      const place = this.#placeInAlive[node]!
      if (last !== node) {
        this.#alive[place] = last
        this.#placeInAlive[last] = place
      }
    }
  }

  get aliveCount(): number {
    return this.#alive.length
  }

  /** In ascending order. */
  get alive(): readonly NodeIndex[] {
    this.#sorted ??= this.#alive.toSorted((a, b) => a - b)
    return this.#sorted
  }

  /** Uniform among those alive, in constant time. */
  pickAlive(random: Random): NodeIndex | undefined {
    return this.#alive.length === 0 ? undefined : this.#alive[random.below(this.#alive.length)]
  }

  saved(node: NodeIndex): ReadonlyMap<string, Uint8Array> {
    return this.#saved[node] ?? NOTHING
  }

  replaceSaved(node: NodeIndex, saved: ReadonlyMap<string, Uint8Array> | undefined): void {
    this.#saved[node] = saved === undefined || saved.size === 0 ? undefined : new Map(saved)
  }

  save(node: NodeIndex, key: string, bytes: Uint8Array | undefined): void {
    if (bytes === undefined) {
      this.#saved[node]?.delete(key)
      return
    }
    this.#saved[node] ??= new Map()
    // A copy: the machine may go on to use its own.
    this.#saved[node].set(key, Uint8Array.from(bytes))
  }

  /** @throws RangeError  the id is owed an answer already: an error of the machine */
  asked(node: NodeIndex, id: RequestId): void {
    this.#asked[node] ??= new Set()
    if (this.#asked[node].has(id))
      throw new RangeError(`Question ${id} was asked again before it was answered.`)
    this.#asked[node].add(id)
  }

  /** Whether an answer is owed; it is no longer. */
  answered(node: NodeIndex, id: RequestId): boolean {
    return this.#asked[node]?.delete(id) ?? false
  }

  /** Questions that are open, in the order in which they were asked; they are owed nothing any more. */
  takeAsked(node: NodeIndex): readonly RequestId[] {
    const ids = [...(this.#asked[node] ?? [])]
    this.#asked[node] = undefined
    return ids
  }
}

const NOTHING: ReadonlyMap<string, Uint8Array> = new Map()
