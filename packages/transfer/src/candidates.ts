/**
 * Providers of one file, and when each may be asked again. Pure: the caller says what time it is. Of those who may
 * be asked, who gave most comes first. Who gave wrong bytes is banned for good, who failed waits twice as long each
 * time, who has no free slot waits as long as it wishes, within bounds.
 */
import type { Provider } from '@servent/overlay'
import type { DownloadLimits } from './limits.ts'

export type CandidateLimits = Pick<
  DownloadLimits,
  | 'providersMax'
  | 'retryMs'
  | 'retryMsMax'
  | 'roundsMax'
  | 'giverPatienceMs'
  | 'queueWaitMsMin'
  | 'queueWaitMsMax'
  | 'slowWaitMs'
  | 'partialAgainMs'
  | 'partialAgainMsMax'
>

interface Candidate {
  provider: Provider
  inUse: boolean
  failures: number
  /** Of the first of these. */
  lostMs: number
  /** Verified bytes that it gave. */
  givenBytes: number
  /** It was fetching the file itself when it was asked last. */
  isPartial: boolean
  /** Times in a row that it had nothing of what is missing here, and no more than the time before. */
  lacks: number
  /** Blocks that it had at most. */
  blocks: number
  /** It does not have the file, or failed too often: not asked before the download is resumed. */
  isSpent: boolean
  readyMs: number
  reason: string | undefined
}

export interface Ban {
  readonly peer: string
  readonly reason: string
}

export class Candidates {
  readonly #limits: CandidateLimits
  readonly #known = new Map<string, Candidate>()
  readonly #banned = new Map<string, string>()

  constructor(limits: CandidateLimits, banned: readonly Ban[]) {
    this.#limits = limits
    for (const { peer, reason } of banned) this.#banned.set(peer, reason)
  }

