/**
 * Calls to disks for those who are served. They are made by the few threads that Node has for all calls, so a disk that
 * does not answer must not get hold of them all: some calls to one disk are under way at most, the others wait, and
 * whoever waited for long is told that the disk is silent.
 */
import { DiskSilentError } from './errors.ts'
import { waiting } from './hung.ts'
import { DISK_CALLS_MAX } from './limits.ts'

interface Lane {
  /** Under way, those that are late among them. */
  under: number
  /** Under way for longer than a disk may take. While there is one, nobody is let in. */
  late: number
  readonly queue: (() => void)[]
  /** To be done when the disk answers again. */
  readonly later: (() => Promise<unknown>)[]
}

export class DiskGate {
  readonly #silentMs: number
  /** By device. */
  readonly #lanes = new Map<string, Lane>()

  constructor(silentMs: number) {
    this.#silentMs = silentMs
  }

  /**
   * @param dropped  told what comes when the caller has left already
   * @throws DiskSilentError  the disk does not answer
   */
  async run<T>(
    device: string,
    work: () => Promise<T>,
    dropped: (value: T) => unknown = () => {}
  ): Promise<T> {
    const lane = this.#lane(device)
    if (lane.late > 0) throw new DiskSilentError()
    if (lane.under < DISK_CALLS_MAX) lane.under += 1
    else await this.#turn(device, lane)
    let noLonger: (() => void) | undefined
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const timer = setTimeout(() => {
      lane.late += 1
      noLonger = waiting()
      reject(new DiskSilentError())
    }, this.#silentMs)
    work()
      .then(value => {
        if (noLonger === undefined) resolve(value)
        else return dropped(value)
      })
      .catch(reject)
      .finally(() => {
        clearTimeout(timer)
        if (noLonger !== undefined) lane.late -= 1
        noLonger?.()
        this.#leave(device, lane)
      })
    return promise
  }

  /** What must be done and nobody waits for where the disk is silent: it is done when that answers. */
  async finish(device: string, work: () => Promise<unknown>): Promise<void> {
    let isBegun = false
    const begin = (): Promise<unknown> => {
      isBegun = true
      return work()
    }
    try {
      await this.run(device, begin)
    } catch (error) {
      if ((error as Error).name !== 'DiskSilentError') throw error
      if (!isBegun) this.#lane(device).later.push(begin)
    }
  }

  #lane(device: string): Lane {
    const known = this.#lanes.get(device)
    if (known !== undefined) return known
    const lane = { under: 0, late: 0, queue: [], later: [] }
    this.#lanes.set(device, lane)
    return lane
  }

  /** Whoever leaves gives its place to the next one. */
  #leave(device: string, lane: Lane): void {
    const next = lane.queue.shift()
    if (next !== undefined) next()
    else lane.under -= 1
    if (lane.under > 0) return
    this.#lanes.delete(device)
    for (const work of lane.later) this.finish(device, work).catch(() => {})
  }

  async #turn(device: string, lane: Lane): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      lane.queue.splice(lane.queue.indexOf(resolve), 1)
      reject(new DiskSilentError())
    }, this.#silentMs)
    lane.queue.push(resolve)
    await promise.finally(() => clearTimeout(timer))
    if (lane.late === 0) return
    this.#leave(device, lane)
    throw new DiskSilentError()
  }
}
