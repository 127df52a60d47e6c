/**
 * A minute of streams that are made, broken and cut at random. `SERVENT_FUZZ_MS` gives more time or less,
 * `SERVENT_FUZZ_SEED` repeats a run whose seed was printed.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { FRAME_BYTES_MAX, FRAME_LENGTH_BYTES_MAX } from '../src/constants.ts'
import { fasttrackCodec } from '../src/wire.ts'
import { bytesOf, cuts, cutUp, encode, message, mutate, mutation, readAll } from './wire-arbitraries.ts'

const FUZZ_MS = Number(process.env.SERVENT_FUZZ_MS ?? 60_000)
const SEED = Number(process.env.SERVENT_FUZZ_SEED ?? Date.now() % 0x7fff_ffff)
const RUNS_AT_A_TIME = 200

/** Frames with a field of ours and anything in it, so that what is random comes deep inside. */
const frame = fc
  .tuple(fc.integer({ min: 1, max: 16 }), fc.uint8Array({ maxLength: 200 }))
  .map(([field, body]) => {
    const inner = [...varint((field << 3) | 2), ...varint(body.length), ...body]
    return bytesOf(varint(inner.length), inner)
  })

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >> 7)]
}

it(
  'no stream makes the codec throw what it may not, hold more than it may, or read twice differently',
  () => {
    console.log(`fuzzing with seed ${SEED} for ${FUZZ_MS} ms`)
    const end = performance.now() + FUZZ_MS
    let streams = 0
    let messages = 0
    const piece = fc.oneof(message.map(encode), frame, fc.uint8Array({ maxLength: 300 }))
    for (let round = 0; round === 0 || performance.now() < end; round += 1) {
      fc.assert(
        fc.property(
          fc.array(piece, { maxLength: 5 }),
          fc.array(mutation, { maxLength: 8 }),
          cuts,
          (pieces, broken, at) => {
            const stream = mutate(bytesOf(...pieces), broken)
            const whole = readAll([stream])
            const cut = readAll(cutUp(stream, at))
            expect(cut).toMatchObject({ messages: whole.messages, malformed: whole.malformed })
            expect(cut.buffered).toBeLessThanOrEqual(FRAME_BYTES_MAX + FRAME_LENGTH_BYTES_MAX)
            for (const read of whole.messages) {
              expect(fasttrackCodec.byteLength(read)).toBe(encode(read).length)
              expect(readAll([encode(read)]).messages).toEqual([read])
            }
            streams += 1
            messages += whole.messages.length
          }
        ),
        { seed: SEED + round, numRuns: RUNS_AT_A_TIME }
      )
    }
    console.log(`${streams} streams, ${messages} messages`)
    expect(messages).toBeGreaterThan(0)
  },
  FUZZ_MS + 60_000
)
