/** What a machine saves, on its way to the store: one write at a time, in the order of the saves. */
import type { StateStore } from './types.ts'

interface Save {
  readonly key: string
  bytes: Uint8Array | undefined
  /** Of a save that somebody waits for. */
  readonly done: ((error?: Error) => void) | undefined
}

export class StateWriter {
  readonly #store: StateStore
  readonly #waitingMax: number
  readonly #onFailure: (key: string, error: Error) => void
  readonly #waiting: Save[] = []
  /** The last waiting save of each key that nobody waits for: a newer one takes its place. */
  readonly #latest = new Map<string, Save>()
  #writing: Promise<void> | undefined

  constructor(store: StateStore, waitingMax: number, onFailure: (key: string, error: Error) => void) {
    this.#store = store
    this.#waitingMax = waitingMax
    this.#onFailure = onFailure
  }

  /** `done` is called once, when the bytes are durable or the store failed. */
  save(key: string, bytes: Uint8Array | undefined, done?: (error?: Error) => void): void {
    const earlier = this.#latest.get(key)
    if (earlier !== undefined && done === undefined) {
      earlier.bytes = bytes
      return
    }
    if (this.#waiting.length >= this.#waitingMax) {
      const error = new Error(`More than ${this.#waitingMax} saves wait for the store; this one is not kept.`)
      this.#onFailure(key, error)
      done?.(error)
      return
    }
    const save: Save = { key, bytes, done }
    this.#waiting.push(save)
    if (done === undefined) this.#latest.set(key, save)
    else this.#latest.delete(key)
    this.#writing ??= this.#write()
  }

  /** Resolves when everything saved so far has been written or has failed. */
  async settled(): Promise<void> {
    await this.#writing
  }

  async #write(): Promise<void> {
    for (let save = this.#waiting.shift(); save !== undefined; save = this.#waiting.shift()) {
      if (this.#latest.get(save.key) === save) this.#latest.delete(save.key)
      let failure: Error | undefined
      try {
        await this.#store.save(save.key, save.bytes)
      } catch (error) {
        failure = error as Error
        this.#onFailure(save.key, failure)
      }
      save.done?.(failure)
    }
    this.#writing = undefined
  }
}

/** Keeps nothing beyond the process: for hosts that were given no store. */
export class MemoryStore implements StateStore {
  readonly saved = new Map<string, Uint8Array>()

  async load(): Promise<ReadonlyMap<string, Uint8Array>> {
    return new Map(this.saved)
  }

  async save(key: string, bytes: Uint8Array | undefined): Promise<void> {
    if (bytes === undefined) this.saved.delete(key)
    else this.saved.set(key, bytes.slice())
  }
}
