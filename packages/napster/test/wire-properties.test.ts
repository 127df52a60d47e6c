/** What holds of every message and of every stream of bytes. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FORMATS } from '../src/formats.ts'
import { napsterCodec } from '../src/wire.ts'
import { cuts, cutUp, message, mutate, mutation, plainSearch, textMessage } from './arbitraries.ts'
import { checkMessage, encode, frame, readAll } from './laws.ts'

describe('every message', () => {
  it('is read as it was made', () => {
    fc.assert(
      fc.property(message, made => {
        expect(readAll([encode(made)])).toEqual({ messages: [made], malformed: undefined })
      }),
      { numRuns: 1000 }
    )
  })

  it('has the length that it is priced at', () => {
    fc.assert(fc.property(message, made => checkMessage(made)))
  })

  it('with quotes, spaces and control characters in its texts stays one message of its type', () => {
    const nasty = fc.string({
      unit: fc.constantFrom('"', ' ', '\n', 'a', '\u0000', '\ud800', 'é', "'"),
      maxLength: 12
    })
    fc.assert(
      fc.property(textMessage, nasty, (made, text) => {
        const spoilt = Object.fromEntries(
          Object.entries(made).map(([key, value]) => [
            key,
            key !== 'type' && typeof value === 'string' ? text : value
          ])
        ) as typeof made
        const { messages } = readAll([encode(spoilt)])
        expect(messages).toHaveLength(1)
        const { code } = FORMATS[made.type]
        const [read] = messages
        expect(read!.type in FORMATS && FORMATS[read!.type as keyof typeof FORMATS].code).toBe(code)
        checkMessage(spoilt)
      }),
      { numRuns: 1000 }
    )
  })
})

describe('every stream', () => {
  it('gives the same messages wherever it is cut', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), cuts, (made, at) => {
        const stream = Buffer.concat(made.map(encode))
        expect(readAll(cutUp(stream, at))).toEqual({ messages: made, malformed: undefined })
      })
    )
  })

  it('gives the same messages byte by byte', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 2 }), made => {
        const stream = Buffer.concat(made.map(encode))
        expect(readAll(Array.from(stream, byte => Uint8Array.of(byte))).messages).toEqual(made)
      }),
      { numRuns: 30 }
    )
  })

  it('of random bytes gives messages or MalformedError, and holds no more than may be held', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 6 }), chunks => {
        for (const read of readAll(chunks).messages) checkMessage(read)
      })
    )
  })

  it('of random bodies in sound frames gives one message for each', () => {
    const code = fc.oneof(
      fc.constantFrom(...Object.values(FORMATS).map(format => format.code as number), 200),
      fc.integer({ min: 20_000, max: 20_023 })
    )
    fc.assert(
      fc.property(code, fc.uint8Array({ maxLength: 600 }), (type, body) => {
        const { messages, malformed } = readAll([frame(type, body)])
        expect(malformed).toBeUndefined()
        expect(messages).toHaveLength(1)
        checkMessage(messages[0]!)
      }),
      { numRuns: 1000 }
    )
  })

  it('that went wrong on its way gives the same wherever it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(message, { minLength: 1, maxLength: 3 }),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        cuts,
        (made, mutations, at) => {
          const stream = mutate(Buffer.concat(made.map(encode)), mutations)
          const whole = readAll([stream])
          expect(readAll(cutUp(stream, at))).toEqual(whole)
          for (const read of whole.messages) checkMessage(read)
        }
      ),
      { numRuns: 300 }
    )
  })
})

it('what metrics call messages is a small set', () => {
  const names = new Set<string>()
  fc.assert(
    fc.property(fc.oneof(message, plainSearch), made => void names.add(napsterCodec.typeOf(made))),
    { numRuns: 3000 }
  )
  expect(names.size).toBeLessThan(30)
})
