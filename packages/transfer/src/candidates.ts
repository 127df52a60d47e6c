/**
 * Providers of one file, and when each may be asked again. Pure: the caller says what time it is. Who gave
 * wrong bytes is banned for good, who failed waits twice as long each time, who has no free slot waits as
 * long as it wishes, within bounds.
 */
import type { Provider } from '@servent/overlay'
import type { DownloadLimits } from './limits.ts'

export type CandidateLimits = Pick<
  DownloadLimits,
  'providersMax' | 'retryMs' | 'retryMsMax' | 'roundsMax' | 'queueWaitMsMin' | 'queueWaitMsMax'
>

interface Candidate {
  provider: Provider
  inUse: boolean
  failures: number
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

  get providers(): Provider[] {
    return [...this.#known.values()].map(({ provider }) => provider)
  }

  get bans(): Ban[] {
    return [...this.#banned].map(([peer, reason]) => ({ peer, reason }))
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
    if (this.#known.size >= this.#limits.providersMax && !this.#dropSpent()) return false
    this.#known.set(peerId, {
      provider: { ...provider, addresses: provider.addresses.slice(0, ADDRESSES_MAX) },
      inUse: false,
      failures: 0,
      isSpent: false,
      readyMs: 0,
      reason: undefined
    })
    return true
  }

  /** Somebody who may be asked now, marked as in use: the one that waits longest. */
  take(nowMs: number): Provider | undefined {
    const next = this.#soonest()
    if (next === undefined || next.readyMs > nowMs) return undefined
    next.inUse = true
    return next.provider
  }

  /** Milliseconds until somebody may be asked, or nothing where nobody may. */
  waitMs(nowMs: number): number | undefined {
    const next = this.#soonest()
    return next === undefined ? undefined : Math.max(0, next.readyMs - nowMs)
  }

  /** It gives right bytes: what failed before does not count any more. */
  progressed(peer: string): void {
    const candidate = this.#known.get(peer)
    if (candidate === undefined) return
    candidate.failures = 0
    candidate.reason = undefined
  }

  /** It did all there was to do; it may be asked at once. */
  served(peer: string, nowMs: number): void {
    this.#update(peer, candidate => {
      candidate.readyMs = nowMs
    })
  }

  /** It was lost. `jitter`, 0 to 1, keeps many downloads from asking at the same time. */
  failed(peer: string, reason: string, jitter: number, nowMs: number): void {
    const { retryMs, retryMsMax, roundsMax } = this.#limits
    this.#update(peer, candidate => {
      candidate.failures += 1
      candidate.isSpent = candidate.failures >= roundsMax
      const waitMs = Math.min(retryMsMax, retryMs * 2 ** (candidate.failures - 1))
      candidate.readyMs = nowMs + waitMs * (0.75 + jitter / 2)
      candidate.reason = reason
    })
  }

  busy(peer: string, reason: string, waitMs: number, nowMs: number): void {
    const { queueWaitMsMin, queueWaitMsMax } = this.#limits
    this.#update(peer, candidate => {
      candidate.readyMs = nowMs + Math.min(queueWaitMsMax, Math.max(queueWaitMsMin, waitMs))
      candidate.reason = reason
    })
  }

  gone(peer: string, reason: string): void {
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

  #soonest(): Candidate | undefined {
    let soonest: Candidate | undefined
    for (const candidate of this.#known.values()) {
      if (candidate.inUse || candidate.isSpent) continue
      if (soonest === undefined || candidate.readyMs < soonest.readyMs) soonest = candidate
    }
    return soonest
  }

  #update(peer: string, change: (candidate: Candidate) => void): void {
    const candidate = this.#known.get(peer)
    if (candidate === undefined) return
    candidate.inUse = false
    change(candidate)
  }

  #dropSpent(): boolean {
    for (const [peer, { isSpent, inUse }] of this.#known) {
      if (isSpent && !inUse) return this.#known.delete(peer)
    }
    return false
  }
}

/** Of one provider: what a contact on the wire has. */
const ADDRESSES_MAX = 16
