/** Two ends of one stream between two real libp2p nodes on loopback. */
import type { Libp2p, Stream, StreamMuxerFactory } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'
import { expect } from 'vitest'
import { boundedYamux } from '../../src/index.ts'

export interface StreamPair {
  readonly near: Stream
  readonly far: Stream
  readonly nodes: readonly [Libp2p, Libp2p]
  [Symbol.asyncDispose](): Promise<void>
}

export async function streamPair(muxer: () => StreamMuxerFactory = boundedYamux()): Promise<StreamPair> {
  const create = async (listen: string[]) =>
    await createLibp2p({
      addresses: { listen },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [muxer]
    })
  const [a, b] = await Promise.all([create([]), create(['/ip4/127.0.0.1/tcp/0'])])
  const far = Promise.withResolvers<Stream>()
  await b.handle('/pair/1.0.0', stream => far.resolve(stream))
  const near = await a.dialProtocol(b.getMultiaddrs(), '/pair/1.0.0')
  return {
    near,
    far: await far.promise,
    nodes: [a, b],
    [Symbol.asyncDispose]: async () => {
      await Promise.all([a.stop(), b.stop()])
    }
  }
}

/** Bytes in which every position can be told: a place that moves shows. */
export function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = seed
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[index] = state >>> 24
  }
  return bytes
}

/** Resolves after the event loop has had a few turns: for what must not happen. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(resolve => setImmediate(resolve))
}

/** Resolves when a figure has stopped changing: for what must come to a stand. */
export async function stands(read: () => number): Promise<number> {
  let last = read()
  for (let same = 0; same < 10; ) {
    await new Promise(resolve => setTimeout(resolve, 5))
    const next = read()
    same = next === last ? same + 1 : 0
    last = next
  }
  return last
}

/** `expect.poll` with time enough for a machine that does other work as well. */
export function eventually<T>(read: () => T) {
  return expect.poll(read, { interval: 5, timeout: 15_000 })
}
