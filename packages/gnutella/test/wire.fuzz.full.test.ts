/**
 * A minute of streams that are made, broken and cut at random. `SERVENT_FUZZ_MS` gives more time or less,
 * `SERVENT_FUZZ_SEED` repeats a run whose seed was printed.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { accepted, connect, cuts, cutUp, descriptor, mutate, mutation, refused } from './arbitraries.ts'
import { bytesOf, encode, frameOf } from './bytes-of.ts'
import { checkMessage, readAll } from './laws.ts'

const FUZZ_MS = Number(process.env.SERVENT_FUZZ_MS ?? 60_000)
const SEED = Number(process.env.SERVENT_FUZZ_SEED ?? Date.now() % 0x7fff_ffff)
const RUNS_AT_A_TIME = 200

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

it(
  'no stream makes the codec throw what it may not, hold more than it may, or read twice differently',
  () => {
    console.log(`fuzzing with seed ${SEED} for ${FUZZ_MS} ms`)
    const end = performance.now() + FUZZ_MS
    let streams = 0
    let messages = 0
    for (let round = 0; round === 0 || performance.now() < end; round += 1) {
      fc.assert(
        fc.property(stream, side, mutations, cuts, ({ phase, pieces }, role, broken, at) => {
          const bytes = mutate(bytesOf(...pieces), broken)
          const whole = readAll(role, phase, [bytes])
          expect(readAll(role, phase, cutUp(bytes, at))).toEqual(whole)
          for (const message of whole.messages) checkMessage(message)
          streams += 1
          messages += whole.messages.length
        }),
        { seed: SEED + round, numRuns: RUNS_AT_A_TIME }
      )
    }
    console.log(`${streams} streams, ${messages} messages`)
    expect(messages).toBeGreaterThan(0)
  },
  FUZZ_MS + 60_000
)
