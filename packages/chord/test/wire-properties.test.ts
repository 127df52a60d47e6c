/** What holds of every message and of every stream of bytes. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesOf, cuts, cutUp, mutate, mutation, streamsOf } from '../../overlay/test/wire-streams.ts'
import { chordCodec } from '../src/wire.ts'
import { FRAME_BYTES_MAX } from '../src/wire-limits.ts'
import { message, ringMessage } from './wire-arbitraries.ts'

const { encode, readAll } = streamsOf(chordCodec)

describe('every message', () => {
  it('that is made here is read as it was made', () => {
    fc.assert(
      fc.property(message, made => {
        expect(readAll([encode(made)])).toMatchObject({ messages: [made], malformed: undefined })
      })
    )
  })

  it('has the length that it is priced at', () => {
    fc.assert(
      fc.property(message, made => {
        expect(chordCodec.byteLength(made)).toBe(encode(made).length)
      }),
      { numRuns: 500 }
    )
  })

  it('of the ring has its type as its word for metrics', () => {
    fc.assert(
      fc.property(ringMessage, made => {
        expect(chordCodec.typeOf(made)).toBe(made.type)
      })
    )
  })
})

describe('every stream', () => {
  it('gives the same messages wherever it is cut', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), cuts, (made, at) => {
        const stream = bytesOf(...made.map(encode))
        expect(readAll(cutUp(stream, at)).messages).toEqual(made)
      })
    )
  })

  it('that went wrong on its way gives the same wherever it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(message, { minLength: 1, maxLength: 3 }),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        cuts,
        (made, mutations, at) => {
          const stream = mutate(bytesOf(...made.map(encode)), mutations)
          const whole = readAll([stream])
          const parts = readAll(cutUp(stream, at))
          expect(parts.messages).toEqual(whole.messages)
          expect(parts.malformed).toBe(whole.malformed)
          expect(parts.buffered).toBeLessThanOrEqual(FRAME_BYTES_MAX + 3)
          for (const read of whole.messages) expect(chordCodec.byteLength(read)).toBe(encode(read).length)
        }
      ),
      { numRuns: 300 }
    )
  })

  it('of random bytes gives messages or MalformedError', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }), chunks => {
        readAll(chunks)
      }),
      { numRuns: 500 }
    )
  })
})
