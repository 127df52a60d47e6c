/** The searches that users of an overlay run, and which of them a notice is for. */
import type { RequestId } from '@servent/overlay'
import type { Clock } from './clock.ts'
import type { RunningSearch } from './running-search.ts'

/** Hears what the machine says of one command. */
export interface NoticeTaker<Notice> {
  take(notice: Notice): void
}

export interface RunningSearchesInit {
  readonly clock: Clock
  /** The service is done with this search, whether the overlay still runs or not. */
  readonly onEnd: (search: RequestId) => void
}

export interface ReadOptions {
  readonly signal?: AbortSignal
  /** Without it, the machine says when a search is over. */
  readonly timeoutMs?: number
}

export class RunningSearches<Notice, Found, Search extends RunningSearch<Notice, Found>> {
  readonly #init: RunningSearchesInit
  readonly #running = new Map<RequestId, Search>()
  /** Whoever's command is being given: notices of it come before its id is known. */
  #beginning: NoticeTaker<Notice> | undefined

  constructor(init: RunningSearchesInit) {
    this.#init = init
  }

  get(id: RequestId): Search | undefined {
    return this.#running.get(id)
  }

  /** For the search of this id, or whoever's command is being given. */
  take(id: RequestId | undefined, notice: Notice): void {
    const search = id === undefined ? undefined : this.#running.get(id)
    ;(search ?? this.#beginning)?.take(notice)
  }

  /** Gives a command, of which `taker` hears what is said before this returns. */
  begin(taker: NoticeTaker<Notice>, command: () => RequestId): RequestId {
    this.#beginning = taker
    try {
      return command()
    } finally {
      this.#beginning = undefined
    }
  }

  /**
   * Begins a search and gives what it finds, until it is over, its time has passed, or its reader goes. Why the signal
   * ends it early is of no matter to the machine: all ways end it alike.
   */
  async *read(
    search: Search,
    command: () => RequestId,
    { signal, timeoutMs }: ReadOptions
  ): AsyncGenerator<Found, void> {
    signal?.throwIfAborted()
    const { clock } = this.#init
    const end = () => search.end()
    const id = this.begin(search, command)
    this.#running.set(id, search)
    const timer = timeoutMs === undefined ? undefined : clock.setTimeout(end, timeoutMs)
    signal?.addEventListener('abort', end)
    try {
      for (let found = await search.next(); found !== undefined; found = await search.next()) {
        yield found
        signal?.throwIfAborted()
      }
      search.check()
      signal?.throwIfAborted()
    } finally {
      if (timer !== undefined) clock.clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      this.#running.delete(id)
      this.#init.onEnd(id)
    }
  }

  endAll(): void {
    for (const search of this.#running.values()) search.end()
  }
}
