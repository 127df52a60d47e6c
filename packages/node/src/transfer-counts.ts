/**
 * Tells the Napster server how many files this node fetches and gives now (messages 218 to 221), for whoever asks
 * about this user. A transfer is many requests for ranges, and each server counts from nothing, so it is looked at now
 * and then what the server was told, and the difference is said.
 */
import { type Napster, sessionOf } from './people.ts'

/** Between two looks: what is shorter is nobody's concern. */
export const COUNT_MS = 1_000

export interface Transferring {
  readonly down: number
  readonly up: number
}

export interface TransferCountsInit {
  readonly napster: () => Pick<Napster, 'transferring' | 'snapshot'> | undefined
  readonly transferring: () => Transferring
}

export class TransferCounts {
  readonly #init: TransferCountsInit
  #told: Transferring = { down: 0, up: 0 }
  #session: number | undefined
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(init: TransferCountsInit) {
    this.#init = init
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), COUNT_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  look(): void {
    const now = this.#init.transferring()
    if (now.down + now.up + this.#told.down + this.#told.up === 0) return
    const napster = this.#init.napster()
    const session = sessionOf(napster)
    if (session !== this.#session) this.#told = { down: 0, up: 0 }
    this.#session = session
    if (napster === undefined || session === undefined) return
    for (const direction of ['down', 'up'] as const) {
      const more = now[direction] - this.#told[direction]
      for (let left = Math.abs(more); left > 0; left -= 1) napster.transferring(direction, more > 0)
    }
    this.#told = now
  }
}
