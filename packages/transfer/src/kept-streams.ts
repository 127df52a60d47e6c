/**
 * Streams to sources that outlive a file: the next file of the same folder is asked for over the stream of the
 * one before, so that two hundred small files need no two hundred streams.
 */
import type { Agent } from 'node:http'
import type { RateMeter } from './rate.ts'
import type { DownloadSource } from './types.ts'

/** A stream in the care of its agent, and what is known of who is at its other end. */
export interface KeptStream {
  readonly agent: Agent
  readonly meter: RateMeter
  /** PeerId in text form, as the connection proved it. */
  readonly peer: string
  readonly relayed: boolean
}

export class KeptStreams {
  /** By the PeerId that the provider was known by. */
  readonly #idle = new Map<string, KeptStream[]>()
  #isClosed = false
  /** It grows while anybody answers, be it that a file is not there. */
  answers = 0

  /** A stream to this provider that nobody uses, which belongs to the caller then. */
  take(provider: string): KeptStream | undefined {
    return this.#idle.get(provider)?.pop()
  }

  /** False where nothing is open that could be used again: the caller ends it. */
  give(provider: string, stream: KeptStream): boolean {
    const { sockets, freeSockets } = stream.agent
    if (this.#isClosed || Object.keys(sockets).length > 0 || Object.keys(freeSockets).length === 0)
      return false
    this.answers += 1
    const idle = this.#idle.get(provider)
    if (idle === undefined) this.#idle.set(provider, [stream])
    else idle.push(stream)
    return true
  }

  /** Who is kept here now, for those who look on between two files. */
  status(nowMs: number): DownloadSource[] {
    return [...this.#idle.values()].flat().map(({ peer, relayed, meter }) => ({
      peer,
      relayed,
      rate: meter.rate(nowMs)
    }))
  }

  close(): void {
    this.#isClosed = true
    for (const idle of this.#idle.values()) for (const { agent } of idle) agent.destroy()
    this.#idle.clear()
  }
}
