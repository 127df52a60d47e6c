/**
 * When an overlay can answer, and the calls that came before. A peer that has just started knows nobody yet: what
 * it would say of a key then is its own word alone, and none of those that it is about to meet. So calls wait, each
 * within its own time, until the overlay has tables with others in them, or until there is nobody to wait for.
 */
import type { Clock, HostState } from '@servent/libp2p-host'
import { LimitError, OverlayStoppedError } from '@servent/overlay'
import type { Membership } from './routing.ts'
import { CALLS_WAITING_MAX, LOOK_MS, SEEK_MS } from './service-constants.ts'

/** The time of a call is over, and the overlay could not answer yet. `cause` is what its signal aborted with. */
export class NotReadyError extends Error {
  static override readonly name = 'NotReadyError'
  override readonly name = 'NotReadyError'
}

export interface ReadinessInit {
  readonly clock: Clock
  readonly overlay: string
  readonly protocol: string
  readonly state: () => HostState
  readonly membership: () => Membership
  /** Bootstrap peers, without this one. Who names some does not begin a network of its own. */
  readonly bootstrap: number
  /** From the start until a peer without bootstrap peers takes itself for the first. */
  readonly aloneAfterMs: number
  /** Makes the machine ask its contacts again. */
  readonly seek: () => void
  /** What the overlay itself knows of why it has not met others, as a sentence. */
  readonly why: () => string | undefined
}

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined
  /** Without it the signal alone ends the wait. */
  readonly timeoutMs?: number | undefined
  /** Peers that the tables must have, this one among them. */
  readonly peers?: number
}

interface Waiting {
  readonly peers: number
  readonly end: (error?: Error) => void
}

export class Readiness {
  readonly #init: ReadinessInit
  readonly #waiting = new Set<Waiting>()
  #startedMs = 0
  #soughtMs = 0
  #timer: unknown

  constructor(init: ReadinessInit) {
    this.#init = init
  }

  /** Calls that wait. */
  get waiting(): number {
    return this.#waiting.size
  }

  start(): void {
    this.#startedMs = this.#init.clock.nowMs()
    this.#soughtMs = this.#startedMs
  }

  /** The overlay has stopped: nobody waits any more. */
  stop(): void {
    this.#init.clock.clearTimeout(this.#timer)
    this.#timer = undefined
    for (const { end } of [...this.#waiting]) end(new OverlayStoppedError('The overlay has stopped.'))
  }

  /**
   * Whether calls are answered at once. Who has met others and is alone again is what is left of them. Who has met
   * nobody is the first of a network, unless it names peers that are there before it.
   */
  isReady(peers = 1): boolean {
    const { state, membership, bootstrap, aloneAfterMs, clock } = this.#init
    if (state() !== 'running') return false
    const { isMember, others, sinceMs } = membership()
    if (!isMember || others + 1 < peers) return false
    if (sinceMs !== undefined) return clock.nowMs() >= sinceMs
    return bootstrap === 0 && clock.nowMs() - this.#startedMs >= aloneAfterMs
  }

  /**
   * Resolves when calls are answered, with the milliseconds of `timeoutMs` that are left.
   *
   * @throws NotReadyError        the time is over, or the signal's is (`TimeoutError`)
   * @throws OverlayStoppedError  the overlay does not run, or stops meanwhile
   * @throws LimitError           `CALLS_WAITING_MAX` calls wait already
   * @throws whatever else the signal aborts with
   */
  async wait({ signal, timeoutMs, peers = 1 }: WaitOptions): Promise<number> {
    signal?.throwIfAborted()
    if (this.isReady(peers)) return timeoutMs ?? Number.POSITIVE_INFINITY
    this.#checkRuns()
    if (this.#waiting.size >= CALLS_WAITING_MAX)
      throw new LimitError(
        'CALLS_WAITING_MAX',
        `${CALLS_WAITING_MAX} calls wait already until ${this.#init.overlay} is ready: await ready() before so many.`
      )
    const { clock } = this.#init
    const sinceMs = clock.nowMs()
    const waitedMs = (): number => clock.nowMs() - sinceMs
    let timer: unknown
    let onAbort = (): void => {}
    try {
      await new Promise<void>((resolve, reject) => {
        const waiting: Waiting = {
          peers,
          end: error => {
            this.#waiting.delete(waiting)
            if (error === undefined) resolve()
            else reject(error)
          }
        }
        this.#waiting.add(waiting)
        onAbort = () => waiting.end(this.#isOver(signal!.reason, waitedMs(), peers))
        signal?.addEventListener('abort', onAbort)
        if (timeoutMs !== undefined)
          timer = clock.setTimeout(() => waiting.end(this.#refusal(waitedMs(), peers)), timeoutMs)
        this.#lookSoon()
      })
    } finally {
      clock.clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    return timeoutMs === undefined ? Number.POSITIVE_INFINITY : Math.max(0, timeoutMs - waitedMs())
  }

  #lookSoon(): void {
    this.#timer ??= this.#init.clock.setTimeout(() => {
      this.#timer = undefined
      this.#look()
      if (this.#waiting.size > 0) this.#lookSoon()
    }, LOOK_MS)
  }

  #look(): void {
    try {
      this.#checkRuns()
    } catch (error) {
      for (const { end } of [...this.#waiting]) end(error as Error)
      return
    }
    for (const { peers, end } of [...this.#waiting]) if (this.isReady(peers)) end()
    if (this.#waiting.size > 0) this.#seek()
  }

  /** A machine that has found nobody asks less and less often: while somebody waits that is too seldom. */
  #seek(): void {
    const { clock, state, membership, bootstrap, seek } = this.#init
    if (bootstrap === 0 || state() !== 'running' || clock.nowMs() - this.#soughtMs < SEEK_MS) return
    const { isMember, others } = membership()
    if (!isMember || others > 0) return
    this.#soughtMs = clock.nowMs()
    seek()
  }

  #checkRuns(): void {
    const { state, overlay } = this.#init
    if (state() !== 'running' && state() !== 'starting')
      throw new OverlayStoppedError(`The ${overlay} overlay does not run: start its node first.`)
  }

  /** Whoever waits for a time wants to know what was missing; whoever calls it off knows why. */
  #isOver(reason: Error, waitedMs: number, peers: number): Error {
    if (reason?.name !== 'TimeoutError') return reason
    return this.#refusal(waitedMs, peers, reason)
  }

  #refusal(waitedMs: number, peers: number, cause?: Error): NotReadyError {
    const { overlay } = this.#init
    const message = `The ${overlay} overlay is not ready after ${Math.round(waitedMs)} ms: ${this.#reason(peers)}`
    return new NotReadyError(message, cause === undefined ? {} : { cause })
  }

  #reason(peers: number): string {
    const { state, membership, bootstrap, protocol, why } = this.#init
    if (state() !== 'running') return 'its node is still starting. Try again, or give it more time.'
    const { isMember, others } = membership()
    const known = why()
    if (others + 1 >= peers && others > 0) return 'it has only just met others. Give it more time.'
    if (known !== undefined && others === 0) return known
    if (others === 0 && bootstrap > 0)
      return `no bootstrap peer answers, of ${bootstrap} that are named. Check that one of them runs, has this address and speaks ${protocol}; the first peer of a network names none.`
    if (!isMember)
      return 'none of the peers that it knows answers. Check that this node is connected, and try again.'
    return `it is one of ${others + 1} peers, and ${peers} are wanted. Connect it to more of them, or want fewer.`
  }
}
