/** Streams of any codec: what a link makes of them, and ways to cut and to break them. */
import fc from 'fast-check'
import type { Codec } from '../src/codec.ts'

export const bytesOf = (...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap(part => [...part]))

interface Read<Message> {
  readonly messages: readonly Message[]
  readonly malformed: string | undefined
  /** The most that was kept between two chunks. */
  readonly buffered: number
}

/** One end that writes, and one that says what it reads in these chunks, and what ended it. */
export function streamsOf<Message>(codec: Codec<Message>) {
  const encode = (message: Message): Uint8Array => codec.open('initiator').encode(message)
  const readAll = (chunks: readonly Uint8Array[]): Read<Message> => {
    const link = codec.open('responder')
    const messages: Message[] = []
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
  return { encode, readAll }
}

/** Where a stream is cut. */
export const cuts = fc.array(fc.nat({ max: 5000 }), { maxLength: 8 })

export function cutUp(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [...new Set(at.map(place => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [...places, bytes.length].map((end, place) => bytes.subarray(places[place - 1] ?? 0, end))
}

interface Mutation {
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
