/**
 * A minute of streams that are made, broken and cut at random. `SERVENT_FUZZ_MS` gives more time or less,
 * `SERVENT_FUZZ_SEED` repeats a run whose seed was printed.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { kelipsCodec } from '../src/wire.ts'
import { FRAME_BYTES_MAX, FRAME_LENGTH_BYTES_MAX } from '../src/wire-limits.ts'
import { bytesOf, cuts, cutUp, encode, mutate, mutation, readAll } from './support/streams.ts'
import { groupMessage } from './wire-arbitraries.ts'

const FUZZ_MS = Number(process.env.SERVENT_FUZZ_MS ?? 60_000)
const SEED = Number(process.env.SERVENT_FUZZ_SEED ?? Date.now() % 0x7fff_ffff)
const RUNS_AT_A_TIME = 200

/** A frame whose length is right and whose inside is chance, that of a known kind among them. */
const frame = fc
  .tuple(fc.option(fc.nat({ max: 11 }), { nil: undefined }), fc.uint8Array({ minLength: 1, maxLength: 120 }))
  .map(([field, bytes]) => {
    const inside = field === undefined ? bytes : bytesOf([(field << 3) | 2, bytes.length], bytes)
    return bytesOf([inside.length], inside)
  })
const piece = fc.oneof(groupMessage.map(encode), frame, fc.uint8Array({ maxLength: 200 }))

it(
  'no stream makes the codec throw what it may not, hold more than it may, or read twice differently',
  () => {
    console.log(`fuzzing with seed ${SEED} for ${FUZZ_MS} ms`)
    const end = performance.now() + FUZZ_MS
    let streams = 0
    let messages = 0
    for (let round = 0; round === 0 || performance.now() < end; round += 1) {
      fc.assert(
        fc.property(
          fc.array(piece, { maxLength: 5 }),
          fc.array(mutation, { maxLength: 8 }),
          cuts,
          (pieces, broken, at) => {
            const bytes = mutate(bytesOf(...pieces), broken)
            const whole = readAll([bytes])
            const parts = readAll(cutUp(bytes, at))
            expect(parts.messages).toEqual(whole.messages)
            expect(parts.malformed).toBe(whole.malformed)
            expect(parts.buffered).toBeLessThanOrEqual(FRAME_BYTES_MAX + FRAME_LENGTH_BYTES_MAX)
            for (const read of whole.messages) {
              expect(kelipsCodec.byteLength(read)).toBe(encode(read).length)
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
