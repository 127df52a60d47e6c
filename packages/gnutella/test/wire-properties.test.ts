/** What holds of every message and of every stream of bytes. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cobsLength, decodeCobs, encodeCobs } from '../src/ggep.ts'
import type { Descriptor } from '../src/messages.ts'
import { gnutellaCodec } from '../src/wire.ts'
import { accepted, connect, cuts, cutUp, descriptor, mutate, mutation, refused } from './arbitraries.ts'
import { bytesOf, decodeAll, encode, frameOf, GUID, openLink, roundTrip } from './bytes-of.ts'
import { checkMessage, readAll } from './laws.ts'

const role = fc.constantFrom('initiator' as const, 'responder' as const)

describe('every message', () => {
  it('that is made here is read as it was made', () => {
    fc.assert(
      fc.property(descriptor, message => {
        const { payload: _, ...made } = message
        expect(roundTrip(message)).toEqual(made)
      })
    )
  })

  it('of a handshake is read as it was made', () => {
    fc.assert(
      fc.property(connect, fc.oneof(accepted, refused), (first, second) => {
        expect(decodeAll(gnutellaCodec.open('responder'), encode(first), encode(second))).toEqual([
          first,
          second
        ])
      })
    )
  })

  it('has the length that it is priced at, made here, handed on or read again', () => {
    fc.assert(
      fc.property(fc.oneof(descriptor, connect, accepted), message => {
        expect(gnutellaCodec.byteLength(message)).toBe(encode(message).length)
      })
    )
    fc.assert(fc.property(descriptor, message => checkMessage(decodeAll(openLink(), encode(message))[0]!)))
  })

  it('has it even where a text holds halves of surrogate pairs', () => {
    const unit = fc.constantFrom(0x61, 0xe9, 0x20ac, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000)
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 6 }), units => {
        const text = String.fromCharCode(...units)
        const query = {
          type: 'query',
          guid: GUID,
          ttl: 1,
          hops: 0,
          flags: 0,
          text,
          urns: [],
          ggep: []
        } as const
        expect(encode(query)).toEqual(frameOf(0x80, bytesOf('<0000>', Buffer.from(text), '<00>'), { ttl: 1 }))
        expect(gnutellaCodec.byteLength(query)).toBe(23 + 3 + Buffer.byteLength(text))
      }),
      { numRuns: 1000 }
    )
  })

  it('is handed on byte for byte but for TTL and hops', () => {
    fc.assert(
      fc.property(
        descriptor,
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: 255 }),
        (message, ttl, hops) => {
          const bytes = encode(message)
          const onward = encode({ ...(decodeAll(openLink(), bytes)[0] as Descriptor), ttl, hops })
          const expected = bytes.slice()
          expected[17] = ttl
          expected[18] = hops
          expect(onward).toEqual(expected)
        }
      )
    )
  })
})

describe('every stream', () => {
  it('gives the same messages wherever it is cut', () => {
    fc.assert(
      fc.property(
        connect,
        fc.oneof({ weight: 3, arbitrary: accepted }, { weight: 1, arbitrary: refused }),
        fc.array(descriptor, { maxLength: 4 }),
        cuts,
        (first, second, rest, at) => {
          const stream = bytesOf(...[first, second, ...rest].map(encode))
          const whole = readAll('responder', 'handshake', [stream])
          expect(readAll('responder', 'handshake', cutUp(stream, at))).toEqual(whole)
          expect(whole.messages).toHaveLength(second.status === 200 ? 2 + rest.length : 2)
        }
      )
    )
  })

  it('gives the same messages byte by byte', () => {
    fc.assert(
      fc.property(accepted, fc.array(descriptor, { maxLength: 2 }), (status, rest) => {
        const stream = bytesOf(...[status, ...rest].map(encode))
        const bytes = Array.from(stream, (_, index) => stream.subarray(index, index + 1))
        expect(readAll('initiator', 'handshake', bytes)).toEqual(readAll('initiator', 'handshake', [stream]))
      }),
      { numRuns: 30 }
    )
  })

  it('of random bytes gives messages or MalformedError, and holds no more than may be held', () => {
    fc.assert(
      fc.property(
        role,
        fc.constantFrom('handshake' as const, 'descriptors' as const),
        fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 6 }),
        (side, phase, chunks) => {
          for (const message of readAll(side, phase, chunks).messages) checkMessage(message)
        }
      )
    )
  })

  it('of random payloads in sound frames gives one message for each', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0x00, 0x01, 0x02, 0x30, 0x40, 0x80, 0x81),
        fc.uint8Array({ maxLength: 600 }),
        (type, payload) => {
          const { messages, malformed } = readAll('responder', 'descriptors', [frameOf(type, payload)])
          expect(malformed).toBeUndefined()
          expect(messages).toHaveLength(1)
          checkMessage(messages[0]!)
        }
      ),
      { numRuns: 300 }
    )
  })

  it('that went wrong on its way gives the same wherever it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(descriptor, { minLength: 1, maxLength: 3 }),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        cuts,
        (made, mutations, at) => {
          const stream = mutate(bytesOf(...made.map(encode)), mutations)
          const whole = readAll('initiator', 'descriptors', [stream])
          expect(readAll('initiator', 'descriptors', cutUp(stream, at))).toEqual(whole)
          for (const message of whole.messages) checkMessage(message)
        }
      ),
      { numRuns: 300 }
    )
  })

  it('of text that went wrong gives the same wherever it is cut', () => {
    fc.assert(
      fc.property(
        connect,
        accepted,
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        cuts,
        (first, second, mutations, at) => {
          const stream = mutate(bytesOf(encode(first), encode(second)), mutations)
          const whole = readAll('responder', 'handshake', [stream])
          expect(readAll('responder', 'handshake', cutUp(stream, at))).toEqual(whole)
          for (const message of whole.messages) checkMessage(message)
        }
      )
    )
  })
})

describe('COBS', () => {
  const data = fc.oneof(
    fc.uint8Array({ maxLength: 1100 }),
    fc.array(fc.constantFrom(0, 1, 2), { maxLength: 1100 }).map(values => Uint8Array.from(values)),
    fc.integer({ min: 250, max: 770 }).map(length => new Uint8Array(length).fill(1))
  )

  it('gives the same bytes back, has no zero, and the length that it is priced at', () => {
    fc.assert(
      fc.property(data, plain => {
        const stuffed = encodeCobs(plain)
        expect(stuffed.includes(0)).toBe(false)
        expect(stuffed).toHaveLength(cobsLength(plain))
        expect(decodeCobs(stuffed)).toEqual(plain)
      }),
      { numRuns: 300 }
    )
  })
})
