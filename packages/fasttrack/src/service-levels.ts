/** Participation levels of a supernode's users, told to the machine: when one comes, and again in turn, for they change. */
import { LEVELS_TOLD_MAX } from './constants.ts'

export interface UserLevelsInit {
  readonly levelOf: ((peerId: string) => number) | undefined
  readonly tell: (peerId: string, level: number) => void
}

export class UserLevels {
  readonly #init: UserLevelsInit
  #next = 0

  constructor(init: UserLevelsInit) {
    this.#init = init
  }

  /** Notices come while the machine's effects are carried out: what answers them comes after. */
  came(peerId: string): void {
    if (this.#init.levelOf !== undefined) queueMicrotask(() => this.#tell(peerId))
  }

  /** Of `LEVELS_TOLD_MAX` of them, from where it ended the last time. */
  again(users: () => readonly string[]): void {
    if (this.#init.levelOf === undefined) return
    const all = users()
    const count = Math.min(all.length, LEVELS_TOLD_MAX)
    for (let told = 0; told < count; told += 1) this.#tell(all[(this.#next + told) % all.length]!)
    this.#next = all.length === 0 ? 0 : (this.#next + count) % all.length
  }

  #tell(peerId: string): void {
    const level = this.#init.levelOf?.(peerId)
    if (level !== undefined) this.#init.tell(peerId, level)
  }
}
