/**
 * A minute of streams that are made, broken and cut at random, for any codec or one of frames of protobuf. `SERVENT_FUZZ_MS`
 * gives more time or less, `SERVENT_FUZZ_SEED` repeats a run whose seed was printed.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Codec } from '../src/codec.ts'
import { bytesOf, cuts, cutUp, mutate, mutation, streamsOf } from './wire-streams.ts'

const FUZZ_MS = Number(process.env.SERVENT_FUZZ_MS ?? 60_000)
const SEED = Number(process.env.SERVENT_FUZZ_SEED ?? Date.now() % 0x7fff_ffff)
const RUNS_AT_A_TIME = 200

interface Fuzzed<Message> {
  readonly codec: Codec<Message>
  readonly message: fc.Arbitrary<Message>
  /** The highest number of a kind of message. */
  readonly fieldMax: number
  /** What a link may keep of a stream: a frame and its length. */
  readonly bufferedBytesMax: number
}

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >> 7)]

/** A frame whose length is right and whose inside is chance: most of a known kind, so that it comes deep inside. */
const frameUpTo = (fieldMax: number) =>
  fc
    .tuple(
      fc.option(fc.nat({ max: fieldMax }), { nil: undefined }),
      fc.uint8Array({ minLength: 1, maxLength: 200 })
    )
    .map(([field, bytes]) => {
      const kind = field === undefined ? [] : [...varint((field << 3) | 2), ...varint(bytes.length)]
      return bytesOf(varint(kind.length + bytes.length), kind, bytes)
    })

/** Runs what `property` makes until the time is over; it says of each stream how many messages were read of it. */
export function fuzz(property: (read: (messages: number) => void) => fc.IRawProperty<unknown>): void {
  it(
    'no stream makes the codec throw what it may not, hold more than it may, or read twice differently',
    () => {
      console.log(`fuzzing with seed ${SEED} for ${FUZZ_MS} ms`)
      const end = performance.now() + FUZZ_MS
      let streams = 0
      let messages = 0
      const streamIsRead = property(read => {
        streams += 1
        messages += read
      })
      for (let round = 0; round === 0 || performance.now() < end; round += 1)
        fc.assert(streamIsRead, { seed: SEED + round, numRuns: RUNS_AT_A_TIME })
      console.log(`${streams} streams, ${messages} messages`)
      expect(messages).toBeGreaterThan(0)
    },
    FUZZ_MS + 60_000
  )
}

export function fuzzStreams<Message>({ codec, message, fieldMax, bufferedBytesMax }: Fuzzed<Message>): void {
  const { encode, readAll } = streamsOf(codec)
  const piece = fc.oneof(message.map(encode), frameUpTo(fieldMax), fc.uint8Array({ maxLength: 300 }))
  const pieces = fc.array(piece, { maxLength: 5 })
  fuzz(read =>
    fc.property(pieces, fc.array(mutation, { maxLength: 8 }), cuts, (made, broken, at) => {
      const bytes = mutate(bytesOf(...made), broken)
      const whole = readAll([bytes])
      const parts = readAll(cutUp(bytes, at))
      expect(parts.messages).toEqual(whole.messages)
      expect(parts.malformed).toBe(whole.malformed)
      expect(parts.buffered).toBeLessThanOrEqual(bufferedBytesMax)
      for (const one of whole.messages) {
        expect(codec.byteLength(one)).toBe(encode(one).length)
        expect(readAll([encode(one)]).messages).toEqual([one])
      }
      read(whole.messages.length)
    })
  )
}
