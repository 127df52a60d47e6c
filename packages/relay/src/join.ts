/** Two streams made one: what comes on either goes out on the other, as fast as its reader takes it and its budget lets it. */
import { type Duplex, Transform, type TransformCallback } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Stream } from '@libp2p/interface'
import { streamDuplex } from '@servent/libp2p-host'
import { CIRCUIT_BUFFER_BYTES } from './limits.ts'

export interface JoinInit {
  /** Cuts both. */
  readonly signal: AbortSignal
  /** Milliseconds that so many bytes must wait. */
  readonly spend: (bytes: number) => number
}

/** Ends when both directions have ended, or one broke: then both are reset. Never throws. */
export async function join(one: Stream, other: Stream, init: JoinInit): Promise<void> {
  const ends = [one, other].map(stream => streamDuplex(stream, { highWaterMarkBytes: CIRCUIT_BUFFER_BYTES }))
  const [a, b] = ends as unknown as [Duplex, Duplex]
  // A pipeline that fails destroys its own two ends; the other pipeline then fails by itself.
  const ways = [pipeline(a, new Meter(init), b), pipeline(b, new Meter(init), a)]
  const cut = () => {
    for (const end of ends) end.destroy(init.signal.reason)
  }
  if (init.signal.aborted) cut()
  init.signal.addEventListener('abort', cut, { once: true })
  await Promise.allSettled(ways)
  init.signal.removeEventListener('abort', cut)
  for (const end of ends) end.destroy()
}

/** Holds what is not paid for yet, and with it whoever sends. */
class Meter extends Transform {
  readonly #spend: (bytes: number) => number
  #timer: NodeJS.Timeout | undefined

  constructor({ spend }: JoinInit) {
    super({ highWaterMark: CIRCUIT_BUFFER_BYTES })
    this.#spend = spend
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, done: TransformCallback): void {
    const waitMs = this.#spend(chunk.length)
    if (waitMs > 0) this.#timer = setTimeout(() => done(null, chunk), waitMs)
    else done(null, chunk)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timer)
    done(error)
  }
}
