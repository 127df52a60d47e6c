/** A minute of streams that are made, broken and cut at random; `fuzz-streams.ts` says what gives more time or less. */
import fc from 'fast-check'
import { expect } from 'vitest'
import { fuzz } from '../../overlay/test/fuzz-streams.ts'
import { accepted, connect, cuts, cutUp, descriptor, mutate, mutation, refused } from './arbitraries.ts'
import { bytesOf, encode, frameOf } from './bytes-of.ts'
import { checkMessage, readAll } from './laws.ts'

const side = fc.constantFrom('initiator' as const, 'responder' as const)
const mutations = fc.array(mutation, { maxLength: 8 })
/** Payloads that begin as real ones do, so that what is random comes deep inside. */
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 2000 }),
  fc
    .tuple(
      fc.constantFrom('<c3>', '<0000 00 c3>', '<0000> a', '<01 0000 00000000 00000000>'),
      fc.uint8Array({ maxLength: 600 })
    )
    .map(([begin, rest]) => bytesOf(begin, rest))
)
const frame = fc
  .tuple(fc.constantFrom(0x00, 0x01, 0x02, 0x30, 0x31, 0x40, 0x80, 0x81), payload)
  .map(([type, bytes]) => frameOf(type, bytes))
const handshake = fc.tuple(connect, fc.oneof(accepted, refused)).map(steps => bytesOf(...steps.map(encode)))
const stream = fc.oneof(
  fc.record({
    phase: fc.constant('handshake' as const),
    pieces: fc.array(fc.oneof(handshake, frame, fc.uint8Array({ maxLength: 300 })), { maxLength: 4 })
  }),
  fc.record({
    phase: fc.constant('descriptors' as const),
    pieces: fc.array(fc.oneof(descriptor.map(encode), frame), { maxLength: 5 })
  })
)

fuzz(read =>
  fc.property(stream, side, mutations, cuts, ({ phase, pieces }, role, broken, at) => {
    const bytes = mutate(bytesOf(...pieces), broken)
    const whole = readAll(role, phase, [bytes])
    expect(readAll(role, phase, cutUp(bytes, at))).toEqual(whole)
    for (const message of whole.messages) checkMessage(message)
    read(whole.messages.length)
  })
)
