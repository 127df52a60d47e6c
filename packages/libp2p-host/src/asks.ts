/** Work that a machine asks the world for: a bounded number at once, exactly one answer each. */
import type { RequestId } from '@servent/overlay'

export type Outcome<Answer> = { readonly answer: Answer } | { readonly error: string }

interface Question<Asked> {
  readonly id: RequestId
  readonly question: Asked
}

export interface AskLimits {
  readonly asksMax: number
  readonly asksWaitingMax: number
}

export class Asks<Asked, Answer> {
  readonly #limits: AskLimits
  readonly #work: (question: Asked, signal: AbortSignal) => Promise<Answer>
  readonly #onAnswer: (id: RequestId, outcome: Outcome<Answer>) => void
  readonly #abort = new AbortController()
  /** Ids that are owed an answer. */
  readonly #open = new Set<RequestId>()
  readonly #waiting: Question<Asked>[] = []
  #running = 0

  constructor(
    limits: AskLimits,
    work: (question: Asked, signal: AbortSignal) => Promise<Answer>,
    onAnswer: (id: RequestId, outcome: Outcome<Answer>) => void
  ) {
    this.#limits = limits
    this.#work = work
    this.#onAnswer = onAnswer
  }

  /** Questions under way and waiting. */
  get size(): number {
    return this.#open.size
  }

  /**
   * Starts the work or queues it.
   *
   * @throws RangeError  the id is owed an answer already: an error of the machine
   */
  ask(id: RequestId, question: Asked): void {
    this.claim(id)
    if (this.#waiting.length >= this.#limits.asksWaitingMax) {
      this.settle(id, { error: `More than ${this.#limits.asksWaitingMax} questions wait.` })
      return
    }
    this.#waiting.push({ id, question })
    this.#fill()
  }

  /** Takes an id for a question that somebody else answers through `settle`. */
  claim(id: RequestId): void {
    if (this.#open.has(id)) throw new RangeError(`Question ${id} was asked again before it was answered.`)
    this.#open.add(id)
  }

  /** Gives the answer, unless it was given. */
  settle(id: RequestId, outcome: Outcome<Answer>): void {
    if (this.#open.delete(id)) this.#onAnswer(id, outcome)
  }

  /** Answers what is open with an error and aborts the work. */
  stop(reason: string): void {
    this.#waiting.length = 0
    this.#abort.abort(new Error(reason))
    for (const id of [...this.#open]) this.settle(id, { error: reason })
  }

  #fill(): void {
    while (this.#running < this.#limits.asksMax) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#running += 1
      this.#run(next)
    }
  }

  async #run({ id, question }: Question<Asked>): Promise<void> {
    let outcome: Outcome<Answer>
    try {
      outcome = { answer: await this.#work(question, this.#abort.signal) }
    } catch (error) {
      outcome = { error: error instanceof Error ? error.message : String(error) }
    }
    this.#running -= 1
    this.settle(id, outcome)
    this.#fill()
  }
}