  /** Those who gave most come first. */
  get providers(): Provider[] {
    return [...this.#known.values()]
      .sort((a, b) => b.givenBytes - a.givenBytes)
      .map(({ provider }) => provider)
  }

  get bans(): Ban[] {
    return [...this.#banned].map(([peer, reason]) => ({ peer, reason }))
  }

  has(peer: string): boolean {
    return this.#known.has(peer)
  }

  /** Says whether there is somebody new to ask. A known one gets the addresses and routes that are new. */
  add(provider: Provider): boolean {
    const { peerId } = provider
    if (this.#banned.has(peerId)) return false
    const known = this.#known.get(peerId)
    if (known !== undefined) {
      const addresses = [...new Set([...provider.addresses, ...known.provider.addresses])]
      known.provider = { ...known.provider, ...provider, addresses: addresses.slice(0, ADDRESSES_MAX) }
      return false
    }
    if (this.#known.size >= this.#limits.providersMax && !this.#dropUseless()) return false
    this.#known.set(peerId, {
      provider: { ...provider, addresses: provider.addresses.slice(0, ADDRESSES_MAX) },
      inUse: false,
      failures: 0,
      lostMs: 0,
      givenBytes: 0,
      isPartial: false,
      lacks: 0,
      blocks: 0,
      isSpent: false,
      readyMs: 0,
      reason: undefined
    })
    return true
  }

  /** Somebody who may be asked now, marked as in use: who gave most, then who waits longest. */
  take(nowMs: number): Provider | undefined {
    let best: Candidate | undefined
    for (const candidate of this.#free()) {
      if (candidate.readyMs > nowMs) continue
      const more = candidate.givenBytes - (best?.givenBytes ?? -1)
      if (more > 0 || (more === 0 && candidate.readyMs < best!.readyMs)) best = candidate
    }
    if (best === undefined) return undefined
    best.inUse = true
    return best.provider
  }

  /** Milliseconds until somebody may be asked, or nothing where nobody may. */
  waitMs(nowMs: number): number | undefined {
    let soonestMs: number | undefined
    for (const { readyMs } of this.#free())
      if (soonestMs === undefined || readyMs < soonestMs) soonestMs = readyMs
    return soonestMs === undefined ? undefined : Math.max(0, soonestMs - nowMs)
  }

  /** Whether all who may be asked had nothing of what is missing here when they were asked last. */
  get isOnlyLacking(): boolean {
    return this.#free().every(({ lacks }) => lacks > 0)
  }

  /** It gave right bytes: what failed before does not count any more. */
  gave(peer: string, bytes: number): void {
    const candidate = this.#known.get(peer)
    if (candidate === undefined) return
    candidate.givenBytes += bytes
    candidate.failures = 0
    candidate.lacks = 0
    candidate.reason = undefined
  }

  /** It gave way to others: it is asked again when they had their time. */
  slow(peer: string, reason: string, nowMs: number): void {
    this.#update(peer, candidate => {
      candidate.readyMs = nowMs + this.#limits.slowWaitMs
      candidate.reason = `It is slow: ${reason}`
    })
  }

  /** It did all there was to do; it may be asked at once. */
  served(peer: string, nowMs: number): void {
    this.#update(peer, candidate => {
      candidate.readyMs = nowMs
    })
  }

  /**
   * It was lost. Who gave verified bytes before is given up only after a time as well: a computer that sleeps comes
   * back. `jitter`, 0 to 1, keeps many downloads from asking at the same time.
   */
  failed(peer: string, reason: string, jitter: number, nowMs: number): void {
    const { retryMs, retryMsMax, roundsMax, giverPatienceMs } = this.#limits
    this.#update(peer, candidate => {
      candidate.failures += 1
      if (candidate.failures === 1) candidate.lostMs = nowMs
      const isAwaited = candidate.givenBytes > 0 && nowMs - candidate.lostMs < giverPatienceMs
      candidate.isSpent = candidate.failures >= roundsMax && !isAwaited
      const waitMs = Math.min(retryMsMax, retryMs * 2 ** (candidate.failures - 1))
      candidate.readyMs = nowMs + waitMs * (0.75 + jitter / 2)
      candidate.reason = reason
    })
  }

  busy(peer: string, reason: string, waitMs: number, nowMs: number): void {
    const { queueWaitMsMin, queueWaitMsMax } = this.#limits
    this.#update(peer, candidate => {
      candidate.lacks = 0
      candidate.readyMs = nowMs + Math.min(queueWaitMsMax, Math.max(queueWaitMsMin, waitMs))
      candidate.reason = reason
    })
  }

  /**
   * It has nothing of what is missing here, for now: no fault of it. One that gets on itself, and has more `blocks` than
   * ever, is worth asking soon.
   */
  lacks(peer: string, reason: string, blocks: number, nowMs: number): void {
    const { partialAgainMs, partialAgainMsMax } = this.#limits
    this.#update(peer, candidate => {
      candidate.isPartial = true
      candidate.lacks = blocks > candidate.blocks ? 1 : candidate.lacks + 1
      candidate.blocks = Math.max(candidate.blocks, blocks)
      candidate.readyMs = nowMs + Math.min(partialAgainMsMax, partialAgainMs * 2 ** (candidate.lacks - 1))
      candidate.reason = reason
    })
  }

  /** It does not have the file. Where it was fetching it, it has stopped for now, perhaps: it is tried again. */
  gone(peer: string, reason: string, jitter: number, nowMs: number): void {
    if (this.#known.get(peer)?.isPartial === true) this.failed(peer, reason, jitter, nowMs)
    else
      this.#update(peer, candidate => {
        candidate.isSpent = true
        candidate.reason = reason
      })
  }

  ban(peer: string, reason: string): void {
    this.#known.delete(peer)
    this.#banned.set(peer, reason)
    // Peers cost an attacker little; the oldest bans go first.
    const [oldest] = this.#banned.keys()
    if (this.#banned.size > this.#limits.providersMax) this.#banned.delete(oldest!)
  }

  /** Why nobody gives bytes now: a sentence for the user. */
  get reason(): string {
    const reasons = [...this.#known.values()].filter(({ reason }) => reason !== undefined)
    const first = reasons.find(({ isSpent }) => !isSpent) ?? reasons[0]
    if (first === undefined) return ''
    const more = reasons.length > 1 ? ` (and ${reasons.length - 1} more)` : ''
    return `${first.provider.peerId}${more}: ${first.reason}`
  }

  *#free(): Generator<Candidate, void> {
    for (const candidate of this.#known.values()) if (!candidate.inUse && !candidate.isSpent) yield candidate
  }

  #update(peer: string, change: (candidate: Candidate) => void): void {
    const candidate = this.#known.get(peer)
    if (candidate === undefined) return
    candidate.inUse = false
    change(candidate)
  }

  /** Of those that are of no use: who is given up, else who is fetching the file too and has given nothing of it. */
  #dropUseless(): boolean {
    let poor: string | undefined
    for (const [peer, { isSpent, isPartial, givenBytes, inUse }] of this.#known) {
      if (isSpent && !inUse) return this.#known.delete(peer)
      if (isPartial && givenBytes === 0 && !inUse) poor ??= peer
    }
    return poor !== undefined && this.#known.delete(poor)
  }
}

/** Of one provider: what a contact on the wire has. */
const ADDRESSES_MAX = 16
