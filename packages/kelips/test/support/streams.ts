/** Streams of the wire, and ways to cut and to break them. */
import fc from 'fast-check'
import type { KelipsMessage } from '../../src/machine.ts'
import { kelipsCodec } from '../../src/wire.ts'

export const encode = (made: KelipsMessage): Uint8Array => kelipsCodec.open('initiator').encode(made)

export const bytesOf = (...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap(part => [...part]))

/** What a link gives for these chunks, and what ended it. */
export function readAll(chunks: readonly Uint8Array[]): {
  messages: KelipsMessage[]
  malformed: string | undefined
  buffered: number
} {
  const link = kelipsCodec.open('responder')
  const messages: KelipsMessage[] = []
  let buffered = 0
  try {
    for (const chunk of chunks) {
      link.decode(chunk, read => messages.push(read))
      buffered = Math.max(buffered, link.bufferedBytes)
    }
    return { messages, malformed: undefined, buffered }
  } catch (error) {
    if ((error as Error).name !== 'MalformedError') throw error
    return { messages, malformed: (error as Error).message, buffered }
  }
}

/** Where a stream is cut. */
export const cuts = fc.array(fc.nat({ max: 5000 }), { maxLength: 8 })

export function cutUp(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [...new Set(at.map(place => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [...places, bytes.length].map((end, place) => bytes.subarray(places[place - 1] ?? 0, end))
}

export interface Mutation {
  readonly at: number
  readonly to: number
  readonly isCut: boolean
}

export const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(),
  to: fc.nat({ max: 255 }),
  isCut: fc.boolean()
})

/** Bytes that were changed, or taken out. */
export function mutate(bytes: Uint8Array, mutations: readonly Mutation[]): Uint8Array {
  const broken = [...bytes]
  for (const { at, to, isCut } of mutations) {
    if (broken.length === 0) break
    if (isCut) broken.splice(at % broken.length, 1)
    else broken[at % broken.length] = to
  }
  return Uint8Array.from(broken)
}
